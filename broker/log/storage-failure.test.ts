// Tests of a disk that fails or is full: what was acknowledged stays, and writing resumes.
import { expect, test } from 'vitest'
import {
  append,
  batchOf,
  openStore,
  partitionOf,
  valuesFrom,
} from '../../test/support/log-store.ts'
import type { MemoryFileSystem } from '../../test/support/memory-file-system.ts'
import { randomFrom } from '../../test/support/seeded-random.ts'

test('a failed flush rejects its appends and all that wait behind them, and the next ones succeed', async () => {
  const { store, files } = await openStore()
  await store.createTopic('t', { partitions: 2 })
  const partition = partitionOf(store, 't')
  await append(partition, ['kept'])
  let isFailing = true
  files.fault = (operation, path) =>
    isFailing && operation === 'flush' && path.endsWith('.wal') ? 'EIO' : undefined
  const failed = partition.append(batchOf(['lost']))
  await new Promise((resolve) => setImmediate(resolve))
  const behind = partition.append(batchOf(['behind']))
  expect(behind).toMatchObject({ ok: true, baseOffset: 2 })
  for (const result of [failed, behind]) {
    await expect(result.ok && result.committed).rejects.toMatchObject({ code: 'STORAGE_FAILED' })
  }
  expect([partition.logEndOffset, partition.highWatermark]).toEqual([1, 1])
  expect(store.stats().problems).toHaveLength(1)
  isFailing = false
  expect(await append(partition, ['after'])).toBe(1)
  expect(store.stats()).toMatchObject({ problems: [], queuedBytes: 0 })
  // The bytes of the failed entries are in the old file, and must not come back.
  const { store: second } = await openStore({ files: files.copy() })
  expect(await valuesFrom(partitionOf(second, 't'))).toEqual(['kept', 'after'])
  expect([...(await store.check()), ...(await second.check())]).toEqual([])
})

test('a full disk refuses appends until there is room, and loses none that was acknowledged', async () => {
  const { store, files } = await openStore()
  await store.createTopic('t', { partitions: 1 })
  const partition = partitionOf(store, 't')
  await append(partition, ['a'])
  files.fault = (operation) => (operation === 'write' ? 'ENOSPC' : undefined)
  for (let n = 0; n < 5; n++) {
    await expect(append(partition, ['x'])).rejects.toThrow('ENOSPC')
  }
  expect(await valuesFrom(partition)).toEqual(['a'])
  files.fault = () => undefined
  expect(await append(partition, ['b'])).toBe(1)
  expect(files.paths().filter((path) => path.endsWith('.wal')).length).toBeLessThanOrEqual(2)
  const { store: second } = await openStore({ files: files.copy() })
  expect(await valuesFrom(partitionOf(second, 't'))).toEqual(['a', 'b'])
  expect([...(await store.check()), ...(await second.check())]).toEqual([])
})

test('segments that cannot be written leave records readable, and are written later', async () => {
  const { store, files, clock } = await openStore()
  await store.createTopic('t', { partitions: 1 })
  const partition = partitionOf(store, 't')
  files.fault = (operation, path) =>
    operation === 'write' && path.endsWith('.log') ? 'ENOSPC' : undefined
  await append(partition, ['a'])
  clock.advance(200)
  await expect.poll(() => store.stats().problems).toHaveLength(1)
  expect(await valuesFrom(partition)).toEqual(['a'])
  files.fault = () => undefined
  clock.advance(200)
  await expect.poll(() => store.stats().problems).toEqual([])
  expect(store.stats().tailBytes).toBe(0)
  expect(await valuesFrom(partition)).toEqual(['a'])
  expect(await store.check()).toEqual([])
})

test('memory does not grow while segments cannot be written: appends fail instead', async () => {
  const { store, files } = await openStore({ limits: { tailMaxBytes: 1000 } })
  await store.createTopic('t', { partitions: 1 })
  const partition = partitionOf(store, 't')
  files.fault = (operation, path) =>
    operation === 'write' && path.endsWith('.log') ? 'ENOSPC' : undefined
  const outcomes: string[] = []
  for (let n = 0; n < 10; n++) {
    outcomes.push(await append(partition, ['x'.repeat(300)]).then(String, () => 'failed'))
  }
  expect(outcomes.slice(0, 3)).toEqual(['0', '1', '2'])
  expect(outcomes.slice(4)).toEqual(Array(6).fill('failed'))
  files.fault = () => undefined
  expect(await append(partition, ['y'])).toBe(partition.logEndOffset - 1)
  expect(await store.check()).toEqual([])
})

