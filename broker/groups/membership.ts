// What members ask of their consumer group and what it answers, free of wire versions.
import type { KafkaErrorName } from '../../protocol/error-codes.ts'

/** An assignment strategy a member can follow; `metadata` is its subscription, opaque to us. */
export interface MemberProtocol {
  readonly name: string
  readonly metadata: Buffer
}

export interface JoinRequest {
  readonly groupId: string
  /** Empty on the first join. */
  readonly memberId: string
  /** Set by static members (KIP-345). */
  readonly groupInstanceId: string | null
  readonly clientId: string
  readonly clientHost: string
  readonly sessionTimeoutMs: number
  readonly rebalanceTimeoutMs: number
  readonly protocolType: string
  readonly protocols: readonly MemberProtocol[]
  /** Whether a new member must come back with the id it is given (KIP-394, JoinGroup v4+). */
  readonly requiresMemberId: boolean
  /** Whether a leader understands that it need not assign (KIP-814, JoinGroup v9+). */
  readonly canSkipAssignment: boolean
}

export interface JoinedMember {
  readonly memberId: string
  readonly groupInstanceId: string | null
  readonly metadata: Buffer
}

export interface JoinResult {
  readonly error: KafkaErrorName
  /** -1 with an error. */
  readonly generationId: number
  readonly protocolType: string | null
  readonly protocolName: string | null
  readonly leader: string
  readonly memberId: string
  readonly skipAssignment: boolean
  /** All members for the leader; empty for the others. */
  readonly members: readonly JoinedMember[]
}

/** Who speaks, in every request of a member after its join. */
export interface MemberClaim {
  readonly memberId: string
  readonly groupInstanceId: string | null
}

export interface GenerationClaim extends MemberClaim {
  readonly generationId: number
}

export interface SyncRequest extends GenerationClaim {
  readonly groupId: string
  /** SyncGroup v5+; null where the client does not say. */
  readonly protocolType: string | null
  readonly protocolName: string | null
  /** From the leader; empty from the others. */
  readonly assignments: readonly { readonly memberId: string; readonly assignment: Buffer }[]
}

export interface SyncResult {
  readonly error: KafkaErrorName
  readonly protocolType: string | null
  readonly protocolName: string | null
  readonly assignment: Buffer
}

export const groupStates = [
  'Empty',
  'PreparingRebalance',
  'CompletingRebalance',
  'Stable',
  'Dead',
] as const
export type GroupState = (typeof groupStates)[number]

export interface DescribedMember extends JoinedMember {
  readonly clientId: string
  readonly clientHost: string
  readonly assignment: Buffer
}

export interface GroupDescription {
  readonly groupId: string
  readonly state: GroupState
  readonly protocolType: string
  /** Empty unless the group is stable, as are the members' metadata and assignments. */
  readonly protocolName: string
  readonly members: readonly DescribedMember[]
}

export function refusedJoin(error: KafkaErrorName, memberId: string): JoinResult {
  return {
    error,
    generationId: -1,
    protocolType: null,
    protocolName: null,
    leader: '',
    memberId,
    skipAssignment: false,
    members: [],
  }
}

export function refusedSync(error: KafkaErrorName): SyncResult {
  return { error, protocolType: null, protocolName: null, assignment: Buffer.alloc(0) }
}
