// TxnOffsetCommit (key 28): stores a group's offsets, to hold when the transaction is committed.
import { defineApi } from '../api.ts'
import {
  array,
  int16,
  int32,
  int64,
  nullableString,
  optional,
  since,
  string,
  struct,
} from '../fields.ts'

/*
 * v2: leader epochs. v3: flexible, and the consumer that the offsets are of (KIP-447). v4: TRANSACTION_ABORTABLE (KIP-890).
 * Version 5 would add the group to the transaction by itself, which goes with the feature transaction.version.
 */
export const txnOffsetCommit = defineApi({
  key: 28,
  name: 'TxnOffsetCommit',
  minVersion: 0,
  maxVersion: 4,
  flexibleSince: 3,
  request: struct({
    transactionalId: string,
    groupId: string,
    producerId: int64,
    producerEpoch: int16,
    generationId: since(3, int32, -1),
    memberId: since(3, string, ''),
    groupInstanceId: since(3, nullableString, null),
    topics: array(
      struct({
        name: string,
        partitions: array(
          struct({
            partitionIndex: int32,
            committedOffset: int64,
            committedLeaderEpoch: since(2, int32, -1),
            committedMetadata: nullableString,
          }),
        ),
      }),
    ),
  }),
  response: struct({
    throttleTimeMs: optional(int32, 0),
    topics: array(
      struct({
        name: string,
        partitions: array(struct({ partitionIndex: int32, errorCode: int16 })),
      }),
    ),
  }),
})
