// A member of a consumer group: its subscription, its deadline, and the answers it waits for.
import type { KafkaErrorName } from '../../protocol/error-codes.ts'
import {
  refusedJoin,
  refusedSync,
  type JoinRequest,
  type JoinResult,
  type MemberProtocol,
  type SyncResult,
} from './membership.ts'

export type Reply<Result> = (result: Result) => void

/** What a member is made of. */
export type MemberDetails = Pick<
  JoinRequest,
  | 'groupInstanceId'
  | 'clientId'
  | 'clientHost'
  | 'protocols'
  | 'sessionTimeoutMs'
  | 'rebalanceTimeoutMs'
>

/** A join on its way through the group. */
export interface Join {
  readonly request: JoinRequest
  readonly now: number
  readonly reply: Reply<JoinResult>
}

const nothing = Buffer.alloc(0)

/** Owned by one Group, which alone calls it. At most one join and one sync wait at a time. */
export class Member {
  readonly id: string
  readonly groupInstanceId: string | null
  readonly clientId: string
  readonly clientHost: string
  protocols: readonly MemberProtocol[]
  sessionTimeoutMs: number
  rebalanceTimeoutMs: number
  assignment: Buffer = nothing
  /** Has not yet been part of a generation. */
  isNew = true
  /** Has fetched its assignment of this generation. */
  hasSynced = false
  /** When the member counts as dead unless it is heard of; see `expires`. */
  deadlineMs: number
  #join: Reply<JoinResult> | undefined
  #sync: Reply<SyncResult> | undefined

  constructor(id: string, details: MemberDetails, deadlineMs: number) {
    this.id = id
    this.groupInstanceId = details.groupInstanceId
    this.clientId = details.clientId
    this.clientHost = details.clientHost
    this.protocols = details.protocols
    this.sessionTimeoutMs = details.sessionTimeoutMs
    this.rebalanceTimeoutMs = details.rebalanceTimeoutMs
    this.deadlineMs = deadlineMs
  }

  get waitsForJoin(): boolean {
    return this.#join !== undefined
  }

  get waitsForSync(): boolean {
    return this.#sync !== undefined
  }

  /** When the session ends. A member that waits for our answer cannot heartbeat and keeps its place. */
  get expires(): number {
    const waits = this.waitsForJoin || this.waitsForSync
    return waits && !this.isNew ? Infinity : this.deadlineMs
  }

  heard(now: number): void {
    this.deadlineMs = now + this.sessionTimeoutMs
  }

  update(request: JoinRequest): void {
    this.protocols = request.protocols
    this.sessionTimeoutMs = request.sessionTimeoutMs
    this.rebalanceTimeoutMs = request.rebalanceTimeoutMs
  }

  /** A second join of the same member stands in for the first, whose connection is likely gone. */
  awaitJoin(reply: Reply<JoinResult>): void {
    this.#join?.(refusedJoin('REBALANCE_IN_PROGRESS', this.id))
    this.#join = reply
  }

  awaitSync(reply: Reply<SyncResult>): void {
    this.#sync?.(refusedSync('REBALANCE_IN_PROGRESS'))
    this.#sync = reply
  }

  answerJoin(result: JoinResult): void {
    const reply = this.#join
    this.#join = undefined
    reply?.(result)
  }

  answerSync(result: SyncResult): void {
    const reply = this.#sync
    this.#sync = undefined
    reply?.(result)
  }

  refuse(error: KafkaErrorName): void {
    this.answerJoin(refusedJoin(error, this.id))
    this.answerSync(refusedSync(error))
  }

  supports(protocol: string): boolean {
    return this.protocols.some(({ name }) => name === protocol)
  }

  metadataFor(protocol: string): Buffer {
    return this.protocols.find(({ name }) => name === protocol)?.metadata ?? nothing
  }

  hasProtocols(protocols: readonly MemberProtocol[]): boolean {
    return (
      protocols.length === this.protocols.length &&
      protocols.every((protocol, i) => {
        const own = this.protocols[i]
        return own?.name === protocol.name && own.metadata.equals(protocol.metadata)
      })
    )
  }
}

/**
 * The strategy that all members support and most of them prefer, in the order each one lists them.
 * At a draw the one that reached the count first wins. Undefined where they share none.
 */
export function selectProtocol(members: Iterable<Member>): string | undefined {
  const all = [...members]
  const votes = new Map<string, number>()
  for (const member of all) {
    const choice = member.protocols.find(({ name }) => all.every((m) => m.supports(name)))
    if (choice !== undefined) votes.set(choice.name, (votes.get(choice.name) ?? 0) + 1)
  }
  let best: string | undefined
  for (const [name, count] of votes) {
    if (best === undefined || count > (votes.get(best) ?? 0)) best = name
  }
  return best
}
