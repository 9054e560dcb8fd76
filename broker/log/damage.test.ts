// Tests of damage to what had been flushed: every bit of a header, an index, a checkpoint; never wrong data.
import { expect, test } from 'vitest'
import { AppError } from '../../common/errors.ts'
import { append, batchOf, openStore, partitionOf, recordsOf } from '../../test/support/log-store.ts'
import { MemoryFileSystem } from '../../test/support/memory-file-system.ts'
import { encodeBatch, recordBatchHeaderBytes } from '../../protocol/record-batch.ts'
import type { PartitionLog } from './partition-log.ts'

const directory = '/log/topics/t/0'
const first = `${directory}/00000000000000000000.log`
const values = ['a', 'b', 'c', 'd', 'e', 'f']
const batchBytes = batchOf(['a']).length

/** Two segments of three batches of one record each, all flushed; the store is closed. */
async function closedStore(): Promise<MemoryFileSystem> {
  const { store, files } = await openStore()
  const configs = { 'segment.bytes': String(3 * batchBytes) }
  await store.createTopic('t', { partitions: 1, configs })
  for (const value of values) await append(partitionOf(store, 't'), [value])
  await store.close()
  return files.copy()
}

function* flips(
  files: MemoryFileSystem,
  path: string,
  range: { from: number; to: number },
): Generator<{ where: string; at: number; flipped: MemoryFileSystem }> {
  for (let at = range.from; at < range.to; at++) {
    for (let bit = 0; bit < 8; bit++) {
      const bytes = Buffer.from(files.bytesOf(path))
      bytes[at] = (bytes[at] ?? 0) ^ (1 << bit)
      const flipped = files.copy()
      flipped.put(path, bytes)
      yield { where: `bit ${bit} of byte ${at}`, at, flipped }
    }
  }
}

/** What each offset reads as; undefined where the log says that it cannot be read. */
async function readEach(partition: PartitionLog): Promise<(string | undefined)[]> {
  const found: (string | undefined)[] = []
  for (let offset = partition.logStartOffset; offset < partition.highWatermark; offset++) {
    const read = await partition.read(offset, { maxBytes: 10_000, minOneBatch: true })
    const record = read.ok ? read.chunks.flatMap(recordsOf)[0] : undefined
    if (record !== undefined) expect(record.offset).toBe(offset)
    found.push(record?.value?.toString())
  }
  return found
}

test('any bit of a flushed batch’s header that flips makes it unreadable, and nothing wrong is read', async () => {
  const files = await closedStore()
  const range = { from: batchBytes, to: batchBytes + recordBatchHeaderBytes }
  for (const { where, at, flipped } of flips(files, first, range)) {
    const { store } = await openStore({ files: flipped })
    const found = await readEach(partitionOf(store, 't'))
    // The leader epoch lies outside of every checksum, and the log has but one.
    const isEpoch = at >= batchBytes + 12 && at < batchBytes + 16
    expect(found[0], where).toBe('a')
    expect(found[1], where).toBe(isEpoch ? 'b' : undefined)
    expect(found.slice(3), where).toEqual(['d', 'e', 'f'])
    if (found[2] !== undefined) expect(found[2], where).toBe('c')
    expect((await store.check()).length > 0, where).toBe(!isEpoch)
    // What is damaged keeps nobody from writing on.
    expect(await append(partitionOf(store, 't'), ['g'])).toBe(6)
  }
})

test('and so does any bit of its records', async () => {
  const files = await closedStore()
  const range = { from: batchBytes + recordBatchHeaderBytes, to: 2 * batchBytes }
  for (const { where, flipped } of flips(files, first, range)) {
    const { store } = await openStore({ files: flipped })
    expect(await readEach(partitionOf(store, 't')), where).toEqual([
      'a',
      undefined,
      ...values.slice(2),
    ])
  }
})

