// Tests of the frame splitter: the same frames, however the bytes are cut.
import { expect, test } from 'vitest'
import { randomFrom, seed } from '../test/support/seeded-random.ts'
import { FrameSplitter, FrameTooLargeError } from './frames.ts'

function framed(body: Buffer): Buffer {
  const length = Buffer.alloc(4)
  length.writeInt32BE(body.length)
  return Buffer.concat([length, body])
}

function split(stream: Buffer, sizeOf: () => number, splitter = new FrameSplitter()): Buffer[] {
  const frames: Buffer[] = []
  for (let position = 0; position < stream.length;) {
    const size = Math.max(1, sizeOf())
    frames.push(...splitter.push(stream.subarray(position, position + size)))
    position += size
  }
  return frames
}

test(`random cuts never change the frames (SEED=${seed})`, () => {
  const random = randomFrom(seed)
  for (let round = 0; round < 200; round++) {
    const bodies = Array.from({ length: 1 + Math.floor(random() * 8) }, (_, index) =>
      Buffer.alloc(Math.floor(random() ** 4 * 5000), index + 1),
    )
    const stream = Buffer.concat(bodies.map(framed))
    const chunkMax = 1 + random() ** 3 * 3000
    const splitter = new FrameSplitter()
    const frames = split(stream, () => Math.floor(random() * chunkMax), splitter)
    expect(frames.length).toBe(bodies.length)
    expect(frames.every((frame, index) => frame.equals(bodies[index] ?? frame))).toBe(true)
    expect(splitter.pendingBytes).toBe(0)
  }
})

test(`nor does what is put into the room of a frame, which is copied nowhere (SEED=${seed})`, () => {
  const random = randomFrom(seed)
  let inPlace = 0
  for (let round = 0; round < 200; round++) {
    const bodies = Array.from({ length: 1 + Math.floor(random() * 8) }, (_, index) =>
      Buffer.alloc(Math.floor(random() ** 4 * 5000), index + 1),
    )
    const stream = Buffer.concat(bodies.map(framed))
    const splitter = new FrameSplitter()
    const frames: Buffer[] = []
    for (let at = 0; at < stream.length;) {
      const { room } = splitter
      const bytes = Math.min(1 + Math.floor(random() * 500), room?.length ?? Infinity)
      const next = stream.subarray(at, at + bytes)
      const isThere = room !== undefined && random() < 0.7
      if (isThere) inPlace += next.copy(room)
      frames.push(...splitter.push(isThere ? room.subarray(0, next.length) : next))
      at += next.length
    }
    expect(frames).toEqual(bodies)
    expect(splitter.room).toBeUndefined()
  }
  expect(inPlace).toBeGreaterThan(0)
})

test('bytes may come one at a time', () => {
  const bodies = [Buffer.from('ab'), Buffer.alloc(0), Buffer.from('c')]
  expect(split(Buffer.concat(bodies.map(framed)), () => 1)).toEqual(bodies)
})

test('no part of a chunk is needed once it was pushed', () => {
  const bodies = [Buffer.from('one'), Buffer.alloc(3000, 'two'), Buffer.from('three')]
  const stream = Buffer.concat(bodies.map(framed))
  for (const chunkBytes of [1, 7, 100, 2000, stream.length]) {
    const splitter = new FrameSplitter()
    const frames: Buffer[] = []
    for (let at = 0; at < stream.length; at += chunkBytes) {
      const chunk = Buffer.from(stream.subarray(at, at + chunkBytes))
      frames.push(...splitter.push(chunk))
      chunk.fill(0)
    }
    expect(frames).toEqual(bodies)
  }
})

test('memory for a frame grows with what was received, not with what was announced', () => {
  const splitter = new FrameSplitter()
  const announced = Buffer.alloc(4 + 100)
  announced.writeInt32BE(1_000_000)
  splitter.push(announced)
  expect(splitter.pendingBytes).toBe(104)
  splitter.push(Buffer.alloc(20_000))
  expect(splitter.pendingBytes).toBeLessThanOrEqual(1_000_000)
})

test('a big frame in many chunks is put together once', () => {
  const body = Buffer.alloc(8 * 1024 * 1024, 7)
  const concat = Buffer.concat
  let copiedBytes = 0
  Buffer.concat = (list, total) => {
    const whole = concat(list, total)
    copiedBytes += whole.length
    return whole
  }
  try {
    const stream = framed(body)
    copiedBytes = 0
    const [frame] = split(stream, () => 1024)
    expect(frame?.equals(body)).toBe(true)
    expect(copiedBytes).toBeLessThan(body.length + 2048)
  } finally {
    Buffer.concat = concat
  }
})

test('a length over the limit ends the stream, after the frames before it', () => {
  const splitter = new FrameSplitter({ maxBytes: 10 })
  const bad = Buffer.from([0, 0, 0, 11])
  expect(splitter.push(Buffer.concat([framed(Buffer.alloc(10)), bad]))).toHaveLength(1)
  expect(splitter.error).toBeInstanceOf(FrameTooLargeError)
  expect(splitter.error?.message).toBe('frame length is 11 where at most 10 bytes are taken')
  expect(splitter.push(framed(Buffer.from('x')))).toEqual([])
  expect(splitter.pendingBytes).toBe(0)
})

test('a negative length ends the stream', () => {
  const splitter = new FrameSplitter()
  expect(split(Buffer.from([0xff, 0xff, 0xff, 0xff]), () => 1, splitter)).toEqual([])
  expect(splitter.error?.lengthBytes).toBe(-1)
})
