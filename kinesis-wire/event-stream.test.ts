// Proves that frames of an event stream come through any cuts, and that none that is wrong is taken or waited for.
import { crc32 } from 'node:zlib'
import { expect, test } from 'vitest'
import { eventFrameMaxBytes, eventHeadersMaxBytes } from '../common/kinesis-wire-limits.ts'
import { randomFrom, seed } from '../test/support/seeded-random.ts'
import {
  encodeEvent,
  encodeException,
  EventStreamDecoder,
  EventStreamFlaw,
  type EventFrame,
} from './event-stream.ts'

const json = 'application/x-amz-json-1.1'
const event = encodeEvent('SubscribeToShardEvent', json, [
  Buffer.from('{"Records":'),
  Buffer.from('[]}'),
])
const exception = encodeException('ResourceNotFoundException', json, [
  Buffer.from('{"message":"gone"}'),
])

const framesOf = (bytes: Buffer): readonly EventFrame[] => {
  const frames = new EventStreamDecoder().push(bytes)
  return frames instanceof EventStreamFlaw ? [] : frames
}
const reasonOf = (...chunks: readonly Buffer[]): string | undefined => {
  const decoder = new EventStreamDecoder()
  const last = chunks.map((chunk) => decoder.push(chunk)).at(-1)
  return last instanceof EventStreamFlaw ? last.reason : undefined
}

test('a frame is what the format says, byte by byte', () => {
  // By hand: 12 of prelude, headers `:event-type`, `:content-type`, `:message-type`, 4 of checksum.
  const frame = encodeEvent('e', 'c', [Buffer.from('p')])
  const headers = Buffer.concat([
    Buffer.from('\u000B:event-type\u0007\u0000\u0001e', 'latin1'),
    Buffer.from('\u000D:content-type\u0007\u0000\u0001c', 'latin1'),
    Buffer.from('\u000D:message-type\u0007\u0000\u0005event', 'latin1'),
  ])
  expect(frame.readUInt32BE(0)).toBe(12 + headers.length + 1 + 4)
  expect(frame.readUInt32BE(4)).toBe(headers.length)
  expect(frame.readUInt32BE(8)).toBe(crc32(frame.subarray(0, 8)))
  expect(frame.subarray(12, 12 + headers.length)).toEqual(headers)
  expect(frame.readUInt32BE(frame.length - 4)).toBe(crc32(frame.subarray(0, -4)))
})

test('the first frame that AWS publishes as a test is read', () => {
  // awslabs/aws-c-event-stream: an empty message.
  const empty = Buffer.from('000000100000000005c248eb7d98c8ff', 'hex')
  expect(framesOf(empty)).toEqual([{ headers: new Map(), payload: Buffer.alloc(0) }])
})

test('events and exceptions say what they are', () => {
  const [first, second] = framesOf(Buffer.concat([event, exception]))
  expect(Object.fromEntries(first?.headers ?? [])).toEqual({
    ':event-type': 'SubscribeToShardEvent',
    ':content-type': json,
    ':message-type': 'event',
  })
  expect(first?.payload.toString()).toBe('{"Records":[]}')
  expect(Object.fromEntries(second?.headers ?? [])).toEqual({
    ':exception-type': 'ResourceNotFoundException',
    ':content-type': json,
    ':message-type': 'exception',
  })
})

test('headers of every type are passed over, texts are kept', () => {
  const values = ['00', '01', '02ff', '030001', '0400000001', '050000000000000001']
  const others = [...values, '060002beef', '080000000000000001', `09${'00'.repeat(16)}`]
  const headers = Buffer.concat([
    ...others.map((hex, index) =>
      Buffer.concat([Buffer.from([1, 0x61 + index]), Buffer.from(hex, 'hex')]),
    ),
    Buffer.from('\u0001z\u0007\u0000\u0002ok', 'latin1'),
  ])
  expect(framesOf(frameOf(headers))[0]?.headers).toEqual(new Map([['z', 'ok']]))
})

test.each([
  ['a type that is none', '01610a'],
  ['a name that goes on behind the headers', '0561'],
  ['a name without a type', '0161'],
  ['a value that goes on behind them', '0161070005aa'],
  ['a value without a length', '01610700'],
  ['a number that is cut off', '01610400'],
])('a header with %s is a flaw', (_, hex) => {
  expect(reasonOf(frameOf(Buffer.from(hex, 'hex')))).toBe('a header cannot be read')
})

test('lengths that cannot be are refused with the prelude, before anything is kept', () => {
  expect(reasonOf(prelude(eventFrameMaxBytes + 1, 0))).toContain('more than')
  expect(reasonOf(prelude(15, 0))).toContain('more headers than fit')
  expect(reasonOf(prelude(100, 85))).toContain('more headers than fit')
  expect(reasonOf(prelude(eventFrameMaxBytes, eventHeadersMaxBytes + 1))).toContain('more headers')
  expect(reasonOf(prelude(eventFrameMaxBytes, eventHeadersMaxBytes))).toBeUndefined()
})

test(`frames are the same wherever the stream is cut (SEED=${seed})`, () => {
  const random = randomFrom(seed)
  const stream = Buffer.concat([
    event,
    exception,
    event,
    encodeEvent('e', json, [Buffer.alloc(9000)]),
  ])
  const whole = framesOf(stream)
  expect(whole).toHaveLength(4)
  for (const longest of [1, 2, 13, 500, 9000]) {
    const decoder = new EventStreamDecoder()
    const frames: EventFrame[] = []
    for (let at = 0; at < stream.length;) {
      const end = at + 1 + Math.floor(random() * longest)
      const got = decoder.push(stream.subarray(at, end))
      if (!(got instanceof EventStreamFlaw)) frames.push(...got)
      at = end
    }
    expect(frames).toEqual(whole)
    expect(decoder.isAmidFrame).toBe(false)
  }
})

test('a stream that ends anywhere amid a frame is told from one that has ended', () => {
  for (let length = 1; length < event.length; length += 1) {
    const decoder = new EventStreamDecoder()
    expect(decoder.push(event.subarray(0, length))).toEqual([])
    expect(decoder.isAmidFrame).toBe(true)
  }
})

test('each flipped bit is found, by one checksum or the other', () => {
  for (let bit = 0; bit < event.length * 8; bit += 1) {
    const bytes = Buffer.from(event)
    bytes[bit >> 3] = (bytes[bit >> 3] ?? 0) ^ (1 << (bit & 7))
    expect(reasonOf(bytes)).toMatch(/does not fit its checksum/)
  }
})

test('after a flaw nothing is read, whatever comes', () => {
  const broken = Buffer.from(event)
  broken[20] = 0xff
  expect(reasonOf(broken, exception)).toBe('a frame does not fit its checksum')
})

function prelude(total: number, headers: number): Buffer {
  const bytes = Buffer.alloc(12)
  bytes.writeUInt32BE(total, 0)
  bytes.writeUInt32BE(headers, 4)
  bytes.writeUInt32BE(crc32(bytes.subarray(0, 8)), 8)
  return bytes
}

function frameOf(headers: Buffer): Buffer {
  const frame = Buffer.concat([prelude(16 + headers.length, headers.length), headers])
  const checksum = Buffer.alloc(4)
  checksum.writeUInt32BE(crc32(frame))
  return Buffer.concat([frame, checksum])
}
