// One consumer group as a state machine: who is in it, in which generation, who waits for what.
import assert from 'node:assert/strict'
import { newMemberTimeoutMs } from '../../common/group-limits.ts'
import type { KafkaErrorName } from '../../protocol/error-codes.ts'
import {
  accepts,
  agrees,
  generationAfterRestart,
  joinResultOf,
  noGeneration,
  snapshotOf,
  subscribedTopicsOf,
  syncResultOf,
} from './generation.ts'
import type { GroupSnapshot } from './group-record.ts'
import { JoinPhase } from './join-phase.ts'
import { Member, type Join, type Reply } from './member.ts'
import {
  refusedJoin,
  refusedSync,
  type GenerationClaim,
  type GroupDescription,
  type GroupState,
  type JoinRequest,
  type JoinResult,
  type MemberClaim,
  type SyncRequest,
  type SyncResult,
} from './membership.ts'
import { Roster } from './roster.ts'

export interface GroupOptions {
  readonly id: string
  /** Kafka's group.initial.rebalance.delay.ms. */
  readonly initialRebalanceDelayMs: number
  readonly membersMax: number
  /** Makes the unique part of a member id. */
  readonly newId: () => string
}

const nothing = Buffer.alloc(0)

/**
 * Kafka's classic group. It has no timers and no I/O: requests carry the time, a reply is called when
 * the answer is known, and `tick` does what has fallen due by `dueMs`.
 *
 * ```
 * state                what holds                               what ends it
 * Empty                no members                               a join → PreparingRebalance
 * PreparingRebalance   members are to join again; heartbeats    all have joined, or the deadline →
 *                      say REBALANCE_IN_PROGRESS                  CompletingRebalance, or Empty if nobody has
 * CompletingRebalance  a generation has formed and waits for    the leader syncs → Stable; a join, a leave,
 *                      its leader's assignment                    an expiry → PreparingRebalance
 * Stable               every member has its assignment          a new or changed member, the leader's join,
 *                                                                 a leave, an expiry → PreparingRebalance
 * Dead                 the coordinator has forgotten it         nothing; every request is refused
 * ```
 *
 * An empty group has no members, a generation has a protocol, and joins wait while a deadline runs.
 */
export class Group {
  readonly id: string
  readonly #options: GroupOptions
  readonly #roster = new Roster()
  #state: GroupState = 'Empty'
  #generation = noGeneration
  #revision = 0
  readonly #joinPhase = new JoinPhase()
  #syncDeadlineMs = Infinity

  constructor(options: GroupOptions) {
    this.id = options.id
    this.#options = options
  }

  get memberCount(): number {
    return this.#roster.size
  }

