// Tests the tables of records and topics against kafkajs, at every version.
import { createRequire } from 'node:module'
import { expect, test } from 'vitest'
import {
  decodeWithKafkajs,
  define,
  exchange,
  expectUnderstanding,
  parseKafkajs,
  sharedVersions,
} from '../test/support/kafkajs-protocol.ts'
import { zeroUuid } from './fields.ts'
import { errorCodes } from './error-codes.ts'
import { decodeRecords, encodeBatch, validateBatches } from './record-batch.ts'

const records = [
  { key: Buffer.from('k'), value: Buffer.from('v'), timestamp: 1_700_000_000_000 },
  { key: null, value: Buffer.from('w'), timestamp: 1_700_000_000_001 },
]
const cases = [
  define({
    api: 'Fetch',
    options: () => ({
      maxWaitTime: 5,
      minBytes: 1,
      maxBytes: 1000,
      topics: [{ topic: 't', partitions: [{ partition: 2, fetchOffset: '77', maxBytes: 9 }] }],
      rackId: 'rack',
    }),
    request: (version) => ({
      replicaId: -1,
      maxWaitMs: 5,
      minBytes: 1,
      maxBytes: 1000,
      isolationLevel: 1,
      sessionId: 0,
      sessionEpoch: -1,
      topics: [
        {
          topic: 't',
          topicId: zeroUuid,
          partitions: [
            {
              partition: 2,
              currentLeaderEpoch: -1,
              fetchOffset: 77,
              lastFetchedEpoch: -1,
              logStartOffset: -1,
              partitionMaxBytes: 9,
              replicaDirectoryId: zeroUuid,
            },
          ],
        },
      ],
      rackId: version >= 11 ? 'rack' : '',
    }),
    response: () => ({
      errorCode: 0,
      responses: [
        {
          topic: 't',
          partitions: [
            {
              partitionIndex: 2,
              errorCode: 0,
              highWatermark: 79,
              lastStableOffset: 79,
              logStartOffset: 70,
              records: encodeBatch({ records, baseOffset: 77 }),
            },
          ],
        },
      ],
    }),
    decoded: () => ({
      responses: [
        {
          topicName: 't',
          partitions: [
            {
              partition: 2,
              errorCode: 0,
              highWatermark: '79',
              lastStableOffset: '79',
              messages: [
                { offset: '77', timestamp: '1700000000000', key: Buffer.from('k') },
                { offset: '78', timestamp: '1700000000001', key: null, value: Buffer.from('w') },
              ],
            },
          ],
        },
      ],
    }),
  }),
  define({
    api: 'ListOffsets',
    options: () => ({
      topics: [{ topic: 't', partitions: [{ partition: 1, timestamp: -2 }] }],
    }),
    request: (version) => ({
      replicaId: -1,
      isolationLevel: version >= 2 ? 1 : 0,
      topics: [
        {
          name: 't',
          partitions: [{ partitionIndex: 1, currentLeaderEpoch: -1, timestamp: -2 }],
        },
      ],
    }),
    response: () => ({
      topics: [
        {
          name: 't',
          partitions: [{ partitionIndex: 1, errorCode: 0, timestamp: -1, offset: 42 }],
        },
      ],
    }),
    decoded: () => ({
      responses: [
        { topic: 't', partitions: [{ partition: 1, errorCode: 0, timestamp: '-1', offset: '42' }] },
      ],
    }),
  }),
  define({
    api: 'Metadata',
    options: () => ({ topics: ['t'], allowAutoTopicCreation: false }),
    request: (version) => ({
      topics: [{ topicId: '00000000-0000-0000-0000-000000000000', name: 't' }],
      allowAutoTopicCreation: version < 4,
    }),
    response: () => ({
      brokers: [{ nodeId: 1, host: 'localhost', port: 9092, rack: null }],
      clusterId: 'cluster',
      controllerId: 1,
      topics: [
        {
          errorCode: 0,
          name: 't',
          isInternal: true,
          partitions: [
            {
              errorCode: 0,
              partitionIndex: 3,
              leaderId: 1,
              replicaNodes: [1],
              isrNodes: [1],
              offlineReplicas: [2],
            },
          ],
        },
      ],
    }),
    decoded: (version) => ({
      brokers: [{ nodeId: 1, host: 'localhost', port: 9092 }],
      ...(version >= 1 ? { controllerId: 1 } : {}),
      ...(version >= 2 ? { clusterId: 'cluster' } : {}),
      topicMetadata: [
        {
          topic: 't',
          partitionMetadata: [
            {
              partitionId: 3,
              leader: 1,
              replicas: [1],
              isr: [1],
              ...(version >= 5 ? { offlineReplicas: [2] } : {}),
            },
          ],
        },
      ],
    }),
  }),
  define({
    api: 'ApiVersions',
    options: () => ({}),
    request: () => ({ clientSoftwareName: '' }),
    response: () => ({ errorCode: 0, apiKeys: [{ apiKey: 3, minVersion: 0, maxVersion: 12 }] }),
    decoded: () => ({
      errorCode: 0,
      apiVersions: [{ apiKey: 3, minVersion: 0, maxVersion: 12 }],
    }),
  }),
  define({
    api: 'CreateTopics',
    options: () => ({
      topics: [
        {
          topic: 't',
          numPartitions: 6,
          replicationFactor: 1,
          replicaAssignment: [{ partition: 0, replicas: [1] }],
          configEntries: [{ name: 'retention.ms', value: '5' }],
        },
      ],
      validateOnly: true,
      timeout: 5000,
    }),
    request: (version) => ({
      topics: [
        {
          name: 't',
          numPartitions: 6,
          replicationFactor: 1,
          assignments: [{ partitionIndex: 0, brokerIds: [1] }],
          configs: [{ name: 'retention.ms', value: '5' }],
        },
      ],
      timeoutMs: 5000,
      validateOnly: version >= 1,
    }),
    response: () => ({ topics: [{ name: 't', errorCode: 0 }] }),
    decoded: () => ({ topicErrors: [{ topic: 't', errorCode: 0 }] }),
  }),
  define({
    api: 'DeleteTopics',
    options: () => ({ topics: ['t'], timeout: 5000 }),
    request: () => ({ topicNames: ['t'], timeoutMs: 5000 }),
    response: () => ({ responses: [{ name: 't', errorCode: 3 }] }),
    decoded: () => ({ topicErrors: [{ topic: 't', errorCode: 3 }] }),
  }),
  define({
    api: 'CreatePartitions',
    options: () => ({
      topicPartitions: [{ topic: 't', count: 9, assignments: [[1]] }],
      timeout: 5000,
      validateOnly: true,
    }),
    request: () => ({
      topics: [{ name: 't', count: 9, assignments: [{ brokerIds: [1] }] }],
      timeoutMs: 5000,
      validateOnly: true,
    }),
    response: () => ({ results: [{ name: 't', errorCode: 37, errorMessage: 'fewer' }] }),
    decoded: () => ({ topicErrors: [{ topic: 't', errorCode: 37, errorMessage: 'fewer' }] }),
  }),
]

