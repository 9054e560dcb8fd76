// EndTxn (key 26): commits or aborts a transaction.
import { defineApi } from '../api.ts'
import { bool, int16, int32, int64, optional, string, struct } from '../fields.ts'

/**
 * v2: PRODUCER_FENCED. v3: flexible. v4: TRANSACTION_ABORTABLE (KIP-890). Version 5 would give the producer another epoch
 * for each transaction, which goes with the feature transaction.version, so the table ends before it.
 */
export const endTxn = defineApi({
  key: 26,
  name: 'EndTxn',
  minVersion: 0,
  maxVersion: 4,
  flexibleSince: 3,
  request: struct({
    transactionalId: string,
    producerId: int64,
    producerEpoch: int16,
    /** Whether it is a commit. */
    committed: bool,
  }),
  response: struct({ throttleTimeMs: optional(int32, 0), errorCode: int16 }),
})
