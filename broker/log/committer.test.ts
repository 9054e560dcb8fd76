// Tests of the commit loop with a disk whose flushes end when the test says so.
import { expect, test } from 'vitest'
import { batchPrefixBytes } from '../../protocol/batch-header.ts'
import { MemoryFileSystem } from '../../test/support/memory-file-system.ts'
import { CommitAccount } from './commit-account.ts'
import { Committer } from './committer.ts'
import type { FileSystem, OpenFile } from './file-system.ts'
import type { QueuedPartition } from './append-queue.ts'
import { planReplay, replayFile } from './replay.ts'
import { WriteAheadLog } from './write-ahead-log.ts'

const large = 100_000

/** Flushes wait in `flushes` until the test ends them, with a failure or without. */
class SlowFlushes {
  readonly memory = new MemoryFileSystem()
  readonly flushes: { end: (fails?: 'fails') => void }[] = []
  readonly files: FileSystem

  constructor() {
    const { memory } = this
    this.files = Object.create(memory, {
      open: {
        value: async (...args: Parameters<FileSystem['open']>) =>
          this.#slow(await memory.open(...args)),
      },
    }) as FileSystem
    // Private fields of the class are reached through itself alone.
    for (const name of ['remove', 'syncDirectory', 'list', 'readFile'] as const) {
      Object.defineProperty(this.files, name, { value: memory[name].bind(memory) })
    }
  }

  #slow(file: OpenFile): OpenFile {
    return {
      path: file.path,
      write: (buffers, position) => file.write(buffers, position),
      writeBlocks: (blocks, position) => file.writeBlocks(blocks, position),
      readBlocks: (blocks, position) => file.readBlocks(blocks, position),
      read: (buffer, position) => file.read(buffer, position),
      truncate: (sizeBytes) => file.truncate(sizeBytes),
      close: () => file.close(),
      sync: async () => {
        const failure = await new Promise<string | undefined>((resolve) =>
          this.flushes.push({ end: (fails) => resolve(fails && 'EIO') }),
        )
        this.memory.fault = () => failure
        try {
          await file.sync()
        } finally {
          this.memory.fault = () => undefined
        }
      },
    }
  }
}

async function committerOn(disk: SlowFlushes, { fileMaxBytes = 10 * large } = {}) {
  await disk.memory.makeDirectory('/wal')
  const wal = new WriteAheadLog({
    files: disk.files,
    directory: '/wal',
    fileMaxBytes,
    sparesMax: 1,
    firstSequence: 1,
  })
  const account = new CommitAccount(100 * large)
  const committer = new Committer({
    wal,
    account,
    limits: {
      commitMaxBytes: large,
      directMinBytes: Infinity,
      directAheadMaxBytes: large,
      directBehindMax: 1,
      directPartitionsMax: 1,
    },
    room: () => Promise.resolve(),
    committed: () => {},
    failed: () => {},
  })
  let end = 0
  const partition: QueuedPartition = {
    identity: { topicId: Buffer.alloc(16, 1), index: 0 } as QueuedPartition['identity'],
    tailBytes: 0,
    isDeleted: false,
    advance: () => {},
    rollBack: () => {},
    fill: () => Promise.resolve(),
    flushSegments: () => Promise.resolve(),
    writer: {
      writeThrough: () => Promise.resolve(),
      isAhead: false,
      unflushedBytes: 0,
      bytesBehind: () => 0,
      uncommittedBytes: () => 0,
      isUnsettled: false,
      settle: () => Promise.resolve(),
    },
  }
  const outcomes: string[] = []
  const append = (name: string, sizeBytes = large): void => {
    const batches = Buffer.alloc(sizeBytes, name)
    // All that the write-ahead log asks of a batch.
    batches.writeInt32BE(sizeBytes - batchPrefixBytes, 8)
    committer.enqueue(partition, { baseOffset: end, endOffset: ++end, batches }).then(
      () => outcomes.push(`${name} ok`),
      () => outcomes.push(`${name} failed`),
    )
  }
  return { wal, account, append, outcomes }
}

