// DescribeGroups (key 15, versions 0 to 6) and ListGroups (key 16, versions 0 to 5).
//
// A group that is not there is described as Dead, from version 6 on with an error, before without one (KIP-1043).
// Every group is of the type classic. There is no authorization: whoever asks may do everything.
import type { Handler } from './broker-context.ts'

const groupType = 'classic'

/** What Kafka without an authorizer lets anyone do with a group: READ (3), DELETE (6), DESCRIBE (8), as bits. */
const groupOperations = (1 << 3) | (1 << 6) | (1 << 8)

export const describeGroups: Handler<'DescribeGroups'> = (broker, request, call) => ({
  groups: request.groups.map((groupId) => {
    const group = broker.coordinator.describe(groupId)
    const isMissing = group === undefined && call.version >= 6
    return {
      errorCode: call.code(isMissing ? 'GROUP_ID_NOT_FOUND' : 'NONE'),
      errorMessage: isMissing ? `Group ${groupId} not found.` : null,
      groupId,
      groupState: group?.state ?? 'Dead',
      protocolType: group?.protocolType ?? '',
      protocolData: group?.protocolName ?? '',
      members: (group?.members ?? []).map((member) => ({
        memberId: member.memberId,
        groupInstanceId: member.groupInstanceId,
        clientId: member.clientId,
        clientHost: member.clientHost,
        memberMetadata: member.metadata,
        memberAssignment: member.assignment,
      })),
      ...(request.includeAuthorizedOperations && !isMissing
        ? { authorizedOperations: groupOperations }
        : {}),
    }
  }),
})

export const listGroups: Handler<'ListGroups'> = (broker, request) => {
  const states = lowerCase(request.statesFilter)
  const types = lowerCase(request.typesFilter)
  const isWanted = (filter: ReadonlySet<string>, value: string): boolean =>
    filter.size === 0 || filter.has(value.toLowerCase())
  const groups = broker.coordinator
    .groups()
    .filter(({ state }) => isWanted(states, state) && isWanted(types, groupType))
    .map(({ groupId, protocolType, state }) => ({
      groupId,
      protocolType,
      groupState: state,
      groupType,
    }))
  return { errorCode: 0, groups }
}

/** Kafka compares both without regard to case. */
function lowerCase(values: readonly string[]): ReadonlySet<string> {
  return new Set(values.map((value) => value.toLowerCase()))
}
