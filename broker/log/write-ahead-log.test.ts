// Tests of write-ahead files that are written over: nothing of their earlier lives comes back.
import { expect, test } from 'vitest'
import {
  append,
  batchOf,
  openStore,
  partitionOf,
  valuesFrom,
  type TestStore,
} from '../../test/support/log-store.ts'
import { MemoryFileSystem } from '../../test/support/memory-file-system.ts'
import { crc32c, validateBatches } from '../../protocol/record-batch.ts'
import { planReplay, replayFile } from './replay.ts'
import { WriteAheadLog, walPath } from './write-ahead-log.ts'

const topicId = Buffer.alloc(16, 1)

interface Written {
  readonly partition: number
  readonly baseOffset: number
  readonly values: readonly string[]
}

async function walOn(files: MemoryFileSystem): Promise<WriteAheadLog> {
  await files.makeDirectory('/wal')
  await files.syncDirectory('/')
  return new WriteAheadLog({
    files,
    directory: '/wal',
    fileMaxBytes: 1000,
    sparesMax: 1,
    firstSequence: 1,
  })
}

function write(wal: WriteAheadLog, entries: readonly Written[]): Promise<void> {
  return wal.write(
    entries.map(({ partition, baseOffset, values }) => {
      const batch = batchOf(values)
      batch.writeBigInt64BE(BigInt(baseOffset), 0)
      return { topicId, partition, baseOffset, buffers: [batch], sizeBytes: batch.length }
    }),
  )
}

/** What a start would replay, as partition, offset and bytes. */
async function replayed(files: MemoryFileSystem): Promise<readonly string[]> {
  const found: string[] = []
  for (const file of (await planReplay(files, '/wal')).files) {
    await replayFile(files, '/wal', file, ({ partition, baseOffset, batches }) => {
      if (!validateBatches(batches, { isStored: true }).ok) return false
      const letters = batches.toString('latin1').replaceAll(/[^a-z]/g, '')
      found.push(`${partition} ${baseOffset} ${letters}`)
      return true
    })
  }
  return found
}

/** Ends the file that is written and lets a checkpoint make it needless. */
async function retire(wal: WriteAheadLog): Promise<void> {
  wal.keep(wal.end)
  await wal.complete()
  await wal.remove(wal.older)
}

test('a file is written over, under its next number, and holds no more of what it held', async () => {
  const files = new MemoryFileSystem()
  const wal = await walOn(files)
  await write(wal, [{ partition: 0, baseOffset: 7, values: ['a'.repeat(500)] }])
  await retire(wal)
  const bytes = files.bytesOf(`${walPath('/wal', 1)}.spare`).length
  await write(wal, [{ partition: 0, baseOffset: 8, values: ['b'] }])
  await wal.flush()
  expect(files.paths()).toEqual([walPath('/wal', 2)])
  expect(files.bytesOf(walPath('/wal', 2)).length).toBe(bytes)
  expect(await replayed(files.cut(() => 0))).toEqual(['0 8 b'])
})

test('an entry whose batches a power cut left out does not take up those that lay there', async () => {
  const files = new MemoryFileSystem()
  const wal = await walOn(files)
  // The same offset, size and place, of another partition: sound batches, and not its own.
  await write(wal, [{ partition: 1, baseOffset: 7, values: ['aaa'] }])
  await retire(wal)
  const before = Buffer.from(files.bytesOf(`${walPath('/wal', 1)}.spare`))
  await write(wal, [{ partition: 2, baseOffset: 7, values: ['bbb'] }])
  await wal.flush()
  const path = walPath('/wal', 2)
  const after = Buffer.from(files.bytesOf(path))
  expect(before.length).toBe(after.length)
  const entry = 24
  for (let split = entry; split <= after.length; split++) {
    const torn = files.copy()
    torn.put(path, Buffer.concat([after.subarray(0, split), before.subarray(split)]))
    const isWhole = after.subarray(split).equals(before.subarray(split))
    expect(await replayed(torn), `old from byte ${split} on`).toEqual(isWhole ? ['2 7 bbb'] : [])
    const late = files.copy()
    const middle = before.subarray(entry, split)
    const [head, rest] = [after.subarray(0, entry), after.subarray(split)]
    late.put(path, Buffer.concat([head, middle, rest]))
    const isUntouched = middle.equals(after.subarray(entry, split))
    expect(await replayed(late), `old up to byte ${split}`).toEqual(isUntouched ? ['2 7 bbb'] : [])
  }
})

