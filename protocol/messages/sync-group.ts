// SyncGroup (key 14): brings the leader's assignments to every member.
import { defineApi } from '../api.ts'
import { array, bytes, int16, int32, nullableString, since, string, struct } from '../fields.ts'

/* v3: static members (KIP-345). v4: flexible. v5: protocol type and name, to be checked (KIP-559). */
export const syncGroup = defineApi({
  key: 14,
  name: 'SyncGroup',
  minVersion: 0,
  maxVersion: 5,
  flexibleSince: 4,
  request: struct({
    groupId: string,
    generationId: int32,
    memberId: string,
    groupInstanceId: since(3, nullableString, null),
    protocolType: since(5, nullableString, null),
    protocolName: since(5, nullableString, null),
    assignments: array(struct({ memberId: string, assignment: bytes })),
  }),
  response: struct({
    throttleTimeMs: since(1, int32, 0),
    errorCode: int16,
    protocolType: since(5, nullableString, null),
    protocolName: since(5, nullableString, null),
    assignment: bytes,
  }),
})
