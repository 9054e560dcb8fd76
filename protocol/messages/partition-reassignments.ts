// AlterPartitionReassignments (key 45) and ListPartitionReassignments (46): replicas that move between brokers.
import { defineApi } from '../api.ts'
import {
  array,
  bool,
  int16,
  int32,
  nullableArray,
  nullableString,
  optional,
  since,
  string,
  struct,
} from '../fields.ts'

/* Flexible from the first version on (KIP-455). v1: the number of replicas may be kept from changing (KIP-860). */
export const alterPartitionReassignments = defineApi({
  key: 45,
  name: 'AlterPartitionReassignments',
  minVersion: 0,
  maxVersion: 1,
  flexibleSince: 0,
  request: struct({
    timeoutMs: optional(int32, 60_000),
    allowReplicationFactorChange: since(1, bool, true),
    topics: array(
      struct({
        name: string,
        /** Null replicas cancel a reassignment. */
        partitions: array(struct({ partitionIndex: int32, replicas: nullableArray(int32) })),
      }),
    ),
  }),
  response: struct({
    throttleTimeMs: optional(int32, 0),
    allowReplicationFactorChange: since(1, bool, true),
    errorCode: int16,
    errorMessage: nullableString,
    responses: array(
      struct({
        name: string,
        partitions: array(
          struct({ partitionIndex: int32, errorCode: int16, errorMessage: nullableString }),
        ),
      }),
    ),
  }),
})

export const listPartitionReassignments = defineApi({
  key: 46,
  name: 'ListPartitionReassignments',
  minVersion: 0,
  maxVersion: 0,
  flexibleSince: 0,
  request: struct({
    timeoutMs: optional(int32, 60_000),
    /** Null asks for all. */
    topics: nullableArray(struct({ name: string, partitionIndexes: array(int32) })),
  }),
  response: struct({
    throttleTimeMs: optional(int32, 0),
    errorCode: int16,
    errorMessage: nullableString,
    topics: array(
      struct({
        name: string,
        partitions: array(
          struct({
            partitionIndex: int32,
            replicas: array(int32),
            addingReplicas: array(int32),
            removingReplicas: array(int32),
          }),
        ),
      }),
    ),
  }),
})
