// Tests the tables of producers' ids and transactions against kafkajs, at every version.
import { expect, test } from 'vitest'
import { define, expectUnderstanding } from '../test/support/kafkajs-protocol.ts'
import { markerAt, encodeMarker, validateBatch } from './record-batch.ts'

const producer = { transactionalId: 'tx', producerId: 2 ** 40, producerEpoch: 3 }
const cases = [
  define({
    api: 'InitProducerId',
    options: () => ({ transactionalId: 'tx', transactionTimeout: 5000 }),
    request: () => ({
      transactionalId: 'tx',
      transactionTimeoutMs: 5000,
      producerId: -1,
      producerEpoch: -1,
    }),
    response: () => ({ errorCode: 0, producerId: 2 ** 40, producerEpoch: 3 }),
    decoded: () => ({ errorCode: 0, producerId: String(2 ** 40), producerEpoch: 3 }),
  }),
  define({
    api: 'AddPartitionsToTxn',
    options: () => ({ ...producer, topics: [{ topic: 't', partitions: [0, 5] }] }),
    request: () => ({ ...producer, topics: [{ name: 't', partitions: [0, 5] }] }),
    response: () => ({
      resultsByTopic: [
        { name: 't', resultsByPartition: [{ partitionIndex: 5, partitionErrorCode: 0 }] },
      ],
    }),
    decoded: () => ({
      errors: [{ topic: 't', partitionErrors: [{ partition: 5, errorCode: 0 }] }],
    }),
  }),
  define({
    api: 'AddOffsetsToTxn',
    options: () => ({ ...producer, groupId: 'g' }),
    request: () => ({ ...producer, groupId: 'g' }),
    response: () => ({ errorCode: 0 }),
    decoded: () => ({ errorCode: 0 }),
  }),
  define({
    api: 'EndTxn',
    options: () => ({ ...producer, transactionResult: true }),
    request: () => ({ ...producer, committed: true }),
    response: () => ({ errorCode: 0 }),
    decoded: () => ({ errorCode: 0 }),
  }),
  define({
    api: 'TxnOffsetCommit',
    options: () => ({
      ...producer,
      groupId: 'g',
      topics: [{ topic: 't', partitions: [{ partition: 1, offset: '77', metadata: 'm' }] }],
    }),
    request: () => ({
      ...producer,
      groupId: 'g',
      topics: [
        {
          name: 't',
          partitions: [
            {
              partitionIndex: 1,
              committedOffset: 77,
              committedLeaderEpoch: -1,
              committedMetadata: 'm',
            },
          ],
        },
      ],
    }),
    response: () => ({
      topics: [{ name: 't', partitions: [{ partitionIndex: 1, errorCode: 0 }] }],
    }),
    decoded: () => ({ topics: [{ topic: 't', partitions: [{ partition: 1, errorCode: 0 }] }] }),
  }),
]

test.each(cases)('$api is understood by kafkajs at every shared version', expectUnderstanding)

test('a marker is a sound control batch of one record that says commit or abort', () => {
  for (const marker of ['commit', 'abort'] as const) {
    const batch = encodeMarker({ producerId: 7, producerEpoch: 1, marker, timestamp: 1000 })
    expect(validateBatch(batch, 0).ok).toBe(false)
    const { ok, ...validation } = validateBatch(batch, 0, { isStored: true })
    expect(ok).toBe(true)
    expect(validation).toMatchObject({
      batch: { producerId: 7, producerEpoch: 1, baseSequence: -1, recordCount: 1 },
    })
    expect(markerAt(batch, 0)).toBe(marker)
  }
})
