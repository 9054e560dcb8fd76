// DescribeTransactions (key 65): what the coordinator knows of transactional ids (KIP-664).
import { defineApi } from '../api.ts'
import { array, int16, int32, int64, optional, string, struct } from '../fields.ts'

export const describeTransactions = defineApi({
  key: 65,
  name: 'DescribeTransactions',
  minVersion: 0,
  maxVersion: 0,
  flexibleSince: 0,
  request: struct({ transactionalIds: array(string) }),
  response: struct({
    throttleTimeMs: optional(int32, 0),
    transactionStates: array(
      struct({
        errorCode: int16,
        transactionalId: string,
        transactionState: optional(string, ''),
        transactionTimeoutMs: optional(int32, 0),
        transactionStartTimeMs: optional(int64, 0),
        producerId: optional(int64, 0),
        producerEpoch: optional(int16, 0),
        topics: optional(array(struct({ topic: string, partitions: array(int32) })), []),
      }),
    ),
  }),
})