test('what a failed flush of a segment was for is written again, and then flushed', async () => {
  const { store, files } = await openStore({ limits: { walFileMaxBytes: 500 } })
  await store.createTopic('t', { partitions: 1 })
  const partition = partitionOf(store, 't')
  let isFailing = true
  files.fault = (operation, path) =>
    isFailing && operation === 'flush' && path.endsWith('.log') ? 'EIO' : undefined
  for (const value of 'abcdefgh') await append(partition, [value])
  await expect.poll(() => store.stats().problems).toHaveLength(1)
  isFailing = false
  await append(partition, ['i'])
  await store.close()
  expect(files.paths().filter((path) => path.endsWith('.wal'))).toEqual([])
  // The system has forgotten the pages of the flush that failed: a second one alone would lose them.
  const { store: second } = await openStore({ files: files.cut(() => 0) })
  expect((await valuesFrom(partitionOf(second, 't'))).join('')).toBe('abcdefghi')
  expect(await second.check()).toEqual([])
})

test('while a segment cannot be flushed the write-ahead log is kept for the next start', async () => {
  const { store, files } = await openStore({ limits: { walFileMaxBytes: 500 } })
  await store.createTopic('t', { partitions: 1 })
  files.fault = (operation, path) =>
    operation === 'flush' && path.endsWith('.log') ? 'EIO' : undefined
  for (const value of 'abcdefghi') await append(partitionOf(store, 't'), [value])
  await expect.poll(() => store.stats().problems).toHaveLength(1)
  await store.close()
  expect(files.paths().filter((path) => path.endsWith('.wal')).length).toBeGreaterThan(1)
  const { store: second } = await openStore({ files: files.cut(() => 0) })
  expect((await valuesFrom(partitionOf(second, 't'))).join('')).toBe('abcdefghi')
  expect(await second.check()).toEqual([])
})

test('a topic whose removal fails is what it was, and goes when the disk lets it', async () => {
  const { store, files } = await openStore()
  await store.createTopic('t', { partitions: 1 })
  await append(partitionOf(store, 't'), ['a'])
  for (const failing of ['rename', 'flush'] as const) {
    files.fault = (operation, path) =>
      operation === failing && path.startsWith('/log/topics') ? 'EIO' : undefined
    await expect(store.deleteTopic('t')).rejects.toMatchObject({ code: 'STORAGE_FAILED' })
    files.fault = () => undefined
    await append(partitionOf(store, 't'), [failing])
    await partitionOf(store, 't').fill()
  }
  const { store: second } = await openStore({ files: files.copy() })
  expect(await valuesFrom(partitionOf(second, 't'))).toEqual(['a', 'rename', 'flush'])
  await store.deleteTopic('t')
  await store.createTopic('t', { partitions: 1 })
  expect(await valuesFrom(partitionOf(store, 't'))).toEqual([])
  expect([...(await store.check()), ...(await second.check())]).toEqual([])
})

test('a segment that retention cannot remove stays, and leaves no gap', async () => {
  const { store, files, clock } = await openStore()
  const configs = { 'segment.bytes': '150', 'retention.ms': '5000' }
  await store.createTopic('t', { partitions: 2, configs })
  for (const index of [0, 1]) {
    for (const value of 'abcde') await append(partitionOf(store, 't', index), [value])
    await partitionOf(store, 't', index).fill()
  }
  const stuck = '/log/topics/t/0/00000000000000000002.log'
  files.fault = (operation, path) => (operation === 'remove' && path === stuck ? 'EIO' : undefined)
  clock.advance(60_000)
  const [first, second] = [partitionOf(store, 't', 0), partitionOf(store, 't', 1)]
  await expect.poll(() => [first.logStartOffset, second.logStartOffset]).toEqual([2, 5])
  const { store: again } = await openStore({ files: files.copy() })
  expect((await valuesFrom(partitionOf(again, 't'))).join('')).toMatch(/cde$/)
  files.fault = () => undefined
  await store.applyRetention(clock.now())
  expect(first.logStartOffset).toBe(5)
  expect([...(await store.check()), ...(await again.check())]).toEqual([])
})

