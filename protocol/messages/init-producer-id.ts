// InitProducerId (key 22): gives a producer the id and epoch that its batches carry.
import { defineApi } from '../api.ts'
import { int16, int32, int64, nullableString, optional, since, struct } from '../fields.ts'

/*
 * A null transactional id is an idempotent producer's. v2: flexible. v3: the id and epoch that the producer has,
 * to go on from (KIP-360). v4: PRODUCER_FENCED. v5: TRANSACTION_ABORTABLE (KIP-890).
 */
export const initProducerId = defineApi({
  key: 22,
  name: 'InitProducerId',
  minVersion: 0,
  maxVersion: 5,
  flexibleSince: 2,
  request: struct({
    transactionalId: nullableString,
    transactionTimeoutMs: int32,
    producerId: since(3, int64, -1),
    producerEpoch: since(3, int16, -1),
  }),
  response: struct({
    throttleTimeMs: optional(int32, 0),
    errorCode: int16,
    producerId: optional(int64, -1),
    producerEpoch: optional(int16, -1),
  }),
})
