// Tests the coordinator and its durable offsets over a real log in memory, under a manual clock.
import { afterEach, beforeEach, expect, test } from 'vitest'
import {
  groupsMax,
  offsetsRetentionCheckIntervalMs,
  offsetsRetentionMs,
} from '../../common/group-limits.ts'
import { silentLogger } from '../../common/logger.ts'
import { openStore, type TestStore } from '../../test/support/log-store.ts'
import { GroupCoordinator } from './coordinator.ts'
import type { JoinRequest } from './membership.ts'
import { OffsetStore, offsetsTopicName } from './offset-store.ts'

let log: TestStore
let offsets: OffsetStore
let coordinator: GroupCoordinator

beforeEach(async () => {
  log = await openStore()
  await log.store.createTopic(offsetsTopicName, {
    partitions: 1,
    internal: true,
    configs: { 'segment.bytes': '10000' },
  })
  await open()
})

afterEach(async () => {
  coordinator.check()
  await coordinator.close()
  await log.store.close()
  expect(await log.store.check()).toEqual([])
})

function journal() {
  const partition = log.store.topic(offsetsTopicName)?.partitions[0]
  if (partition === undefined) throw new Error('the journal is there')
  return partition
}

async function open(journalMaxBytes?: number): Promise<void> {
  const { clock } = log
  const logger = silentLogger
  const limit = journalMaxBytes === undefined ? {} : { journalMaxBytes }
  offsets = await OffsetStore.open({ log: journal(), clock, logger, ...limit })
  coordinator = new GroupCoordinator({ offsets, clock, logger, initialRebalanceDelayMs: 0 })
}

async function reopen(journalMaxBytes?: number): Promise<void> {
  await coordinator.close()
  await log.store.close()
  log = await openStore({ files: log.files, clock: log.clock })
  await open(journalMaxBytes)
}

const nobody = { generationId: -1, memberId: '', groupInstanceId: null }

function offset(
  value: number,
  place: { topic?: string; partition?: number; metadata?: string } = {},
) {
  return { topic: 't', partition: 0, metadata: '', leaderEpoch: 4, offset: value, ...place }
}

function joinRequest(request: Partial<JoinRequest> = {}): JoinRequest {
  return {
    groupId: 'g',
    memberId: '',
    groupInstanceId: null,
    clientId: 'client',
    clientHost: '/127.0.0.1',
    sessionTimeoutMs: 10_000,
    rebalanceTimeoutMs: 60_000,
    protocolType: 'consumer',
    protocols: [{ name: 'range', metadata: Buffer.from('topics') }],
    requiresMemberId: false,
    canSkipAssignment: false,
    ...request,
  }
}

test('committed offsets come back after a restart, with metadata and epoch', async () => {
  expect(await coordinator.commit('g', nobody, [offset(7, { metadata: 'wörds' })])).toBe('NONE')
  expect(await coordinator.commit('g', nobody, [offset(9, { partition: 3 })])).toBe('NONE')
  await reopen()
  expect(coordinator.offset('g', 't', 0)).toEqual({
    offset: 7,
    leaderEpoch: 4,
    metadata: 'wörds',
    commitTimestampMs: log.clock.now(),
  })
  expect(coordinator.offset('g', 't', 3)?.offset).toBe(9)
  expect(coordinator.offset('g', 't', 1)).toBe(undefined)
  expect(coordinator.describe('g')).toMatchObject({ state: 'Empty', members: [] })
})

test('the last of many commits wins, and the journal stays bounded', async () => {
  await reopen(2_000)
  let largest = 0
  for (let i = 0; i <= 1_000; i++) {
    await coordinator.commit(`g${i % 7}`, nobody, [offset(i)])
    largest = Math.max(largest, journal().sizeBytes)
  }
  // Whole segments of 10 kB are dropped, so one lags behind.
  expect(largest).toBeLessThan(30_000)
  expect(journal().logStartOffset).toBeGreaterThan(900)
  await reopen()
  for (let i = 994; i <= 1_000; i++) {
    expect(coordinator.offset(`g${i % 7}`, 't', 0)?.offset).toBe(i)
  }
})

test('a snapshot loses no offset that is committed while it is written', async () => {
  await reopen(1)
  const commits = Array.from({ length: 300 }, (_, i) =>
    coordinator.commit(`g${i % 50}`, nobody, [offset(i, { partition: i })]),
  )
  expect(new Set(await Promise.all(commits))).toEqual(new Set(['NONE']))
  await reopen()
  for (let i = 0; i < 300; i++) expect(coordinator.offset(`g${i % 50}`, 't', i)?.offset).toBe(i)
})

test('offsets of a removed topic are gone, after a restart as well', async () => {
  await coordinator.commit('g', nobody, [offset(1), offset(2, { topic: 'kept' })])
  await coordinator.commit('h', nobody, [offset(1)])
  await coordinator.removeTopic('t')
  await reopen()
  expect(coordinator.offsetsOf('g').map(({ topic }) => topic)).toEqual(['kept'])
  expect(coordinator.describe('h')).toBe(undefined)
})

