// Tests of batches kept for readers at the end of the log: that no file is read for them, and what bounds them.
import { expect, test } from 'vitest'
import { BufferPool, letGo } from '../../common/buffer-pool.ts'
import {
  append,
  openStore,
  partitionOf,
  recordsOf,
  type TestStore,
} from '../../test/support/log-store.ts'
import { ManualClock } from '../../test/support/manual-clock.ts'
import type { PartitionLog } from './partition-log.ts'
import { RecentBatches } from './recent-batches.ts'
import type { PlacedBatch } from './tail.ts'

interface Fixture extends TestStore {
  readonly partition: PartitionLog
  readonly segmentReads: () => number
}

async function oneTopic(configs: Record<string, string> = {}): Promise<Fixture> {
  const opened = await openStore()
  await opened.store.createTopic('t', { partitions: 1, configs })
  let reads = 0
  opened.files.fault = (operation, path) => {
    if (operation === 'read' && path.endsWith('.log')) reads += 1
    return undefined
  }
  return { ...opened, partition: partitionOf(opened.store, 't'), segmentReads: () => reads }
}

async function read(partition: PartitionLog, offset: number): Promise<readonly string[] | string> {
  const limits = { maxBytes: 1e6, minOneBatch: true, aheadBytes: 1e6 }
  const result = await partition.read(offset, limits)
  if (!result.ok) return result.error
  return result.chunks.flatMap(recordsOf).map((record) => record.value?.toString() ?? '')
}

test('a consumer that keeps up reads no file, though segments have the batches and memory let go', async () => {
  const { partition, segmentReads, store } = await oneTopic()
  await append(partition, ['a'])
  expect(await read(partition, 0)).toEqual(['a'])
  await append(partition, ['b'])
  await append(partition, ['c'])
  await partition.fill()
  expect(partition.tailBytes).toBe(0)
  await append(partition, ['d'])
  expect(await read(partition, 1)).toEqual(['b', 'c', 'd'])
  expect(segmentReads()).toBe(0)
  expect(await store.check()).toEqual([])
})

test('a reader further behind reads files up to where what is kept begins, and misses nothing', async () => {
  const { partition, segmentReads } = await oneTopic()
  await append(partition, ['a'])
  await partition.fill()
  await append(partition, ['b'])
  expect(await read(partition, 1)).toEqual(['b'])
  await partition.fill()
  await append(partition, ['c'])
  await partition.fill()
  await append(partition, ['d'])
  expect(await read(partition, 0)).toEqual(['a', 'b', 'c', 'd'])
  expect(segmentReads()).toBe(1)
  expect(await read(partition, 2)).toEqual(['c', 'd'])
  expect(segmentReads()).toBe(1)
})

test('of a partition that nobody reads nothing is kept', async () => {
  const { partition, segmentReads } = await oneTopic()
  await append(partition, ['a'])
  await partition.fill()
  expect(await read(partition, 0)).toEqual(['a'])
  expect(segmentReads()).toBe(1)
})

test('nothing is kept any more once its reader has been away for a second', async () => {
  const { partition, segmentReads, clock } = await oneTopic()
  await append(partition, ['a'])
  await read(partition, 0)
  await append(partition, ['b'])
  await partition.fill()
  clock.advance(1000)
  expect(await read(partition, 1)).toEqual(['b'])
  expect(segmentReads()).toBe(1)
})

test('records that were deleted are not served from what is kept', async () => {
  const { partition } = await oneTopic()
  await append(partition, ['a'])
  await read(partition, 0)
  await append(partition, ['b'])
  await append(partition, ['c'])
  await partition.fill()
  await partition.deleteRecordsBefore(2)
  expect(await read(partition, 1)).toBe('OFFSET_OUT_OF_RANGE')
  expect(await read(partition, 2)).toEqual(['c'])
})

test('what a failed commit took back is never kept, and what came in its place is served', async () => {
  const { partition, files } = await oneTopic()
  await append(partition, ['a'])
  await read(partition, 0)
  files.fault = (operation) => (operation === 'write' ? 'EIO' : undefined)
  await expect(append(partition, ['lost'])).rejects.toThrow('EIO')
  files.fault = () => undefined
  await partition.fill()
  await append(partition, ['b'])
  await partition.fill()
  expect(await read(partition, 1)).toEqual(['b'])
})

