// AddPartitionsToTxn (key 24, versions 0 to 5), AddOffsetsToTxn (25, 0 to 4) and EndTxn (26, 0 to 4).
//
// Partitions belong to a transaction before they are written to: all that are asked for, or none. EndTxn is answered when
// the markers are on disk, so that what comes next need not wait; where they cannot be written now, it is decided all the
// same. Before version 2 of each, PRODUCER_FENCED is INVALID_PRODUCER_EPOCH. The broker-to-broker form of
// AddPartitionsToTxn, from version 4 on, is answered as well.
import type { RequestOf, ResponseOf } from '../../protocol/apis.ts'
import type { KafkaErrorName } from '../../protocol/error-codes.ts'
import { offsetsTopicName } from '../groups/offset-store.ts'
import type { TransactionClaim } from '../transactions/transaction-coordinator.ts'
import type { TransactionPartitions } from '../transactions/transaction.ts'
import type { BrokerContext, Call, Handler } from './broker-context.ts'

type Topics = RequestOf<'AddPartitionsToTxn'>['topics']
type TopicResults = ResponseOf<'AddPartitionsToTxn'>['resultsByTopic']
type Batched = RequestOf<'AddPartitionsToTxn'>['transactions'][number]

export const addPartitionsToTxn: Handler<'AddPartitionsToTxn'> = async (broker, request, call) => {
  if (call.version < 4) {
    return { resultsByTopic: await add(broker, { claim: request, topics: request.topics }, call) }
  }
  const resultsByTransaction = []
  for (const transaction of request.transactions) {
    const { transactionalId, topics } = transaction
    const topicResults = transaction.verifyOnly
      ? verify(broker, transaction, call)
      : await add(broker, { claim: transaction, topics }, call)
    resultsByTransaction.push({ transactionalId, topicResults: topicResults ?? [] })
  }
  return { resultsByTransaction }
}

export const addOffsetsToTxn: Handler<'AddOffsetsToTxn'> = async (broker, request, call) => {
  if (request.groupId === '') return { errorCode: call.code('INVALID_GROUP_ID') }
  // All groups' offsets are in one partition.
  const partitions = new Map([[offsetsTopicName, new Set([0])]])
  const error = await broker.transactions.addPartitions(request, partitions)
  return { errorCode: call.code(fencedBefore(2, call, error)) }
}

export const endTxn: Handler<'EndTxn'> = async (broker, request, call) => {
  const error = await broker.transactions.end(request, request.committed)
  return { errorCode: call.code(fencedBefore(2, call, error)) }
}

/** A client of a version that does not know PRODUCER_FENCED is told what it was called before. */
export function fencedBefore(since: number, call: Call, error: KafkaErrorName): KafkaErrorName {
  return error === 'PRODUCER_FENCED' && call.version < since ? 'INVALID_PRODUCER_EPOCH' : error
}

async function add(
  broker: BrokerContext,
  { claim, topics }: { claim: TransactionClaim; topics: Topics },
  call: Call,
): Promise<TopicResults> {
  const flaws = new Map(topics.map(({ name }) => [name, flawsOf(broker, name)]))
  const flawOf = (name: string, index: number): KafkaErrorName | undefined =>
    flaws.get(name)?.(index)
  const isFlawed = topics.some(({ name, partitions }) =>
    partitions.some((index) => flawOf(name, index) !== undefined),
  )
  const error = isFlawed
    ? 'OPERATION_NOT_ATTEMPTED'
    : await broker.transactions.addPartitions(claim, partitionsOf(topics))
  return resultsOf(topics, (name, index) =>
    call.code(flawOf(name, index) ?? fencedBefore(2, call, error)),
  )
}

function verify(broker: BrokerContext, transaction: Batched, call: Call): TopicResults {
  return resultsOf(transaction.topics, (topic, partition) => {
    const error = broker.transactions.writeError(transaction, { topic, partition }) ?? 'NONE'
    const isAbortable = error === 'INVALID_TXN_STATE' && call.version >= 5
    return call.code(isAbortable ? 'TRANSACTION_ABORTABLE' : error)
  })
}

/** What is wrong with partitions of a topic. */
function flawsOf(
  { store }: BrokerContext,
  name: string,
): (index: number) => KafkaErrorName | undefined {
  const topic = store.topic(name)
  return (index) => {
    if (topic?.partitions[index] === undefined) return 'UNKNOWN_TOPIC_OR_PARTITION'
    return topic.internal ? 'INVALID_TOPIC_EXCEPTION' : undefined
  }
}

function partitionsOf(topics: Topics): TransactionPartitions {
  const byName = Map.groupBy(topics, ({ name }) => name)
  return new Map(
    [...byName].map(([name, same]) => [name, new Set(same.flatMap((topic) => topic.partitions))]),
  )
}

function resultsOf(
  topics: Topics,
  codeOf: (topic: string, partition: number) => number,
): NonNullable<TopicResults> {
  return topics.map(({ name, partitions }) => ({
    name,
    resultsByPartition: partitions.map((partitionIndex) => ({
      partitionIndex,
      partitionErrorCode: codeOf(name, partitionIndex),
    })),
  }))
}