test('offsets whose group has been empty for the retention are dropped', async () => {
  await coordinator.commit('old', nobody, [offset(1)])
  log.clock.advance(offsetsRetentionMs / 2)
  await coordinator.commit('young', nobody, [offset(1)])
  log.clock.advance(offsetsRetentionMs / 2)
  await coordinator.commit('now', nobody, [offset(1)])
  await reopen()
  const groups = coordinator.groups().map(({ groupId }) => groupId)
  expect(groups.toSorted()).toEqual(['now', 'young'])
})

test('a write that fails is answered, not swallowed', async () => {
  await log.store.close()
  expect(await coordinator.commit('g', nobody, [offset(1)])).toBe('KAFKA_STORAGE_ERROR')
  log = await openStore({ files: log.files, clock: log.clock })
})

test('a member that dies under the coordinator is removed by its timer', async () => {
  const first = await coordinator.join(joinRequest())
  expect(first).toMatchObject({ error: 'NONE', generationId: 1 })
  const second = coordinator.join(joinRequest())
  log.clock.advance(9_000)
  expect(coordinator.describe('g')?.members.length).toBe(2)
  log.clock.advance(1_000)
  // The first never synced nor joined again: the second is alone in the next generation.
  expect(await second).toMatchObject({ error: 'NONE', generationId: 2, members: [{}] })
})

test('a group without members and offsets has no timers, and is forgotten at the next look', async () => {
  const timers = log.clock.timers
  const joined = await coordinator.join(joinRequest())
  expect(coordinator.groups().length).toBe(1)
  expect(coordinator.leave('g', { ...joined, groupInstanceId: null })).toBe('NONE')
  expect(coordinator.describe('g')?.state).toBe('Empty')
  expect(log.clock.timers).toBe(timers)
  log.clock.advance(offsetsRetentionCheckIntervalMs)
  expect(coordinator.groups()).toEqual([])
})

/** A group of one member with its assignment. */
async function stable(request: Partial<JoinRequest> = {}) {
  const { memberId, generationId } = await coordinator.join(joinRequest(request))
  const { groupId = 'g', groupInstanceId = null } = request
  const claim = { groupId, memberId, generationId, groupInstanceId }
  const assignments = [{ memberId, assignment: Buffer.from('p0') }]
  const { error } = await coordinator.sync({ ...claim, ...unsaid, assignments })
  expect(error).toBe('NONE')
  return claim
}
const unsaid = { protocolType: null, protocolName: null, assignments: [] }

test('static members keep generation and assignment over a restart, without a rebalance', async () => {
  const claim = await stable({ groupInstanceId: 'i-1' })
  await reopen()
  expect(coordinator.heartbeat('g', claim)).toBe('NONE')
  expect(await coordinator.commit('g', claim, [offset(1)])).toBe('NONE')
  expect((await coordinator.sync({ ...claim, ...unsaid })).assignment.toString()).toBe('p0')
  const again = await coordinator.join(joinRequest({ groupInstanceId: 'i-1' }))
  expect(again).toMatchObject({ error: 'NONE', generationId: 1, protocolName: 'range' })
  expect(coordinator.heartbeat('g', claim)).toBe('FENCED_INSTANCE_ID')
  // The successor is kept as well.
  await reopen()
  expect(coordinator.heartbeat('g', { ...claim, memberId: again.memberId })).toBe('NONE')
  log.clock.advance(10_000)
  expect(coordinator.describe('g')?.state).toBe('Empty')
})

test('others join again after a restart, in the next generation, and wait for nobody', async () => {
  const claim = await stable()
  await reopen(1)
  expect(coordinator.describe('g')).toMatchObject({ state: 'Empty', protocolType: 'consumer' })
  expect(coordinator.heartbeat('g', claim)).toBe('UNKNOWN_MEMBER_ID')
  expect(await coordinator.commit('g', claim, [offset(1)])).toBe('UNKNOWN_MEMBER_ID')
  expect((await coordinator.join(joinRequest())).generationId).toBe(2)
})

test('how long a group has been empty is known over restarts', async () => {
  const claim = await stable()
  await coordinator.commit('g', claim, [offset(1)])
  log.clock.advance(9_000)
  coordinator.leave('g', claim)
  log.clock.advance(offsetsRetentionMs - offsetsRetentionCheckIntervalMs)
  await reopen(1)
  log.clock.advance(offsetsRetentionCheckIntervalMs - 1_000)
  expect(coordinator.offset('g', 't', 0)?.offset).toBe(1)
  log.clock.advance(offsetsRetentionCheckIntervalMs + 1_000)
  expect(coordinator.offset('g', 't', 0)).toBe(undefined)
})

