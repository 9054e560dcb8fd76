// Tests the tables of consumer groups against kafkajs, at every version.
import { test } from 'vitest'
import { define, expectUnderstanding } from '../test/support/kafkajs-protocol.ts'

const cases = [
  define({
    api: 'OffsetCommit',
    options: () => ({
      groupId: 'g',
      groupGenerationId: 3,
      memberId: 'm',
      topics: [{ topic: 't', partitions: [{ partition: 1, offset: '9', timestamp: 5 }] }],
    }),
    request: (version) => ({
      groupId: 'g',
      generationIdOrMemberEpoch: 3,
      memberId: 'm',
      retentionTimeMs: -1,
      topics: [
        {
          name: 't',
          partitions: [
            {
              partitionIndex: 1,
              committedOffset: 9,
              committedLeaderEpoch: -1,
              commitTimestamp: version === 1 ? 5 : -1,
              committedMetadata: null,
            },
          ],
        },
      ],
    }),
    response: () => ({
      topics: [{ name: 't', partitions: [{ partitionIndex: 1, errorCode: 25 }] }],
    }),
    decoded: () => ({
      responses: [{ topic: 't', partitions: [{ partition: 1, errorCode: 25 }] }],
    }),
  }),
  define({
    api: 'OffsetFetch',
    options: () => ({ groupId: 'g', topics: [{ topic: 't', partitions: [{ partition: 4 }] }] }),
    request: () => ({ groupId: 'g', topics: [{ name: 't', partitionIndexes: [4] }] }),
    response: () => ({
      topics: [
        {
          name: 't',
          partitions: [{ partitionIndex: 4, committedOffset: 8, metadata: 'x', errorCode: 0 }],
        },
      ],
    }),
    decoded: () => ({
      responses: [
        { topic: 't', partitions: [{ partition: 4, offset: '8', metadata: 'x', errorCode: 0 }] },
      ],
    }),
  }),
  define({
    api: 'FindCoordinator',
    options: () => ({ groupId: 'g' }),
    request: () => ({ key: 'g', keyType: 0 }),
    response: () => ({ errorCode: 0, nodeId: 1, host: 'h', port: 5 }),
    decoded: () => ({ errorCode: 0, coordinator: { nodeId: 1, host: 'h', port: 5 } }),
  }),
  define({
    api: 'JoinGroup',
    options: () => ({
      groupId: 'g',
      sessionTimeout: 30_000,
      rebalanceTimeout: 60_000,
      memberId: '',
      groupInstanceId: 'static',
      protocolType: 'consumer',
      groupProtocols: [{ name: 'RoundRobin', metadata: Buffer.from('meta') }],
    }),
    request: (version) => ({
      groupId: 'g',
      sessionTimeoutMs: 30_000,
      rebalanceTimeoutMs: version >= 1 ? 60_000 : -1,
      memberId: '',
      groupInstanceId: version >= 5 ? 'static' : null,
      protocolType: 'consumer',
      protocols: [{ name: 'RoundRobin', metadata: Buffer.from('meta') }],
    }),
    response: () => ({
      errorCode: 0,
      generationId: 2,
      protocolName: null,
      leader: 'l',
      memberId: 'm',
      members: [{ memberId: 'm', metadata: Buffer.from('meta') }],
    }),
    decoded: () => ({
      generationId: 2,
      groupProtocol: '',
      leaderId: 'l',
      memberId: 'm',
      members: [{ memberId: 'm', memberMetadata: Buffer.from('meta') }],
    }),
  }),
  define({
    api: 'Heartbeat',
    options: () => ({ groupId: 'g', groupGenerationId: 2, memberId: 'm' }),
    request: () => ({ groupId: 'g', generationId: 2, memberId: 'm', groupInstanceId: null }),
    response: () => ({ errorCode: 27 }),
    decoded: () => ({ errorCode: 27 }),
  }),
  define({
    api: 'LeaveGroup',
    options: () => ({ groupId: 'g', memberId: 'm' }),
    request: (version) =>
      version < 3
        ? { groupId: 'g', memberId: 'm', members: [] }
        : { groupId: 'g', members: [{ memberId: 'm', groupInstanceId: null, reason: null }] },
    response: () => ({
      errorCode: 0,
      members: [{ memberId: 'm', groupInstanceId: null, errorCode: 25 }],
    }),
    decoded: (version) => ({
      errorCode: 0,
      ...(version >= 3 ? { members: [{ memberId: 'm', errorCode: 25 }] } : {}),
    }),
  }),
  define({
    api: 'SyncGroup',
    options: () => ({
      groupId: 'g',
      generationId: 2,
      memberId: 'm',
      groupAssignment: [{ memberId: 'm', memberAssignment: Buffer.from('mine') }],
    }),
    request: () => ({
      groupId: 'g',
      generationId: 2,
      memberId: 'm',
      assignments: [{ memberId: 'm', assignment: Buffer.from('mine') }],
    }),
    response: () => ({ errorCode: 0, assignment: Buffer.from('mine') }),
    decoded: () => ({ errorCode: 0, memberAssignment: Buffer.from('mine') }),
  }),
  define({
    api: 'DescribeGroups',
    options: () => ({ groupIds: ['g'] }),
    request: () => ({ groups: ['g'] }),
    response: () => ({
      groups: [
        {
          errorCode: 0,
          groupId: 'g',
          groupState: 'Stable',
          protocolType: 'consumer',
          protocolData: 'RoundRobin',
          members: [
            {
              memberId: 'm',
              clientId: 'c',
              clientHost: '/127.0.0.1',
              memberMetadata: Buffer.from('meta'),
              memberAssignment: Buffer.from('mine'),
            },
          ],
        },
      ],
    }),
    decoded: () => ({
      groups: [
        {
          groupId: 'g',
          state: 'Stable',
          protocolType: 'consumer',
          protocol: 'RoundRobin',
          members: [{ memberId: 'm', clientId: 'c', memberAssignment: Buffer.from('mine') }],
        },
      ],
    }),
  }),
  define({
    api: 'ListGroups',
    options: () => ({}),
    request: () => ({ statesFilter: [], typesFilter: [] }),
    response: () => ({ errorCode: 0, groups: [{ groupId: 'g', protocolType: 'consumer' }] }),
    decoded: () => ({ errorCode: 0, groups: [{ groupId: 'g', protocolType: 'consumer' }] }),
  }),
]

test.for(cases)('$api of kafkajs is understood, and understands, at every version', (one) =>
  expectUnderstanding(one),
)
