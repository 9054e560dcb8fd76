// Tests that the check of a directory finds every kind of damage, says what a start does with it, and changes nothing.
import { expect, test } from 'vitest'
import { AppError } from '../../common/errors.ts'
import { append, batchOf, openStore, partitionOf } from '../../test/support/log-store.ts'
import { MemoryFileSystem } from '../../test/support/memory-file-system.ts'
import { checkLog } from './log-check.ts'

const directory = '/log/topics/t/0'
const first = `${directory}/00000000000000000000.log`
const second = `${directory}/00000000000000000003.log`
const batchBytes = batchOf(['a']).length

/** Two segments of three batches each, flushed, with a checkpoint and no write-ahead log. */
async function closedLog(configs: Record<string, string> = {}): Promise<MemoryFileSystem> {
  const { store, files } = await openStore()
  const segmentBytes = String(3 * batchBytes)
  await store.createTopic('t', {
    partitions: 1,
    configs: { 'segment.bytes': segmentBytes, ...configs },
  })
  for (const value of 'abcdef') await append(partitionOf(store, 't'), [value])
  await store.close()
  return files.copy()
}

/** As `closedLog`, but killed: all of it is in the write-ahead log as well. */
async function killedLog(): Promise<MemoryFileSystem> {
  const { store, files } = await openStore()
  const configs = { 'segment.bytes': String(3 * batchBytes) }
  await store.createTopic('t', { partitions: 1, configs })
  for (const value of 'abcdef') await append(partitionOf(store, 't'), [value])
  await partitionOf(store, 't').fill()
  return files.copy()
}

function change(files: MemoryFileSystem, path: string, to: (bytes: Buffer) => Buffer): void {
  files.put(path, to(Buffer.from(files.bytesOf(path))))
}

const flip =
  (at: number) =>
  (bytes: Buffer): Buffer => {
    bytes[at] = (bytes[at] ?? 0) ^ 0x10
    return bytes
  }

/** The findings, in one line each; the files are as they were. */
async function findings(files: MemoryFileSystem): Promise<readonly string[]> {
  const before = files.paths().map((path) => [path, files.bytesOf(path).toString('hex')])
  const report = await checkLog({ files, dir: '/log' })
  expect(files.paths().map((path) => [path, files.bytesOf(path).toString('hex')])).toEqual(before)
  return report.findings.map(({ kind, file, position, start }) =>
    [kind, file.replace('/log/', ''), ...(position === undefined ? [] : [position]), start].join(
      ' | ',
    ),
  )
}

/** Whether a start ends with LOG_CORRUPT. */
async function refusal(files: MemoryFileSystem): Promise<string | undefined> {
  try {
    const { store } = await openStore({ files: files.copy() })
    await store.close()
    return undefined
  } catch (error) {
    if (error instanceof AppError && error.code === 'LOG_CORRUPT') return error.message
    throw error
  }
}

test('a log that was closed, and one that was killed, have nothing wrong, and all is counted', async () => {
  const closed = await closedLog()
  expect(await findings(closed)).toEqual([])
  const { counts } = await checkLog({ files: closed, dir: '/log' })
  const bytes = 6 * batchBytes
  expect(counts).toEqual({
    topics: 1,
    partitions: 1,
    segments: 2,
    batches: 6,
    bytes,
    bytesInAll: bytes,
  })
  const killed = await killedLog()
  expect(await findings(killed)).toEqual([])
  const counted = await checkLog({ files: killed, dir: '/log' })
  expect(counted.counts.bytes).toBe(counted.counts.bytesInAll)
})

test('a batch that is damaged below the checkpoint: the start does not look, reads are refused', async () => {
  const files = await closedLog()
  change(files, first, flip(batchBytes + 65))
  const start = 'does not look there; what is damaged is answered KAFKA_STORAGE_ERROR'
  expect(await findings(files)).toEqual([
    `damage | topics/t/0/00000000000000000000.log | ${batchBytes} | ${start}`,
  ])
  expect(await refusal(files)).toBeUndefined()
  await files.remove('/log/checkpoint.json')
  expect(await findings(files)).toEqual([
    `damage | topics/t/0/00000000000000000000.log | ${batchBytes} | ends with LOG_CORRUPT`,
  ])
  expect(await refusal(files)).toContain(`damaged at position ${batchBytes}`)
})

test('a segment’s end that is torn: from the write-ahead log where that has it, else the log is shorter', async () => {
  const killed = await killedLog()
  change(killed, second, (bytes) => bytes.subarray(0, batchBytes + 10))
  expect(await findings(killed)).toEqual([
    `note | topics/t/0/00000000000000000003.log | ${batchBytes} | cuts it there and takes the rest from the write-ahead log`,
  ])
  const closed = await closedLog()
  change(closed, second, (bytes) => bytes.subarray(0, batchBytes + 10))
  expect(await findings(closed)).toEqual([
    `damage | topics/t/0/00000000000000000003.log | ${batchBytes} | does not look there; what is damaged is answered KAFKA_STORAGE_ERROR`,
    'damage | topics/t/0 | goes on at offset 4',
  ])
  expect(await refusal(closed)).toBeUndefined()
})

test('a segment that is missing, first, in the middle or last', async () => {
  const middle = await closedLog({ 'segment.bytes': String(2 * batchBytes) })
  await middle.remove(`${directory}/00000000000000000002.log`)
  expect(await findings(middle)).toEqual([
    'damage | topics/t/0/00000000000000000004.log | 0 | does not look there; what is damaged is answered KAFKA_STORAGE_ERROR',
  ])
  await middle.remove('/log/checkpoint.json')
  expect(await findings(middle)).toEqual([
    'damage | topics/t/0/00000000000000000004.log | 0 | ends with LOG_CORRUPT',
  ])
  expect(await refusal(middle)).toContain('begins at offset 4')
  const last = await closedLog()
  await last.remove(second)
  expect(await findings(last)).toEqual(['damage | topics/t/0 | goes on at offset 3'])
  const killed = await killedLog()
  await killed.remove(first)
  expect(await findings(killed)).toEqual([
    'note | topics/t/0/00000000000000000003.log | 0 | removes it and takes its records from the write-ahead log',
  ])
  expect(await refusal(killed)).toBeUndefined()
})

