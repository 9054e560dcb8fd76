// OffsetForLeaderEpoch (key 23): where the records of a leader's epoch end, to find what was cut off (KIP-320).
import { defineApi } from '../api.ts'
import { array, int16, int32, int64, optional, since, string, struct } from '../fields.ts'

/* v3: replica ids. v4: flexible. Versions 0 and 1, without fencing, went with Kafka 4 (KIP-896). */
export const offsetForLeaderEpoch = defineApi({
  key: 23,
  name: 'OffsetForLeaderEpoch',
  minVersion: 2,
  maxVersion: 4,
  flexibleSince: 4,
  request: struct({
    /** -1 for a consumer, -2 for one that looks beyond the high watermark. */
    replicaId: since(3, int32, -2),
    topics: array(
      struct({
        topic: string,
        partitions: array(
          struct({
            partition: int32,
            currentLeaderEpoch: optional(int32, -1),
            leaderEpoch: int32,
          }),
        ),
      }),
    ),
  }),
  response: struct({
    throttleTimeMs: optional(int32, 0),
    topics: array(
      struct({
        topic: string,
        partitions: array(
          struct({
            errorCode: int16,
            partition: int32,
            leaderEpoch: optional(int32, -1),
            endOffset: int64,
          }),
        ),
      }),
    ),
  }),
})
