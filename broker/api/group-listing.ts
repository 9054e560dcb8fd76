// DescribeGroups (key 15, versions 0 to 5) and ListGroups (key 16, versions 0 to 5).
//
// A group that is not there is described as Dead, without an error, as Kafka does at these versions.
// Every group is of the type Classic. Authorized operations are not answered: there is no authorization.
import type { Handler } from './broker-context.ts'

const groupType = 'Classic'

export const describeGroups: Handler<'DescribeGroups'> = (broker, request) => ({
  groups: request.groups.map((groupId) => {
    const group = broker.coordinator.describe(groupId)
    return {
      errorCode: 0,
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