test('a reader of committed records stops before an open transaction, in what is kept too', async () => {
  const { partition } = await oneTopic()
  await append(partition, ['a'])
  await read(partition, 0)
  await append(partition, ['b'])
  await append(partition, ['c'])
  await partition.fill()
  const limits = { maxBytes: 1e6, minOneBatch: true, aheadBytes: 1e6, below: 2 }
  const result = await partition.read(1, limits)
  const values = result.ok ? result.chunks.flatMap(recordsOf).map(({ value }) => String(value)) : []
  expect(values).toEqual(['b'])
})

/** A batch of 5000 bytes that came in `frame`, with one record. */
function batchIn(frame: Buffer, baseOffset: number): PlacedBatch {
  return { bytes: frame.subarray(0, 5000), baseOffset, lastOffset: baseOffset, maxTimestamp: 0 }
}

interface Bounded {
  readonly recent: RecentBatches
  readonly clock: ManualClock
  readonly pool: BufferPool
  /** As the log has it: a frame is held by what is kept of it alone. */
  readonly keep: (owner: object, baseOffset: number, exchanges?: number) => void
}

function bound(maxBytes: number): Bounded {
  const clock = new ManualClock()
  const pool = new BufferPool({ spareMaxBytes: 1e9, bufferMaxBytes: 1e9 })
  const readers = { isRead: () => true }
  const recent = new RecentBatches({ clock, maxBytes, maxAgeMs: 1000, readers })
  const keep: Bounded['keep'] = (owner, baseOffset, exchanges = 0) => {
    const frame = pool.take(8192)
    recent.keep(owner, [batchIn(frame, baseOffset)], exchanges)
    letGo(frame)
  }
  return { recent, clock, pool, keep }
}

test('what is kept of all partitions together is bounded, the oldest goes first and its memory is used again', () => {
  const { recent, pool, keep } = bound(20_000)
  const [a, b] = [{}, {}]
  keep(a, 0)
  keep(b, 0)
  expect(pool.spareBytes).toBe(0)
  keep(b, 1)
  expect(recent.heldBytes).toBeLessThanOrEqual(20_000)
  expect(recent.holding(a, 0, 0)).toBeUndefined()
  expect(recent.holding(b, 0, 0)?.length).toBe(2)
  expect(pool.spareBytes).toBe(8192)
})

test('a small batch counts with all of the frame that it came in, and the frame once', () => {
  const { recent } = bound(1e6)
  const frame = Buffer.allocUnsafeSlow(100_000)
  const [a, b] = [{}, {}]
  recent.keep(a, [batchIn(frame, 0), batchIn(frame, 1)], 0)
  recent.keep(b, [batchIn(frame, 0)], 0)
  expect(recent.heldBytes).toBeGreaterThan(100_000)
  expect(recent.heldBytes).toBeLessThan(101_000)
  recent.drop(a)
  expect(recent.heldBytes).toBeGreaterThan(100_000)
  recent.drop(b)
  expect(recent.heldBytes).toBe(0)
  recent.keep(a, [batchIn(Buffer.allocUnsafeSlow(2e6), 0)], 0)
  expect(recent.heldBytes).toBe(0)
})

test('what was kept before compaction exchanged files is not read, nor what a gap follows', () => {
  const { recent, keep } = bound(1e6)
  const owner = {}
  keep(owner, 0)
  expect(recent.holding(owner, 0, 0)?.length).toBe(1)
  expect(recent.holding(owner, 0, 1)).toBeUndefined()
  keep(owner, 1, 1)
  expect(recent.holding(owner, 0, 1)).toBeUndefined()
  expect(recent.holding(owner, 1, 1)?.length).toBe(1)
  keep(owner, 5, 1)
  expect(recent.holding(owner, 1, 1)).toBeUndefined()
  expect(recent.holding(owner, 5, 1)?.length).toBe(1)
})

test('all is let go a second after it came, of a partition that is gone at once, and at the end', () => {
  const { recent, clock, pool, keep } = bound(1e6)
  const [a, b] = [{}, {}]
  keep(a, 0)
  clock.advance(999)
  keep(a, 1)
  clock.advance(1)
  expect(recent.holding(a, 1, 0)?.length).toBe(1)
  keep(b, 0)
  recent.drop(a)
  expect(recent.holding(a, 1, 0)).toBeUndefined()
  expect(pool.spareBytes).toBe(2 * 8192 - 8192)
  recent.close()
  expect(recent.heldBytes).toBe(0)
  expect(clock.timers).toBe(0)
  keep(b, 1)
  expect(recent.heldBytes).toBe(0)
})