test.for(cases)('$api of kafkajs is understood, and understands, at every version', (one) =>
  expectUnderstanding(one),
)

const gzip = 1

test.for([0, gzip])(
  'a batch of kafkajs is sound and holds its records, codec %i',
  async (codec) => {
    for (const version of sharedVersions('Produce').filter((version) => version >= 3)) {
      const { request } = exchange('Produce', version, {
        acks: -1,
        timeout: 30_000,
        compression: codec,
        topicData: [
          {
            topic: 't',
            partitions: [
              {
                partition: 5,
                firstSequence: 0,
                messages: [
                  { key: 'k', value: 'v', headers: { h: 'x' }, timestamp: 1_700_000_000_000 },
                  { key: null, value: null, timestamp: 1_700_000_000_900 },
                ],
              },
            ],
          },
        ],
      })
      const parsed = await parseKafkajs(request)
      const body = parsed.ok && parsed.api === 'Produce' ? parsed.body : undefined
      expect(body).toMatchObject({ acks: -1, timeoutMs: 30_000, transactionalId: null })
      const batch = body?.topicData[0]?.partitionData[0]?.records ?? Buffer.alloc(0)
      expect(validateBatches(batch)).toMatchObject({
        ok: true,
        batches: [{ recordCount: 2, producerId: -1, codec: codec === gzip ? 'gzip' : 'none' }],
      })
      expect(decodeRecords(batch, 0)).toEqual([
        {
          offset: 0,
          timestamp: 1_700_000_000_000,
          key: Buffer.from('k'),
          value: Buffer.from('v'),
          headers: [{ key: 'h', value: Buffer.from('x') }],
        },
        { offset: 1, timestamp: 1_700_000_000_900, key: null, value: null, headers: [] },
      ])
    }
  },
)

test('Produce before version 3 is parsed, so that it can be answered, and its batch refused', async () => {
  for (const version of [0, 1, 2]) {
    const messages = [{ key: 'k', value: 'v', timestamp: 1 }]
    const topicData = [{ topic: 't', partitions: [{ partition: 5, messages }] }]
    const { request } = exchange('Produce', version, { acks: 1, timeout: 9, topicData })
    const parsed = await parseKafkajs(request)
    const body = parsed.ok && parsed.api === 'Produce' ? parsed.body : undefined
    const batch = body?.topicData[0]?.partitionData[0]?.records ?? Buffer.alloc(0)
    expect(body).toMatchObject({ acks: 1, timeoutMs: 9 })
    expect(validateBatches(batch)).toMatchObject({ error: 'UNSUPPORTED_FOR_MESSAGE_FORMAT' })
  }
})

test('a Produce response is understood by kafkajs at every version', async () => {
  for (const version of sharedVersions('Produce')) {
    const partition = { index: 5, errorCode: 0, baseOffset: 12, logStartOffset: 3 }
    const body = { responses: [{ name: 't', partitionResponses: [partition] }] }
    const call = { api: 'Produce', version, options: { acks: 1, topicData: [] } } as const
    expect(await decodeWithKafkajs(call, body)).toMatchObject({
      topics: [{ topicName: 't', partitions: [{ partition: 5, errorCode: 0 }] }],
    })
  }
})

const kafkajsErrors = createRequire(import.meta.url)('kafkajs/src/protocol/error.js') as {
  errorCodes: readonly { type: string; code: number }[]
}

test('error codes agree with those that kafkajs knows', () => {
  // Kafka has renamed these since.
  const renamed: Readonly<Record<string, string>> = {
    UNKNOWN: 'UNKNOWN_SERVER_ERROR',
    GROUP_LOAD_IN_PROGRESS: 'COORDINATOR_LOAD_IN_PROGRESS',
    GROUP_COORDINATOR_NOT_AVAILABLE: 'COORDINATOR_NOT_AVAILABLE',
    NOT_COORDINATOR_FOR_GROUP: 'NOT_COORDINATOR',
    NOT_LEADER_FOR_PARTITION: 'NOT_LEADER_OR_FOLLOWER',
  }
  const theirs = kafkajsErrors.errorCodes.map(({ type, code }) => [renamed[type] ?? type, code])
  expect(theirs.length).toBeGreaterThan(80)
  expect(errorCodes).toMatchObject(Object.fromEntries(theirs))
  expect(new Set(Object.values(errorCodes)).size).toBe(Object.keys(errorCodes).length)
})
