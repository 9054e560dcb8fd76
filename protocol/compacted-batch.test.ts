// Tests that compacted batches keep what stays byte by byte, and tombstones their time.
import { expect, test } from 'vitest'
import {
  baseTimestampAt,
  compactBatch,
  decodeRecords,
  emptyBatch,
  encodeBatch,
  keyedRecords,
  lastOffsetDeltaAt,
  maxTimestampAt,
  rewriteTimestamps,
  validateBatch,
  type CompactionRules,
} from './record-batch.ts'
import { gzipSync, gunzipSync } from 'node:zlib'
import { crc32c } from './crc32c.ts'

const batch = encodeBatch({
  baseOffset: 40,
  producerId: 7,
  producerEpoch: 1,
  baseSequence: 3,
  records: [
    { key: Buffer.from('a'), value: Buffer.from('1'), timestamp: 5000 },
    { key: Buffer.from('b'), value: null, timestamp: 5010 },
    {
      key: Buffer.from('a'),
      value: Buffer.from('2'),
      timestamp: 5005,
      headers: [{ key: 'h', value: Buffer.from('x') }],
    },
    { key: null, value: Buffer.from('keyless'), timestamp: 4990 },
  ],
})

function rules(overrides: Partial<CompactionRules> = {}): CompactionRules {
  return { keeps: () => true, nowMs: 100_000, deleteRetentionMs: 1000, ...overrides }
}

test('a batch of which everything stays is the same buffer', () => {
  const plain = encodeBatch({
    records: [{ key: Buffer.from('k'), value: Buffer.from('v'), timestamp: 1 }],
  })
  expect(compactBatch(plain, rules()).bytes).toBe(plain)
})

test('records that stay keep offset, time, headers and the batch its sequence numbers', () => {
  const { bytes, records } = compactBatch(batch, rules({ keeps: ({ offset }) => offset !== 40 }))
  expect(records).toBe(3)
  expect(validateBatch(bytes, 0, { isStored: true })).toMatchObject({
    ok: true,
    batch: {
      baseOffset: 40,
      lastOffsetDelta: 3,
      recordCount: 3,
      producerId: 7,
      producerEpoch: 1,
      baseSequence: 3,
    },
  })
  expect(decodeRecords(bytes, 0)).toEqual(decodeRecords(batch, 0).slice(1))
})

test('a batch of a client must have as many records as offsets', () => {
  const { bytes } = compactBatch(batch, rules({ keeps: ({ offset }) => offset !== 40 }))
  expect(validateBatch(bytes, 0)).toMatchObject({ ok: false, error: 'INVALID_RECORD' })
})

test('a tombstone stays for delete.retention.ms after the first compaction that meets it', () => {
  const first = compactBatch(batch, rules({ nowMs: 100_000, deleteRetentionMs: 1000 }))
  expect(first.deleteHorizonMs).toBe(101_000)
  expect(baseTimestampAt(first.bytes, 0)).toBe(101_000)
  expect(decodeRecords(first.bytes, 0)).toEqual(decodeRecords(batch, 0))
  const early = compactBatch(first.bytes, rules({ nowMs: 100_999 }))
  expect(early.bytes).toBe(first.bytes)
  const late = compactBatch(first.bytes, rules({ nowMs: 101_000 }))
  expect(decodeRecords(late.bytes, 0).map(({ offset }) => offset)).toEqual([40, 42, 43])
  expect(decodeRecords(late.bytes, 0).map(({ timestamp }) => timestamp)).toEqual([5000, 5005, 4990])
  expect(late.deleteHorizonMs).toBeUndefined()
})

test('a batch that loses all of its records is a header that spans its offsets', () => {
  const { bytes, records } = compactBatch(batch, rules({ keeps: () => false }))
  expect(records).toBe(0)
  expect(bytes).toHaveLength(61)
  expect(lastOffsetDeltaAt(bytes, 0)).toBe(3)
  expect(maxTimestampAt(bytes, 0)).toBe(-1)
  expect(validateBatch(bytes, 0, { isStored: true }).ok).toBe(true)
  expect(decodeRecords(bytes, 0)).toEqual([])
  expect(compactBatch(bytes, rules()).bytes).toBe(bytes)
})

test('one header can stand for a run of batches', () => {
  const header = emptyBatch(100, 2_000_000_000)
  expect(validateBatch(header, 0, { isStored: true })).toMatchObject({
    ok: true,
    batch: { baseOffset: 100, lastOffsetDelta: 1_999_999_900, recordCount: 0, producerId: -1 },
  })
})

test('with LogAppendTime the time of the append stays every record’s own', () => {
  const stamped = Buffer.from(batch)
  rewriteTimestamps(stamped, 0, 9_999)
  const { bytes } = compactBatch(stamped, rules({ keeps: ({ offset }) => offset === 43 }))
  expect(decodeRecords(bytes, 0).map(({ timestamp }) => timestamp)).toEqual([9_999])
})

test('a compressed batch stays compressed with its codec', () => {
  const packed = gzipSync(batch.subarray(61))
  const bytes = Buffer.concat([batch.subarray(0, 61), packed])
  bytes.writeInt32BE(bytes.length - 12, 8)
  bytes.writeInt16BE(1, 21)
  bytes.writeUInt32BE(crc32c(bytes.subarray(21)), 17)
  const left = compactBatch(bytes, rules({ keeps: ({ offset }) => offset === 43 }))
  expect(gunzipSync(left.bytes.subarray(61)).includes('keyless')).toBe(true)
  expect(decodeRecords(left.bytes, 0)).toEqual(decodeRecords(batch, 0).slice(3))
})

test('keys and tombstones are told without decoding the rest', () => {
  expect(
    [...keyedRecords(batch)].map(({ offset, key, isTombstone }) => [
      offset,
      key?.toString(),
      isTombstone,
    ]),
  ).toEqual([
    [40, 'a', false],
    [41, 'b', true],
    [42, 'a', false],
    [43, undefined, false],
  ])
})

test('records that are not what the header says are a DecodeError, whatever byte is cut or turned', () => {
  for (let at = 61; at < batch.length; at++) {
    const turned = Buffer.from(batch)
    turned[at] = (turned[at] ?? 0) ^ 0x80
    for (const bytes of [turned, batch.subarray(0, at)]) {
      try {
        compactBatch(bytes, rules({ keeps: ({ offset }) => offset !== 40 }))
      } catch (error) {
        expect((error as Error).name).toBe('DecodeError')
      }
    }
  }
})