  /** What its members read; undefined where they are no consumers or say it in a way that is not known. */
  get subscribedTopics(): ReadonlySet<string> | undefined {
    return subscribedTopicsOf(this.#generation, this.#roster)
  }

  get isUnused(): boolean {
    return this.isIdle && this.#generation.protocolType === null
  }

  /** Grows with each change that a restart should not undo. */
  get revision(): number {
    return this.#revision
  }

  /** Nothing but its offsets would be lost if the group were forgotten. */
  get isIdle(): boolean {
    return this.#state === 'Empty' && this.#roster.reservedCount === 0
  }

  join(request: JoinRequest, now: number, reply: Reply<JoinResult>): void {
    const refuse = (error: KafkaErrorName) => reply(refusedJoin(error, request.memberId))
    const join = { request, now, reply }
    if (this.#state === 'Dead') return refuse('COORDINATOR_NOT_AVAILABLE')
    if (!accepts(this.#generation, this.#roster, request))
      return refuse('INCONSISTENT_GROUP_PROTOCOL')
    if (request.memberId === '') return this.#joinNew(join)
    if (this.#roster.redeem(request.memberId)) return this.#add(request.memberId, join)
    const member = this.#roster.find(request)
    if (typeof member === 'string') return refuse(member)
    if (this.#isCurrent(member, request)) {
      member.heard(now)
      return reply(joinResultOf(this.#generation, member, this.#roster))
    }
    member.update(request)
    member.awaitJoin(reply)
    this.#rebalance(now)
  }

  sync(request: SyncRequest, now: number, reply: Reply<SyncResult>): void {
    const member = this.#claimed(request)
    if (typeof member === 'string') return reply(refusedSync(member))
    if (!agrees(this.#generation, request)) return reply(refusedSync('INCONSISTENT_GROUP_PROTOCOL'))
    if (this.#state === 'PreparingRebalance') return reply(refusedSync('REBALANCE_IN_PROGRESS'))
    member.heard(now)
    member.hasSynced = true
    if (this.#state === 'Stable') return reply(syncResultOf(this.#generation, member))
    member.awaitSync(reply)
    if (member.id === this.#roster.leaderId) this.#assign(request, now)
  }

  heartbeat(claim: GenerationClaim, now: number): KafkaErrorName {
    const member = this.#claimed(claim)
    if (typeof member === 'string') return member
    member.heard(now)
    return this.#state === 'PreparingRebalance' ? 'REBALANCE_IN_PROGRESS' : 'NONE'
  }

  /** An instance id without a member id removes a static member, whoever holds it (KIP-345). */
  leave(claim: MemberClaim, now: number): KafkaErrorName {
    if (this.#state === 'Dead') return 'COORDINATOR_NOT_AVAILABLE'
    if (this.#roster.redeem(claim.memberId)) {
      this.#completeJoinIfAll(now)
      return 'NONE'
    }
    const holder = claim.memberId === '' ? this.#roster.holderOf(claim.groupInstanceId) : undefined
    const member = holder ?? this.#roster.find(claim)
    if (typeof member === 'string') return member
    this.#roster.remove(member)
    this.#rebalance(now)
    return 'NONE'
  }

  /**
   * Whether offsets may be committed. Without a generation it is a consumer that assigns itself
   * partitions, or an admin, which may commit while no member could be contradicted.
   */
  commit(claim: GenerationClaim, now: number): KafkaErrorName {
    if (this.#state === 'Dead') return 'COORDINATOR_NOT_AVAILABLE'
    if (claim.generationId < 0 && this.#state === 'Empty') return 'NONE'
    const member = this.#claimed(claim)
    if (typeof member === 'string') return member
    if (this.#state === 'CompletingRebalance') return 'REBALANCE_IN_PROGRESS'
    member.heard(now)
    return 'NONE'
  }

  /** Removes whoever was silent for too long and ends the phases whose time is over. */
  tick(now: number): void {
    const gone = this.#roster.expired(now)
    if (this.#syncDeadlineMs <= now) {
      this.#syncDeadlineMs = Infinity
      for (const member of this.#roster) if (!member.hasSynced) gone.add(member)
    }
    for (const member of gone) this.#roster.remove(member)
    if (gone.size > 0) this.#rebalance(now)
    else this.#completeJoinIfAll(now)
    if (this.#joinPhase.deadlineMs > now) return
    if (this.#joinPhase.extend(now, this.#options.initialRebalanceDelayMs)) return
    this.#completeJoin(now)
  }

  /** When `tick` next has something to do; Infinity when nothing waits for time. */
  dueMs(): number {
    return Math.min(this.#joinPhase.deadlineMs, this.#syncDeadlineMs, this.#roster.dueMs())
  }

  /** The coordinator forgets the group: whoever waits is told to look for a coordinator again. */
  die(): void {
    this.#state = 'Dead'
    this.#joinPhase.end()
    this.#syncDeadlineMs = Infinity
    this.#roster.clear('COORDINATOR_NOT_AVAILABLE')
  }

  describe(): GroupDescription {
    const protocolName = this.#state === 'Stable' ? (this.#generation.protocolName ?? '') : ''
    return {
      groupId: this.id,
      state: this.#state,
      protocolType: this.#generation.protocolType ?? '',
      protocolName,
      members: this.#roster.describe(protocolName),
    }
  }

  /** What to keep of the group; undefined while a rebalance is under way. */
  snapshot(stateSinceMs: number): GroupSnapshot | undefined {
    const isSettled = this.#state === 'Stable' || this.#state === 'Empty'
    return isSettled ? snapshotOf(this.#generation, this.#roster, stateSinceMs) : undefined
  }

  /** Takes the place of a group from before a restart. */
  restore(snapshot: GroupSnapshot, now: number): void {
    this.#generation = generationAfterRestart(snapshot)
    if (this.#generation.protocolName === null) return
    this.#state = 'Stable'
    this.#roster.restore(snapshot, now)
  }

  check(): void {
    this.#roster.check()
    if (this.#state === 'Empty') assert.equal(this.#roster.size, 0, 'an empty group has members')
    if (this.#state === 'Stable' || this.#state === 'CompletingRebalance') {
      assert(
        this.#roster.size > 0 && this.#generation.protocolName !== null,
        'a generation of nobody',
      )
    }
    const isPreparing = this.#state === 'PreparingRebalance'
    assert.equal(this.#joinPhase.deadlineMs < Infinity, isPreparing)
    assert(isPreparing || ![...this.#roster].some((member) => member.waitsForJoin))
  }

  #joinNew(join: Join): void {
    const { request, now, reply } = join
    const { groupInstanceId } = request
    const memberId = `${groupInstanceId ?? request.clientId}-${this.#options.newId()}`
    const previous = this.#roster.holderOf(groupInstanceId)
    if (previous !== undefined) return this.#rejoinStatic(previous, memberId, join)
    if (this.#roster.size + this.#roster.reservedCount >= this.#options.membersMax) {
      return reply(refusedJoin('GROUP_MAX_SIZE_REACHED', ''))
    }
    if (groupInstanceId !== null || !request.requiresMemberId) return this.#add(memberId, join)
    this.#roster.reserve(memberId, now + request.sessionTimeoutMs)
    reply(refusedJoin('MEMBER_ID_REQUIRED', memberId))
  }

  #add(memberId: string, { request, now, reply }: Join): void {
    const member = new Member(memberId, request, now + newMemberTimeoutMs)
    this.#generation = { ...this.#generation, protocolType: request.protocolType }
    this.#roster.add(member)
    this.#joinPhase.memberArrived()
    member.awaitJoin(reply)
    this.#rebalance(now)
  }

  // KIP-345: a static member that restarts within its session keeps its assignment, without a
  // rebalance, unless the group would now choose another strategy.
  #rejoinStatic(previous: Member, memberId: string, { request, now, reply }: Join): void {
    const leaderBefore = this.#roster.leaderId
    const member = this.#roster.succeed(previous, memberId, request)
    member.heard(now)
    if (
      this.#state === 'Stable' &&
      this.#roster.selectProtocol() === this.#generation.protocolName
    ) {
      this.#revision += 1
      const joined = joinResultOf(this.#generation, member, this.#roster)
      const skipAssignment = memberId === this.#roster.leaderId
      if (request.canSkipAssignment) return reply({ ...joined, skipAssignment })
      // An older client that took itself for the leader would assign again, for nobody: it is told
      // that its former id leads.
      return reply({ ...joined, leader: leaderBefore, members: [] })
    }
    member.awaitJoin(reply)
    this.#rebalance(now)
  }

  /** Whether a member that joins again only missed our answer: nothing about it has changed. */
  #isCurrent(member: Member, { protocols }: JoinRequest): boolean {
    if (!member.hasProtocols(protocols)) return false
    if (this.#state === 'CompletingRebalance') return true
    return this.#state === 'Stable' && member.id !== this.#roster.leaderId
  }

  #claimed(claim: GenerationClaim): Member | KafkaErrorName {
    if (this.#state === 'Dead') return 'COORDINATOR_NOT_AVAILABLE'
    const member = this.#roster.find(claim)
    if (typeof member === 'string') return member
    return claim.generationId === this.#generation.id ? member : 'ILLEGAL_GENERATION'
  }

  #rebalance(now: number): void {
    if (this.#state !== 'PreparingRebalance') {
      const wasEmpty = this.#state === 'Empty'
      this.#state = 'PreparingRebalance'
      this.#syncDeadlineMs = Infinity
      for (const member of this.#roster) member.answerSync(refusedSync('REBALANCE_IN_PROGRESS'))
      const timeoutMs = this.#roster.rebalanceTimeoutMs()
      const delayMs = Math.min(this.#options.initialRebalanceDelayMs, timeoutMs)
      this.#joinPhase.start(now, timeoutMs, wasEmpty ? delayMs : 0)
    }
    this.#completeJoinIfAll(now)
  }

  #completeJoinIfAll(now: number): void {
    if (this.#state !== 'PreparingRebalance' || this.#joinPhase.isGathering) return
    if (this.#roster.reservedCount === 0 && this.#roster.allJoined()) this.#completeJoin(now)
  }

  /** Forms the next generation of those who joined; static members keep their place while absent. */
  #completeJoin(now: number): void {
    for (const member of this.#roster) {
      if (!member.waitsForJoin && member.groupInstanceId === null) this.#roster.remove(member)
    }
    const timeoutMs = this.#roster.rebalanceTimeoutMs()
    if (this.#roster.size > 0 && !this.#roster.electJoined()) {
      this.#joinPhase.start(now, timeoutMs, 0)
      return
    }
    this.#joinPhase.end()
    const protocolName = this.#roster.selectProtocol() ?? null
    this.#generation = { ...this.#generation, id: this.#generation.id + 1, protocolName }
    if (this.#roster.size === 0) {
      this.#state = 'Empty'
      this.#revision += 1
      return
    }
    this.#state = 'CompletingRebalance'
    this.#syncDeadlineMs = now + timeoutMs
    for (const member of this.#roster) {
      member.isNew = false
      member.hasSynced = false
      member.assignment = nothing
      member.heard(now)
    }
    for (const member of this.#roster)
      member.answerJoin(joinResultOf(this.#generation, member, this.#roster))
  }

  #assign({ assignments }: SyncRequest, now: number): void {
    const byMember = new Map(assignments.map((a) => [a.memberId, a.assignment]))
    this.#state = 'Stable'
    this.#revision += 1
    for (const member of this.#roster) {
      member.assignment = byMember.get(member.id) ?? nothing
      if (member.waitsForSync) member.heard(now)
      member.answerSync(syncResultOf(this.#generation, member))
    }
  }
}
