// Tests that shards follow what their log takes in, within a day's number of changes.
import { expect, test } from 'vitest'
import { silentLogger } from '../../../common/logger.ts'
import { localScalingSampleMs } from '../../../common/scaling-limits.ts'
import { dayMs, shardCountUpdatesMax } from '../../../common/stream-limits.ts'
import { append, openStore } from '../../../test/support/log-store.ts'
import { ShardScaler } from './shard-scaler.ts'
import { uniformRanges } from './shard-range.ts'
import { StreamCatalog } from './stream-catalog.ts'
import type { Stream } from './stream.ts'

async function open(settings: Parameters<StreamCatalog['create']>[1]['settings'], shards = 1) {
  const { store, files, clock } = await openStore()
  const shared = { store, files, clock, logger: silentLogger }
  const catalog = await StreamCatalog.open({ ...shared, directory: '/kinesis' })
  const stream = await catalog.create('laps', {
    shards,
    retentionMs: dayMs,
    settings: settings ?? {},
  })
  const scaler = new ShardScaler({ ...shared, catalog, pace: 'local' })
  /** One sample in which each of these shards takes as many records of 100 bytes a second. */
  const sample = async (perSecond: (shard: number) => number): Promise<void> => {
    for (const { index, partition } of stream.routedShards) {
      const count = (perSecond(index) * localScalingSampleMs) / 1000
      if (count > 0) await append(partition, Array<string>(count).fill('x'.repeat(100)))
    }
    clock.advance(1)
    await scaler.look()
  }
  /** Samples are this long; the scaler's own timer is kept out of the way. */
  await scaler.close()
  const samples = async (count: number, perSecond: (shard: number) => number): Promise<void> => {
    for (let left = count; left > 0; left--) {
      clock.advance(localScalingSampleMs - 1)
      await sample(perSecond)
    }
  }
  return { stream, catalog, samples, clock }
}

const openRanges = (stream: Stream) => stream.routedShards.map(({ record: { range } }) => range)

test('a busy stream doubles, one that is quiet again halves, and closed shards keep what they have', async () => {
  const { stream, samples } = await open({ tags: { 'millrace:scaling-target': '50' } })
  await samples(1, () => 0)
  await samples(3, () => 600)
  expect(openRanges(stream)).toEqual(uniformRanges(2))
  await samples(1, () => 0)
  await samples(14, () => 10)
  expect(openRanges(stream)).toEqual(uniformRanges(1))
  expect(stream.shards.map(({ isOpen }) => isOpen)).toEqual([false, false, false, true])
  expect(stream.shards[0]?.partition.logEndOffset).toBe(3 * 600 * 5)
})

test('of an on-demand stream the busy shard alone is split, in the middle of its keys', async () => {
  const { stream, samples } = await open({ mode: 'ON_DEMAND' }, 4)
  await samples(1, () => 0)
  await samples(3, (shard) => (shard === 2 ? 600 : 100))
  const ranges = openRanges(stream)
  expect(ranges).toHaveLength(5)
  expect([ranges[0], ranges[1], ranges[4]]).toEqual([0, 1, 3].map((at) => uniformRanges(4)[at]))
  expect([ranges[2], ranges[3]]).toEqual(uniformRanges(8).slice(4, 6))
})

test('a day has as many changes as UpdateShardCount may make', async () => {
  const { stream, samples, clock, catalog } = await open({
    tags: { 'millrace:scaling-target': '50' },
  })
  const nowMs = clock.now()
  await catalog.change(stream, (record) => {
    return { ...record, shardCountUpdatesMs: Array<number>(shardCountUpdatesMax).fill(nowMs) }
  })
  await samples(1, () => 0)
  await samples(9, () => 600)
  expect(stream.shards).toHaveLength(1)
  clock.advance(dayMs)
  await samples(1, () => 0)
  await samples(3, () => 600)
  expect(stream.routedShards).toHaveLength(2)
  expect(stream.record.shardCountUpdatesMs).toHaveLength(1)
})

test('a stream without a policy is never touched, and the timer goes on until it is closed', async () => {
  const { store, files, clock } = await openStore()
  const shared = { store, files, clock, logger: silentLogger }
  const catalog = await StreamCatalog.open({ ...shared, directory: '/kinesis' })
  const stream = await catalog.create('laps', { shards: 8, retentionMs: dayMs })
  const before = clock.timers
  const scaler = new ShardScaler({ ...shared, catalog, pace: 'aws' })
  expect(clock.timers).toBe(before + 1)
  await scaler.close()
  expect(clock.timers).toBe(before)
  for (let left = 20; left > 0; left--) await scaler.look()
  expect(stream.shards).toHaveLength(8)
})
