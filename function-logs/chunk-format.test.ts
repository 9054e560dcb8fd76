// Tests the lines of chunks: read back whatever the pieces, and harmed only where they are damaged.
import { expect, test } from 'vitest'
import { randomFrom, seed } from '../test/support/seeded-random.ts'
import { deletionLine, eventLine, readLines, streamLine } from './chunk-format.ts'

const messages = [
  'plain',
  'two\nlines',
  '"quoted" \\ back',
  'é€😀',
  '\ud800 alone',
  'x'.repeat(5000),
]
const chunk = Buffer.from(
  streamLine(0, 1000, '2026/11/27/[$LATEST]ab') +
    messages
      .map((text, i) => eventLine(0, { timestampMs: 2000 + i, ingestionMs: 2500 }, text))
      .join('') +
    deletionLine(3000, 'a "stream"'),
)

function readAll(source: Buffer): unknown[] {
  const found: unknown[] = []
  readLines(source, 0, {
    stream: (number, createdMs, name) => found.push({ number, createdMs, name }),
    event: ({ stream, timestampMs, ingestionMs, position, message }) => {
      const text = message()
      if (text !== undefined) found.push({ stream, timestampMs, ingestionMs, position, text })
    },
    deletion: (untilMs, name) => found.push({ untilMs, name }),
  })
  return found
}

test('what was written is read back, and an event knows where it lies', () => {
  const found = readAll(chunk)
  expect(found).toHaveLength(messages.length + 2)
  expect(found[0]).toEqual({ number: 0, createdMs: 1000, name: '2026/11/27/[$LATEST]ab' })
  expect(found.at(-1)).toEqual({ untilMs: 3000, name: 'a "stream"' })
  const events = found.slice(1, -1) as { text: string; position: number; timestampMs: number }[]
  expect(events.map(({ text }) => text)).toEqual(messages)
  for (const { position, timestampMs } of events) {
    expect(chunk.toString('utf8', position, position + 8)).toBe(`E 0 ${timestampMs}`)
  }
})

test('an event may be from the future, and then its delay is negative', () => {
  const line = Buffer.from(eventLine(3, { timestampMs: 5000, ingestionMs: 4000 }, 'soon'))
  expect(readAll(line)).toEqual([
    { stream: 3, timestampMs: 5000, ingestionMs: 4000, position: 0, text: 'soon' },
  ])
})

test('cut anywhere, the whole lines before the cut are read and no other', () => {
  const all = readAll(chunk)
  for (let end = 0; end <= chunk.length; end += end < 600 ? 1 : 37) {
    const whole = chunk.subarray(0, end).filter((byte) => byte === 0x0a).length
    expect(readAll(chunk.subarray(0, end))).toEqual(all.slice(0, whole))
  }
})

test(`a flipped bit harms no line but its own, or the one after a lost end (SEED=${seed})`, () => {
  const random = randomFrom(seed)
  const all = readAll(chunk).map((each) => JSON.stringify(each))
  for (let i = 0; i < 300; i++) {
    const damaged = Buffer.from(chunk)
    const at = Math.floor(random() * damaged.length)
    damaged[at] = (damaged[at] ?? 0) ^ (1 << Math.floor(random() * 8))
    const left = new Set(readAll(damaged).map((each) => JSON.stringify(each)))
    const lost = all.filter((each) => !left.has(each))
    expect(lost.length).toBeLessThanOrEqual(2)
  }
})