test('a write that failed half way leaves nothing that a rolled segment would hold twice', async () => {
  const { store, files, clock } = await openStore()
  await store.createTopic('t', { partitions: 1, configs: { 'segment.ms': '1000' } })
  const partition = partitionOf(store, 't')
  await append(partition, ['a'])
  await partition.fill()
  files.fault = (operation, path) =>
    operation === 'write' && path.endsWith('.log') ? 'ENOSPC' : undefined
  for (const value of 'bcd') await append(partition, [value])
  await expect(partition.fill()).rejects.toThrow('ENOSPC')
  files.fault = () => undefined
  clock.advance(2000)
  await partition.fill()
  await store.close()
  const { store: second } = await openStore({ files: files.copy() })
  expect((await valuesFrom(partitionOf(second, 't'))).join('')).toBe('abcd')
  expect(await second.check()).toEqual([])
})

test('what a failed commit left in a write-ahead file stays void, whatever a kill and a power cut bring back', async () => {
  const limits = { directMinBytes: 250, unloggedMaxBytes: 500 }
  const { store, files } = await openStore({ limits })
  await store.createTopic('t', { partitions: 1 })
  const partition = partitionOf(store, 't')
  await append(partition, ['a'])
  files.fault = (operation, path) =>
    operation === 'flush' && path.endsWith('.wal') ? 'EIO' : undefined
  await expect(
    append(
      partition,
      Array.from({ length: 5 }, () => 'void'),
    ),
  ).rejects.toThrow('EIO')
  files.fault = () => undefined
  await append(partition, ['b'])
  // So large that a checkpoint is taken, by which the file that failed goes; its name may be back after a power cut.
  const large = 'c'.repeat(300)
  await append(partition, [large])
  const failed = '/log/wal/0000000000000001.wal'
  while (files.paths().includes(failed)) await new Promise((resolve) => setImmediate(resolve))
  expect(files.paths()).toContain('/log/wal/0000000000000002.wal')
  const killed = files.kill()
  await openStore({ files: killed })
  await expectAfterCuts(killed, ['a', 'b', large])
})

test('what was cut from a segment stays away, though the flush of the cut failed before a kill', async () => {
  const limits = { directMinBytes: 100, directAheadMaxBytes: 10_000, directPartitionsMax: 2 }
  const { store, files } = await openStore({ limits })
  await store.createTopic('t', { partitions: 1, configs: { 'segment.bytes': '600' } })
  const partition = partitionOf(store, 't')
  await append(partition, ['a'.repeat(150)])
  files.fault = (operation, path) =>
    operation === 'flush' && path.endsWith('.log') ? 'EIO' : undefined
  const two = [['void'.repeat(30)], ['void'.repeat(30)]].map((values) => append(partition, values))
  for (const failed of await Promise.allSettled(two)) expect(failed.status).toBe('rejected')
  await expect(append(partition, ['void'.repeat(30)])).rejects.toThrow('EIO')
  const killed = files.kill()
  const { store: second } = await openStore({ files: killed, limits })
  // Shorter than what lay there, so that the other one that was cut would be behind a hole; then comes the next segment.
  const values = ['b'.repeat(101), 'c'.repeat(400)]
  for (const value of values) await append(partitionOf(second, 't'), [value])
  await expectAfterCuts(killed, ['a'.repeat(150), ...values])
})

/** Opens what each of many power cuts may leave. */
async function expectAfterCuts(files: MemoryFileSystem, values: readonly string[]): Promise<void> {
  for (let seed = 1; seed <= 200; seed++) {
    const { store } = await openStore({ files: files.cut(randomFrom(seed)) })
    expect(await valuesFrom(partitionOf(store, 't')), `cut ${seed}`).toEqual(values)
    expect(await store.check(), `cut ${seed}`).toEqual([])
  }
}