test('and no such bit keeps a log from opening whose producers have to be read from it', async () => {
  const { store, files } = await openStore()
  await store.createTopic('t', { partitions: 1 })
  for (let sequence = 0; sequence < 3; sequence++) {
    const records = [{ key: null, value: Buffer.from(values[sequence] ?? ''), timestamp: 1 }]
    const producer = { producerId: 5, producerEpoch: 0, baseSequence: sequence }
    const appended = partitionOf(store, 't').append(encodeBatch({ records, ...producer }))
    if (appended.ok) await appended.committed
  }
  await store.close()
  await files.remove(`${directory}/producers.snapshot`)
  const range = { from: batchBytes, to: batchBytes + recordBatchHeaderBytes }
  for (const { where, flipped } of flips(files, first, range)) {
    const { store: second } = await openStore({ files: flipped })
    expect((await readEach(partitionOf(second, 't')))[0], where).toBe('a')
  }
})

test('without a checkpoint such damage ends the start, with file and position, and nothing is removed', async () => {
  const files = await closedStore()
  const range = { from: batchBytes, to: batchBytes + recordBatchHeaderBytes }
  for (const { where, at, flipped } of flips(files, first, range)) {
    await flipped.remove('/log/checkpoint.json')
    const before = flipped.paths().filter((path) => path.endsWith('.log'))
    const opening = openStore({ files: flipped })
    if (at >= batchBytes + 12 && at < batchBytes + 16) {
      await opening
      continue
    }
    const error = await opening.then(
      () => undefined,
      (thrown: unknown) => thrown,
    )
    expect(error instanceof AppError && error.code, where).toBe('LOG_CORRUPT')
    expect(error instanceof AppError && error.message, where).toContain(
      `${first} is damaged at position ${batchBytes}`,
    )
    expect(flipped.paths().filter((path) => path.endsWith('.log'))).toEqual(before)
    expect(flipped.bytesOf(first)).toHaveLength(3 * batchBytes)
  }
})

test('a segment that is missing between two others is not read over, and ends a start that looks', async () => {
  const { store, files } = await openStore()
  const configs = { 'segment.bytes': String(batchBytes) }
  await store.createTopic('t', { partitions: 1, configs })
  for (const value of values) await append(partitionOf(store, 't'), [value])
  await store.close()
  await files.remove(`${directory}/00000000000000000002.log`)
  const { store: trusting } = await openStore({ files: files.copy() })
  expect(await readEach(partitionOf(trusting, 't'))).toEqual(['a', 'b', undefined, 'd', 'e', 'f'])
  expect(await trusting.check()).not.toEqual([])
  await files.remove('/log/checkpoint.json')
  const left = files.paths().length
  const opening = openStore({ files: files.copy() })
  await expect(opening).rejects.toThrow(
    `${directory}/00000000000000000003.log is damaged at position 0: it begins at offset 3, and the log before it ends at 2`,
  )
  expect(files.paths()).toHaveLength(left)
})

test('any bit of the checkpoint that flips only means that everything is scanned', async () => {
  const files = await closedStore()
  const path = '/log/checkpoint.json'
  const range = { from: 0, to: files.bytesOf(path).length }
  for (const { where, flipped } of flips(files, path, range)) {
    const { store } = await openStore({ files: flipped })
    expect(await readEach(partitionOf(store, 't')), where).toEqual(values)
  }
})

