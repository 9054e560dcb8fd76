// What Kafka's errors mean to a member of a group.
import type { KafkaErrorName } from '../protocol/error-codes.ts'

/** Of a join: passes by itself. */
export const passesForJoin: ReadonlySet<KafkaErrorName> = new Set<KafkaErrorName>([
  'COORDINATOR_LOAD_IN_PROGRESS',
  'COORDINATOR_NOT_AVAILABLE',
  'NOT_COORDINATOR',
  'REBALANCE_IN_PROGRESS',
  'ILLEGAL_GENERATION',
  'REQUEST_TIMED_OUT',
  'UNKNOWN_SERVER_ERROR',
])

/** Of a heartbeat or a commit: the generation is over, or its coordinator is another. */
export const endsGeneration: ReadonlySet<KafkaErrorName> = new Set<KafkaErrorName>([
  'REBALANCE_IN_PROGRESS',
  'ILLEGAL_GENERATION',
  'UNKNOWN_MEMBER_ID',
  'FENCED_INSTANCE_ID',
  'NOT_COORDINATOR',
  'COORDINATOR_NOT_AVAILABLE',
])
