// Takes part in a consumer group: joins, stays by heartbeats, commits, leaves.
import { sleep, type Clock } from '../common/clock.ts'
import {
  consumerRetryMaxMs,
  consumerRetryMs,
  consumerTriesMax,
  leaveMaxMs,
  rebalanceTimeoutMs,
  requestMaxMs,
  sessionTimeoutMs,
} from '../common/consumer-limits.ts'
import { AppError } from '../common/errors.ts'
import type { ReceivedResponse, RequestToSend } from '../protocol/apis.ts'
import type { KafkaErrorName } from '../protocol/error-codes.ts'
import { errorName, isUnreachable, refused } from './answer-errors.ts'
import type { BrokerLink } from './broker-link.ts'
import type { Cluster } from './cluster.ts'
import { Heartbeats } from './heartbeats.ts'
import { endsGeneration, passesForJoin } from './group-errors.ts'
import {
  assignorName,
  assignRoundRobin,
  decodeAssignment,
  encodeAssignment,
  encodeSubscription,
  protocolType,
  topicsOf,
  type Assignment,
} from './group-protocol.ts'

/** What outlives a member's connections: with it the group knows who comes back. */
export interface MemberMemory {
  memberId: string
  /** The last generation that this member saw complete; -1 before the first. */
  generationId: number
}

export const noMemory: MemberMemory = { memberId: '', generationId: -1 }

export interface GroupMemberOptions {
  readonly cluster: Cluster
  readonly clock: Clock
  readonly groupId: string
  readonly topic: string
  readonly memory: MemberMemory
}

/** What a member has until the next rebalance. */
export interface Joined {
  readonly partitions: readonly number[]
  /** No generation has passed without this member since its last one. */
  readonly continued: boolean
  /** What the topic had when the leader dealt it out; undefined for others than the leader. */
  readonly partitionCount: number | undefined
}

/**
 *   away ─ join ─▶ joining ─▶ stable ─ rebalance, or not known any more ─▶ away
 *                     └── the group was not to be had: again, after a while
 *
 * Invariant: a commit names the generation whose assignment was adopted, and is sent only while that
 * is the newest this member knows of.
 */
export class GroupMember {
  readonly #options: GroupMemberOptions
  readonly #stopping = new AbortController()
  readonly #heartbeats: Heartbeats
  #link: BrokerLink | undefined
  /** For what is answered at once. */
  #quickLink: BrokerLink | undefined
  /** Whether the group was asked for anything, and so may know this member. */
  #hasAsked = false
  #isStable = false
  #tries = 0

  constructor(options: GroupMemberOptions) {
    this.#options = options
    this.#heartbeats = new Heartbeats(options.clock, () => this.#heartbeat())
  }

