// Runs every consumer group: finds it, sets its timer, turns its replies into promises, keeps its offsets.
import { randomUUID } from 'node:crypto'
import type { Clock, Timer } from '../../common/clock.ts'
import { groupMembersMax, groupsMax } from '../../common/group-limits.ts'
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
import { consumerProtocolType } from './consumer-protocol.ts'
import type { GroupSnapshot } from './group-record.ts'
import {
  offsetRecords,
  type CommittedOffset,
  type OffsetKey,
  type OffsetRecord,
  type OffsetToCommit,
} from './offset-record.ts'
import { OffsetRetention, type OffsetHolder } from './offset-retention.ts'
import { outcomeOf, type OffsetStore } from './offset-store.ts'
import { assignmentFlaw, isTooLong, joinFlaw } from './request-flaws.ts'
import type { TopicOffsets } from './offset-table.ts'

export interface CoordinatorOptions {
  readonly offsets: OffsetStore
  readonly clock: Clock
  readonly logger: Logger
  /** Kafka's group.initial.rebalance.delay.ms. */
  readonly initialRebalanceDelayMs: number
}

/** A partition whose offset is to go. */
export type OffsetPlace = Omit<OffsetKey, 'group'>

interface Entry {
  readonly group: Group
  timer: Timer | undefined
  timerDueMs: number
  /** When the last member left. */
  emptySinceMs: number
  /** Of the group, when it was last written. */
  revision: number
}

/**
 * The groups of this broker. A group without members and offsets is forgotten when offsets are next
 * looked through, as in Kafka. A group that has offsets alone, after a restart for example, is Empty to
 * whoever asks.
 */
export class GroupCoordinator {
  readonly #options: CoordinatorOptions
  readonly #entries = new Map<string, Entry>()
  readonly #retention: OffsetRetention
  #closed = false

