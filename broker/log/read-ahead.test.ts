// Tests of reading ahead: who is read for, that nothing stale is ever served, and the bounds on what is held.
import { afterEach, expect, test } from 'vitest'
import { BufferPool, letGo } from '../../common/buffer-pool.ts'
import { validateBatches } from '../../protocol/record-batch.ts'
import { batchOf, recordsOf } from '../../test/support/log-store.ts'
import { ManualClock } from '../../test/support/manual-clock.ts'
import { MemoryFileSystem } from '../../test/support/memory-file-system.ts'
import { placedBatch } from './batch-place.ts'
import { BlockReader } from './block-reader.ts'
import { BlockWriter } from './block-writer.ts'
import { FilePool } from './file-pool.ts'
import { IndexCache } from './index-cache.ts'
import { PartitionReader, type ReadLimits } from './partition-reader.ts'
import { ReadAhead } from './read-ahead.ts'
import { RecentBatches } from './recent-batches.ts'
import { SegmentList } from './segment-list.ts'
import { Segment } from './segment.ts'
import { Tail, type PlacedBatch } from './tail.ts'
import { parseTopicConfig } from './topic-config.ts'

const value = (index: number): string => `${index}`.padEnd(5000, '.')
const batchBytes = batchOf([value(0)]).length
/** Room for one batch. */
const one = { maxBytes: batchBytes, minOneBatch: true, aheadBytes: batchBytes }

/** A partition that is all segments, whose high watermark the test sets. */
class TestLog {
  readonly files = new MemoryFileSystem()
  readonly clock = new ManualClock()
  readonly buffers = new BufferPool({ spareMaxBytes: 1e9, bufferMaxBytes: 1e9 })
  readonly ahead: ReadAhead
  readonly segments: SegmentList
  readonly reader: PartitionReader
  reads = 0
  highWatermark = 0

  constructor(aheadMaxBytes = 10 * batchBytes, piecesMax = 1) {
    const { files, clock, buffers } = this
    files.fault = (operation) => {
      if (operation === 'read') this.reads += 1
      return undefined
    }
    this.ahead = new ReadAhead({ clock, maxBytes: aheadMaxBytes, piecesMax, maxAgeMs: 1000 })
    const [pool, indexes] = [new FilePool(files, 10), new IndexCache(1e6)]
    const blocks = new BlockWriter({ blockBytes: 64, minBytes: 64 })
    const blockReads = new BlockReader({ files, minBytes: 64, spareMaxBytes: 1e6 })
    const shared = { files, clock, pool, blocks, blockReads, indexes, buffers }
    const facts = { directory: '/p', baseOffset: 0, endOffset: 0, sizeBytes: 0, modifiedMs: 0 }
    this.segments = new SegmentList(shared, {
      directory: '/p',
      segments: [new Segment(shared, { ...facts, exists: false, isDirty: false })],
      startOffset: 0,
      flushed: { start: 0, offset: 0, segment: 0, position: 0 },
    })
    const recent = new RecentBatches({ clock, maxBytes: 0, maxAgeMs: 1000, readers: this.ahead })
    this.reader = new PartitionReader({
      segments: this.segments,
      tail: new Tail(),
      highWatermark: () => this.highWatermark,
      logEndOffset: () => this.segments.endOffset,
      environment: { ahead: this.ahead, recent },
    })
  }

  /** A batch of one record each; they count up to the high watermark at once. */
  async write(...indexes: readonly number[]): Promise<void> {
    const batches = indexes.map((index, at) => placed(index, this.segments.endOffset + at))
    await this.segments.write(batches, parseTopicConfig({}, {}))
    this.highWatermark = this.segments.endOffset
  }

  /** The records that an answer begins with; then waits for what is read ahead. */
  async values(offset: number, limits: ReadLimits = one): Promise<readonly string[] | string> {
    const result = await this.reader.read(offset, limits)
    await settled()
    if (!result.ok) return result.error
    const found = result.chunks.flatMap(recordsOf).map((record) => record.value?.toString() ?? '')
    for (const chunk of result.chunks) letGo(chunk)
    return found.map((text) => text.replaceAll('.', ''))
  }
}

function placed(index: number, baseOffset: number): PlacedBatch {
  const bytes = batchOf([value(index)])
  const validation = validateBatches(bytes, { isStored: false })
  if (!validation.ok) throw new Error(validation.reason)
  const [info] = validation.batches
  if (info === undefined) throw new Error('there is a batch')
  return placedBatch(bytes, info, { baseOffset, leaderEpoch: 0, logAppendTimeMs: -1 })
}

/** A read of a file in memory takes a turn or two. */
async function settled(): Promise<void> {
  for (let turn = 0; turn < 10; turn++) await new Promise((resolve) => setImmediate(resolve))
}

