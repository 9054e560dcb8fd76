// Tests how output becomes events: lines of raw output, whole messages, and what is too large for one.
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { silentLogger } from '../../common/logger.ts'
import { LogReader } from '../../function-logs/log-reader.ts'
import { LogWriter } from '../../function-logs/log-writer.ts'
import { ManualClock } from '../../test/support/manual-clock.ts'
import { EnvironmentLog, type FunctionLogEvent } from './environment-log.ts'
import { textLines } from './system-lines.ts'

const groupName = '/aws/lambda/f'
let clock: ManualClock
let root: string
let writer: LogWriter
let log: EnvironmentLog
let heard: FunctionLogEvent[]
beforeEach(async () => {
  clock = new ManualClock()
  heard = []
  root = await mkdtemp(join(tmpdir(), 'millrace-logs-'))
  writer = new LogWriter({
    root,
    groupMaxBytes: Infinity,
    totalMaxBytes: Infinity,
    clock,
    logger: silentLogger,
  })
  log = new EnvironmentLog({
    functionName: 'f',
    version: '1',
    streamName: 's',
    clock,
    lines: textLines,
    kept: { writer, groupName },
    onEvent: (event) => heard.push(event),
  })
})
afterEach(async () => {
  await writer.close()
  await rm(root, { recursive: true })
})

async function events(): Promise<string[]> {
  await writer.flush()
  const reader = new LogReader(root, clock)
  const page = await reader.events(groupName, { limit: 10_000, maxBytes: 100_000_000 })
  return page.events.map(({ message }) => message)
}

test('raw output is cut into lines, wherever its pieces end', async () => {
  for (const piece of ['a', 'b\nc', '\n', '\nd\ne']) log.write(piece)
  expect(await events()).toEqual(['ab', 'c', 'd'])
  log.endLine()
  expect(await events()).toEqual(['ab', 'c', 'd', 'e'])
})

test('a message is one event however many lines it has', async () => {
  log.put('one\ntwo\nthree')
  expect(await events()).toEqual(['one\ntwo\nthree'])
})

test('what is larger than an event may be comes as several, and no character is torn', async () => {
  const text = '😀'.repeat(600_000)
  log.put(text)
  const parts = await events()
  expect(parts).toHaveLength(3)
  expect(parts.join('')).toBe(text)
  for (const part of parts) expect(Buffer.byteLength(part)).toBeLessThanOrEqual(1_048_550)
})

test('a line without an end does not grow for ever', async () => {
  for (let i = 0; i < 30; i++) log.write('x'.repeat(100_000))
  const parts = await events()
  expect(parts.length).toBeGreaterThan(1)
  log.endLine()
  expect((await events()).join('')).toBe('x'.repeat(3_000_000))
})

test('others hear of each event with its function, its stream and its request', () => {
  log.put('a message', { requestId: 'r', timestampMs: 5 })
  log.write('a line of an extension\n')
  const common = { functionName: 'f', version: '1', stream: 's', isPlatform: false }
  expect(heard).toEqual([
    { ...common, requestId: 'r', timestampMs: 5, message: 'a message' },
    {
      ...common,
      requestId: undefined,
      timestampMs: clock.now(),
      message: 'a line of an extension',
    },
  ])
})
