// Produce (key 0): record batches for partitions, and where each came to lie.
import { defineApi } from '../api.ts'
import {
  array,
  int16,
  int32,
  int64,
  nullableString,
  records,
  since,
  string,
  struct,
  tagged,
} from '../fields.ts'

/*
 * Versions 0 to 2 carry message sets of the formats v0 and v1, which Kafka 4 refuses; they stay
 * because librdkafka before 2.11 compresses only where version 0 is advertised (KAFKA-18659).
 * v3: record batches v2, transactional id. v7: zstd. v8: errors per record (KIP-467). v9: flexible.
 * v10: leader hints as tagged fields (KIP-951). Versions 4 to 7 and 11 differ in behaviour alone.
 * With acks 0 there is no response.
 */
export const produce = defineApi({
  key: 0,
  name: 'Produce',
  minVersion: 0,
  maxVersion: 11,
  flexibleSince: 9,
  request: struct({
    transactionalId: since(3, nullableString, null),
    /** -1 for all, 1 for the leader alone, 0 for no response. */
    acks: int16,
    timeoutMs: int32,
    topicData: array(
      struct({
        name: string,
        partitionData: array(struct({ index: int32, records })),
      }),
    ),
  }),
  response: struct({
    responses: array(
      struct({
        name: string,
        partitionResponses: array(
          struct({
            index: int32,
            errorCode: int16,
            baseOffset: int64,
            /** -1 unless the topic stamps records with the time of their append. */
            logAppendTimeMs: since(2, int64, -1),
            logStartOffset: since(5, int64, -1),
            recordErrors: since(
              8,
              array(struct({ batchIndex: int32, batchIndexErrorMessage: nullableString })),
              [],
            ),
            errorMessage: since(8, nullableString, null),
            currentLeader: tagged(
              { tag: 0, since: 10 },
              struct({ leaderId: int32, leaderEpoch: int32 }),
              { leaderId: -1, leaderEpoch: -1 },
            ),
          }),
        ),
      }),
    ),
    throttleTimeMs: since(1, int32, 0),
    nodeEndpoints: tagged(
      { tag: 0, since: 10 },
      array(struct({ nodeId: int32, host: string, port: int32, rack: nullableString })),
      [],
    ),
  }),
})
