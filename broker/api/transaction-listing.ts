// DescribeProducers (key 61, version 0), DescribeTransactions (65, 0) and ListTransactions (66, 0 to 1).
//
// A partition's producers are those that it remembers, with where an open transaction of theirs begins. Transactions that
// have begun and are not over show their partitions; the offsets of groups are in __consumer_offsets-0.
import type { RequestOf, ResponseOf } from '../../protocol/apis.ts'
import type { ProducerState } from '../log/producer-state.ts'
import { transactionStates, type Transaction } from '../transactions/transaction.ts'
import type { BrokerContext, Call, Handler } from './broker-context.ts'

type Described = ResponseOf<'DescribeTransactions'>['transactionStates'][number]
type ActiveProducer =
  ResponseOf<'DescribeProducers'>['topics'][number]['partitions'][number]['activeProducers'][number]
type Filters = RequestOf<'ListTransactions'>

export const describeProducers: Handler<'DescribeProducers'> = ({ store }, request, call) => ({
  topics: request.topics.map(({ name, partitionIndexes }) => ({
    name,
    partitions: partitionIndexes.map((partitionIndex) => {
      const partition = store.topic(name)?.partitions[partitionIndex]
      if (partition !== undefined) {
        const activeProducers = partition.producers.table.states().map(producerOf)
        return { partitionIndex, errorCode: 0, activeProducers }
      }
      const errorMessage = `There is no partition ${partitionIndex} of '${name}'.`
      const errorCode = call.code('UNKNOWN_TOPIC_OR_PARTITION')
      return { partitionIndex, errorCode, errorMessage, activeProducers: [] }
    }),
  })),
})

export const describeTransactions: Handler<'DescribeTransactions'> = (broker, request, call) => ({
  transactionStates: request.transactionalIds.map((id) => described(broker, id, call)),
})

export const listTransactions: Handler<'ListTransactions'> = (broker, request) => {
  const known: readonly string[] = transactionStates
  const nowMs = broker.clock.now()
  return {
    errorCode: 0,
    unknownStateFilters: request.stateFilters.filter((state) => !known.includes(state)),
    transactionStates: broker.transactions.transactions
      .filter((transaction) => isWanted(transaction, request, nowMs))
      .map(({ transactionalId, producerId, state: transactionState }) => ({
        transactionalId,
        producerId,
        transactionState,
      })),
  }
}

function producerOf(state: ProducerState): ActiveProducer {
  return {
    producerId: state.producerId,
    producerEpoch: state.epoch,
    lastSequence: state.lastSequence,
    lastTimestamp: state.batches.at(-1)?.timestamp ?? -1,
    // There is one coordinator, and no newer one fences it.
    coordinatorEpoch: 0,
    currentTxnStartOffset: state.transactionStart,
  }
}

function described(
  { transactions }: BrokerContext,
  transactionalId: string,
  call: Call,
): Described {
  if (transactionalId === '') return { transactionalId, errorCode: call.code('INVALID_REQUEST') }
  const transaction = transactions.transaction(transactionalId)
  if (transaction === undefined) {
    return { transactionalId, errorCode: call.code('TRANSACTIONAL_ID_NOT_FOUND') }
  }
  const { producerId, producerEpoch, state, timeoutMs, startedMs, partitions } = transaction
  return {
    errorCode: 0,
    transactionalId,
    transactionState: state,
    transactionTimeoutMs: timeoutMs,
    transactionStartTimeMs: startedMs,
    producerId,
    producerEpoch,
    topics: [...partitions].map(([topic, indexes]) => ({ topic, partitions: [...indexes] })),
  }
}

function isWanted(transaction: Transaction, filters: Filters, nowMs: number): boolean {
  const { stateFilters, producerIdFilters, durationFilter } = filters
  const { state, producerId, startedMs } = transaction
  if (stateFilters.length > 0 && !stateFilters.includes(state)) return false
  if (producerIdFilters.length > 0 && !producerIdFilters.includes(producerId)) return false
  return durationFilter < 0 || nowMs - startedMs > durationFilter
}
