// CreateTopics (key 19): makes topics, by partition count or by explicit assignment.
import { defineApi } from '../api.ts'
import {
  array,
  bool,
  int16,
  int32,
  int8,
  nullableArray,
  nullableString,
  since,
  string,
  struct,
  tagged,
  uuid,
  zeroUuid,
} from '../fields.ts'

/*
 * v1: validateOnly, error messages. v4: -1 partitions or replicas mean the broker's default (KIP-464).
 * v5: flexible, the response tells partitions and configuration (KIP-525). v7: topic ids (KIP-516).
 */
export const createTopics = defineApi({
  key: 19,
  name: 'CreateTopics',
  minVersion: 0,
  maxVersion: 7,
  flexibleSince: 5,
  request: struct({
    topics: array(
      struct({
        name: string,
        /** -1 with explicit assignments, or for the broker's default. */
        numPartitions: int32,
        replicationFactor: int16,
        assignments: array(struct({ partitionIndex: int32, brokerIds: array(int32) })),
        configs: array(struct({ name: string, value: nullableString })),
      }),
    ),
    timeoutMs: int32,
    validateOnly: since(1, bool, false),
  }),
  response: struct({
    throttleTimeMs: since(2, int32, 0),
    topics: array(
      struct({
        name: string,
        topicId: since(7, uuid, zeroUuid),
        errorCode: int16,
        errorMessage: since(1, nullableString, null),
        topicConfigErrorCode: tagged({ tag: 0, since: 5 }, int16, 0),
        numPartitions: since(5, int32, -1),
        replicationFactor: since(5, int16, -1),
        configs: since(
          5,
          nullableArray(
            struct({
              name: string,
              value: nullableString,
              readOnly: bool,
              configSource: int8,
              isSensitive: bool,
            }),
          ),
          [],
        ),
      }),
    ),
  }),
})