/** Lets everything happen that needs no flush to end. */
async function settle(): Promise<void> {
  for (let turn = 0; turn < 20; turn++) await new Promise((resolve) => setImmediate(resolve))
}

/** First letters of what a start would replay. */
async function replayed({ files }: SlowFlushes): Promise<string> {
  let names = ''
  for (const file of (await planReplay(files, '/wal')).files) {
    await replayFile(files, '/wal', file, ({ batches }) => {
      names += batches.toString('latin1', 0, 1)
      return true
    })
  }
  return names
}

test('while a flush runs the next appends are written, and acknowledged after a flush of their own', async () => {
  const disk = new SlowFlushes()
  const { wal, append, outcomes } = await committerOn(disk)
  append('a')
  await settle()
  append('b')
  append('c')
  await settle()
  expect(wal.sizeBytes).toBeGreaterThan(3 * large)
  expect([outcomes, disk.flushes.length]).toEqual([[], 1])
  disk.flushes[0]?.end()
  await settle()
  expect([outcomes, disk.flushes.length]).toEqual([['a ok'], 2])
  disk.flushes[1]?.end()
  await settle()
  expect([outcomes, disk.flushes.length]).toEqual([['a ok', 'b ok', 'c ok'], 2])
})

test('a small append waits for the flush that runs, to share a write with those that come', async () => {
  const disk = new SlowFlushes()
  const { account, append, outcomes } = await committerOn(disk)
  append('a')
  await settle()
  for (const name of 'bcd') append(name, 100)
  await settle()
  disk.flushes[0]?.end()
  await settle()
  disk.flushes[1]?.end()
  await settle()
  expect(outcomes).toEqual(['a ok', 'b ok', 'c ok', 'd ok'])
  expect(account.counters).toMatchObject({ commits: 2, flushes: 2, appends: 4 })
})

test('a failed flush takes along all that was written behind it or waits, and nothing of it is replayed', async () => {
  const disk = new SlowFlushes()
  const { account, append, outcomes } = await committerOn(disk)
  append('a')
  await settle()
  disk.flushes[0]?.end()
  await settle()
  for (const name of 'bc') append(name)
  await settle()
  append('d', 100)
  disk.flushes[1]?.end('fails')
  await settle()
  expect(outcomes).toEqual(['a ok', 'b failed', 'c failed', 'd failed'])
  expect(account.queuedBytes).toBe(0)
  append('e')
  await settle()
  disk.flushes.at(-1)?.end()
  await settle()
  expect(outcomes.at(-1)).toBe('e ok')
  expect(await replayed(disk)).toBe('ae')
})

test('a failed write lets what was written before it succeed, and fails what waits behind it', async () => {
  const disk = new SlowFlushes()
  const { append, outcomes } = await committerOn(disk)
  append('a')
  await settle()
  disk.memory.fault = (operation) => (operation === 'write' ? 'ENOSPC' : undefined)
  append('b')
  append('c')
  await settle()
  expect(outcomes).toEqual([])
  disk.flushes[0]?.end()
  await settle()
  expect(outcomes).toEqual(['a ok', 'b failed', 'c failed'])
  append('d')
  await settle()
  disk.flushes.at(-1)?.end()
  await settle()
  expect(outcomes.at(-1)).toBe('d ok')
  expect(await replayed(disk)).toBe('ad')
})

test('a new file is begun when all that was written to the last one is flushed', async () => {
  const disk = new SlowFlushes()
  const { wal, append, outcomes } = await committerOn(disk, { fileMaxBytes: 1.5 * large })
  for (const name of 'abc') append(name)
  await settle()
  expect([wal.files, outcomes]).toEqual([1, []])
  disk.flushes[0]?.end()
  await settle()
  disk.flushes[1]?.end()
  await settle()
  expect([wal.files, outcomes]).toEqual([2, ['a ok', 'b ok']])
  disk.flushes[2]?.end()
  await settle()
  expect(outcomes.at(-1)).toBe('c ok')
  expect(await replayed(disk)).toBe('abc')
})