  /**
   * Resolves with the member's part, or undefined once `leave` was called. Rejects with AppError where the
   * group refuses, or no broker is reached.
   */
  async join(): Promise<Joined | undefined> {
    const { cluster } = this.#options
    while (!this.#isLeaving) {
      try {
        const joined = await this.#tryJoin()
        if (joined === undefined) continue
        this.#tries = 0
        return joined
      } catch (error) {
        if (this.#isLeaving) return undefined
        if (!isUnreachable(error) || ++this.#tries >= consumerTriesMax) throw error
        // The coordinator is gone: any broker knows of another, and where none is reached that is told.
        await cluster.any()
        await this.#pause()
      }
    }
    return undefined
  }

  /** What `join` gave counts from now on: commits are of its generation. */
  adopted(): void {
    if (!this.#isLeaving) this.#isStable = true
  }

  /** Whether the generation that was adopted is the newest that is known. */
  get isStable(): boolean {
    return this.#isStable
  }

  /** Sends heartbeats until the group wants to be joined again. Rejects as `join`. */
  async stay(): Promise<void> {
    if (this.#isStable) await this.#heartbeats.run()
  }

  /** Makes the group deal its partitions out anew. */
  rejoin(): void {
    this.#isStable = false
    this.#heartbeats.stop()
  }

  /** Rejects with AppError where nothing, or not everything, was committed. */
  async commit(offsets: ReadonlyMap<number, number>): Promise<void> {
    const { generationId } = this.#options.memory
    const link = this.#isStable ? await this.#coordinator() : undefined
    const isOver = !this.#isStable || generationId !== this.#options.memory.generationId
    if (isOver || link === undefined) {
      const { brokers } = this.#options.cluster
      const reason = isOver ? 'the group is being joined' : 'the group has no coordinator'
      throw new AppError('BROKER_UNREACHABLE', { brokers, reason })
    }
    const { body } = await link.ask('OffsetCommit', this.#commitOf(offsets))
    const codes = body.topics.flatMap(({ partitions }) => partitions)
    const flaw = codes.find(({ errorCode }) => errorCode !== 0)
    if (flaw === undefined && codes.length === offsets.size) return
    const error = errorName(flaw?.errorCode ?? -1)
    this.#reactTo(error)
    throw refused(link.address, 'the commit', error)
  }

  /**
   * Before the group is joined again: what is finished. The generation counts until all have joined; should the
   * group think otherwise, it commits nothing, and it is read once more.
   */
  async commitLast(offsets: ReadonlyMap<number, number>): Promise<void> {
    if (offsets.size === 0 || this.#options.memory.memberId === '') return
    try {
      const link = await this.#coordinator()
      await link?.ask('OffsetCommit', this.#commitOf(offsets), { maxMs: leaveMaxMs })
    } catch (error) {
      if (!(error instanceof AppError)) throw error
    }
  }

  #commitOf(offsets: ReadonlyMap<number, number>): RequestToSend<'OffsetCommit'> {
    const { groupId, topic, memory } = this.#options
    const partitions = [...offsets].map(([partitionIndex, committedOffset]) => ({
      partitionIndex,
      committedOffset,
      committedMetadata: '',
    }))
    return {
      groupId,
      generationIdOrMemberEpoch: memory.generationId,
      memberId: memory.memberId,
      topics: [{ name: topic, partitions }],
    }
  }

  /** Says so to the group, if that can be done quickly; nothing is sent afterwards. */
  async leave(): Promise<void> {
    const { memberId } = this.#options.memory
    const wasStable = this.#isStable
    this.#stopping.abort()
    this.rejoin()
    if (memberId === '' || !this.#hasAsked) return
    // A join that is under way holds up what follows it on its connection.
    if (!wasStable) this.#link?.close()
    const patience = new AbortController()
    const longEnough = sleep(this.#options.clock, leaveMaxMs, patience.signal)
    await Promise.race([this.#sayGoodbye(memberId), longEnough])
    patience.abort()
    this.#forget()
  }

  async #sayGoodbye(memberId: string): Promise<void> {
    const { groupId } = this.#options
    try {
      const link = await this.#quickly()
      await link?.ask('LeaveGroup', { groupId, memberId, members: [{ memberId }] })
    } catch (error) {
      // Then the group finds out by itself.
      if (!(error instanceof AppError)) throw error
    }
  }

  /** Whoever joins next is somebody else. */
  #forget(): void {
    Object.assign(this.#options.memory, noMemory)
  }

  get #isLeaving(): boolean {
    return this.#stopping.signal.aborted
  }

  /** Undefined where it has to be tried again, at once or after what it has waited. */
  async #tryJoin(): Promise<Joined | undefined> {
    const { cluster, groupId, topic, memory } = this.#options
    const link = await cluster.coordinator(groupId)
    if (link === undefined) return this.#again('COORDINATOR_NOT_AVAILABLE')
    this.#link = link
    this.#hasAsked = true
    const { body } = await link.ask(
      'JoinGroup',
      {
        groupId,
        sessionTimeoutMs,
        rebalanceTimeoutMs,
        memberId: memory.memberId,
        protocolType,
        protocols: [{ name: assignorName, metadata: encodeSubscription([topic]) }],
      },
      { maxMs: requestMaxMs + rebalanceTimeoutMs },
    )
    const error = errorName(body.errorCode)
    if (error === 'MEMBER_ID_REQUIRED') {
      memory.memberId = body.memberId
      return undefined
    }
    if (error !== 'NONE') return this.#again(error)
    const known = memory.memberId === body.memberId
    memory.memberId = body.memberId
    const dealt = body.leader === body.memberId ? await this.#deal(body) : undefined
    const assignments = dealt === undefined || body.skipAssignment ? [] : dealt.assignments
    const partitions = await this.#sync(link, body, assignments)
    if (partitions === undefined) return undefined
    const steps = body.generationId - memory.generationId
    const continued = known && memory.generationId >= 0 && (steps === 0 || steps === 1)
    memory.generationId = body.generationId
    return { partitions, continued, partitionCount: dealt?.partitionCount }
  }

  /** The leader's work. */
  async #deal({ members }: ReceivedResponse<'JoinGroup'>): Promise<{
    assignments: { memberId: string; assignment: Buffer }[]
    partitionCount: number
  }> {
    const { cluster, topic } = this.#options
    const readers = members.map(({ memberId, metadata }) => ({
      memberId,
      topics: topicsOf(metadata),
    }))
    const topics = new Set(readers.flatMap((reader) => reader.topics))
    const states = await cluster.topicStates([...topics])
    const partitions: Assignment = new Map(states.map((state) => [state.topic, state.partitions]))
    return {
      assignments: [...assignRoundRobin(readers, partitions)].map(([memberId, own]) => ({
        memberId,
        assignment: encodeAssignment(own),
      })),
      partitionCount: partitions.get(topic)?.length ?? 0,
    }
  }

  async #sync(
    link: BrokerLink,
    { generationId }: ReceivedResponse<'JoinGroup'>,
    assignments: readonly { memberId: string; assignment: Buffer }[],
  ): Promise<readonly number[] | undefined> {
    const { groupId, topic, memory } = this.#options
    const { memberId } = memory
    const { body } = await link.ask(
      'SyncGroup',
      { groupId, generationId, memberId, protocolType, protocolName: assignorName, assignments },
      { maxMs: requestMaxMs + rebalanceTimeoutMs },
    )
    const error = errorName(body.errorCode)
    if (error !== 'NONE') return this.#again(error)
    const assignment = decodeAssignment(body.assignment)
    if (assignment !== undefined) return assignment.get(topic) ?? []
    const reason = 'the assignment is none of the consumer protocol'
    const details = { brokers: link.address, request: 'SyncGroup', reason }
    throw new AppError('BROKER_ANSWER_INVALID', details)
  }

  /** Throws for what does not pass by itself; else waits where waiting helps. */
  async #again(error: KafkaErrorName): Promise<undefined> {
    const { cluster, groupId } = this.#options
    if (error === 'UNKNOWN_MEMBER_ID') this.#forget()
    else if (!passesForJoin.has(error)) throw refused(cluster.brokers, `group ${groupId}`, error)
    if (++this.#tries >= consumerTriesMax) throw refused(cluster.brokers, `group ${groupId}`, error)
    // The first time it need not be the group's fault.
    if (this.#tries > 1) await this.#pause()
    return undefined
  }

  async #heartbeat(): Promise<void> {
    const { cluster, groupId, memory } = this.#options
    const { generationId, memberId } = memory
    try {
      const link = await this.#quickly()
      const body = { groupId, generationId, memberId }
      const answer = await link?.ask('Heartbeat', body, { maxMs: sessionTimeoutMs })
      if (answer !== undefined) this.#reactTo(errorName(answer.body.errorCode))
      cluster.rest()
      // Else what has rested would be held on to for as long as nothing is committed.
      if (this.#link?.isGood === false) this.#link = undefined
    } catch (error) {
      if (!isUnreachable(error) || this.#isLeaving) throw error
      // The group knows this member for as long as its session lasts: the next beat may do.
      await cluster.any()
    }
  }

  /** Where the group is looked after; found anew once the link to it has ended. */
  async #coordinator(): Promise<BrokerLink | undefined> {
    if (this.#link?.isGood !== true) {
      this.#link = await this.#options.cluster.coordinator(this.#options.groupId)
    }
    return this.#link
  }

  /** The same, for what does not wait there. */
  async #quickly(): Promise<BrokerLink | undefined> {
    if (this.#quickLink?.isGood !== true) {
      this.#quickLink = await this.#options.cluster.coordinator(this.#options.groupId, 'quick')
    }
    return this.#quickLink
  }

  /** What an answer says about the membership. */
  #reactTo(error: KafkaErrorName): void {
    if (error === 'UNKNOWN_MEMBER_ID' || error === 'FENCED_INSTANCE_ID') this.#forget()
    if (endsGeneration.has(error)) this.rejoin()
  }

  async #pause(): Promise<void> {
    const delayMs = Math.min(consumerRetryMaxMs, consumerRetryMs * 2 ** this.#tries)
    await sleep(this.#options.clock, delayMs, this.#stopping.signal)
  }
}
