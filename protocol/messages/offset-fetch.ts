// OffsetFetch (key 9): reads a consumer group's offsets, or from version 8 on several groups'.
import { defineApi } from '../api.ts'
import {
  array,
  bool,
  int16,
  int32,
  int64,
  nullableArray,
  nullableSince,
  nullableString,
  since,
  string,
  struct,
  until,
  versions,
} from '../fields.ts'

/*
 * Up to version 7 one group lies in `groupId` and `topics`, from version 8 on all lie in `groups`
 * (KIP-709). Null topics ask for everything the group has. An offset of -1 means none is stored.
 * v2: error of the group. v5: leader epochs. v6: flexible. v7: requireStable. v9: KIP-848.
 */
export const offsetFetch = defineApi({
  key: 9,
  name: 'OffsetFetch',
  minVersion: 1,
  maxVersion: 9,
  flexibleSince: 6,
  request: struct({
    groupId: until(7, string, ''),
    topics: until(
      7,
      nullableSince(2, nullableArray(struct({ name: string, partitionIndexes: array(int32) })), []),
      [],
    ),
    groups: since(
      8,
      array(
        struct({
          groupId: string,
          memberId: since(9, nullableString, null),
          memberEpoch: since(9, int32, -1),
          topics: nullableArray(struct({ name: string, partitionIndexes: array(int32) })),
        }),
      ),
      [],
    ),
    requireStable: since(7, bool, false),
  }),
  response: struct({
    throttleTimeMs: since(3, int32, 0),
    topics: until(
      7,
      array(
        struct({
          name: string,
          partitions: array(
            struct({
              partitionIndex: int32,
              committedOffset: int64,
              committedLeaderEpoch: since(5, int32, -1),
              metadata: nullableString,
              errorCode: int16,
            }),
          ),
        }),
      ),
      [],
    ),
    errorCode: versions([2, 7], int16, 0),
    groups: since(
      8,
      array(
        struct({
          groupId: string,
          topics: array(
            struct({
              name: string,
              partitions: array(
                struct({
                  partitionIndex: int32,
                  committedOffset: int64,
                  committedLeaderEpoch: since(8, int32, -1),
                  metadata: nullableString,
                  errorCode: int16,
                }),
              ),
            }),
          ),
          errorCode: int16,
        }),
      ),
      [],
    ),
  }),
})
