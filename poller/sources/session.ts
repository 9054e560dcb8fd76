// What a source runs again and again: one membership in a group from its connection to its end.
import type { BrokerAccess } from '../../common/broker-access.ts'
import type { BrokerFault } from '../../common/broker-fault.ts'
import type { Clock } from '../../common/clock.ts'
import type { Logger } from '../../common/logger.ts'
import type { SharedLinks } from '../../kafka-consumer/shared-links.ts'
import type { MemberMemory } from '../../kafka-consumer/group-member.ts'
import type { SourceListener } from './source.ts'
import type { StartPosition } from './start-position.ts'

export interface SessionOptions {
  readonly brokers: readonly string[]
  readonly access?: BrokerAccess | undefined
  readonly topic: string
  readonly groupId: string
  readonly clientId: string
  readonly position: StartPosition
  readonly clock: Clock
  readonly logger: Logger
  /** What our own consumer shares with others of the process. */
  readonly shared?: SharedLinks | undefined
}

/** What outlives a session: the next one continues with it. */
export interface SessionMemory {
  /** Partitions the topic had when the mapping began; later ones are read from their start. */
  partitionsAtStart: number | undefined
  /** The topic's id, by which one made anew is known. */
  topicId: string | undefined
  readonly member: MemberMemory
}

export interface Session {
  /** Resolves after `close`; rejects with the error that ended the session, by then disconnected. */
  run(): Promise<void>
  /** Leaves the group and disconnects. */
  close(): Promise<void>
  /** Why the cluster did not let us in, if that ended the session. */
  faultOf(error: unknown): BrokerFault | undefined
  pause(partitions: readonly number[]): void
  resume(partitions: readonly number[]): void
  /** Rejects with AppError when nothing was committed. */
  commit(offsets: ReadonlyMap<number, number>): Promise<void>
}

export type OpenSession = (memory: SessionMemory, listener: SourceListener) => Session