let log = new TestLog()

/** All that was lent has come back, but what is still held for readers. */
afterEach(async () => {
  await log.ahead.close()
  expect(log.ahead.heldBytes).toBe(0)
  log = new TestLog()
})

test('a reader from the start finds in memory what follows, and its answer costs no read', async () => {
  await log.write(0, 1, 2, 3)
  expect(await log.values(0)).toEqual(['0'])
  expect(log.ahead.heldBytes).toBe(batchBytes)
  const before = log.reads
  log.files.fault = () => 'EIO'
  expect(await log.values(1)).toEqual(['1'])
  expect(log.reads).toBe(before)
})

test('one who goes on reading has two answers ahead, for as many reads as there are answers', async () => {
  log = new TestLog(10 * batchBytes, 2)
  await log.write(0, 1, 2, 3, 4, 5)
  const reads: number[] = []
  for (const offset of [0, 1, 2, 3]) {
    expect(await log.values(offset)).toEqual([`${offset}`])
    reads.push(log.reads)
    expect(log.ahead.heldBytes).toBe(2 * batchBytes)
  }
  expect(reads).toEqual([3, 4, 5, 6])
  expect(await log.values(4)).toEqual(['4'])
  expect(await log.values(5)).toEqual(['5'])
  expect(log.reads).toBe(6)
})

test('answers whose ends the index knows are read ahead at once, not one after the other', async () => {
  log = new TestLog(10 * batchBytes, 3)
  await log.write(0, 1, 2, 3, 4, 5)
  let turn = 0
  const turns: number[] = []
  const count = (): void => {
    turn += 1
    turning = setImmediate(count)
  }
  let turning = setImmediate(count)
  log.files.fault = (operation) => {
    if (operation === 'read') turns.push(turn)
    return undefined
  }
  expect(await log.values(0)).toEqual(['0'])
  clearImmediate(turning)
  const [, ahead] = turns
  expect(turns.slice(1)).toEqual([ahead, ahead, ahead])
  for (const offset of [1, 2, 3, 4, 5]) expect(await log.values(offset)).toEqual([`${offset}`])
  expect(turns).toHaveLength(6)
})

test('a second answer is read ahead only while half of the memory for that is free', async () => {
  log = new TestLog(3 * batchBytes, 2)
  await log.write(0, 1, 2, 3)
  await log.values(0)
  expect(log.ahead.heldBytes).toBe(batchBytes)
})

test('one who reads here and there is not read ahead for, until it goes on where it ended', async () => {
  await log.write(0, 1, 2, 3, 4)
  for (const offset of [3, 1]) {
    expect(await log.values(offset)).toEqual([`${offset}`])
    expect(log.ahead.heldBytes).toBe(0)
  }
  expect(await log.values(2)).toEqual(['2'])
  expect(log.ahead.heldBytes).toBe(batchBytes)
})

test('nothing is read ahead for those who do not say how much they want next', async () => {
  await log.write(0, 1, 2)
  expect(await log.values(0, { maxBytes: batchBytes, minOneBatch: true })).toEqual(['0'])
  expect(log.ahead.heldBytes).toBe(0)
})

test('two readers of one place get the same, each in memory of its own', async () => {
  await log.write(0, 1, 2)
  await log.values(0)
  const answers = await Promise.all([log.reader.read(1, one), log.reader.read(1, one)])
  const chunks = answers.flatMap((answer) => (answer.ok ? answer.chunks : []))
  expect(chunks.flatMap(recordsOf).map(({ offset }) => offset)).toEqual([1, 1])
  expect(new Set(chunks.map(({ buffer }) => buffer)).size).toBe(2)
  for (const chunk of chunks) letGo(chunk)
})

test('a reader gets what was read ahead, as much as it said that it would want', async () => {
  await log.write(0, 1, 2, 3, 4, 5)
  await log.values(0)
  const wide = { ...one, maxBytes: 3 * batchBytes }
  // Whoever wants no more than one batch ahead gets a short answer of what is there.
  expect(await log.values(1, wide)).toEqual(['1'])
  expect(await log.values(2, { ...wide, aheadBytes: 2 * batchBytes })).toEqual(['2'])
  expect(await log.values(3, wide)).toEqual(['3', '4'])
})

test('a reader with less room gets the batches that fit, or none and keeps the rest', async () => {
  await log.write(0, 1, 2, 3, 4)
  await log.values(0, { ...one, aheadBytes: 2 * batchBytes })
  const before = log.reads
  expect(await log.values(1, { maxBytes: 10, minOneBatch: false, aheadBytes: 10 })).toEqual([])
  expect(log.reads).toBe(before)
  expect(await log.values(1)).toEqual(['1'])
  expect(await log.values(2)).toEqual(['2'])
})

