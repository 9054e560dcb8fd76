// LeaveGroup (key 13): takes members out of a group at once.
import { defineApi } from '../api.ts'
import { array, int16, int32, nullableString, since, string, struct, until } from '../fields.ts'

/* Up to version 2 one member, from version 3 on a list (KIP-345). v4: flexible. v5: reason (KIP-800). */
export const leaveGroup = defineApi({
  key: 13,
  name: 'LeaveGroup',
  minVersion: 0,
  maxVersion: 5,
  flexibleSince: 4,
  request: struct({
    groupId: string,
    memberId: until(2, string, ''),
    members: since(
      3,
      array(
        struct({
          memberId: string,
          groupInstanceId: since(3, nullableString, null),
          reason: since(5, nullableString, null),
        }),
      ),
      [],
    ),
  }),
  response: struct({
    throttleTimeMs: since(1, int32, 0),
    errorCode: int16,
    members: since(
      3,
      array(struct({ memberId: string, groupInstanceId: nullableString, errorCode: int16 })),
      [],
    ),
  }),
})