test('entries of an earlier life behind the end do not count, wherever the end lies', async () => {
  const files = new MemoryFileSystem()
  const wal = await walOn(files)
  const ofLife = (partition: number): Written[] =>
    [0, 1, 2, 3].map((baseOffset) => ({ partition, baseOffset, values: ['x'] }))
  for (const entry of ofLife(1)) await write(wal, [entry])
  await retire(wal)
  for (const [index, entry] of ofLife(2).entries()) {
    await write(wal, [entry])
    await wal.flush()
    const expected = ofLife(2).slice(0, index + 1)
    expect(await replayed(files.cut(() => 0))).toEqual(
      expected.map(({ baseOffset }) => `2 ${baseOffset} x`),
    )
  }
})

test('a file whose name came back after a power cut is as it was under that name', async () => {
  const files = new MemoryFileSystem()
  const wal = await walOn(files)
  await write(wal, [{ partition: 0, baseOffset: 0, values: ['a'] }])
  await retire(wal)
  // Its next life is begun, and neither of its new names is on the disk.
  files.fault = (operation, path) => (operation === 'flush' && path === '/wal' ? 'EIO' : undefined)
  await expect(write(wal, [{ partition: 0, baseOffset: 1, values: ['b'] }])).rejects.toThrow('EIO')
  const came = files.cut(() => 0)
  expect(came.paths()).toEqual([walPath('/wal', 1)])
  expect(await replayed(came)).toEqual(['0 0 a'])
})

test('files that a life before this one kept are removed, not written over', async () => {
  const { files } = await fullLog()
  const spare = files.paths().filter((path) => path.endsWith('.spare'))
  expect(spare.length).toBeGreaterThan(0)
  const { store } = await openStore({ files })
  expect(files.paths().filter((path) => path.endsWith('.spare'))).toEqual([])
  expect((await valuesFrom(partitionOf(store, 't'))).length).toBe(40)
  expect(await store.check()).toEqual([])
})

test('a log that is closed leaves no write-ahead file of any kind', async () => {
  const { store, files } = await fullLog()
  await store.close()
  expect(files.paths().filter((path) => path.startsWith('/log/wal/'))).toEqual([])
})

test('entries of files in the format before this one are replayed', async () => {
  const { store, files } = await openStore()
  await store.createTopic('t', { partitions: 1 })
  const id = Buffer.from(store.topic('t')?.id.replaceAll('-', '') ?? '', 'hex')
  const batch = batchOf(['from before'])
  files.put(walPath('/log/wal', 1), Buffer.concat([writtenOnce(id, batch), batch]))
  const { store: next } = await openStore({ files })
  expect(await valuesFrom(partitionOf(next, 't'))).toEqual(['from before'])
})

/** A log whose write-ahead files have been through several lives. */
async function fullLog(): Promise<TestStore> {
  const opened = await openStore({ limits: { walFileMaxBytes: 1000 } })
  await opened.store.createTopic('t', { partitions: 1 })
  const partition = partitionOf(opened.store, 't')
  for (let n = 0; n < 40; n++) await append(partition, ['x'.repeat(100)])
  return opened
}

/** Header of a file of the format before, and that of its first entry. */
function writtenOnce(id: Buffer, batch: Buffer): Buffer {
  const header = Buffer.alloc(24)
  header.writeUInt32BE(0x4d524c31, 0)
  header.writeUInt32BE(24, 8)
  header.writeBigUInt64BE(1n, 12)
  header.writeUInt32BE(crc32c(header.subarray(8)), 4)
  const entry = Buffer.alloc(36)
  entry.writeUInt32BE(batch.length, 4)
  id.copy(entry, 8)
  entry.writeUInt32BE(crc32c(entry.subarray(4)), 0)
  return Buffer.concat([header, entry])
}
