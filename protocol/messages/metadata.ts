// Metadata (key 3): the brokers, and the partitions of topics with their leaders.
import { defineApi } from '../api.ts'
import {
  array,
  bool,
  int16,
  int32,
  nullableArray,
  nullableSince,
  nullableString,
  since,
  string,
  struct,
  uuid,
  versions,
  zeroUuid,
} from '../fields.ts'

/*
 * Which topics: at version 0 an empty list means all; from version 1 on null means all, and an empty
 * list none. v4: auto-creation is the client's choice. v8: authorized operations (KIP-430), where the
 * least int32 means not asked for. v9: flexible. v10: topic ids (KIP-516). v12: topics by id alone. v13: an error
 * of the whole (KIP-1102).
 */
export const operationsNotAsked = -2_147_483_648

export const metadata = defineApi({
  key: 3,
  name: 'Metadata',
  minVersion: 0,
  maxVersion: 13,
  flexibleSince: 9,
  request: struct({
    topics: nullableSince(
      1,
      nullableArray(
        struct({
          topicId: since(10, uuid, zeroUuid),
          name: nullableSince(10, nullableString, ''),
        }),
      ),
      [],
    ),
    allowAutoTopicCreation: since(4, bool, true),
    includeClusterAuthorizedOperations: versions([8, 10], bool, false),
    includeTopicAuthorizedOperations: since(8, bool, false),
  }),
  response: struct({
    throttleTimeMs: since(3, int32, 0),
    brokers: array(
      struct({
        nodeId: int32,
        host: string,
        port: int32,
        rack: since(1, nullableString, null),
      }),
    ),
    clusterId: since(2, nullableString, null),
    controllerId: since(1, int32, -1),
    topics: array(
      struct({
        errorCode: int16,
        name: nullableSince(12, nullableString, ''),
        topicId: since(10, uuid, zeroUuid),
        isInternal: since(1, bool, false),
        partitions: array(
          struct({
            errorCode: int16,
            partitionIndex: int32,
            leaderId: int32,
            leaderEpoch: since(7, int32, -1),
            replicaNodes: array(int32),
            isrNodes: array(int32),
            offlineReplicas: since(5, array(int32), []),
          }),
        ),
        topicAuthorizedOperations: since(8, int32, operationsNotAsked),
      }),
    ),
    clusterAuthorizedOperations: versions([8, 10], int32, operationsNotAsked),
    errorCode: since(13, int16, 0),
  }),
})
