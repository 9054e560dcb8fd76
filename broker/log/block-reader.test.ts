// Tests of reads past the system's cache: what they find, when there are none, and what a failed flush makes of them.
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { letGo } from '../../common/buffer-pool.ts'
import { append, openStore, partitionOf, valuesFrom } from '../../test/support/log-store.ts'
import { MemoryFileSystem } from '../../test/support/memory-file-system.ts'
import { BlockReader } from './block-reader.ts'
import { nodeFileSystem, type FileSystem } from './file-system.ts'

const log = '/log/topics/t/0/00000000000000000000.log'
const inBlocks = {
  directMinBytes: 500,
  directAheadMaxBytes: 2000,
  blockWriteMinBytes: 64,
  blockPieceBytes: 128,
  blockReadMinBytes: 500,
}
const large = 'x'.repeat(600)

function bytesFrom(start: number, length: number): Buffer {
  return Buffer.from(Array.from({ length }, (_, index) => ((start + index) * 7) % 251))
}

function readerOf(files: FileSystem, directory?: string): BlockReader {
  const reader = new BlockReader({ files, minBytes: 10, spareMaxBytes: 1024 * 1024 })
  if (directory !== undefined) reader.use(directory)
  return reader
}

test('any part of a file is read as it is, and what is asked for beyond its end is left out', async () => {
  const files = new MemoryFileSystem()
  files.put('/d/f', bytesFrom(0, 1000))
  const file = await files.open('/d/f', 'read')
  const reader = readerOf(files, '/d')
  for (let position = 0; position < 1100; position += 37) {
    for (const length of [10, 63, 64, 65, 500, 2000]) {
      const read = await reader.read(file, position, length)
      const there = Math.max(0, Math.min(length, 1000 - position))
      expect(read).toEqual(bytesFrom(position, there))
      if (read !== undefined) letGo(read)
    }
  }
  expect(files.blocksRead).toBeGreaterThan(0)
})

test("the machine's own files read the same, whichever way", async () => {
  const directory = await mkdtemp(join(tmpdir(), 'blocks-'))
  onTestFinished(() => rm(directory, { recursive: true }))
  const file = await nodeFileSystem.open(join(directory, 'f'), 'create')
  await file.write([bytesFrom(0, 100_001)], 0)
  const reader = readerOf(nodeFileSystem, directory)
  for (const [position, length] of [
    [0, 100_001],
    [1, 9000],
    [4096, 4096],
    [50_000, 90_000],
    [100_000, 4096],
    [200_000, 4096],
  ] as const) {
    // Undefined where the file system takes no such reads, as some in memory.
    const read = await reader.read(file, position, length)
    const there = Math.max(0, Math.min(length, 100_001 - position))
    if (read !== undefined) expect(read.equals(bytesFrom(position, there))).toBe(true)
  }
  await file.close()
})

test('what is small, or larger than the memory for it, is left to the cache, and so is all before there is any', async () => {
  const files = new MemoryFileSystem()
  files.put('/d/f', bytesFrom(0, 1000))
  const file = await files.open('/d/f', 'read')
  expect(await readerOf(files).read(file, 0, 100)).toBeUndefined()
  const reader = readerOf(files, '/d')
  expect(await reader.read(file, 0, 9)).toBeUndefined()
  expect(await reader.read(file, 0, 2 * 1024 * 1024)).toBeUndefined()
  expect(files.blocksRead).toBe(0)
})

test('where it fails the cache is asked', async () => {
  const files = new MemoryFileSystem()
  files.put('/d/f', bytesFrom(0, 1000))
  const file = await files.open('/d/f', 'read')
  const reader = readerOf(files, '/d')
  files.fault = (operation) => (operation === 'read' ? 'EIO' : undefined)
  expect(await reader.read(file, 0, 100)).toBeUndefined()
  files.fault = () => undefined
  expect(await reader.read(file, 0, 100)).toEqual(bytesFrom(0, 100))
})

test('what was written past the cache is read past it, and what was written through it through it', async () => {
  const { store, files } = await openStore({ limits: inBlocks })
  await store.createTopic('t', { partitions: 2 })
  const partition = partitionOf(store, 't')
  for (let n = 0; n < 4; n++) await append(partition, [large])
  await partition.fill()
  expect(await valuesFrom(partition)).toEqual([large, large, large, large])
  expect(files.blocksRead).toBeGreaterThan(20)
  files.blocksRead = 0
  const other = partitionOf(store, 't', 1)
  for (let n = 0; n < 20; n++) await append(other, ['small'.repeat(20)])
  await other.fill()
  expect(await valuesFrom(other)).toHaveLength(20)
  expect(files.blocksRead).toBe(0)
})

test('with direct I/O off nothing is read past the cache', async () => {
  const { store, files } = await openStore({ limits: inBlocks, directIo: 'off' })
  await store.createTopic('t', { partitions: 1 })
  for (let n = 0; n < 4; n++) await append(partitionOf(store, 't'), [large])
  await partitionOf(store, 't').fill()
  expect(await valuesFrom(partitionOf(store, 't'))).toHaveLength(4)
  expect(files.blocksRead).toBe(0)
})

test('damage is believed when the cache has it too', async () => {
  const { store, files } = await openStore({ limits: inBlocks })
  await store.createTopic('t', { partitions: 1 })
  const partition = partitionOf(store, 't')
  for (let n = 0; n < 2; n++) await append(partition, [large])
  await store.close()
  // What reached the cache and never the disk, and is not known to have been lost: here, all of the first batch.
  const bytes = Buffer.from(files.bytesOf(log))
  const disk = new MemoryFileSystem()
  for (const path of files.paths()) disk.put(path, files.bytesOf(path))
  disk.put(log, Buffer.alloc(bytes.length))
  const file = await disk.open(log, 'update')
  disk.fault = (operation) => (operation === 'flush' ? 'EIO' : undefined)
  await file.write([bytes], 0)
  await file.sync().catch(() => {})
  disk.fault = () => undefined
  const { store: again } = await openStore({ files: disk, limits: inBlocks })
  expect(await valuesFrom(partitionOf(again, 't'))).toEqual([large, large])
  expect(disk.blocksRead).toBeGreaterThan(0)
  await file.write([Buffer.from([(bytes[100] ?? 0) ^ 1])], 100)
  expect(await partitionOf(again, 't').read(0, { maxBytes: 1024, minOneBatch: true })).toEqual({
    ok: false,
    error: 'KAFKA_STORAGE_ERROR',
  })
})
