// Tests of record batches: what is let in, what is refused, and what stays untouched.
import { expect, test } from 'vitest'
import { codecs, compressed } from '../test/support/codecs.ts'
import {
  DecodeError,
  baseOffsetAt,
  crc32c,
  decodeRecords,
  encodeBatch,
  leaderEpochAt,
  maxTimestampAt,
  patchBatch,
  recordBatchHeaderBytes,
  rewriteTimestamps,
  totalBytesAt,
  validateBatch,
  validateBatches,
} from './record-batch.ts'

const records = [
  { key: Buffer.from('a'), value: Buffer.from('first'), timestamp: 1_700_000_000_000 },
  {
    key: null,
    value: Buffer.from('second'),
    headers: [
      { key: 'trace', value: Buffer.from('1') },
      { key: 'trace', value: null },
    ],
    timestamp: 1_699_999_999_000,
  },
  { key: Buffer.alloc(0), value: null, timestamp: 1_700_000_000_500 },
]

function fixCrc(batch: Buffer): Buffer {
  batch.writeUInt32BE(crc32c(batch.subarray(21)), 17)
  return batch
}

const errorOf = (buffer: Buffer): string => {
  const validation = validateBatches(buffer)
  return validation.ok ? 'none' : validation.error
}

test('a batch holds its records: offsets, timestamps, nulls and repeated headers included', () => {
  const batch = encodeBatch({ records, baseOffset: 70 })
  expect(decodeRecords(batch, 0)).toEqual(
    records.map((record, index) => ({ headers: [], ...record, offset: 70 + index })),
  )
})

test('validation reports what the log needs to index a batch', () => {
  const batch = encodeBatch({ records, producerId: 9, producerEpoch: 2, baseSequence: 4 })
  expect(validateBatches(batch)).toEqual({
    ok: true,
    batches: [
      {
        position: 0,
        sizeBytes: batch.length,
        baseOffset: 0,
        lastOffsetDelta: 2,
        recordCount: 3,
        attributes: 0,
        codec: 'none',
        baseTimestamp: 1_700_000_000_000,
        maxTimestamp: 1_700_000_000_500,
        producerId: 9,
        producerEpoch: 2,
        baseSequence: 4,
      },
    ],
  })
})

test('batches back to back are found one after the other', () => {
  const one = encodeBatch({ records })
  const two = encodeBatch({ records: records.slice(0, 1), baseOffset: 3 })
  const validation = validateBatches(Buffer.concat([one, two]))
  expect(validation.ok && validation.batches.map((b) => [b.position, b.recordCount])).toEqual([
    [0, 3],
    [one.length, 1],
  ])
  expect(errorOf(Buffer.concat([one, two.subarray(0, -1)]))).toBe('CORRUPT_MESSAGE')
  expect(validateBatch(Buffer.concat([one, Buffer.from('rest')]), 0).ok).toBe(true)
})

test('no batch at all is an invalid record', () => {
  expect(errorOf(Buffer.alloc(0))).toBe('INVALID_RECORD')
})

test('a batch cut anywhere is corrupt', () => {
  const batch = encodeBatch({ records })
  for (let length = 1; length < batch.length; length++) {
    expect(errorOf(batch.subarray(0, length))).toBe('CORRUPT_MESSAGE')
  }
})

test('one flipped bit is caught, except in the fields that the broker itself sets', () => {
  const batch = encodeBatch({ records })
  for (let bit = 0; bit < batch.length * 8; bit++) {
    const flipped = Buffer.from(batch)
    const position = Math.floor(bit / 8)
    flipped[position] = (flipped[position] ?? 0) ^ (1 << (bit % 8))
    const isBrokers = position < 8 || (position >= 12 && position < 16)
    const expected = isBrokers
      ? // A base offset beyond 2^53 is refused, any other is as good as the first.
        ['none', 'INVALID_RECORD']
      : ['CORRUPT_MESSAGE', 'UNSUPPORTED_FOR_MESSAGE_FORMAT']
    expect(expected, `bit ${bit}`).toContain(errorOf(flipped))
  }
})

