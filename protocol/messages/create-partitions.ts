// CreatePartitions (key 37): gives topics more partitions.
import { defineApi } from '../api.ts'
import {
  array,
  bool,
  int16,
  int32,
  nullableArray,
  nullableString,
  optional,
  string,
  struct,
} from '../fields.ts'

/* `count` is the number of partitions to have, not to add. v2: flexible. v3: quota errors (KIP-599). */
export const createPartitions = defineApi({
  key: 37,
  name: 'CreatePartitions',
  minVersion: 0,
  maxVersion: 3,
  flexibleSince: 2,
  request: struct({
    topics: array(
      struct({
        name: string,
        count: int32,
        assignments: nullableArray(struct({ brokerIds: array(int32) })),
      }),
    ),
    timeoutMs: int32,
    validateOnly: bool,
  }),
  response: struct({
    throttleTimeMs: optional(int32, 0),
    results: array(
      struct({
        name: string,
        errorCode: int16,
        errorMessage: optional(nullableString, null),
      }),
    ),
  }),
})
