// DescribeCluster (key 60), versions 0 to 2: this broker as the only node, and as the controller.
//
// Controllers cannot be asked for: this door speaks as a broker, which Kafka answers MISMATCHED_ENDPOINT_TYPE.
import { operationsNotAsked } from '../../protocol/messages/metadata.ts'
import { clusterOperations } from './authorized-operations.ts'
import type { Handler } from './broker-context.ts'
import { refuse, type TopicRefusal } from './topic-outcome.ts'

const [brokers, controllers] = [1, 2]

export const describeCluster: Handler<'DescribeCluster'> = ({ identity }, request, call) => {
  const { endpointType, includeClusterAuthorizedOperations } = request
  const { nodeId, clusterId } = identity
  const flaw = endpointFlaw(endpointType)
  if (flaw !== undefined) {
    const errorCode = call.code(flaw.error)
    return { errorCode, errorMessage: flaw.message, clusterId, brokers: [] }
  }
  return {
    errorCode: 0,
    clusterId,
    controllerId: nodeId,
    brokers: [{ brokerId: nodeId, ...call.advertised }],
    clusterAuthorizedOperations: includeClusterAuthorizedOperations
      ? clusterOperations
      : operationsNotAsked,
  }
}

function endpointFlaw(endpointType: number): TopicRefusal | undefined {
  if (endpointType === brokers) return undefined
  return endpointType === controllers
    ? refuse(
        'MISMATCHED_ENDPOINT_TYPE',
        'The request was sent to an endpoint of type BROKER, but we wanted an endpoint of type CONTROLLER',
      )
    : refuse('UNSUPPORTED_ENDPOINT_TYPE', `Unsupported endpoint type ${endpointType}`)
}
