// AddOffsetsToTxn (key 25): says that a transaction is about to commit offsets of a group.
import { defineApi } from '../api.ts'
import { int16, int32, int64, optional, string, struct } from '../fields.ts'

/** v2: PRODUCER_FENCED. v3: flexible. v4: TRANSACTION_ABORTABLE (KIP-890). */
export const addOffsetsToTxn = defineApi({
  key: 25,
  name: 'AddOffsetsToTxn',
  minVersion: 0,
  maxVersion: 4,
  flexibleSince: 3,
  request: struct({
    transactionalId: string,
    producerId: int64,
    producerEpoch: int16,
    groupId: string,
  }),
  response: struct({ throttleTimeMs: optional(int32, 0), errorCode: int16 }),
})
