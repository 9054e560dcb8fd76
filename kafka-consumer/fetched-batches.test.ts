// Tests what of a fetch's bytes is handed on: records in place, without aborted ones, and never what is damaged.
import { expect, test } from 'vitest'
import { DecodeError } from '../protocol/decode-error.ts'
import {
  decodeRecords,
  encodeBatch,
  encodeMarker,
  patchBatch,
  transactionalBit,
  type RecordToEncode,
} from '../protocol/record-batch.ts'
import { codecs, compressed } from '../test/support/codecs.ts'
import { randomFrom, seed } from '../test/support/seeded-random.ts'
import { fetchedBatches, offsetBehind, recordsOf } from './fetched-batches.ts'
import type { FetchedRecord } from './fetched-record.ts'

const place = { topic: 't', partition: 3 }
const nothingAborted = { abortedTransactions: null }

function batchAt(
  baseOffset: number,
  records: readonly RecordToEncode[],
  producerId?: number,
): Buffer {
  const producer = producerId === undefined ? {} : { producerId, attributes: transactionalBit }
  return encodeBatch({ records, baseOffset, ...producer })
}

const texts = (...values: readonly string[]): RecordToEncode[] =>
  values.map((value) => ({ key: null, value: Buffer.from(value), timestamp: 1000 }))

function read(
  bytes: Buffer,
  fromOffset = 0,
  aborted: { producerId: number; firstOffset: number }[] = [],
) {
  const batches = fetchedBatches({ records: bytes, abortedTransactions: aborted }, fromOffset)
  if (batches === undefined) return undefined
  expect(batches.nextOffset).toBe(offsetBehind(bytes, fromOffset))
  return { records: recordsOf(batches, place), nextOffset: batches.nextOffset }
}

const valuesOf = (records: readonly FetchedRecord[] = []): string[] =>
  records.map(({ value }) => value?.toString() ?? '')

function randomRecords(random: () => number): RecordToEncode[] {
  const bytes = (most: number): Buffer | null =>
    random() < 0.2 ? null : Buffer.alloc(Math.floor(random() * most), Math.floor(random() * 256))
  return Array.from({ length: 1 + Math.floor(random() * 20) }, () => ({
    key: bytes(80),
    value: bytes(20_000),
    headers: Array.from({ length: Math.floor(random() * 3) }, (_, i) => ({
      key: `h${i}`,
      value: bytes(200),
    })),
    timestamp: 1_700_000_000_000 + Math.floor(random() * 1e9),
  }))
}

test(`records are those that the decoder finds, whatever their sizes (SEED=${seed})`, () => {
  const random = randomFrom(seed)
  for (let round = 0; round < 50; round++) {
    const bytes = batchAt(round * 100, randomRecords(random))
    const found = read(bytes)?.records.map((record) => [
      record.offset,
      record.timestampMs,
      record.key?.toString('hex'),
      record.value?.toString('hex'),
      record.headers.map(({ name, value }) => [name, value.toString('hex')]),
    ])
    const expected = decodeRecords(bytes, 0).map((record) => [
      record.offset,
      record.timestamp,
      record.key?.toString('hex'),
      record.value?.toString('hex'),
      record.headers.map(({ key, value }) => [key, value?.toString('hex') ?? '']),
    ])
    expect(found).toEqual(expected)
  }
})

test('keys and values are views of the bytes that came', () => {
  const bytes = batchAt(0, [{ key: Buffer.from('k'), value: Buffer.from('v'), timestamp: 1 }])
  const record = read(bytes)?.records[0]
  expect(record?.key?.buffer).toBe(bytes.buffer)
  expect(record?.value?.buffer).toBe(bytes.buffer)
  expect(record).toMatchObject({ topic: 't', partition: 3, timestampType: 'CREATE_TIME' })
})

test.each(codecs)('a batch packed by $name is unpacked', (codec) => {
  const bytes = compressed(batchAt(5, texts('a', 'b')), codec)
  expect(valuesOf(read(bytes)?.records)).toEqual(['a', 'b'])
})

test('a fetch from amid a batch leaves out what comes before, and whole batches before it', () => {
  const bytes = Buffer.concat([batchAt(0, texts('a')), batchAt(1, texts('b', 'c', 'd'))])
  const found = read(bytes, 2)
  expect(valuesOf(found?.records)).toEqual(['c', 'd'])
  expect(found?.nextOffset).toBe(4)
})

test('a batch that is cut off is left for the next fetch', () => {
  const bytes = Buffer.concat([batchAt(0, texts('a')), batchAt(1, texts('b')).subarray(0, 65)])
  expect(read(bytes)).toMatchObject({ nextOffset: 1 })
  expect(read(bytes.subarray(0, 60))).toBe(undefined)
  expect(read(Buffer.alloc(0))).toBe(undefined)
})

test('aborted transactions and control batches are left out, and passed', () => {
  const marker = (offset: number, producerId: number, kind: 'commit' | 'abort'): Buffer => {
    const batch = encodeMarker({ producerId, producerEpoch: 0, marker: kind, timestamp: 1 })
    patchBatch(batch, 0, { baseOffset: offset, leaderEpoch: 0 })
    return batch
  }
  const bytes = Buffer.concat([
    batchAt(0, texts('plain')),
    batchAt(1, texts('aborted'), 7),
    batchAt(2, texts('committed'), 8),
    marker(3, 7, 'abort'),
    batchAt(4, texts('of the next transaction'), 7),
    marker(5, 8, 'commit'),
    marker(6, 7, 'commit'),
  ])
  const found = read(bytes, 0, [{ producerId: 7, firstOffset: 1 }])
  expect(valuesOf(found?.records)).toEqual(['plain', 'committed', 'of the next transaction'])
  expect(found?.nextOffset).toBe(7)
})

test('one flipped bit is found, or changes nothing but the place of the batch', () => {
  const bytes = batchAt(0, texts('abc', 'def'))
  for (let bit = 0; bit < bytes.length * 8; bit++) {
    const flipped = Buffer.from(bytes)
    flipped.writeUInt8(flipped.readUInt8(bit >> 3) ^ (1 << (bit & 7)), bit >> 3)
    let values: string[] | undefined
    try {
      const batches = fetchedBatches({ records: flipped, ...nothingAborted }, 0)
      values = batches === undefined ? undefined : valuesOf(recordsOf(batches, place))
    } catch (error) {
      if (!(error instanceof DecodeError)) throw error
    }
    // The base offset and the leader's epoch lie outside of the checksum.
    const isOutside = bit < 64 || (bit >= 96 && bit < 128)
    if (values !== undefined && values.length > 0)
      expect([isOutside, values]).toEqual([true, ['abc', 'def']])
  }
})

test('records that are not what a sound checksum covers are a DecodeError', () => {
  const bytes = batchAt(0, texts('abc'))
  for (const [position, value] of [
    [61, 0x7f],
    [61, 1],
    [66, 0x7f],
    [70, 2],
  ] as const) {
    const wrong = compressed(bytes, {
      number: 0,
      compress: (body) => {
        const changed = Buffer.from(body)
        changed[position - 61] = value
        return changed
      },
    })
    expect(() => read(wrong)).toThrow(DecodeError)
  }
})
