// Produce (key 0), versions 0 to 11: appends record batches.
//
// acks 0 gets no response, 1 is answered once the batches have their offsets, -1 once they are as durable as the
// store's policy says; a request's partitions are appended in one turn, so they share a commit. Versions 0 to 2
// are advertised for librdkafka's sake alone (KAFKA-18659) and answered UNSUPPORTED_VERSION in their body.
// A batch that an idempotent producer sends again gets the offset it has had since the first time (KIP-98).
// A transactional batch is taken when its partition is in the producer's transaction (KIP-890), else refused with
// INVALID_TXN_STATE, from version 11 on with TRANSACTION_ABORTABLE.
import { AppError, reasonOf } from '../../common/errors.ts'
import type { RequestOf, ResponseOf } from '../../protocol/apis.ts'
import type { KafkaErrorName } from '../../protocol/error-codes.ts'
import {
  attributesAt,
  isTransactional,
  producerEpochAt,
  recordBatchHeaderBytes,
  safeProducerIdAt,
} from '../../protocol/record-batch.ts'
import type { AppendAccepted } from '../log/append-outcome.ts'
import type { BrokerContext, Call, Handler } from './broker-context.ts'

type Request = RequestOf<'Produce'>
type PartitionResponse = ResponseOf<'Produce'>['responses'][number]['partitionResponses'][number]

/** Offsets are given out, in order, before the first wait: requests of a connection keep their order. */
export const produce: Handler<'Produce'> = async (broker, request, call) => {
  const { acks, transactionalId } = request
  const refusal = refusalOf(request, call)
  const appended = request.topicData.map(({ name, partitionData }) => ({
    name,
    appends: partitionData.map(({ index, records }) => ({
      index,
      result: refusal ?? append(broker, { name, index, records, transactionalId }, call),
    })),
  }))
  const answer = () => ({
    responses: appended.map(({ name, appends }) => ({
      name,
      partitionResponses: appends.map(({ index, result }) =>
        responseOf(broker, { name, index, result }, call),
      ),
    })),
  })
  const accepted = appended.flatMap(({ appends }) =>
    appends.flatMap(({ result }) => ('error' in result ? [] : result)),
  )
  const committed = settle(broker, accepted)
  if (acks === 0) return null
  if (acks === 1) return answer()
  const failed = await committed
  for (const { appends } of appended) {
    for (const append of appends) {
      if (!('error' in append.result) && failed.has(append.result)) append.result = storageFailed
    }
  }
  return answer()
}

interface Refused {
  readonly error: KafkaErrorName
  readonly reason: string
}
type AppendResult = AppendAccepted | Refused

const storageFailed: Refused = {
  error: 'KAFKA_STORAGE_ERROR',
  reason: 'the records could not be written',
}

/** What is wrong with the request as a whole, for each of its partitions to say. */
function refusalOf({ acks }: Request, { version }: Call): Refused | undefined {
  if (version < 3) {
    const reason = 'message sets of the formats v0 and v1 are not taken'
    return { error: 'UNSUPPORTED_VERSION', reason }
  }
  if (acks !== -1 && acks !== 0 && acks !== 1) {
    return { error: 'INVALID_REQUIRED_ACKS', reason: `acks is ${acks}; it may be -1, 0 or 1` }
  }
  return undefined
}

function append(
  broker: BrokerContext,
  data: { name: string; index: number; records: Buffer | null; transactionalId: string | null },
  { version }: Call,
): AppendResult {
  const topic = broker.store.topic(data.name)
  const partition = topic?.partitions[data.index]
  if (topic === undefined || partition === undefined) {
    const reason = `there is no partition ${data.index} of '${data.name}'`
    return { error: 'UNKNOWN_TOPIC_OR_PARTITION', reason }
  }
  if (topic.internal) {
    return { error: 'INVALID_TOPIC_EXCEPTION', reason: `'${data.name}' is the broker's own` }
  }
  if (data.records === null) return { error: 'INVALID_RECORD', reason: 'there are no records' }
  const { name, index, records, transactionalId } = data
  const error = transactionError(broker, { topic: name, index, records, transactionalId })
  if (error === undefined) return partition.append(records)
  const reason = `partition ${index} of '${name}' takes no record of this transaction now: ${error}`
  return { error: translated(error, version), reason }
}

/** What the coordinator has against a transactional batch; whether it is sound is for the log to find out. */
function transactionError(
  { transactions }: BrokerContext,
  data: { topic: string; index: number; records: Buffer; transactionalId: string | null },
): KafkaErrorName | undefined {
  const { topic, index: partition, records, transactionalId } = data
  if (records.length < recordBatchHeaderBytes) return undefined
  if (!isTransactional(attributesAt(records, 0))) return undefined
  if (transactionalId === null) return 'INVALID_TXN_STATE'
  const producerId = safeProducerIdAt(records, 0) ?? -1
  const claim = { transactionalId, producerId, producerEpoch: producerEpochAt(records, 0) }
  return transactions.writeError(claim, { topic, partition })
}

/** Clients of these versions know other names, or would not try again. */
function translated(error: KafkaErrorName, version: number): KafkaErrorName {
  switch (error) {
    case 'PRODUCER_FENCED':
      return 'INVALID_PRODUCER_EPOCH'
    case 'CONCURRENT_TRANSACTIONS':
      return 'NOT_ENOUGH_REPLICAS'
    case 'INVALID_TXN_STATE':
      return version >= 11 ? 'TRANSACTION_ABORTABLE' : error
    default:
      return error
  }
}

/** Resolves with the appends that did not become durable; also reports those that nobody waits for. */
async function settle(
  broker: BrokerContext,
  accepted: readonly AppendAccepted[],
): Promise<ReadonlySet<AppendAccepted>> {
  const results = await Promise.allSettled(accepted.map(({ committed }) => committed))
  const failed = new Set<AppendAccepted>()
  for (const [index, result] of results.entries()) {
    const append = accepted[index]
    if (result.status === 'fulfilled' || append === undefined) continue
    if (!(result.reason instanceof AppError)) throw result.reason
    if (failed.size === 0) {
      broker.logger.error('records not written', { reason: reasonOf(result.reason) })
    }
    failed.add(append)
  }
  return failed
}

function responseOf(
  { store }: BrokerContext,
  { name, index, result }: { name: string; index: number; result: AppendResult },
  call: Call,
): PartitionResponse {
  if ('error' in result) {
    const { error, reason } = result
    return { index, errorCode: call.code(error), baseOffset: -1, errorMessage: reason }
  }
  return {
    index,
    errorCode: 0,
    baseOffset: result.baseOffset,
    logAppendTimeMs: result.logAppendTimeMs,
    logStartOffset: store.topic(name)?.partitions[index]?.logStartOffset ?? -1,
  }
}
