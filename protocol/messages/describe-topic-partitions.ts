// DescribeTopicPartitions (key 75): topics and their partitions, page by page (KIP-966).
import { defineApi } from '../api.ts'
import {
  array,
  bool,
  int16,
  int32,
  nullableArray,
  nullableString,
  nullableStruct,
  optional,
  string,
  struct,
  uuid,
} from '../fields.ts'
import { operationsNotAsked } from './metadata.ts'

/** Where a page begins. */
const cursor = nullableStruct(struct({ topicName: string, partitionIndex: int32 }))

/* No topics means all of them. */
export const describeTopicPartitions = defineApi({
  key: 75,
  name: 'DescribeTopicPartitions',
  minVersion: 0,
  maxVersion: 0,
  flexibleSince: 0,
  request: struct({
    topics: array(struct({ name: string })),
    responsePartitionLimit: optional(int32, 2000),
    cursor: optional(cursor, null),
  }),
  response: struct({
    throttleTimeMs: optional(int32, 0),
    topics: array(
      struct({
        errorCode: int16,
        name: nullableString,
        topicId: uuid,
        isInternal: optional(bool, false),
        partitions: array(
          struct({
            errorCode: int16,
            partitionIndex: int32,
            leaderId: int32,
            leaderEpoch: optional(int32, -1),
            replicaNodes: array(int32),
            isrNodes: array(int32),
            eligibleLeaderReplicas: optional(nullableArray(int32), null),
            lastKnownElr: optional(nullableArray(int32), null),
            offlineReplicas: array(int32),
          }),
        ),
        topicAuthorizedOperations: optional(int32, operationsNotAsked),
      }),
    ),
    /** Null after the last page. */
    nextCursor: optional(cursor, null),
  }),
})
