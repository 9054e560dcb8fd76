// DescribeProducers (key 61): the producers with an id that a partition remembers (KIP-664).
import { defineApi } from '../api.ts'
import { array, int16, int32, int64, nullableString, optional, string, struct } from '../fields.ts'

export const describeProducers = defineApi({
  key: 61,
  name: 'DescribeProducers',
  minVersion: 0,
  maxVersion: 0,
  flexibleSince: 0,
  request: struct({
    topics: array(struct({ name: string, partitionIndexes: array(int32) })),
  }),
  response: struct({
    throttleTimeMs: optional(int32, 0),
    topics: array(
      struct({
        name: string,
        partitions: array(
          struct({
            partitionIndex: int32,
            errorCode: int16,
            errorMessage: optional(nullableString, null),
            activeProducers: array(
              struct({
                producerId: int64,
                producerEpoch: int32,
                lastSequence: int32,
                lastTimestamp: int64,
                coordinatorEpoch: int32,
                currentTxnStartOffset: int64,
              }),
            ),
          }),
        ),
      }),
    ),
  }),
})