test('the message formats before v2 are named as such', () => {
  for (const magic of [0, 1]) {
    const batch = encodeBatch({ records })
    batch.writeInt8(magic, 16)
    expect(errorOf(batch)).toBe('UNSUPPORTED_FOR_MESSAGE_FORMAT')
  }
})

test('fields that contradict each other are invalid even under a good checksum', () => {
  const changes: readonly ((batch: Buffer) => void)[] = [
    (batch) => batch.writeInt32BE(4, 57),
    (batch) => batch.writeInt32BE(3, 23),
    (batch) => batch.fill(0xff, 23, 27).writeInt32BE(0, 57),
    (batch) => batch.writeInt16BE(5, 21),
    (batch) => batch.writeBigInt64BE(2n ** 60n, 35),
    (batch) => batch.writeBigInt64BE(-(2n ** 63n), 27),
  ]
  for (const change of changes) {
    const batch = encodeBatch({ records })
    change(batch)
    expect(errorOf(fixCrc(batch))).toBe('INVALID_RECORD')
  }
})

test("a control batch is refused from clients and let through as the broker's own", () => {
  const batch = encodeBatch({ records })
  batch.writeInt16BE(0x20, 21)
  fixCrc(batch)
  expect(errorOf(batch)).toBe('INVALID_RECORD')
  expect(validateBatches(batch, { isStored: true }).ok).toBe(true)
})

test('placing a batch in the log leaves its checksum good', () => {
  const batch = encodeBatch({ records })
  patchBatch(batch, 0, { baseOffset: 2 ** 40 + 7, leaderEpoch: 3 })
  expect(baseOffsetAt(batch, 0)).toBe(2 ** 40 + 7)
  expect(leaderEpochAt(batch, 0)).toBe(3)
  expect(validateBatches(batch).ok).toBe(true)
})

test('log append time is the time of every record, under a new checksum', () => {
  const lead = encodeBatch({ records: records.slice(0, 1) })
  const batch = Buffer.concat([lead, encodeBatch({ records })])
  rewriteTimestamps(batch, lead.length, 1_800_000_000_000)
  expect(maxTimestampAt(batch, lead.length)).toBe(1_800_000_000_000)
  expect(validateBatches(batch).ok).toBe(true)
  expect(decodeRecords(batch, lead.length).map((record) => record.timestamp)).toEqual([
    1_800_000_000_000, 1_800_000_000_000, 1_800_000_000_000,
  ])
  expect(decodeRecords(batch, 0)[0]?.timestamp).toBe(1_700_000_000_000)
})

test('records compressed with any codec are unpacked', () => {
  const plain = encodeBatch({ records })
  for (const codec of codecs) {
    const packed = compressed(plain, codec)
    expect(validateBatches(packed).ok).toBe(true)
    expect(decodeRecords(packed, 0)).toEqual(decodeRecords(plain, 0))
  }
})

test('records that are not what their codec says are a decode error', () => {
  for (const { number } of codecs) {
    const compress = (): Buffer => Buffer.from('not packed')
    const packed = compressed(encodeBatch({ records }), { number, compress })
    expect(() => decodeRecords(packed, 0)).toThrow(DecodeError)
  }
})

test('records damaged under a good checksum never yield more than a decode error', () => {
  const batch = encodeBatch({ records })
  let refused = 0
  for (let position = recordBatchHeaderBytes; position < batch.length; position++) {
    for (let bit = 0; bit < 8; bit++) {
      const flipped = Buffer.from(batch)
      flipped[position] = (flipped[position] ?? 0) ^ (1 << bit)
      refused += isRefused(flipped) ? 1 : 0
    }
  }
  expect(refused).toBeGreaterThan(50)
})

function isRefused(batch: Buffer): boolean {
  try {
    return decodeRecords(batch, 0).length !== records.length
  } catch (error) {
    if (!(error instanceof DecodeError)) throw error
    return true
  }
}

test('a record count that lies ends at the end of the bytes', () => {
  const batch = encodeBatch({ records })
  batch.writeInt32BE(2 ** 31 - 1, 57)
  expect(() => decodeRecords(batch, 0)).toThrow(DecodeError)
  expect(totalBytesAt(batch, 0)).toBe(batch.length)
})
