// JoinGroup (key 11, versions 0 to 9), SyncGroup (14, 0 to 5), Heartbeat (12, 0 to 4), LeaveGroup (13, 0 to 5).
//
// The classic protocol of consumer groups: here the wire's versions become one request, which the coordinator
// answers. JoinGroup from version 4 on sends a new member back with its id (KIP-394), static members excepted.
import { groupTextMaxBytes, rebalanceTimeoutMinMs } from '../../common/group-limits.ts'
import type { GenerationClaim } from '../groups/membership.ts'
import type { BrokerContext, Handler } from './broker-context.ts'

export const joinGroup: Handler<'JoinGroup'> = async (broker, request, call) => {
  const { groupId, memberId, groupInstanceId, sessionTimeoutMs, protocolType, protocols } = request
  if (request.reason !== null) logReason(broker, { groupId, memberId, joins: request.reason })
  const result = await broker.coordinator.join({
    groupId,
    memberId,
    groupInstanceId,
    // It becomes part of the member's id, of which the other members are told.
    clientId: call.clientId.slice(0, groupTextMaxBytes / 4),
    clientHost: call.clientHost,
    sessionTimeoutMs,
    // Version 0 has one timeout for both.
    rebalanceTimeoutMs: Math.max(
      rebalanceTimeoutMinMs,
      call.version === 0 ? sessionTimeoutMs : request.rebalanceTimeoutMs,
    ),
    protocolType,
    protocols,
    requiresMemberId: call.version >= 4,
    canSkipAssignment: call.version >= 9,
  })
  const { error, ...rest } = result
  return { ...rest, errorCode: call.code(error) }
}

export const syncGroup: Handler<'SyncGroup'> = async (broker, request, call) => {
  const { error, ...rest } = await broker.coordinator.sync(request)
  return { ...rest, errorCode: call.code(error) }
}

export const heartbeat: Handler<'Heartbeat'> = (broker, request, call) => {
  const claim: GenerationClaim = request
  return { errorCode: call.code(broker.coordinator.heartbeat(request.groupId, claim)) }
}

export const leaveGroup: Handler<'LeaveGroup'> = (broker, request, call) => {
  const { groupId, memberId } = request
  if (call.version < 3) {
    const error = broker.coordinator.leave(groupId, { memberId, groupInstanceId: null })
    return { errorCode: call.code(error) }
  }
  if (groupId === '') return { errorCode: call.code('INVALID_GROUP_ID'), members: [] }
  for (const { memberId: member, reason } of request.members) {
    if (reason !== null) logReason(broker, { groupId, memberId: member, leaves: reason })
  }
  const members = request.members.map((claim) => ({
    memberId: claim.memberId,
    groupInstanceId: claim.groupInstanceId,
    errorCode: call.code(broker.coordinator.leave(groupId, claim)),
  }))
  return { errorCode: 0, members }
}

/** KIP-800: what a client says of why it joins or leaves is for whoever reads the log. */
function logReason({ logger }: BrokerContext, said: Readonly<Record<string, string>>): void {
  const short = Object.entries(said).map(([key, text]) => [key, text.slice(0, groupTextMaxBytes)])
  logger.debug('a member has a reason', Object.fromEntries(short))
}
