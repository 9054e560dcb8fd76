// Tests the administrative messages against kafkajs' own encoders and decoders.
import { test } from 'vitest'
import { define, expectUnderstanding, type Case } from '../test/support/kafkajs-protocol.ts'
import type { ApiName } from './apis.ts'

const cases: readonly Case<ApiName>[] = [
  define({
    api: 'DescribeConfigs',
    options: () => ({
      resources: [{ type: 2, name: 't', configNames: ['retention.ms'] }],
      includeSynonyms: true,
    }),
    request: (version) => ({
      resources: [{ resourceType: 2, resourceName: 't', configurationKeys: ['retention.ms'] }],
      includeSynonyms: version >= 1,
    }),
    response: () => ({
      results: [
        {
          errorCode: 0,
          errorMessage: 'none',
          resourceType: 2,
          resourceName: 't',
          configs: [
            {
              name: 'retention.ms',
              value: '5',
              readOnly: false,
              isDefault: false,
              configSource: 1,
              isSensitive: true,
              synonyms: [{ name: 'log.retention.ms', value: '6', source: 4 }],
            },
          ],
        },
      ],
    }),
    decoded: (version) => ({
      resources: [
        {
          errorCode: 0,
          errorMessage: 'none',
          resourceType: 2,
          resourceName: 't',
          configEntries: [
            {
              configName: 'retention.ms',
              configValue: '5',
              readOnly: false,
              isDefault: false,
              configSource: 1,
              isSensitive: true,
              ...(version >= 1
                ? {
                    configSynonyms: [
                      { configName: 'log.retention.ms', configValue: '6', configSource: 4 },
                    ],
                  }
                : {}),
            },
          ],
        },
      ],
    }),
  }),
  define({
    api: 'AlterConfigs',
    options: () => ({
      resources: [{ type: 2, name: 't', configEntries: [{ name: 'a', value: 'b' }] }],
      validateOnly: true,
    }),
    request: () => ({
      resources: [{ resourceType: 2, resourceName: 't', configs: [{ name: 'a', value: 'b' }] }],
      validateOnly: true,
    }),
    response: () => ({
      responses: [{ errorCode: 40, errorMessage: 'why', resourceType: 2, resourceName: 't' }],
    }),
    decoded: () => ({
      resources: [{ errorCode: 40, errorMessage: 'why', resourceType: 2, resourceName: 't' }],
    }),
  }),
  define({
    api: 'DeleteRecords',
    options: () => ({
      topics: [{ topic: 't', partitions: [{ partition: 3, offset: '9000000000' }] }],
      timeout: 7,
    }),
    request: () => ({
      topics: [{ name: 't', partitions: [{ partitionIndex: 3, offset: 9_000_000_000 }] }],
      timeoutMs: 7,
    }),
    response: () => ({
      topics: [
        {
          name: 't',
          partitions: [{ partitionIndex: 3, lowWatermark: 9_000_000_000, errorCode: 1 }],
        },
      ],
    }),
    decoded: () => ({
      topics: [
        { topic: 't', partitions: [{ partition: 3, lowWatermark: 9_000_000_000n, errorCode: 1 }] },
      ],
    }),
  }),
  define({
    api: 'AlterPartitionReassignments',
    options: () => ({
      topics: [{ topic: 't', partitionAssignment: [{ partition: 3, replicas: [1, 2] }] }],
      timeout: 7,
    }),
    request: () => ({
      timeoutMs: 7,
      topics: [{ name: 't', partitions: [{ partitionIndex: 3, replicas: [1, 2] }] }],
    }),
    response: () => ({
      errorCode: 0,
      errorMessage: null,
      responses: [
        { name: 't', partitions: [{ partitionIndex: 3, errorCode: 39, errorMessage: 'why' }] },
      ],
    }),
    decoded: () => ({
      errorCode: 0,
      responses: [{ topic: 't', partitions: [{ partition: 3, errorCode: 39 }] }],
    }),
  }),
  define({
    api: 'ListPartitionReassignments',
    options: () => ({ topics: [{ topic: 't', partitions: [3, 4] }], timeout: 7 }),
    request: () => ({ timeoutMs: 7, topics: [{ name: 't', partitionIndexes: [3, 4] }] }),
    response: () => ({
      errorCode: 0,
      errorMessage: null,
      topics: [
        {
          name: 't',
          partitions: [
            { partitionIndex: 3, replicas: [1, 2], addingReplicas: [2], removingReplicas: [] },
          ],
        },
      ],
    }),
    decoded: () => ({
      errorCode: 0,
      topics: [
        {
          name: 't',
          partitions: [
            { partition: 3, replicas: [1, 2], addingReplicas: [2], removingReplicas: [] },
          ],
        },
      ],
    }),
  }),
]

test.each(cases.map((one) => [one.api, one] as const))(
  '%s: we read kafkajs, and it reads us, at every version',
  (_api, one) => expectUnderstanding(one),
)
