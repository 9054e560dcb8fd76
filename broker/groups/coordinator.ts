// Runs every consumer group: finds it, sets its timer, turns its replies into promises, keeps its offsets.
import { randomUUID } from 'node:crypto'
import type { Clock, Timer } from '../../common/clock.ts'
import { AppError, reasonOf } from '../../common/errors.ts'
import {
  groupMembersMax,
  groupSessionTimeoutMaxMs,
  groupSessionTimeoutMinMs,
  groupsMax,
  groupTextMaxBytes,
  memberMetadataMaxBytes,
  offsetsRetentionCheckIntervalMs,
  offsetsRetentionMs,
} from '../../common/limits.ts'
import type { Logger } from '../../common/logger.ts'
import type { KafkaErrorName } from '../../protocol/error-codes.ts'
import { Group } from './group.ts'
import {
  refusedJoin,
  refusedSync,
  type GenerationClaim,
  type GroupDescription,
  type JoinRequest,
  type JoinResult,
  type MemberClaim,
  type SyncRequest,
  type SyncResult,
} from './membership.ts'
import type { CommittedOffset, OffsetRecord } from './offset-record.ts'
import type { OffsetStore } from './offset-store.ts'
import type { TopicOffsets } from './offset-table.ts'

export interface CoordinatorOptions {
  readonly offsets: OffsetStore
  readonly clock: Clock
  readonly logger: Logger
  /** Kafka's group.initial.rebalance.delay.ms. */
  readonly initialRebalanceDelayMs: number
}

export interface OffsetToCommit {
  readonly topic: string
  readonly partition: number
  readonly offset: number
  readonly leaderEpoch: number
  readonly metadata: string
}

interface Entry {
  readonly group: Group
  timer: Timer | undefined
  timerDueMs: number
  /** When the last member left. */
  emptySinceMs: number
}

/**
 * The groups of this broker. A group without members and offsets is forgotten. A group that has
 * offsets alone, after a restart for example, is Empty to whoever asks.
 */
export class GroupCoordinator {
  readonly #options: CoordinatorOptions
  readonly #entries = new Map<string, Entry>()
  #retentionTimer: Timer
  #closed = false

  constructor(options: CoordinatorOptions) {
    this.#options = options
    this.#retentionTimer = this.#scheduleRetention()
  }

