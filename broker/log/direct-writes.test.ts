// Tests of commits that go straight to segments: where records lie, failed flushes, holes that a power cut leaves.
import { expect, test } from 'vitest'
import {
  append,
  batchOf,
  openStore,
  partitionOf,
  valuesFrom,
} from '../../test/support/log-store.ts'
import type { MemoryFileSystem } from '../../test/support/memory-file-system.ts'
import { checkLog } from './log-check.ts'
import type { LogStore } from './log-store.ts'

const limits = { directMinBytes: 500, directAheadMaxBytes: 2000, directPartitionsMax: 2 }
const log = '/log/topics/t/0/00000000000000000000.log'
const large = 'x'.repeat(600)

async function openedWith(partitions = 1): Promise<{ store: LogStore; files: MemoryFileSystem }> {
  const { store, files } = await openStore({ limits })
  await store.createTopic('t', { partitions })
  return { store, files }
}

/** What a start finds when nothing that was not flushed has reached the disk. */
async function afterCut(files: MemoryFileSystem, partition = 0): Promise<readonly string[]> {
  const { store } = await openStore({ files: files.cut(() => 0), limits })
  expect(await store.check()).toEqual([])
  return valuesFrom(partitionOf(store, 't', partition))
}

test('a large append is in its segment and flushed when it is acknowledged, and nowhere else', async () => {
  const { store, files } = await openedWith()
  await append(partitionOf(store, 't'), [large])
  expect([store.stats().walFiles, files.flushes.get(log)]).toEqual([0, 1])
  expect(await afterCut(files)).toEqual([large])
})

test('small and large appends of a partition lie in their order, whichever way they went', async () => {
  const { store, files } = await openedWith()
  const partition = partitionOf(store, 't')
  for (const value of ['a', large, 'b', 'c', large, 'd']) await append(partition, [value])
  expect(store.stats().walFiles).toBe(1)
  expect(await afterCut(files)).toEqual(['a', large, 'b', 'c', large, 'd'])
})

test('a flush takes a few segments along, and leaves other partitions to the write-ahead log', async () => {
  const { store, files } = await openedWith(5)
  const appends = [0, 1, 2, 3, 4].map((index) => append(partitionOf(store, 't', index), [large]))
  await Promise.all(appends)
  const flushed = [...files.flushes.keys()].filter((path) => path.endsWith('.log'))
  expect(flushed).toHaveLength(2)
  for (const index of [0, 1, 2, 3, 4]) expect(await afterCut(files, index)).toEqual([large])
})

for (const failing of ['write', 'flush'] as const) {
  test(`a ${failing} that fails takes the records back, for good`, async () => {
    const { store, files } = await openedWith(2)
    const [partition, other] = [partitionOf(store, 't', 0), partitionOf(store, 't', 1)]
    await append(partition, ['a'])
    files.fault = (operation, path) => (operation === failing && path === log ? 'EIO' : undefined)
    const refused = await Promise.allSettled([append(partition, [large]), append(other, ['small'])])
    expect(refused.map(({ status }) => status)).toEqual(['rejected', 'rejected'])
    // A file that cannot be flushed cannot be settled either; others go on.
    if (failing === 'flush') await expect(append(partition, ['b'])).rejects.toThrow('EIO')
    await append(other, ['c'])
    files.fault = () => undefined
    expect(await append(partition, ['d'])).toBe(1)
    expect(await valuesFrom(partition)).toEqual(['a', 'd'])
    for (const left of [files.kill(), files.cut(() => 0), files.cut(() => 0.99)]) {
      const { store: again } = await openStore({ files: left, limits })
      expect(await valuesFrom(partitionOf(again, 't', 0))).toEqual(['a', 'd'])
      expect(await valuesFrom(partitionOf(again, 't', 1))).toEqual(['c'])
      expect(await again.check()).toEqual([])
    }
  })
}

test('nothing is shown before it is flushed, though it lies in the segment', async () => {
  const { store, files } = await openedWith()
  const partition = partitionOf(store, 't')
  const flushed = Promise.withResolvers<void>()
  const result = partition.append(batchOf([large], 5000))
  if (!result.ok) throw new Error(result.reason)
  files.fault = (operation, path) => {
    if (operation === 'flush' && path === log) flushed.resolve()
    return undefined
  }
  await flushed.promise
  expect(partition.writer.isAhead).toBe(true)
  expect(await partition.read(0, { maxBytes: 5000, minOneBatch: true })).toMatchObject({ bytes: 0 })
  expect(await partition.offsetForTimestamp(0)).toBeUndefined()
  await result.committed
  expect(await valuesFrom(partition)).toEqual([large])
})

