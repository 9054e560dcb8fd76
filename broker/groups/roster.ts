// The members of one consumer group: by id, by instance id, and who leads them.
import assert from 'node:assert/strict'
import type { KafkaErrorName } from '../../protocol/error-codes.ts'
import { topicsOfSubscription } from './consumer-protocol.ts'
import type { GroupSnapshot, MemberSnapshot } from './group-record.ts'
import { Member, selectProtocol } from './member.ts'
import type { DescribedMember, JoinedMember, JoinRequest, MemberClaim } from './membership.ts'

/** Kept in the order of joining. Owned by one Group. */
export class Roster implements Iterable<Member> {
  readonly #members = new Map<string, Member>()
  /** Group instance id → member id. */
  readonly #staticIds = new Map<string, string>()
  /** Ids given out with MEMBER_ID_REQUIRED that have not come back, with their deadlines. */
  readonly #reserved = new Map<string, number>()
  #leaderId: string | null = null

  get size(): number {
    return this.#members.size
  }

  get reservedCount(): number {
    return this.#reserved.size
  }

  get leaderId(): string {
    return this.#leaderId ?? ''
  }

  [Symbol.iterator](): Iterator<Member> {
    return this.#members.values()
  }

  /** The member that a request claims to come from, or why it is not (KIP-345 on fencing). */
  find({ memberId, groupInstanceId }: MemberClaim): Member | KafkaErrorName {
    if (groupInstanceId !== null) {
      const holder = this.#staticIds.get(groupInstanceId)
      if (holder === undefined) return 'UNKNOWN_MEMBER_ID'
      if (holder !== memberId) return 'FENCED_INSTANCE_ID'
    }
    return this.#members.get(memberId) ?? 'UNKNOWN_MEMBER_ID'
  }

  holderOf(groupInstanceId: string | null): Member | undefined {
    if (groupInstanceId === null) return undefined
    return this.#members.get(this.#staticIds.get(groupInstanceId) ?? '')
  }

  reserve(memberId: string, deadlineMs: number): void {
    this.#reserved.set(memberId, deadlineMs)
  }

  /** Whether the id was reserved; it no longer is. */
  redeem(memberId: string): boolean {
    return this.#reserved.delete(memberId)
  }

  /** The first member leads. */
  add(member: Member): void {
    this.#members.set(member.id, member)
    if (member.groupInstanceId !== null) this.#staticIds.set(member.groupInstanceId, member.id)
    this.#leaderId ??= member.id
  }

  /** Whoever the member kept waiting is told that it is out; the leader's place goes to the next. */
  remove(member: Member): void {
    this.#members.delete(member.id)
    if (member.groupInstanceId !== null) this.#staticIds.delete(member.groupInstanceId)
    if (this.#leaderId === member.id) this.#leaderId = this.#members.keys().next().value ?? null
    member.refuse('UNKNOWN_MEMBER_ID')
  }

  /** A static member that restarted takes its own place under a new id; the old one is fenced. */
  succeed(previous: Member, memberId: string, request: JoinRequest): Member {
    const successor = new Member(memberId, request, previous.deadlineMs)
    successor.assignment = previous.assignment
    successor.isNew = previous.isNew
    successor.hasSynced = previous.hasSynced
    this.#members.delete(previous.id)
    this.add(successor)
    if (this.#leaderId === previous.id) this.#leaderId = memberId
    previous.refuse('FENCED_INSTANCE_ID')
    return successor
  }

  /** Makes sure that a member that has joined leads; false when none has. */
  electJoined(): boolean {
    if (this.#members.get(this.leaderId)?.waitsForJoin === true) return true
    const joined = [...this].find((member) => member.waitsForJoin)
    if (joined !== undefined) this.#leaderId = joined.id
    return joined !== undefined
  }

  allJoined(): boolean {
    return [...this].every((member) => member.waitsForJoin)
  }

  /** The members whose sessions have ended; reservations that have ended are dropped. */
  expired(now: number): Set<Member> {
    for (const [id, deadlineMs] of this.#reserved) {
      if (deadlineMs <= now) this.#reserved.delete(id)
    }
    return new Set([...this].filter((member) => member.expires <= now))
  }

  /** When `expired` would next have something; Infinity when nothing can. */
  dueMs(): number {
    let due = Infinity
    for (const deadlineMs of this.#reserved.values()) due = Math.min(due, deadlineMs)
    for (const member of this.#members.values()) due = Math.min(due, member.expires)
    return due
  }

  rebalanceTimeoutMs(): number {
    return [...this].reduce((most, member) => Math.max(most, member.rebalanceTimeoutMs), 0)
  }

  selectProtocol(): string | undefined {
    return selectProtocol(this)
  }

  shareOneOf(protocols: JoinRequest['protocols']): boolean {
    const members = [...this]
    return protocols.some(({ name }) => members.every((member) => member.supports(name)))
  }

  subscriptions(protocol: string): readonly JoinedMember[] {
    return [...this].map((member) => ({
      memberId: member.id,
      groupInstanceId: member.groupInstanceId,
      metadata: member.metadataFor(protocol),
    }))
  }

  /** Undefined where one member's subscription is not readable. */
  subscribedTopics(protocol: string): ReadonlySet<string> | undefined {
    const topics = [...this].map((member) => topicsOfSubscription(member.metadataFor(protocol)))
    if (topics.includes(undefined)) return undefined
    return new Set(topics.flatMap((ofMember) => ofMember ?? []))
  }

  /** What an admin is shown; metadata and assignments are there in a stable group alone. */
  describe(protocol: string): readonly DescribedMember[] {
    return [...this].map((member) => ({
      memberId: member.id,
      groupInstanceId: member.groupInstanceId,
      clientId: member.clientId,
      clientHost: member.clientHost,
      metadata: member.metadataFor(protocol),
      assignment: protocol === '' ? Buffer.alloc(0) : member.assignment,
    }))
  }

  snapshot(protocol: string): readonly MemberSnapshot[] {
    return [...this].map((member) => ({
      memberId: member.id,
      groupInstanceId: member.groupInstanceId,
      clientId: member.clientId,
      clientHost: member.clientHost,
      rebalanceTimeoutMs: member.rebalanceTimeoutMs,
      sessionTimeoutMs: member.sessionTimeoutMs,
      metadata: member.metadataFor(protocol),
      assignment: member.assignment,
    }))
  }

  /** The members of a stable group from before a restart, each with a session from now. */
  restore({ members, leaderId, protocolName }: GroupSnapshot, now: number): void {
    for (const { memberId, metadata, assignment, ...rest } of members) {
      const protocols = [{ name: protocolName ?? '', metadata }]
      const member = new Member(memberId, { ...rest, protocols }, now + rest.sessionTimeoutMs)
      member.assignment = assignment
      member.isNew = false
      member.hasSynced = true
      this.add(member)
    }
    if (this.#members.has(leaderId ?? '')) this.#leaderId = leaderId
  }

  clear(error: KafkaErrorName): void {
    const members = [...this]
    this.#members.clear()
    this.#staticIds.clear()
    this.#reserved.clear()
    this.#leaderId = null
    for (const member of members) member.refuse(error)
  }

  /** The leader is a member unless there is none; instance ids name their members. */
  check(): void {
    assert.equal(this.#members.has(this.leaderId), this.#members.size > 0, 'the leader is a member')
    const statics = [...this].filter((member) => member.groupInstanceId !== null)
    assert.equal(statics.length, this.#staticIds.size)
    for (const member of statics) assert.equal(this.holderOf(member.groupInstanceId), member)
  }
}