test('index files that are torn, wrong, or left alone', async () => {
  const { store, files: living } = await openStore()
  await store.createTopic('t', { partitions: 1 })
  for (let n = 0; n < 10; n++) await append(partitionOf(store, 't'), ['.'.repeat(2000)], n)
  await store.close()
  const files = living.copy()
  const index = first.replace('.log', '.index')
  const again = 'makes it again from the log when it is needed'
  const torn = files.copy()
  change(torn, index, (bytes) => bytes.subarray(0, 11))
  expect(await findings(torn)).toEqual([`note | topics/t/0/00000000000000000000.index | ${again}`])
  const alone = files.copy()
  alone.put(`${directory}/00000000000000000099.index`, Buffer.from('x'))
  expect(await findings(alone)).toEqual([
    'note | topics/t/0/00000000000000000099.index | removes it',
  ])
  const wrong = files.copy()
  // Whole, and of another log: its batches were smaller.
  const other = await openStore()
  await other.store.createTopic('t', { partitions: 1 })
  for (let n = 0; n < 11; n++) await append(partitionOf(other.store, 't'), ['.'.repeat(1700)], n)
  await other.store.close()
  for (const suffix of ['.index', '.timeindex']) {
    wrong.put(first.replace('.log', suffix), other.files.bytesOf(first.replace('.log', suffix)))
  }
  expect((await findings(wrong))[0]).toContain('damage | topics/t/0/00000000000000000000.index')
})

test('a checkpoint that is damaged, and one that tells of a topic that is gone', async () => {
  const files = await closedLog()
  change(files, '/log/checkpoint.json', flip(20))
  expect(await findings(files)).toEqual([
    'damage | checkpoint.json | 0 | scans all segments; records that were deleted come back until retention drops them',
  ])
  const gone = await closedLog()
  await gone.removeTree('/log/topics/t')
  expect(await findings(gone)).toEqual(['note | checkpoint.json | forgets it'])
})

test('topics: half made, without a description, with one that is damaged, with another’s id', async () => {
  const files = await closedLog()
  files.put('/log/topics/half/topic.json.tmp', Buffer.from('{'))
  files.put('/log/deleted/some-id/topic.json', Buffer.from('{'))
  files.put('/log/topics/t/7/x', Buffer.from(''))
  files.put('/log/topics/t/0/strange', Buffer.from(''))
  expect(await findings(files)).toEqual([
    'note | topics/half | removes it',
    'note | topics/t/0/strange | leaves it',
    'note | topics/t/7 | leaves it',
    'note | deleted/some-id | removes it',
  ])
  const twin = await closedLog()
  twin.put('/log/topics/u/topic.json', twin.bytesOf('/log/topics/t/topic.json'))
  expect((await findings(twin))[0]).toContain('damage | topics/u/topic.json')
  const bare = await closedLog()
  await bare.remove('/log/topics/t/topic.json')
  expect(await findings(bare)).toContain('damage | topics/t/topic.json | ends with LOG_CORRUPT')
  expect(await refusal(bare)).toContain('does not say of which topic')
  const damaged = await closedLog()
  damaged.put('/log/topics/t/topic.json', Buffer.from('{}'))
  expect(await findings(damaged)).toContain(
    'damage | topics/t/topic.json | 0 | ends with LOG_CORRUPT',
  )
  expect(await refusal(damaged)).toContain('does not describe a topic')
})

test('write-ahead files: torn at the end, damaged in the middle, void, or with a gap before them', async () => {
  const torn = await killedLog()
  const wal = '/log/wal/0000000000000001.wal'
  const entryBytes = 36 + batchBytes
  change(torn, wal, (bytes) => bytes.subarray(0, 24 + 5 * entryBytes + 7))
  expect(await findings(torn)).toEqual([
    `note | wal/0000000000000001.wal | ${24 + 5 * entryBytes} | passes over them`,
  ])
  const { store, files } = await openStore({ limits: { walFileMaxBytes: 300, walFilesMax: 100 } })
  await store.createTopic('t', { partitions: 1 })
  files.fault = (operation, path) =>
    operation === 'open' && path.endsWith('.log') ? 'EIO' : undefined
  for (const value of 'abcdef') await append(partitionOf(store, 't'), [value])
  const many = files.copy()
  expect(await findings(many)).toEqual([])
  const middle = many.copy()
  change(middle, wal, flip(24 + entryBytes + 5))
  expect((await findings(middle)).slice(0, 2)).toEqual([
    `damage | wal/0000000000000001.wal | ${24 + entryBytes} | ends with LOG_CORRUPT`,
    'damage | wal/0000000000000002.wal | 0 | does not get to it',
  ])
  expect(await refusal(middle)).toContain(`damaged at position ${24 + entryBytes}`)
  const gap = many.copy()
  await gap.remove(wal)
  expect(await findings(gap)).toContain('damage | wal/0000000000000002.wal | ends with LOG_CORRUPT')
  expect(await refusal(gap)).toContain('the write-ahead log goes on at offset')
  const isVoid = many.copy()
  isVoid.put('/log/wal/0000000000000099.wal', Buffer.from('cut off'))
  expect(await findings(isVoid)).toEqual(['note | wal/0000000000000099.wal | removes it'])
})
