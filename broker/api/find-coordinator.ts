// FindCoordinator (key 10), versions 0 to 6: this broker coordinates every consumer group and every transaction.
//
// Share groups have no coordinator here: COORDINATOR_NOT_AVAILABLE, with the reason.
import type { Handler } from './broker-context.ts'

/** Kafka: 0 for a group, 1 for a transactional id. */
const keyTypes: ReadonlySet<number> = new Set([0, 1])

export const findCoordinator: Handler<'FindCoordinator'> = (broker, request, call) => {
  const coordinator = keyTypes.has(request.keyType)
    ? {
        nodeId: broker.identity.nodeId,
        ...call.advertised,
        errorCode: 0,
        errorMessage: null,
      }
    : {
        nodeId: -1,
        host: '',
        port: -1,
        errorCode: call.code('COORDINATOR_NOT_AVAILABLE'),
        errorMessage: 'Consumer groups and transactions are coordinated here, not share groups.',
      }
  if (call.version < 4) return coordinator
  return { coordinators: request.coordinatorKeys.map((key) => ({ key, ...coordinator })) }
}
