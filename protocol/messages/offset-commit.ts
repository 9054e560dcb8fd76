// OffsetCommit (key 8): stores a consumer group's offsets.
import { defineApi } from '../api.ts'
import {
  array,
  int16,
  int32,
  int64,
  nullableString,
  since,
  string,
  struct,
  versions,
} from '../fields.ts'

/*
 * A generation of -1 with an empty member id commits from outside of the group. v1: timestamps, gone
 * with v2. v2 to v4: retention, which has been the broker's setting since (KIP-211). v6: leader
 * epochs. v7: static members (KIP-345). v8: flexible. v9: the new group protocol (KIP-848).
 */
export const offsetCommit = defineApi({
  key: 8,
  name: 'OffsetCommit',
  minVersion: 1,
  maxVersion: 9,
  flexibleSince: 8,
  request: struct({
    groupId: string,
    generationIdOrMemberEpoch: int32,
    memberId: string,
    groupInstanceId: since(7, nullableString, null),
    retentionTimeMs: versions([2, 4], int64, -1),
    topics: array(
      struct({
        name: string,
        partitions: array(
          struct({
            partitionIndex: int32,
            committedOffset: int64,
            committedLeaderEpoch: since(6, int32, -1),
            commitTimestamp: versions([1, 1], int64, -1),
            committedMetadata: nullableString,
          }),
        ),
      }),
    ),
  }),
  response: struct({
    throttleTimeMs: since(3, int32, 0),
    topics: array(
      struct({
        name: string,
        partitions: array(struct({ partitionIndex: int32, errorCode: int16 })),
      }),
    ),
  }),
})
