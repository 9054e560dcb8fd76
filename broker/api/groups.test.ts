// Tests the Kafka APIs that show, empty and remove consumer groups, over the wire.
import { afterAll, beforeAll, expect, test } from 'vitest'
import { errorCodes, type KafkaErrorName } from '../../protocol/error-codes.ts'
import { RawKafka } from '../../test/support/raw-kafka.ts'
import { subscriptionTo } from '../../test/support/subscription.ts'
import { TestBroker } from '../../test/support/test-broker.ts'

let broker: TestBroker
let client: RawKafka
beforeAll(async () => {
  broker = await TestBroker.start()
  client = await RawKafka.connect(broker.address)
  await client.ask('CreateTopics', 7, {
    topics: ['t', 'u'].map((name) => ({
      name,
      numPartitions: 1,
      replicationFactor: 1,
      assignments: [],
      configs: [],
    })),
    timeoutMs: 1_000,
  })
})
afterAll(async () => {
  client.close()
  await broker.remove()
})

const nameOf = (code: number | undefined): KafkaErrorName | undefined =>
  (Object.keys(errorCodes) as KafkaErrorName[]).find((name) => errorCodes[name] === code)

interface Joining {
  readonly groupId: string
  readonly protocolType?: string
  readonly groupInstanceId?: string
  readonly metadata?: Buffer
}

/** Joins as the only member and fetches the assignment: the group is stable after it. */
async function join({ groupId, protocolType = 'consumer', ...wanted }: Joining) {
  const metadata = wanted.metadata ?? subscriptionTo('t')
  const joined = await client.ask('JoinGroup', 5, {
    groupId,
    sessionTimeoutMs: 30_000,
    rebalanceTimeoutMs: 30_000,
    memberId: '',
    groupInstanceId: wanted.groupInstanceId ?? `only-of-${groupId}`,
    protocolType,
    protocols: [{ name: 'cooperative-sticky', metadata }],
  })
  const claim = {
    groupId,
    memberId: joined.memberId,
    generationId: joined.generationId,
    groupInstanceId: wanted.groupInstanceId ?? `only-of-${groupId}`,
  }
  const assignments = [{ memberId: joined.memberId, assignment: Buffer.from('t-0') }]
  const synced = await client.ask('SyncGroup', 3, { ...claim, assignments })
  expect([joined.errorCode, synced.errorCode]).toEqual([0, 0])
  return claim
}

async function commit(groupId: string, topics: string[], claim = { memberId: '', generation: -1 }) {
  const response = await client.ask('OffsetCommit', 7, {
    groupId,
    generationIdOrMemberEpoch: claim.generation,
    memberId: claim.memberId,
    topics: topics.map((name) => ({
      name,
      partitions: [{ partitionIndex: 0, committedOffset: 3, committedMetadata: null }],
    })),
  })
  return response.topics.map(({ partitions }) => nameOf(partitions[0]?.errorCode))
}

async function committed(groupId: string) {
  const { topics } = await client.ask('OffsetFetch', 2, { groupId, topics: null })
  return topics.map(({ name }) => name).toSorted()
}

async function remove(...groupsNames: string[]) {
  const { results } = await client.ask('DeleteGroups', 2, { groupsNames })
  return results.map(({ groupId, errorCode }) => [groupId, nameOf(errorCode)])
}

const leave = ({ groupId, groupInstanceId }: { groupId: string; groupInstanceId: string }) =>
  client.ask('LeaveGroup', 3, { groupId, members: [{ memberId: '', groupInstanceId }] })

test('a group without members is deleted with its offsets, one with members is not', async () => {
  await commit('offsets-alone', ['t', 'u'])
  const claim = await join({ groupId: 'busy' })
  expect(await remove('offsets-alone', 'busy', 'nobody', '')).toEqual([
    ['offsets-alone', 'NONE'],
    ['busy', 'NON_EMPTY_GROUP'],
    ['nobody', 'GROUP_ID_NOT_FOUND'],
    ['', 'GROUP_ID_NOT_FOUND'],
  ])
  expect(await committed('offsets-alone')).toEqual([])
  await leave(claim)
  expect(await remove('busy')).toEqual([['busy', 'NONE']])
  expect(await remove('busy')).toEqual([['busy', 'GROUP_ID_NOT_FOUND']])
})

test('a deleted group stays deleted after a restart', async () => {
  await commit('gone', ['t'])
  await commit('stays', ['t'])
  await remove('gone')
  await broker.restart()
  client = await RawKafka.connect(broker.address)
  expect(await committed('gone')).toEqual([])
  expect(await committed('stays')).toEqual(['t'])
})

async function removeOffsets(groupId: string, ...topics: string[]) {
  const response = await client.ask('OffsetDelete', 0, {
    groupId,
    topics: topics.map((name) => ({ name, partitions: [{ partitionIndex: 0 }] })),
  })
  const codes = response.topics.map(({ partitions }) => nameOf(partitions[0]?.errorCode))
  return [nameOf(response.errorCode), ...codes]
}

