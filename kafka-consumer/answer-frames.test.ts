// Tests that frames come out whole however the bytes were cut, and that lengths are bounded.
import { expect, test } from 'vitest'
import { AnswerFrames } from './answer-frames.ts'

function framed(...bodies: readonly Buffer[]): Buffer {
  return Buffer.concat(
    bodies.flatMap((body) => {
      const length = Buffer.alloc(4)
      length.writeInt32BE(body.length)
      return [length, body]
    }),
  )
}

/** Reads as a socket does: as much as there is room for, at most `step` bytes. */
function readAll(frames: AnswerFrames, bytes: Buffer, step: number): Buffer[] {
  const found: Buffer[] = []
  for (let position = 0; position < bytes.length;) {
    const { room } = frames
    const count = bytes.copy(room, 0, position, position + Math.min(step, room.length))
    position += count
    found.push(...frames.fill(count))
  }
  return found
}

const bodies = [0, 1, 3, 4, 4092, 4093, 10_000, 100_000, 2].map((size, index) =>
  Buffer.alloc(size, index + 1),
)

test.each([1, 2, 3, 5, 1000, 4096, 1_000_000])(
  'frames come out as they were sent in pieces of %i bytes',
  (step) => {
    const found = readAll(new AnswerFrames(), framed(...bodies), step)
    expect(found.map(({ length }) => length)).toEqual(bodies.map(({ length }) => length))
    expect(Buffer.concat(found).equals(Buffer.concat(bodies))).toBe(true)
  },
)

test('the rest of a large frame is read into its own memory', () => {
  const taken: Buffer[] = []
  const allocate = (bytes: number): Buffer => {
    taken.push(Buffer.alloc(bytes))
    return taken.at(-1) ?? Buffer.alloc(0)
  }
  const frames = new AnswerFrames({ allocate })
  const head = Buffer.alloc(4)
  head.writeInt32BE(10_000)
  head.copy(frames.room)
  expect(frames.fill(4)).toEqual([])
  expect(frames.room.buffer).toBe(taken[0]?.buffer)
  expect(frames.room.length).toBe(10_000)
})

test.each([-1, 101])(
  'a length of %i where 100 are taken is an error, and nothing more comes',
  (length) => {
    const frames = new AnswerFrames({ maxBytes: 100 })
    const bytes = framed(Buffer.alloc(100, 1), Buffer.alloc(0))
    bytes.writeInt32BE(length, 104)
    expect(readAll(frames, bytes, 1000).length).toBe(1)
    expect(frames.error).toMatchObject({ lengthBytes: length, maxBytes: 100 })
    expect(frames.fill(1)).toEqual([])
  },
)
