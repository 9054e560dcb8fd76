// AddPartitionsToTxn (key 24): says which partitions a transaction is about to write to.
import { defineApi } from '../api.ts'
import {
  array,
  bool,
  int16,
  int32,
  int64,
  optional,
  since,
  string,
  struct,
  until,
} from '../fields.ts'

/*
 * Up to version 3 one transaction, by clients; from version 4 on a list of them, by brokers that may only want to know
 * whether the partitions are in it. v2: PRODUCER_FENCED. v3: flexible. v5: TRANSACTION_ABORTABLE (KIP-890).
 */
const topics = array(struct({ name: string, partitions: array(int32) }))
const results = array(
  struct({
    name: string,
    resultsByPartition: array(struct({ partitionIndex: int32, partitionErrorCode: int16 })),
  }),
)

export const addPartitionsToTxn = defineApi({
  key: 24,
  name: 'AddPartitionsToTxn',
  minVersion: 0,
  maxVersion: 5,
  flexibleSince: 3,
  request: struct({
    transactions: since(
      4,
      array(
        struct({
          transactionalId: string,
          producerId: int64,
          producerEpoch: int16,
          verifyOnly: bool,
          topics,
        }),
      ),
      [],
    ),
    transactionalId: until(3, string, ''),
    producerId: until(3, int64, -1),
    producerEpoch: until(3, int16, -1),
    topics: until(3, topics, []),
  }),
  response: struct({
    throttleTimeMs: optional(int32, 0),
    errorCode: since(4, int16, 0),
    resultsByTransaction: since(
      4,
      array(struct({ transactionalId: string, topicResults: results })),
      [],
    ),
    resultsByTopic: until(3, results, []),
  }),
})