test('a group is gone for good once it is forgotten or deleted', async () => {
  coordinator.leave('g', await stable())
  coordinator.leave('h', await stable({ groupId: 'h' }))
  await reopen()
  expect(coordinator.groups().length).toBe(2)
  expect(await coordinator.delete('g')).toBe('NONE')
  log.clock.advance(offsetsRetentionCheckIntervalMs)
  await reopen()
  expect(coordinator.groups()).toEqual([])
})

test('a group too large for a record is not kept, and takes nothing else with it', async () => {
  const protocols = [{ name: 'range', metadata: Buffer.alloc(250_000) }]
  const joins = ['1', '2', '3', '4'].map((groupInstanceId) =>
    coordinator.join(joinRequest({ groupInstanceId, protocols })),
  )
  const [leader] = await Promise.all(joins.slice(0, 1))
  expect(leader?.error).toBe('NONE')
  const again = { memberId: leader?.memberId ?? '', groupInstanceId: '1', protocols }
  const { generationId, memberId, members } = await coordinator.join(joinRequest(again))
  expect(members.length).toBe(4)
  const claim = { groupId: 'g', memberId, generationId, groupInstanceId: '1' }
  expect((await coordinator.sync({ ...claim, ...unsaid })).error).toBe('NONE')
  expect(await coordinator.commit('g', claim, [offset(1)])).toBe('NONE')
  await reopen()
  expect(coordinator.heartbeat('g', claim)).toBe('UNKNOWN_MEMBER_ID')
  expect(coordinator.offset('g', 't', 0)?.offset).toBe(1)
})

test('offsets with the longest metadata fit the journal', async () => {
  const longest = Array.from({ length: 300 }, (_, partition) =>
    offset(1, { partition, metadata: '€'.repeat(4_096) }),
  )
  expect(await coordinator.commit('g', nobody, longest)).toBe('NONE')
  await reopen()
  expect(coordinator.offset('g', 't', 299)?.metadata.length).toBe(4_096)
})

test('a group that was only asked for a member id is nothing once that has lapsed', async () => {
  const asked = await coordinator.join(joinRequest({ requiresMemberId: true }))
  expect(asked.error).toBe('MEMBER_ID_REQUIRED')
  log.clock.advance(10_000)
  expect(coordinator.groups()).toEqual([])
})

test('groups that are empty make room for others', async () => {
  for (let i = 0; i < groupsMax; i++) {
    const joined = await coordinator.join(joinRequest({ groupId: `g${i}` }))
    coordinator.leave(`g${i}`, { ...joined, groupInstanceId: null })
  }
  expect(coordinator.groups().length).toBe(groupsMax)
  expect((await coordinator.join(joinRequest({ groupId: 'one more' }))).error).toBe('NONE')
  expect(coordinator.groups().length).toBe(1)
})

test('a commit of a generation that the coordinator does not know is refused', async () => {
  const stale = { generationId: 3, memberId: 'client-1', groupInstanceId: null }
  expect(await coordinator.commit('g', stale, [offset(1)])).toBe('ILLEGAL_GENERATION')
  expect(coordinator.heartbeat('g', stale)).toBe('UNKNOWN_MEMBER_ID')
  expect(coordinator.leave('g', stale)).toBe('UNKNOWN_MEMBER_ID')
  expect((await coordinator.join(joinRequest({ memberId: 'client-1' }))).error).toBe(
    'UNKNOWN_MEMBER_ID',
  )
})

test.each([
  [{ groupId: '' }, 'INVALID_GROUP_ID'],
  [{ groupId: 'x'.repeat(1_025) }, 'INVALID_GROUP_ID'],
  [{ protocolType: 'x'.repeat(40_000) }, 'INVALID_REQUEST'],
  [{ sessionTimeoutMs: 5_999 }, 'INVALID_SESSION_TIMEOUT'],
  [{ sessionTimeoutMs: 1_800_001 }, 'INVALID_SESSION_TIMEOUT'],
  [{ protocols: [{ name: 'range', metadata: Buffer.alloc(300_000) }] }, 'INVALID_REQUEST'],
  [{ protocols: [] }, 'INCONSISTENT_GROUP_PROTOCOL'],
])('a join with %j is refused and leaves no group behind', async (request, error) => {
  expect((await coordinator.join(joinRequest(request))).error).toBe(error)
  expect(coordinator.groups()).toEqual([])
})

test('there are only so many groups', async () => {
  const records = Array.from({ length: groupsMax }, (_, i) => ({
    key: { group: `g${i}`, topic: 't', partition: 0 },
    committed: { offset: 1, leaderEpoch: -1, metadata: '', commitTimestampMs: 1 },
  }))
  await offsets.write(records)
  expect(await coordinator.commit('one more', nobody, [offset(1)])).toBe('POLICY_VIOLATION')
  expect((await coordinator.join(joinRequest({ groupId: 'one more' }))).error).toBe(
    'POLICY_VIOLATION',
  )
  expect(await coordinator.commit('g5', nobody, [offset(2)])).toBe('NONE')
})
