// What the members of a group agree on until the next rebalance, and the answers that tell them.
import { consumerProtocolType } from './consumer-protocol.ts'
import type { GroupSnapshot } from './group-record.ts'
import type { Member } from './member.ts'
import type { JoinRequest, JoinResult, SyncRequest, SyncResult } from './membership.ts'
import type { Roster } from './roster.ts'

export interface Generation {
  /** 0 before the first. */
  readonly id: number
  readonly protocolType: string | null
  /** The strategy of assignment; null while nobody is there to follow it. */
  readonly protocolName: string | null
}

export const noGeneration: Generation = { id: 0, protocolType: null, protocolName: null }

/** Whether whoever joins speaks the group's protocol and shares a strategy with all of its members. */
export function accepts(
  generation: Generation,
  roster: Roster,
  { protocolType, protocols }: JoinRequest,
): boolean {
  if (protocolType === '' || protocols.length === 0) return false
  if (roster.size === 0) return true
  return protocolType === generation.protocolType && roster.shareOneOf(protocols)
}

/** Whether what a member that syncs says of the generation, if anything, is so (KIP-559). */
export function agrees(generation: Generation, said: SyncRequest): boolean {
  return (
    (said.protocolType ?? generation.protocolType) === generation.protocolType &&
    (said.protocolName ?? generation.protocolName) === generation.protocolName
  )
}

/** Only the leader is told the members. */
export function joinResultOf(generation: Generation, member: Member, roster: Roster): JoinResult {
  const { leaderId } = roster
  const { id, protocolType, protocolName } = generation
  return {
    error: 'NONE',
    generationId: id,
    protocolType,
    protocolName,
    leader: leaderId,
    memberId: member.id,
    skipAssignment: false,
    members: member.id === leaderId ? roster.subscriptions(protocolName ?? '') : [],
  }
}

export function syncResultOf(generation: Generation, { assignment }: Member): SyncResult {
  const { protocolType, protocolName } = generation
  return { error: 'NONE', protocolType, protocolName, assignment }
}

/** What to keep of a group between two rebalances. */
export function snapshotOf(
  { id, protocolType, protocolName }: Generation,
  roster: Roster,
  stateSinceMs: number,
): GroupSnapshot {
  return {
    protocolType: protocolType ?? '',
    generationId: id,
    protocolName,
    leaderId: roster.size === 0 ? null : roster.leaderId,
    stateSinceMs,
    members: roster.snapshot(protocolName ?? ''),
  }
}

/**
 * Static members go on where they were. Where there are others, all join again: at once, and without
 * waiting for the sessions of those that the restart has ended, too. Then no strategy is left.
 */
export function generationAfterRestart(snapshot: GroupSnapshot): Generation {
  const { generationId: id, protocolType, members } = snapshot
  const isStatic = members.length > 0 && members.every((m) => m.groupInstanceId !== null)
  return { id, protocolType, protocolName: isStatic ? snapshot.protocolName : null }
}

/** What members read; undefined where they are no consumers, or one says it in a way that is not known. */
export function subscribedTopicsOf(
  { protocolType, protocolName }: Generation,
  roster: Roster,
): ReadonlySet<string> | undefined {
  if (protocolType !== consumerProtocolType || protocolName === null) return undefined
  return roster.subscribedTopics(protocolName)
}
