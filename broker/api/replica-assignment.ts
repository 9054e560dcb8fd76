// What is wrong with the replicas that a request gives a partition: this broker, the only node, is all there can be.
// Some clients call it 0.
import { refuse, type TopicRefusal } from './topic-outcome.ts'

export function replicasFlaw(
  brokerIds: readonly number[],
  nodeId: number,
): TopicRefusal | undefined {
  const assignment = 'The manual partition assignment includes'
  if (brokerIds.length === 0) {
    return refuse('INVALID_REPLICA_ASSIGNMENT', `${assignment} an empty replica list.`)
  }
  const stranger = brokerIds.find((id) => id !== nodeId && id !== 0)
  if (stranger !== undefined) {
    return refuse(
      'INVALID_REPLICA_ASSIGNMENT',
      `${assignment} broker ${stranger}, but no such broker is registered.`,
    )
  }
  if (brokerIds.length === 1) return undefined
  return refuse('INVALID_REPLICA_ASSIGNMENT', `${assignment} the broker ${nodeId} more than once.`)
}
