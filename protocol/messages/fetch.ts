// Fetch (key 1): record batches from an offset on, as they lie in the log.
import { defineApi } from '../api.ts'
import {
  array,
  int16,
  int32,
  int64,
  int8,
  nullableArray,
  nullableString,
  optional,
  records,
  since,
  string,
  struct,
  tagged,
  until,
  uuid,
  zeroUuid,
} from '../fields.ts'

/*
 * v5: log start offset. v7: fetch sessions (KIP-227); answering session id 0 declines one. v9: leader
 * epochs (KIP-320). v10: zstd. v11: the nearest replica (KIP-392). v12: flexible, diverging epochs
 * (KIP-595). v13: topic ids in place of names (KIP-516). v14: tiered storage. v15: the replica's state
 * (KIP-903). v16: addresses of new leaders (KIP-951). v17: the replica's directory (KIP-853).
 * The response may start before the asked offset: whole batches only.
 */
const epochEndOffset = struct({ epoch: int32, endOffset: int64 })
const leaderIdAndEpoch = struct({ leaderId: int32, leaderEpoch: int32 })
const replicaState = struct({ replicaId: int32, replicaEpoch: int64 })
const node = struct({ nodeId: int32, host: string, port: int32, rack: nullableString })
const snapshotId = struct({ endOffset: int64, epoch: int32 })

export const fetch = defineApi({
  key: 1,
  name: 'Fetch',
  minVersion: 4,
  maxVersion: 17,
  flexibleSince: 12,
  request: struct({
    clusterId: tagged({ tag: 0, since: 12 }, nullableString, null),
    /** -1 for a consumer. */
    replicaId: until(14, int32, -1),
    replicaState: tagged({ tag: 1, since: 15 }, replicaState, { replicaId: -1, replicaEpoch: -1 }),
    maxWaitMs: int32,
    minBytes: int32,
    maxBytes: int32,
    /** 0 reads uncommitted, 1 committed. */
    isolationLevel: int8,
    sessionId: since(7, int32, 0),
    sessionEpoch: since(7, int32, -1),
    topics: array(
      struct({
        topic: until(12, string, ''),
        topicId: since(13, uuid, zeroUuid),
        partitions: array(
          struct({
            partition: int32,
            currentLeaderEpoch: since(9, int32, -1),
            fetchOffset: int64,
            lastFetchedEpoch: since(12, int32, -1),
            logStartOffset: since(5, int64, -1),
            partitionMaxBytes: int32,
            replicaDirectoryId: tagged({ tag: 0, since: 17 }, uuid, zeroUuid),
          }),
        ),
      }),
    ),
    forgottenTopicsData: since(
      7,
      array(
        struct({
          topic: until(12, string, ''),
          topicId: since(13, uuid, zeroUuid),
          partitions: array(int32),
        }),
      ),
      [],
    ),
    rackId: since(11, string, ''),
  }),
  response: struct({
    throttleTimeMs: optional(int32, 0),
    errorCode: since(7, int16, 0),
    sessionId: since(7, int32, 0),
    responses: array(
      struct({
        topic: until(12, string, ''),
        topicId: since(13, uuid, zeroUuid),
        partitions: array(
          struct({
            partitionIndex: int32,
            errorCode: int16,
            highWatermark: int64,
            lastStableOffset: int64,
            logStartOffset: since(5, int64, -1),
            divergingEpoch: tagged({ tag: 0, since: 12 }, epochEndOffset, {
              epoch: -1,
              endOffset: -1,
            }),
            currentLeader: tagged({ tag: 1, since: 12 }, leaderIdAndEpoch, {
              leaderId: -1,
              leaderEpoch: -1,
            }),
            snapshotId: tagged({ tag: 2, since: 12 }, snapshotId, { endOffset: -1, epoch: -1 }),
            /** Null where the isolation level did not ask for them. */
            abortedTransactions: optional(
              nullableArray(struct({ producerId: int64, firstOffset: int64 })),
              null,
            ),
            preferredReadReplica: since(11, int32, -1),
            records,
          }),
        ),
      }),
    ),
    nodeEndpoints: tagged({ tag: 0, since: 16 }, array(node), []),
  }),
})
