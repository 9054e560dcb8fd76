// TxnOffsetCommit (key 28), versions 0 to 4: offsets of a group that hold when the transaction is committed.
//
// The group must be in the transaction (AddOffsetsToTxn): else INVALID_TXN_STATE, from version 4 on TRANSACTION_ABORTABLE. A
// producer that was replaced gets INVALID_PRODUCER_EPOCH, as in Kafka; while an earlier transaction ends,
// COORDINATOR_LOAD_IN_PROGRESS, which clients of these versions try again after. Partitions that do not exist get
// UNKNOWN_TOPIC_OR_PARTITION; the others are taken.
import type { RequestOf } from '../../protocol/apis.ts'
import type { KafkaErrorName } from '../../protocol/error-codes.ts'
import { offsetsTopicName } from '../groups/offset-store.ts'
import type { OffsetToCommit } from '../groups/offset-record.ts'
import type { BrokerContext, Call, Handler } from './broker-context.ts'
import { offsetFlaw } from './group-offsets.ts'

type Request = RequestOf<'TxnOffsetCommit'>
type Partition = Request['topics'][number]['partitions'][number]

export const txnOffsetCommit: Handler<'TxnOffsetCommit'> = async (broker, request, call) => {
  const flawOf = (topic: string, partition: Partition): KafkaErrorName | undefined =>
    offsetFlaw(broker, topic, partition)
  const valid = request.topics.flatMap(({ name: topic, partitions }) =>
    partitions
      .filter((partition) => flawOf(topic, partition) === undefined)
      .map((partition): OffsetToCommit => ({
        topic,
        partition: partition.partitionIndex,
        offset: partition.committedOffset,
        leaderEpoch: partition.committedLeaderEpoch,
        metadata: partition.committedMetadata ?? '',
      })),
  )
  const error = await commit(broker, { request, valid }, call)
  return {
    topics: request.topics.map(({ name, partitions }) => ({
      name,
      partitions: partitions.map((partition) => ({
        partitionIndex: partition.partitionIndex,
        errorCode: call.code(error === 'NONE' ? (flawOf(name, partition) ?? 'NONE') : error),
      })),
    })),
  }
}

async function commit(
  broker: BrokerContext,
  { request, valid }: { request: Request; valid: readonly OffsetToCommit[] },
  { version }: Call,
): Promise<KafkaErrorName> {
  const { groupId, generationId, memberId, groupInstanceId } = request
  const place = { topic: offsetsTopicName, partition: 0 }
  const error = broker.transactions.writeError(request, place)
  if (error !== undefined) return translated(error, version)
  const { producerId, producerEpoch } = request
  const claim = { generationId, memberId, groupInstanceId }
  const producer = { producerId, producerEpoch }
  return broker.transactionalOffsets.commit({ groupId, claim }, producer, valid)
}

function translated(error: KafkaErrorName, version: number): KafkaErrorName {
  switch (error) {
    case 'PRODUCER_FENCED':
      return 'INVALID_PRODUCER_EPOCH'
    case 'CONCURRENT_TRANSACTIONS':
      return 'COORDINATOR_LOAD_IN_PROGRESS'
    case 'INVALID_TXN_STATE':
      return version >= 4 ? 'TRANSACTION_ABORTABLE' : error
    default:
      return error
  }
}
