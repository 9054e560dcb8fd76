// FindCoordinator (key 10), versions 0 to 6: this broker coordinates every consumer group.
//
// Transactions and share groups have no coordinator here: COORDINATOR_NOT_AVAILABLE, with the reason.
import type { Handler } from './broker-context.ts'

const groupKeyType = 0

export const findCoordinator: Handler<'FindCoordinator'> = (broker, request, call) => {
  const coordinator =
    request.keyType === groupKeyType
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
          errorMessage:
            'Only consumer groups are coordinated here, not transactions or share groups.',
        }
  if (call.version < 4) return coordinator
  return { coordinators: request.coordinatorKeys.map((key) => ({ key, ...coordinator })) }
}
