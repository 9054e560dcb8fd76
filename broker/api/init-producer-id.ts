// InitProducerId (key 22), versions 0 to 5: an id and epoch for an idempotent or a transactional producer.
//
// Without a transactional id there is a new id each time, as in Kafka, even for a producer that brings one. With one, the
// id is the same and the epoch the next, which fences whoever had it before; a transaction that was open is aborted, and
// the producer has to ask again (CONCURRENT_TRANSACTIONS). Before version 4, PRODUCER_FENCED is INVALID_PRODUCER_EPOCH.
import { AppError, reasonOf } from '../../common/errors.ts'
import type { RequestOf } from '../../protocol/apis.ts'
import type { KafkaErrorName } from '../../protocol/error-codes.ts'
import type { ProducerClaim } from '../transactions/transaction.ts'
import type { BrokerContext, Handler } from './broker-context.ts'
import { fencedBefore } from './transactions.ts'

export const initProducerId: Handler<'InitProducerId'> = async (broker, request, call) => {
  const given = await give(broker, request)
  if (typeof given === 'string') return { errorCode: call.code(fencedBefore(4, call, given)) }
  return { errorCode: 0, ...given }
}

async function give(
  broker: BrokerContext,
  request: RequestOf<'InitProducerId'>,
): Promise<ProducerClaim | KafkaErrorName> {
  const { transactionalId, transactionTimeoutMs: timeoutMs, producerId, producerEpoch } = request
  // Both, or neither.
  if (producerId < 0 !== producerEpoch < 0) return 'INVALID_REQUEST'
  if (transactionalId !== null) {
    const held = producerId < 0 ? undefined : { producerId, producerEpoch }
    return broker.transactions.initialize(transactionalId, { timeoutMs, held })
  }
  try {
    return { producerId: await broker.producerIds.next(), producerEpoch: 0 }
  } catch (error) {
    if (!(error instanceof AppError) || error.code !== 'STORAGE_FAILED') throw error
    broker.logger.error('no producer id given', { reason: reasonOf(error) })
    return 'COORDINATOR_NOT_AVAILABLE'
  }
}