  constructor(options: CoordinatorOptions) {
    this.#options = options
    for (const [id, snapshot] of options.offsets.groups) this.#restore(id, snapshot)
    this.#retention = new OffsetRetention({
      ...options,
      holderOf: (groupId) => this.#holderOf(groupId),
      afterwards: () => this.#forgetIdle(),
    })
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
    const error = assignmentFlaw(request)
    const entry = this.#entries.get(request.groupId)
    if (error !== undefined || entry === undefined) {
      return Promise.resolve(refusedSync(error ?? this.#withoutGroup(request.groupId)))
    }
    return new Promise((resolve) => {
      entry.group.sync(request, this.#now(), resolve)
      this.#settle(entry)
    })
  }

  heartbeat(groupId: string, claim: GenerationClaim): KafkaErrorName {
    const entry = this.#entries.get(groupId)
    if (entry === undefined) return this.#withoutGroup(groupId)
    const error = entry.group.heartbeat(claim, this.#now())
    this.#settle(entry)
    return error
  }

  leave(groupId: string, claim: MemberClaim): KafkaErrorName {
    const entry = this.#entries.get(groupId)
    if (entry === undefined) return this.#withoutGroup(groupId)
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
    const refusal = this.commitRefusal(groupId, claim)
    if (refusal !== 'NONE') return refusal
    const records = offsetRecords(groupId, offsets, this.#now())
    return this.#outcome(groupId, this.#options.offsets.write(records))
  }

  /** Resolves when the group and its offsets are gone for good, or with why they stay. */
  async delete(groupId: string): Promise<KafkaErrorName> {
    if (this.#closed) return 'COORDINATOR_NOT_AVAILABLE'
    const entry = this.#entries.get(groupId)
    if (entry === undefined && !this.#options.offsets.table.has(groupId)) {
      return 'GROUP_ID_NOT_FOUND'
    }
    if (this.describe(groupId)?.state !== 'Empty') return 'NON_EMPTY_GROUP'
    if (entry !== undefined) this.#forget(entry)
    this.#options.logger.info('group deleted', { group: groupId })
    return this.#outcome(groupId, this.#options.offsets.removeGroup(groupId))
  }

  /** Resolves when the offsets are gone for good, with the topics whose offsets stay because members read them. */
  async deleteOffsets(
    groupId: string,
    places: readonly OffsetPlace[],
  ): Promise<KafkaErrorName | readonly string[]> {
    if (this.#closed) return 'COORDINATOR_NOT_AVAILABLE'
    const group = this.describe(groupId)
    if (group === undefined) return groupId === '' ? 'INVALID_GROUP_ID' : 'GROUP_ID_NOT_FOUND'
    const isEmpty = group.state === 'Empty'
    if (!isEmpty && group.protocolType !== consumerProtocolType) return 'NON_EMPTY_GROUP'
    const subscribed = this.#entries.get(groupId)?.group.subscribedTopics
    const isFree = ({ topic }: OffsetPlace): boolean =>
      isEmpty || (subscribed !== undefined && !subscribed.has(topic))
    const records = places
      .filter((place) => isFree(place) && this.offset(groupId, place.topic, place.partition))
      .map((place): OffsetRecord => ({ key: { group: groupId, ...place }, committed: null }))
    const error = await this.#outcome(groupId, this.#options.offsets.write(records))
    return error === 'NONE' ? places.filter((p) => !isFree(p)).map(({ topic }) => topic) : error
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
    this.#retention.close()
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

  #outcome(group: string, written: Promise<void>): Promise<KafkaErrorName> {
    return outcomeOf(written, { logger: this.#options.logger, group })
  }

  #now(): number {
    return this.#options.clock.now()
  }

  #refusal(request: JoinRequest): KafkaErrorName | undefined {
    if (this.#closed) return 'COORDINATOR_NOT_AVAILABLE'
    return joinFlaw(request) ?? (this.#isFull(request.groupId) ? 'POLICY_VIOLATION' : undefined)
  }

  /** Why offsets are not taken from whoever claims to be of the group; NONE where they are. */
  commitRefusal(
    groupId: string,
    claim: GenerationClaim,
    { mayBeAnonymous = false }: { readonly mayBeAnonymous?: boolean } = {},
  ): KafkaErrorName {
    if (this.#closed) return 'COORDINATOR_NOT_AVAILABLE'
    if (isTooLong(groupId)) return 'INVALID_GROUP_ID'
    if (this.#isFull(groupId)) return 'POLICY_VIOLATION'
    if (mayBeAnonymous && claim.generationId < 0 && claim.memberId === '') return 'NONE'
    const entry = this.#entries.get(groupId)
    if (entry === undefined) {
      // Consumers that assign themselves partitions commit without a group; Kafka takes them, too.
      if (claim.generationId < 0) return 'NONE'
      const isKnown = this.#options.offsets.table.has(groupId)
      return isKnown ? 'UNKNOWN_MEMBER_ID' : 'ILLEGAL_GENERATION'
    }
    const error = entry.group.commit(claim, this.#now())
    this.#settle(entry)
    return error
  }

  #isFull(groupId: string): boolean {
    const { table } = this.#options.offsets
    if (this.#entries.has(groupId) || table.has(groupId)) return false
    if (this.#entries.size >= groupsMax) this.#forgetIdle()
    return Math.max(this.#entries.size, table.groupCount) >= groupsMax
  }

  /** What a member of a group that is not there is told. */
  #withoutGroup(groupId: string): KafkaErrorName {
    if (groupId === '') return 'INVALID_GROUP_ID'
    return this.#closed ? 'COORDINATOR_NOT_AVAILABLE' : 'UNKNOWN_MEMBER_ID'
  }

  #create(id: string): Entry {
    const { initialRebalanceDelayMs } = this.#options
    const group = new Group({
      id,
      initialRebalanceDelayMs,
      membersMax: groupMembersMax,
      newId: randomUUID,
    })
    const entry: Entry = {
      group,
      timer: undefined,
      timerDueMs: Infinity,
      emptySinceMs: this.#now(),
      revision: group.revision,
    }
    this.#entries.set(id, entry)
    return entry
  }

  #restore(id: string, snapshot: GroupSnapshot): void {
    const entry = this.#create(id)
    entry.group.restore(snapshot, this.#now())
    if (snapshot.members.length === 0) entry.emptySinceMs = snapshot.stateSinceMs
    this.#settle(entry)
  }

  /** Nobody waits for it: a group that a crash sets back has its members join again. */
  #keep(entry: Entry): void {
    const { group } = entry
    if (entry.revision === group.revision) return
    entry.revision = group.revision
    const snapshot = group.snapshot(this.#now())
    if (snapshot === undefined) return
    const written = this.#options.offsets.writeGroups([{ group: group.id, snapshot }])
    void this.#outcome(group.id, written)
  }

  /** Nothing but its generation's number is lost with a group that has neither members nor offsets. */
  #forgetIdle(): void {
    const { offsets } = this.#options
    const idle = [...this.#entries.values()].filter(
      ({ group }) => group.isIdle && !offsets.table.has(group.id),
    )
    for (const entry of idle) this.#forget(entry)
    const removals = idle.map(({ group }) => ({ group: group.id, snapshot: null }))
    void this.#outcome('', offsets.writeGroups(removals))
  }

  #forget(entry: Entry): void {
    entry.timer?.cancel()
    entry.group.die()
    this.#entries.delete(entry.group.id)
  }

  /** After every event: sees that the group's timer is early enough. */
  #settle(entry: Entry): void {
    const { group } = entry
    this.#keep(entry)
    if (!group.isIdle) entry.emptySinceMs = this.#now()
    // One that never had a member leaves no trace.
    else if (group.isUnused && !this.#options.offsets.table.has(group.id))
      return this.#forget(entry)
    const dueMs = group.dueMs()
    // Heartbeats move deadlines back all the time; the timer then finds nothing to do and is set again.
    if (dueMs >= entry.timerDueMs && dueMs < Infinity) return
    entry.timer?.cancel()
    entry.timerDueMs = dueMs
    if (dueMs === Infinity) return
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

  /** Undefined for a group without members of which only offsets are known. */
  #holderOf(groupId: string): OffsetHolder | undefined {
    const entry = this.#entries.get(groupId)
    if (entry === undefined) return undefined
    const { group, emptySinceMs } = entry
    const { state } = group.describe()
    return { state, subscribedTopics: group.subscribedTopics, emptySinceMs }
  }
}