test('offsets of a topic that a member reads stay, others are deleted', async () => {
  await commit('reader', ['t', 'u'])
  const claim = await join({ groupId: 'reader' })
  expect(await removeOffsets('reader', 't', 'u', 'nowhere')).toEqual([
    'NONE',
    'GROUP_SUBSCRIBED_TO_TOPIC',
    'NONE',
    'UNKNOWN_TOPIC_OR_PARTITION',
  ])
  expect(await committed('reader')).toEqual(['t'])
  await leave(claim)
  expect(await removeOffsets('reader', 't')).toEqual(['NONE', 'NONE'])
  expect(await committed('reader')).toEqual([])
})

test('where a subscription cannot be read, or is no consumer’s, its offsets stay', async () => {
  await commit('odd', ['t'])
  await join({ groupId: 'odd', metadata: Buffer.from('?') })
  expect(await removeOffsets('odd', 't')).toEqual(['NONE', 'GROUP_SUBSCRIBED_TO_TOPIC'])
  await commit('workers', ['t'])
  await join({ groupId: 'workers', protocolType: 'connect' })
  expect(await removeOffsets('workers', 't')).toEqual(['NON_EMPTY_GROUP'])
  expect(await removeOffsets('nobody', 't')).toEqual(['GROUP_ID_NOT_FOUND'])
  expect(await removeOffsets('', 't')).toEqual(['INVALID_GROUP_ID'])
})

test('a stable group shows its members, strategy, subscriptions and assignments', async () => {
  const metadata = Buffer.concat([subscriptionTo('t', 'u'), Buffer.from('owned partitions')])
  const { memberId } = await join({ groupId: 'shown', groupInstanceId: 'i', metadata })
  const { groups } = await client.ask('DescribeGroups', 5, {
    groups: ['shown'],
    includeAuthorizedOperations: true,
  })
  expect(groups).toMatchObject([
    {
      errorCode: 0,
      groupId: 'shown',
      groupState: 'Stable',
      protocolType: 'consumer',
      protocolData: 'cooperative-sticky',
      authorizedOperations: 0b1_0100_1000,
    },
  ])
  expect(groups[0]?.members).toEqual([
    {
      memberId,
      groupInstanceId: 'i',
      clientId: 'raw',
      clientHost: '/127.0.0.1',
      memberMetadata: metadata,
      memberAssignment: Buffer.from('t-0'),
    },
  ])
})

test('a group whose members have left is empty, not gone', async () => {
  await leave(await join({ groupId: 'left' }))
  const { groups } = await client.ask('DescribeGroups', 4, { groups: ['left'] })
  const [group] = groups
  expect(group).toMatchObject({ groupState: 'Empty', protocolType: 'consumer', members: [] })
  expect(group?.authorizedOperations).toBe(-(2 ** 31))
  const listed = await client.ask('ListGroups', 5, { statesFilter: ['empty'] })
  expect(listed.groups).toContainEqual({
    groupId: 'left',
    protocolType: 'consumer',
    groupState: 'Empty',
    groupType: 'classic',
  })
})

test('a group that is not there is dead, and from version 6 on an error', async () => {
  const before = await client.ask('DescribeGroups', 5, { groups: ['nobody'] })
  expect(before.groups).toMatchObject([{ errorCode: 0, groupState: 'Dead' }])
  const since = await client.ask('DescribeGroups', 6, { groups: ['nobody'] })
  expect(since.groups[0]).toMatchObject({
    errorCode: errorCodes.GROUP_ID_NOT_FOUND,
    errorMessage: 'Group nobody not found.',
    groupState: 'Dead',
  })
})

test('an empty group id is refused by all that members ask', async () => {
  const claim = { groupId: '', memberId: 'm', generationId: 1 }
  const beat = await client.ask('Heartbeat', 4, claim)
  const sync = await client.ask('SyncGroup', 4, { ...claim, assignments: [] })
  const left = await client.ask('LeaveGroup', 4, { groupId: '', members: [{ memberId: 'm' }] })
  const codes = [beat, sync, left].map(({ errorCode }) => nameOf(errorCode))
  expect(codes).toEqual(['INVALID_GROUP_ID', 'INVALID_GROUP_ID', 'INVALID_GROUP_ID'])
})

test('a partition that is not there is said before the group is looked at', async () => {
  const stale = { memberId: 'nobody', generation: 3 }
  expect(await commit('unborn', ['nowhere'], stale)).toEqual(['UNKNOWN_TOPIC_OR_PARTITION'])
  expect(await commit('unborn', ['nowhere', 't'], stale)).toEqual([
    'UNKNOWN_TOPIC_OR_PARTITION',
    'ILLEGAL_GENERATION',
  ])
  await commit('known', ['t'])
  expect(await commit('known', ['t'], stale)).toEqual(['UNKNOWN_MEMBER_ID'])
})
