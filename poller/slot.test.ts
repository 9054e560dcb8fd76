// Tests in which slot of its partition a record goes by its key.
import { expect, test } from 'vitest'
import { partitioners } from '../common/kafka-client.ts'
import { rawRecord } from './kept-records.ts'
import { slotOf, slotOfKey } from './slot.ts'

const keys = Array.from({ length: 20_000 }, (_, index) => Buffer.from(`key ${index}`))

test.each([2, 3, 4, 7, 10])('keys spread evenly over %d slots', (factor) => {
  const counts = Array.from({ length: factor }, () => 0)
  for (const key of keys) counts[slotOfKey(key, factor)]! += 1
  for (const count of counts) expect((count * factor) / keys.length).toBeCloseTo(1, 1)
})

test('keys that a producer puts into one of as many partitions still spread', async () => {
  const { DefaultPartitioner } = await partitioners()
  const partitionOf = DefaultPartitioner()
  const partitionMetadata = [0, 1, 2, 3].map((partitionId) => {
    return { partitionErrorCode: 0, partitionId, leader: 0, replicas: [], isr: [] }
  })
  const counts = [0, 0, 0, 0]
  for (const key of keys) {
    const message = { key, value: null }
    if (partitionOf({ topic: 't', partitionMetadata, message }) !== 1) continue
    counts[slotOfKey(key, 4)]! += 1
  }
  for (const count of counts) expect(count).toBeGreaterThan(1000)
})

test('a key has the same slot always, whatever else the record is', () => {
  expect(slotOfKey(Buffer.from('a'), 10)).toBe(slotOfKey(Buffer.from('a'), 10))
  expect(['', 'a', 'b', 'order-1'].map((key) => slotOfKey(Buffer.from(key), 10)))
    .toMatchInlineSnapshot(`
    [
      3,
      5,
      4,
      2,
    ]
  `)
})

const keyless = { topic: 't', partition: 0, timestampMs: 0, key: null, value: null, headers: [] }

test('records without a key go round by their offsets', () => {
  const slots = [7, 8, 9, 10].map((offset) =>
    slotOf(rawRecord({ ...keyless, offset, timestampType: 'CREATE_TIME' }), 3),
  )
  expect(slots).toEqual([1, 2, 0, 1])
})

test('so do those of a stream that distributes them; with a key they keep to one slot', () => {
  const slots = (partitionKey: string): number[] =>
    [7, 8, 9, 10].map((offset) => {
      const record = rawRecord({ ...keyless, offset, timestampType: 'CREATE_TIME' })
      return slotOf({ ...record, stream: { shardId: 's', sequenceNumber: '1', partitionKey } }, 3)
    })
  expect(slots('')).toEqual([1, 2, 0, 1])
  expect(new Set(slots('car-1')).size).toBe(1)
})
