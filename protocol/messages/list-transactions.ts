// ListTransactions (key 66): the transactional ids that are known (KIP-664).
import { defineApi } from '../api.ts'
import { array, int16, int32, int64, optional, since, string, struct } from '../fields.ts'

/*
 * Empty filters let everything through. v1: how long a transaction has taken (KIP-994). Version 2 would take a regular
 * expression (KIP-1152), which one client could make the broker's thread work at for ever, so the table ends before it.
 */
export const listTransactions = defineApi({
  key: 66,
  name: 'ListTransactions',
  minVersion: 0,
  maxVersion: 1,
  flexibleSince: 0,
  request: struct({
    stateFilters: array(string),
    producerIdFilters: array(int64),
    durationFilter: since(1, int64, -1),
  }),
  response: struct({
    throttleTimeMs: optional(int32, 0),
    errorCode: int16,
    unknownStateFilters: array(string),
    transactionStates: array(
      struct({ transactionalId: string, producerId: int64, transactionState: string }),
    ),
  }),
})