test('a hole near the end is what a power cut leaves; one that lies deeper, or that was waited for, is damage', async () => {
  const { store, files } = await openedWith()
  const partition = partitionOf(store, 't')
  const batch = batchOf([large]).length
  for (let n = 0; n < 5; n++) await append(partition, [large])
  const damagedAt = (found: MemoryFileSystem, index: number): MemoryFileSystem => {
    const copy = found.copy()
    const bytes = Buffer.from(copy.bytesOf(log))
    bytes.fill(0, index * batch, (index + 1) * batch)
    copy.put(log, bytes)
    return copy
  }
  const near = damagedAt(files, 3)
  const { findings } = await checkLog({ files: near, dir: '/log' })
  expect(findings.map(({ kind, start }) => `${kind}: ${start}`).join()).toMatch(
    /^note: removes it and what follows/,
  )
  const { store: cut } = await openStore({ files: near, limits })
  expect(partitionOf(cut, 't').highWatermark).toBe(3)
  expect(await cut.check()).toEqual([])
  await expect(openStore({ files: damagedAt(files, 1), limits })).rejects.toThrow('goes on at 2')
  // An entry of the write-ahead log is written when all before it is on the disk.
  await append(partition, ['small'])
  await expect(openStore({ files: damagedAt(files, 3), limits })).rejects.toThrow('goes on at 4')
})

test('a log whose first segments are dropped begins at the next, whatever the write-ahead log has', async () => {
  const { store, files } = await openStore({ limits })
  await store.createTopic('t', { partitions: 1, configs: { 'segment.bytes': '700' } })
  const partition = partitionOf(store, 't')
  await append(partition, ['a'])
  for (let n = 0; n < 4; n++) await append(partition, [large])
  await partition.deleteRecordsBefore(3)
  for (const left of [files.kill(), files.cut(() => 0), files.cut(() => 0.99)]) {
    const { store: again } = await openStore({ files: left, limits })
    expect(partitionOf(again, 't').logStartOffset).toBe(3)
    expect(await valuesFrom(partitionOf(again, 't'))).toEqual([large, large])
  }
})

test('a large append behind much that is filled in and not flushed is written ahead, not flushed with that', async () => {
  const { store, files } = await openStore({ limits: { ...limits, directBehindMax: 1 } })
  await store.createTopic('t', { partitions: 1 })
  const partition = partitionOf(store, 't')
  const before = 'abcd'.split('').map((letter) => letter.repeat(300))
  for (const value of before) await append(partition, [value])
  await partition.fill()
  await append(partition, [large])
  expect(files.flushes.get(log)).toBeUndefined()
  expect(await afterCut(files)).toEqual([...before, large])
  await partition.flush()
  await append(partition, [large])
  expect(files.flushes.get(log)).toBe(2)
  expect(await afterCut(files)).toEqual([...before, large, large])
})

test('segments are flushed in pieces as they are filled, and a checkpoint has little left to flush', async () => {
  const filled = { segmentFillBytes: 300, fillFlushBytes: 1000 }
  const { store, files } = await openStore({ limits: filled })
  await store.createTopic('t', { partitions: 1 })
  const partition = partitionOf(store, 't')
  for (let n = 0; n < 20; n++) {
    await append(partition, ['x'.repeat(100)])
    expect(partition.writer.unflushedBytes).toBeLessThan(3 * filled.fillFlushBytes)
  }
  await expect.poll(() => files.flushes.get(log) ?? 0).toBeGreaterThan(1)
})

test('where such a flush fails nothing is lost, and the next one makes up for it', async () => {
  const filled = { segmentFillBytes: 300, fillFlushBytes: 1000 }
  const { store, files } = await openStore({ limits: filled })
  await store.createTopic('t', { partitions: 1 })
  const partition = partitionOf(store, 't')
  let failed = 0
  files.fault = (operation, path) => {
    const isFailing = operation === 'flush' && path === log && failed < 2
    if (isFailing) failed += 1
    return isFailing ? 'EIO' : undefined
  }
  const values = Array.from({ length: 40 }, (_, index) => `${index} ${'x'.repeat(100)}`)
  for (const value of values) await append(partition, [value])
  await expect.poll(() => files.flushes.get(log) ?? 0).toBeGreaterThan(0)
  expect(failed).toBe(2)
  expect(await afterCut(files)).toEqual(values)
})

test('what a topic is sent while a disk that fails deletes it, and lets it come back, is not acknowledged', async () => {
  const { store, files } = await openedWith()
  const partition = partitionOf(store, 't')
  await append(partition, [large])
  files.fault = (operation, path) =>
    (operation === 'flush' && path === '/log/topics') ||
    (operation === 'rename' && path.startsWith('/log/deleted'))
      ? 'EIO'
      : undefined
  const deletion = store.deleteTopic('t')
  const sent = partition.append(batchOf([large]))
  await new Promise((resolve) => setImmediate(resolve))
  // Behind the other one, and too small to go straight to the segment.
  const behind = partition.append(batchOf(['small']))
  for (const each of [sent, behind]) {
    await expect(each.ok && each.committed).rejects.toThrow('the topic was deleted')
  }
  await expect(deletion).rejects.toThrow('cannot flush /log/topics')
  expect(await afterCut(files)).toEqual([large])
})