  /** Resolves when the rebalance is over, or at once with an error. */
  join(request: JoinRequest): Promise<JoinResult> {
    const error = this.#refusal(request)
    if (error !== undefined) return Promise.resolve(refusedJoin(error, request.memberId))
    const known = this.#entries.get(request.groupId)
    // A member id that is not ours comes from before a restart: its owner has to join as a new member.
    if (known === undefined && request.memberId !== '') {
      return Promise.resolve(refusedJoin('UNKNOWN_MEMBER_ID', request.memberId))
    }
    const entry = known ?? this.#create(request.groupId)
    return new Promise((resolve) => {
      entry.group.join(request, this.#now(), resolve)
      this.#settle(entry)
    })
  }

  /** Resolves when the leader has assigned. */
  sync(request: SyncRequest): Promise<SyncResult> {
    const error = this.#assignmentFlaw(request)
    const entry = this.#entries.get(request.groupId)
    if (error !== undefined || entry === undefined) {
      return Promise.resolve(refusedSync(error ?? this.#withoutGroup('UNKNOWN_MEMBER_ID')))
    }
    return new Promise((resolve) => {
      entry.group.sync(request, this.#now(), resolve)
      this.#settle(entry)
    })
  }

  heartbeat(groupId: string, claim: GenerationClaim): KafkaErrorName {
    const entry = this.#entries.get(groupId)
    if (entry === undefined) return this.#withoutGroup('UNKNOWN_MEMBER_ID')
    const error = entry.group.heartbeat(claim, this.#now())
    this.#settle(entry)
    return error
  }

  leave(groupId: string, claim: MemberClaim): KafkaErrorName {
    const entry = this.#entries.get(groupId)
    if (entry === undefined) return this.#withoutGroup('UNKNOWN_MEMBER_ID')
    const error = entry.group.leave(claim, this.#now())
    this.#settle(entry)
    return error
  }

  /** Resolves when the offsets are durable, or with why none was taken. */
  async commit(
    groupId: string,
    claim: GenerationClaim,
    offsets: readonly OffsetToCommit[],
  ): Promise<KafkaErrorName> {
    const refusal = this.#commitRefusal(groupId, claim)
    if (refusal !== 'NONE') return refusal
    const commitTimestampMs = this.#now()
    const records = offsets.map(({ topic, partition, ...committed }): OffsetRecord => ({
      key: { group: groupId, topic, partition },
      committed: { ...committed, commitTimestampMs },
    }))
    try {
      await this.#options.offsets.write(records)
      return 'NONE'
    } catch (error) {
      if (!(error instanceof AppError) || error.code !== 'STORAGE_FAILED') throw error
      this.#options.logger.error('offsets not committed', { groupId, reason: reasonOf(error) })
      return 'KAFKA_STORAGE_ERROR'
    }
  }

  offset(groupId: string, topic: string, partition: number): CommittedOffset | undefined {
    return this.#options.offsets.table.get({ group: groupId, topic, partition })
  }

  /** Everything that a group has committed. */
  offsetsOf(groupId: string): readonly TopicOffsets[] {
    return this.#options.offsets.table.topicsOf(groupId)
  }

  /** Rejects with AppError STORAGE_FAILED. */
  removeTopic(topic: string): Promise<void> {
    return this.#options.offsets.removeTopic(topic)
  }

  groups(): readonly GroupDescription[] {
    const ids = new Set([...this.#entries.keys(), ...this.#options.offsets.table.groups])
    return [...ids].flatMap((id) => this.describe(id) ?? [])
  }

  /** Undefined where there is neither a member nor an offset. */
  describe(groupId: string): GroupDescription | undefined {
    const entry = this.#entries.get(groupId)
    if (entry !== undefined) return entry.group.describe()
    if (!this.#options.offsets.table.has(groupId)) return undefined
    return { groupId, state: 'Empty', protocolType: '', protocolName: '', members: [] }
  }

  /** Answers whoever waits with COORDINATOR_NOT_AVAILABLE, as every request from now on. */
  async close(): Promise<void> {
    this.#closed = true
    this.#retentionTimer.cancel()
    for (const { group, timer } of this.#entries.values()) {
      timer?.cancel()
      group.die()
    }
    this.#entries.clear()
    await this.#options.offsets.close()
  }

  check(): void {
    for (const { group } of this.#entries.values()) group.check()
  }

  #now(): number {
    return this.#options.clock.now()
  }

  #refusal(request: JoinRequest): KafkaErrorName | undefined {
    const { groupId, sessionTimeoutMs, protocols } = request
    if (this.#closed) return 'COORDINATOR_NOT_AVAILABLE'
    if (groupId === '' || isTooLong(groupId)) return 'INVALID_GROUP_ID'
    const names = protocols.map(({ name }) => name)
    const texts = [request.protocolType, request.groupInstanceId ?? '', ...names]
    if (texts.some((text) => isTooLong(text))) return 'INVALID_REQUEST'
    if (
      sessionTimeoutMs < groupSessionTimeoutMinMs ||
      sessionTimeoutMs > groupSessionTimeoutMaxMs
    ) {
      return 'INVALID_SESSION_TIMEOUT'
    }
    const metadataBytes = protocols.reduce((sum, { metadata }) => sum + metadata.length, 0)
    if (metadataBytes > memberMetadataMaxBytes) return 'INVALID_REQUEST'
    return this.#isFull(groupId) ? 'POLICY_VIOLATION' : undefined
  }

  #assignmentFlaw({ assignments }: SyncRequest): KafkaErrorName | undefined {
    const isTooLarge = assignments.some((a) => a.assignment.length > memberMetadataMaxBytes)
    return isTooLarge ? 'INVALID_REQUEST' : undefined
  }

  #commitRefusal(groupId: string, claim: GenerationClaim): KafkaErrorName {
    if (this.#closed) return 'COORDINATOR_NOT_AVAILABLE'
    if (isTooLong(groupId)) return 'INVALID_GROUP_ID'
    if (this.#isFull(groupId)) return 'POLICY_VIOLATION'
    const entry = this.#entries.get(groupId)
    if (entry === undefined) {
      // Consumers that assign themselves partitions commit without a group; Kafka takes them, too.
      return claim.generationId < 0 ? 'NONE' : 'ILLEGAL_GENERATION'
    }
    const error = entry.group.commit(claim, this.#now())
    this.#settle(entry)
    return error
  }

  #isFull(groupId: string): boolean {
    const { table } = this.#options.offsets
    if (this.#entries.has(groupId) || table.has(groupId)) return false
    return Math.max(this.#entries.size, table.groupCount) >= groupsMax
  }

  #withoutGroup(error: KafkaErrorName): KafkaErrorName {
    return this.#closed ? 'COORDINATOR_NOT_AVAILABLE' : error
  }

  #create(id: string): Entry {
    const { initialRebalanceDelayMs } = this.#options
    const group = new Group({
      id,
      initialRebalanceDelayMs,
      membersMax: groupMembersMax,
      newId: randomUUID,
    })
    const entry = { group, timer: undefined, timerDueMs: Infinity, emptySinceMs: this.#now() }
    this.#entries.set(id, entry)
    return entry
  }

  /** After every event: forgets a group that is nothing any more, else sees that its timer is early enough. */
  #settle(entry: Entry): void {
    const { group } = entry
    if (!group.isIdle) entry.emptySinceMs = this.#now()
    if (group.isIdle && !this.#options.offsets.table.has(group.id)) {
      entry.timer?.cancel()
      this.#entries.delete(group.id)
      return
    }
    const dueMs = group.dueMs()
    // Heartbeats move deadlines back all the time; the timer then finds nothing to do and is set again.
    if (dueMs >= entry.timerDueMs) return
    entry.timer?.cancel()
    entry.timerDueMs = dueMs
    entry.timer = this.#options.clock.after(Math.max(0, dueMs - this.#now()), () => {
      entry.timerDueMs = Infinity
      entry.timer = undefined
      this.#tick(entry)
    })
  }

  #tick(entry: Entry): void {
    const { group } = entry
    const before = group.memberCount
    group.tick(this.#now())
    if (group.memberCount < before) {
      const removed = before - group.memberCount
      this.#options.logger.info('members timed out', { group: group.id, removed })
    }
    this.#settle(entry)
  }

  #scheduleRetention(): Timer {
    return this.#options.clock.after(offsetsRetentionCheckIntervalMs, () => {
      this.#retentionTimer = this.#scheduleRetention()
      void this.#dropExpired()
    })
  }

  /** Kafka: offsets of a group without members go when its last commit is older than their retention. */
  async #dropExpired(): Promise<void> {
    const { offsets, logger } = this.#options
    const latestMs = this.#now() - offsetsRetentionMs
    for (const groupId of offsets.table.groups) {
      const entry = this.#entries.get(groupId)
      if (entry !== undefined && (!entry.group.isIdle || entry.emptySinceMs > latestMs)) continue
      const isRecent = offsets.table
        .topicsOf(groupId)
        .some(({ partitions }) =>
          [...partitions.values()].some((o) => o.commitTimestampMs > latestMs),
        )
      if (isRecent) continue
      try {
        await offsets.removeGroup(groupId)
        if (entry !== undefined) this.#settle(entry)
        logger.info('offsets expired', { group: groupId })
      } catch (error) {
        if (!(error instanceof AppError) || error.code !== 'STORAGE_FAILED') throw error
        logger.error('offsets not removed', { group: groupId, reason: reasonOf(error) })
      }
    }
  }
}

function isTooLong(text: string): boolean {
  return Buffer.byteLength(text) > groupTextMaxBytes
}
