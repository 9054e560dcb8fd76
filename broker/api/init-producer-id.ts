// InitProducerId (key 22), versions 0 to 5: a new id for an idempotent producer, with epoch 0.
//
// An idempotent producer that brings the id it has gets a new one, as in Kafka. There is no coordinator of
// transactions, which FindCoordinator says as well.
import { AppError, reasonOf } from '../../common/errors.ts'
import type { Handler } from './broker-context.ts'

export const initProducerId: Handler<'InitProducerId'> = async (broker, request, call) => {
  if (request.transactionalId !== null) return { errorCode: call.code('COORDINATOR_NOT_AVAILABLE') }
  try {
    return { errorCode: 0, producerId: await broker.producerIds.next(), producerEpoch: 0 }
  } catch (error) {
    if (!(error instanceof AppError) || error.code !== 'STORAGE_FAILED') throw error
    broker.logger.error('no producer id given', { reason: reasonOf(error) })
    return { errorCode: call.code('COORDINATOR_NOT_AVAILABLE') }
  }
}
