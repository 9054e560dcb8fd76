// ElectLeaders (key 43): makes the preferred replica of partitions their leader again.
import { defineApi } from '../api.ts'
import {
  array,
  int16,
  int32,
  int8,
  nullableArray,
  nullableString,
  optional,
  since,
  string,
  struct,
} from '../fields.ts'

/* v1: unclean elections (KIP-460). v2: flexible. */
export const electLeaders = defineApi({
  key: 43,
  name: 'ElectLeaders',
  minVersion: 0,
  maxVersion: 2,
  flexibleSince: 2,
  request: struct({
    /** 0 elects the preferred replica, 1 also one that lags. */
    electionType: since(1, int8, 0),
    /** Null asks for all. */
    topicPartitions: nullableArray(struct({ topic: string, partitions: array(int32) })),
    timeoutMs: optional(int32, 60_000),
  }),
  response: struct({
    throttleTimeMs: optional(int32, 0),
    errorCode: since(1, int16, 0),
    replicaElectionResults: array(
      struct({
        topic: string,
        partitionResult: array(
          struct({ partitionId: int32, errorCode: int16, errorMessage: nullableString }),
        ),
      }),
    ),
  }),
})