test('index files with any bit flipped, or cut at any byte, are made again', async () => {
  const { store, files } = await openStore()
  await store.createTopic('t', { partitions: 1 })
  const long = Array.from({ length: 20 }, (_, n) => `${n}${'.'.repeat(900)}`)
  // The youngest record comes first: only the time index knows without a look at the log.
  for (const [n, value] of long.entries()) {
    await append(partitionOf(store, 't'), [value], n === 0 ? 90_000 : n * 10)
  }
  await store.close()
  for (const suffix of ['index', 'timeindex']) {
    const path = first.replace(/\.log$/, `.${suffix}`)
    const whole = files.bytesOf(path)
    const damaged = [...flips(files.copy(), path, { from: 0, to: whole.length })].map(
      ({ flipped }) => flipped,
    )
    for (let bytes = 0; bytes < whole.length; bytes++) {
      const cut = files.copy()
      cut.put(path, whole.subarray(0, bytes))
      damaged.push(cut)
    }
    for (const copy of damaged) {
      const { store: again } = await openStore({ files: copy })
      const partition = partitionOf(again, 't')
      expect(await partition.offsetForTimestamp(100_000)).toBeUndefined()
      expect(await partition.offsetForTimestamp(80_000)).toEqual({ offset: 0, timestamp: 90_000 })
      const read = await partition.read(17, { maxBytes: 10, minOneBatch: true })
      expect(read.ok && read.chunks.flatMap(recordsOf)[0]?.value?.toString()).toBe(long[17])
      expect(await again.check()).toEqual([])
    }
  }
})

test('a write-ahead file that is damaged in the middle ends the start, with file and position', async () => {
  const { store, files } = await openStore({ limits: { walFileMaxBytes: 300, walFilesMax: 100 } })
  await store.createTopic('t', { partitions: 1 })
  files.fault = (operation, path) =>
    operation === 'write' && path.endsWith('.log') ? 'EIO' : undefined
  for (const value of values) await append(partitionOf(store, 't'), [value])
  const wals = files.paths().filter((path) => path.endsWith('.wal'))
  expect(wals.length).toBeGreaterThan(1)
  const damaged = files.copy()
  const path = wals[0] ?? ''
  const bytes = Buffer.from(damaged.bytesOf(path))
  // The header, then the second entry.
  const position = 24 + 36 + batchBytes
  bytes[position + 40] = (bytes[position + 40] ?? 0) ^ 1
  damaged.put(path, bytes)
  await expect(openStore({ files: damaged })).rejects.toThrow(
    `${path} is damaged at position ${position}`,
  )
  // Who chose not to flush has chosen to go on without.
  const { store: second } = await openStore({ files: damaged, flush: 'never' })
  const found = await readEach(partitionOf(second, 't'))
  expect(found).toEqual(values.slice(0, found.length))
  expect(await second.check()).toEqual([])
})

test('records without the description of their topic are not thrown away', async () => {
  const files = await closedStore()
  await files.remove('/log/topics/t/topic.json')
  await expect(openStore({ files })).rejects.toMatchObject({ code: 'LOG_CORRUPT' })
  expect(files.paths()).toContain(first)
})

test('records deleted to the middle of a batch stay deleted after a power cut, and the log opens', async () => {
  const { store, files } = await openStore()
  await store.createTopic('t', { partitions: 1 })
  const partition = partitionOf(store, 't')
  await append(partition, ['a', 'b', 'c', 'd', 'e'])
  await partition.deleteRecordsBefore(3)
  const { store: second } = await openStore({ files: files.cut(() => 0) })
  const recovered = partitionOf(second, 't')
  expect([recovered.logStartOffset, recovered.highWatermark]).toEqual([3, 5])
  expect(await append(recovered, ['f'])).toBe(5)
  expect(await second.check()).toEqual([])
})

test('records deleted to where more was lost than kept: no offset is given out twice', async () => {
  const { store, files } = await openStore({ flush: 'never' })
  await store.createTopic('t', { partitions: 1 })
  const partition = partitionOf(store, 't')
  for (const value of values) await append(partition, [value])
  await partition.deleteRecordsBefore(4)
  const { store: second } = await openStore({ files: files.cut(() => 0), flush: 'never' })
  expect(await append(partitionOf(second, 't'), ['g'])).toBe(4)
  await second.close()
  const { store: third } = await openStore({ files: files.copy(), flush: 'never' })
  expect([...(await second.check()), ...(await third.check())]).toEqual([])
})
