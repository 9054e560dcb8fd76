// JoinGroup (key 11): makes a consumer a member and elects the group's leader.
import { defineApi } from '../api.ts'
import {
  array,
  bool,
  bytes,
  int16,
  int32,
  nullableSince,
  nullableString,
  since,
  string,
  struct,
} from '../fields.ts'

/*
 * v1: rebalance timeout, before it the session timeout stands for it. v4: a first join without a
 * member id gets MEMBER_ID_REQUIRED and an id (KIP-394). v5: static members (KIP-345). v6: flexible.
 * v7: protocol type and a nullable protocol name. v8: reason (KIP-800). v9: skipAssignment (KIP-814).
 * Only the leader's response lists the members.
 */
export const joinGroup = defineApi({
  key: 11,
  name: 'JoinGroup',
  minVersion: 0,
  maxVersion: 9,
  flexibleSince: 6,
  request: struct({
    groupId: string,
    sessionTimeoutMs: int32,
    rebalanceTimeoutMs: since(1, int32, -1),
    memberId: string,
    groupInstanceId: since(5, nullableString, null),
    protocolType: string,
    protocols: array(struct({ name: string, metadata: bytes })),
    reason: since(8, nullableString, null),
  }),
  response: struct({
    throttleTimeMs: since(2, int32, 0),
    errorCode: int16,
    generationId: int32,
    protocolType: since(7, nullableString, null),
    protocolName: nullableSince(7, nullableString, ''),
    leader: string,
    skipAssignment: since(9, bool, false),
    memberId: string,
    members: array(
      struct({
        memberId: string,
        groupInstanceId: since(5, nullableString, null),
        metadata: bytes,
      }),
    ),
  }),
})
