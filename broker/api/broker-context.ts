// What the handlers of Kafka's APIs are handed: the broker's parts, and the request's circumstances.
import type { Clock } from '../../common/clock.ts'
import type { Logger } from '../../common/logger.ts'
import type { ApiName, RequestOf, ResponseOf } from '../../protocol/apis.ts'
import { errorCodes, type KafkaErrorName } from '../../protocol/error-codes.ts'
import type { Users } from '../auth/users.ts'
import type { GroupCoordinator } from '../groups/coordinator.ts'
import type { TransactionalOffsets } from '../groups/transactional-offsets.ts'
import type { LogStore } from '../log/log-store.ts'
import type { ProducerIds } from '../transactions/producer-ids.ts'
import type { TransactionCoordinator } from '../transactions/transaction-coordinator.ts'
import type { ApiCounters } from './api-counters.ts'
import type { BrokerConfigs } from './broker-configs.ts'
import type { Turns } from './turns.ts'

/** A host and port, as clients are told them. */
export interface Address {
  readonly host: string
  readonly port: number
}

/** This broker as clients see it: the only node, and the controller. */
export interface BrokerIdentity {
  readonly nodeId: number
  readonly clusterId: string
}

export interface BrokerContext {
  readonly identity: BrokerIdentity
  readonly store: LogStore
  readonly coordinator: GroupCoordinator
  readonly transactionalOffsets: TransactionalOffsets
  readonly producerIds: ProducerIds
  readonly users: Users
  readonly transactions: TransactionCoordinator
  readonly counters: ApiCounters
  /** One change of a topic's partitions at a time. */
  readonly partitionChanges: Turns
  readonly clock: Clock
  readonly logger: Logger
  /** Kafka's num.partitions. */
  readonly numPartitions: number
  readonly autoCreateTopics: boolean
  readonly configs: BrokerConfigs
}

/** One request's circumstances. */
export interface Call {
  readonly version: number
  readonly clientId: string
  /** As Kafka shows it: `/127.0.0.1`. */
  readonly clientHost: string
  /** Where the client is told to find this broker: the listener that it reached decides. */
  readonly advertised: Address
  /** Aborted when nobody waits for the answer any more, or the broker stops. */
  readonly signal: AbortSignal
  /** The code of an error on the wire; what is not NONE is counted. */
  code(error: KafkaErrorName): number
}

/**
 * Answers a request; null where the protocol wants no response. Refusals are values in the response; it
 * rejects with AppError where the machine fails, which closes the connection.
 */
export type Handler<Name extends ApiName> = (
  broker: BrokerContext,
  request: RequestOf<Name>,
  call: Call,
) => ResponseOf<Name> | null | Promise<ResponseOf<Name> | null>

export function codeOf(error: KafkaErrorName): number {
  return errorCodes[error]
}
