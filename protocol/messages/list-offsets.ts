// ListOffsets (key 2): the offset of a timestamp, or of either end of a partition.
import { defineApi } from '../api.ts'
import { array, int16, int32, int64, int8, optional, since, string, struct } from '../fields.ts'

/*
 * Timestamp -1 asks for the latest offset, -2 for the earliest, from v7 on -3 for that of the largest
 * timestamp (KIP-734). v2: isolation level. v4: leader epochs. v6: flexible. Of tiered storage are -4,
 * from v8 on the first offset that is local, -5 from v9 on the last that is not (KIP-1005), and -6 from v11
 * on the first that waits for its copy (KIP-1023). v10: a timeout for looking there. Version 0, with its
 * list of offsets, is not here: Kafka 4 dropped it (KIP-896).
 */
export const listOffsets = defineApi({
  key: 2,
  name: 'ListOffsets',
  minVersion: 1,
  maxVersion: 11,
  flexibleSince: 6,
  request: struct({
    replicaId: optional(int32, -1),
    isolationLevel: since(2, int8, 0),
    topics: array(
      struct({
        name: string,
        partitions: array(
          struct({
            partitionIndex: int32,
            currentLeaderEpoch: since(4, int32, -1),
            timestamp: int64,
          }),
        ),
      }),
    ),
    timeoutMs: since(10, int32, 0),
  }),
  response: struct({
    throttleTimeMs: since(2, int32, 0),
    topics: array(
      struct({
        name: string,
        partitions: array(
          struct({
            partitionIndex: int32,
            errorCode: int16,
            /** -1 where no record is as late, and for either end. */
            timestamp: int64,
            offset: int64,
            leaderEpoch: since(4, int32, -1),
          }),
        ),
      }),
    ),
  }),
})
