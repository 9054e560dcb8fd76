// Heartbeat (key 12): keeps a member in its group and tells it of a rebalance.
import { defineApi } from '../api.ts'
import { int16, int32, nullableString, since, string, struct } from '../fields.ts'

/* v3: static members (KIP-345). v4: flexible. */
export const heartbeat = defineApi({
  key: 12,
  name: 'Heartbeat',
  minVersion: 0,
  maxVersion: 4,
  flexibleSince: 4,
  request: struct({
    groupId: string,
    generationId: int32,
    memberId: string,
    groupInstanceId: since(3, nullableString, null),
  }),
  response: struct({ throttleTimeMs: since(1, int32, 0), errorCode: int16 }),
})