test('what was not committed when the read began is read again, whatever was written there since', async () => {
  await log.write(0, 1)
  await log.write(2)
  log.highWatermark = 2
  await log.values(0, { ...one, aheadBytes: 3 * batchBytes })
  // The commit of the last batch fails, and another comes in its place.
  log.segments.shrink(2, () => batchBytes)
  await log.segments.settleShrink()
  await log.write(7)
  expect(await log.values(1, { ...one, maxBytes: 3 * batchBytes })).toEqual(['1', '7'])
})

test('a reader of committed records is not shown what lies behind an open transaction', async () => {
  await log.write(0, 1, 2, 3)
  await log.values(0, { ...one, aheadBytes: 3 * batchBytes })
  const below = { ...one, maxBytes: 3 * batchBytes, below: 2 }
  expect(await log.values(1, below)).toEqual(['1'])
})

test('what was read before compaction exchanged files is read again', async () => {
  await log.write(0, 1, 2)
  await log.values(0)
  expect(log.ahead.heldBytes).toBe(batchBytes)
  await log.segments.reads.exchange(() => Promise.resolve())
  log.files.fault = () => 'EIO'
  expect(await log.values(1)).toBe('KAFKA_STORAGE_ERROR')
  log.files.fault = () => undefined
  expect(await log.values(1)).toEqual(['1'])
})

test('what was read ahead while files were exchanged is of the new ones', async () => {
  await log.write(0, 1, 2)
  const over = Promise.withResolvers<void>()
  await log.values(0, { maxBytes: batchBytes, minOneBatch: true })
  const exchange = log.segments.reads.exchange(() => over.promise)
  const reading = log.values(0)
  await settled()
  over.resolve()
  await exchange
  expect(await reading).toEqual(['0'])
  expect(await log.values(1)).toEqual(['1'])
})

test('records that were deleted are out of range, read ahead or not', async () => {
  await log.write(0, 1, 2)
  await log.values(0)
  await log.segments.raiseStart(2, () => Promise.resolve())
  expect(await log.values(1)).toBe('OFFSET_OUT_OF_RANGE')
  expect(await log.values(2)).toEqual(['2'])
})

test('a read ahead that fails says nothing; whoever reads there finds out', async () => {
  await log.write(0, 1, 2)
  let reads = 0
  log.files.fault = (operation) => {
    if (operation === 'read') reads += 1
    return reads >= 2 ? 'EIO' : undefined
  }
  expect(await log.values(0)).toEqual(['0'])
  expect(reads).toBe(2)
  expect(await log.values(1)).toBe('KAFKA_STORAGE_ERROR')
  log.files.fault = () => undefined
  expect(await log.values(1)).toEqual(['1'])
})

test('a batch that was damaged on the disk is not served, read ahead or not', async () => {
  await log.write(0, 1, 2)
  const bytes = log.files.bytesOf('/p/00000000000000000000.log')
  bytes[batchBytes + 100] = (bytes[batchBytes + 100] ?? 0) ^ 1
  expect(await log.values(0)).toEqual(['0'])
  expect(await log.values(1)).toBe('KAFKA_STORAGE_ERROR')
})

test('what nobody comes for is let go after a second, and its memory used again', async () => {
  await log.write(0, 1, 2)
  await log.values(0)
  const before = log.buffers.spareBytes
  log.clock.advance(999)
  expect(log.ahead.heldBytes).toBe(batchBytes)
  log.clock.advance(1)
  await settled()
  expect(log.ahead.heldBytes).toBe(0)
  expect(log.buffers.spareBytes).toBeGreaterThan(before)
  expect(log.clock.timers).toBe(0)
})

test('what all readers together have ahead is bounded, and a slow one keeps no other from its answers', async () => {
  log = new TestLog(batchBytes)
  await log.write(0, 1, 2, 3)
  await log.values(0)
  log.ahead.expect(log.reader, 2)
  expect(await log.values(2)).toEqual(['2'])
  expect(log.ahead.heldBytes).toBe(batchBytes)
  expect(await log.values(3)).toEqual(['3'])
})

test('a partition that is gone has nothing ahead, not even what was being read', async () => {
  await log.write(0, 1, 2)
  const result = await log.reader.read(0, one)
  expect(result.ok).toBe(true)
  log.reader.close()
  await settled()
  expect(log.ahead.heldBytes).toBe(0)
})

test('a close waits for what is being read, and nothing is read ahead after it', async () => {
  await log.write(0, 1, 2)
  await log.reader.read(0, one)
  await log.ahead.close()
  expect(log.ahead.heldBytes).toBe(0)
  await log.values(0)
  expect(log.ahead.heldBytes).toBe(0)
})
