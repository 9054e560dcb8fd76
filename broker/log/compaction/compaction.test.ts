// Tests compaction on a whole store: what stays, what goes, and what errors and power cuts leave.
import { afterEach, expect, test } from 'vitest'
import {
  baseOffsetAt,
  encodeBatch,
  lastOffsetDeltaAt,
  totalBytesAt,
  transactionalBit,
} from '../../../protocol/record-batch.ts'
import {
  openStore,
  partitionOf,
  recordsOf,
  type TestStore,
} from '../../../test/support/log-store.ts'
import type { MemoryFileSystem } from '../../../test/support/memory-file-system.ts'
import { randomFrom, seed } from '../../../test/support/seeded-random.ts'
import type { PartitionLog } from '../partition-log.ts'

const configs = {
  'cleanup.policy': 'compact',
  'delete.retention.ms': '1000',
}

let opened: TestStore | undefined

afterEach(async () => {
  if (opened === undefined) return
  expect(await opened.store.check()).toEqual([])
  await opened.store.close()
  opened = undefined
})

async function compactedLog(segmentBytes = 2000): Promise<PartitionLog> {
  opened = await openStore()
  await opened.store.createTopic('t', {
    partitions: 1,
    configs: { ...configs, 'segment.bytes': String(segmentBytes) },
  })
  return partitionOf(opened.store, 't')
}

function stored(): TestStore {
  if (opened === undefined) throw new Error('no store is open')
  return opened
}

async function reopen(): Promise<PartitionLog> {
  const { files, clock, store } = stored()
  await store.close()
  opened = await openStore({ files, clock })
  return partitionOf(opened.store, 't')
}

async function put(log: PartitionLog, pairs: readonly (readonly [string, string | null])[]) {
  const records = pairs.map(([key, value]) => ({
    key: Buffer.from(key),
    value: value === null ? null : Buffer.from(value),
    timestamp: 1000,
  }))
  const result = log.append(encodeBatch({ records }))
  if (!result.ok) throw new Error(result.reason)
  await result.committed
}

function compact(nowMs = 10_000): Promise<void> {
  return stored().store.compact(nowMs)
}

interface Read {
  readonly offset: number
  readonly key: string
  readonly value: string | null
}

/** As a client reads: records from where it stands, then on behind the last batch. */
async function readAll(log: PartitionLog, from = 0): Promise<readonly Read[]> {
  const found: Read[] = []
  for (let next = from; next < log.highWatermark;) {
    const read = await log.read(next, { maxBytes: 700, minOneBatch: true })
    if (!read.ok) throw new Error(read.error)
    expect(read.chunks).not.toEqual([])
    for (const chunk of read.chunks) {
      for (const { offset, key, value } of recordsOf(chunk)) {
        if (offset >= next)
          found.push({ offset, key: String(key), value: value?.toString() ?? null })
      }
      for (let at = 0; at < chunk.length; at += totalBytesAt(chunk, at)) {
        next = Math.max(next, baseOffsetAt(chunk, at) + lastOffsetDeltaAt(chunk, at) + 1)
      }
    }
  }
  return found
}

test('each key keeps its last record, at its offset', async () => {
  const log = await compactedLog()
  for (let i = 0; i < 200; i++) await put(log, [[`k${i % 7}`, `v${i} ${'x'.repeat(40)}`]])
  await log.fill()
  const sizeBefore = log.sizeBytes
  await compact()
  const left = await readAll(log)
  const last = new Map(left.map(({ key, value, offset }) => [key, { value, offset }]))
  for (let i = 193; i < 200; i++) expect(last.get(`k${i % 7}`)?.offset).toBe(i)
  expect(log.sizeBytes).toBeLessThan(sizeBefore / 4)
  expect(log.highWatermark).toBe(200)
  expect(left.map(({ offset }) => offset)).toEqual(
    left.map(({ offset }) => offset).sort((a, b) => a - b),
  )
})

test('segments that shrank become one with the next pass, so that their number does not grow for ever', async () => {
  const log = await compactedLog()
  for (const nowMs of [10_000, 20_000, 30_000]) {
    for (let i = 0; i < 600; i++) await put(log, [[`k${i % 3}`, 'x'.repeat(40)]])
    await log.fill()
    expect(log.stats().segments).toBeGreaterThan(30)
    await compact(nowMs)
  }
  await put(log, [['last', 'x'.repeat(1500)]])
  await log.fill()
  await compact(40_000)
  expect(log.stats().segments).toBeLessThan(42)
  expect((await readAll(log)).at(-1)?.offset).toBe(1800)
})

test('a compacted log reads the same after a restart', async () => {
  let log = await compactedLog()
  for (let i = 0; i < 300; i++)
    await put(log, [
      [`k${i % 5}`, `v${i}`],
      [`only ${i}`, 'y'.repeat(30)],
    ])
  await log.fill()
  await compact()
  const before = await readAll(log)
  log = await reopen()
  expect(await readAll(log)).toEqual(before)
  expect(await stored().store.check()).toEqual([])
  for (let i = 0; i < 300; i++) await put(log, [[`k${i % 5}`, `w${i} ${'z'.repeat(30)}`]])
  await log.fill()
  await compact(20_000)
  expect((await readAll(log)).filter(({ key }) => key.startsWith('only'))).toHaveLength(300)
})

test('a key that was deleted goes, with its tombstone once consumers had time to see it', async () => {
  const log = await compactedLog()
  await put(log, [
    ['gone', 'value'],
    ['stays', 'value'],
  ])
  await put(log, [['gone', null]])
  for (let i = 0; i < 60; i++) await put(log, [['other', 'x'.repeat(60)]])
  await log.fill()
  await compact(50_000)
  expect((await readAll(log)).filter(({ key }) => key !== 'other')).toEqual([
    { offset: 1, key: 'stays', value: 'value' },
    { offset: 2, key: 'gone', value: null },
  ])
  await compact(50_999)
  expect((await readAll(log)).some(({ key }) => key === 'gone')).toBe(true)
  await compact(51_000)
  expect((await readAll(log)).some(({ key }) => key === 'gone')).toBe(false)
})

test('readers that come while files are exchanged see no old positions in a new file', async () => {
  const log = await compactedLog()
  for (let i = 0; i < 400; i++) await put(log, [[`k${i % 11}`, `v${i} ${'x'.repeat(50)}`]])
  await log.fill()
  const reading = { done: false }
  const reader = (async () => {
    while (!reading.done) {
      for (const { key, value, offset } of await readAll(log)) {
        expect([key, value?.startsWith(`v${offset} `)]).toEqual([`k${offset % 11}`, true])
      }
      await new Promise((resolve) => setImmediate(resolve))
    }
  })()
  await compact()
  reading.done = true
  await reader
})

test(`what random writers left is what a map would hold, over passes and restarts (SEED=${seed})`, async () => {
  const random = randomFrom(seed)
  let log = await compactedLog()
  const expected = new Map<string, string | null>()
  let nowMs = 10_000
  for (let round = 0; round < 12; round++) {
    for (let i = 0; i < 60; i++) {
      const pairs = Array.from(
        { length: 1 + Math.floor(random() * 4) },
        (): [string, string | null] => {
          const key = `k${Math.floor(random() * 40)}`
          return [
            key,
            random() < 0.1 ? null : `${round}.${i} ${'x'.repeat(Math.floor(random() * 60))}`,
          ]
        },
      )
      await put(log, pairs)
      for (const [key, value] of pairs) expected.set(key, value)
    }
    await log.fill()
    await compact((nowMs += 700))
    if (round % 4 === 3) log = await reopen()
    const left = new Map((await readAll(log)).map(({ key, value }) => [key, value]))
    for (const [key, value] of expected) {
      if (value === null) expect(left.get(key) ?? null).toBeNull()
      else expect(left.get(key)).toBe(value)
    }
  }
  expect(log.sizeBytes).toBeLessThan(12_000)
})

/** Values of three generations, so that a pass cleans, merges and drops; resolves before the last pass. */
async function logToCompact(): Promise<{ log: PartitionLog; last: Map<string, string> }> {
  const log = await compactedLog(600)
  const last = new Map<string, string | null>()
  for (let i = 0; i < 48; i++) {
    const pairs: [string, string | null][] = [
      [`k${i % 4}`, `v${i} ${'x'.repeat(20)}`],
      [`rare${Math.floor(i / 10)}`, i % 3 === 0 ? null : `r${i}`],
    ]
    await put(log, pairs)
    for (const [key, value] of pairs) last.set(key, value)
    if (i === 30) {
      await log.fill()
      await compact(10_000)
    }
  }
  await log.fill()
  return { log, last: valuesOf(last) }
}

/** What a table that follows the log holds in the end. */
function lastValues(records: readonly Read[]): Map<string, string> {
  return valuesOf(new Map(records.map(({ key, value }) => [key, value])))
}

/** A deleted key is not there, whether its tombstone still is or not. */
function valuesOf(table: ReadonlyMap<string, string | null>): Map<string, string> {
  const values = new Map<string, string>()
  for (const [key, value] of table) if (value !== null) values.set(key, value)
  return values
}

test('an error of the disk at any step of a pass loses nothing, and the next pass does its work', async () => {
  let steps = 0
  for (let failing = 0; failing <= steps; failing++) {
    const { log, last } = await logToCompact()
    const { files, store } = stored()
    steps = 0
    files.fault = () => (steps++ === failing ? 'EIO' : undefined)
    await compact(20_000)
    files.fault = () => undefined
    expect(lastValues(await readAll(log)), `step ${failing}`).toEqual(last)
    await put(log, [['more', 'x'.repeat(1900)]])
    await put(log, [['more', 'y'.repeat(1900)]])
    await log.fill()
    await compact(30_000)
    const expected = new Map([...last, ['more', 'y'.repeat(1900)]])
    expect(lastValues(await readAll(log)), `step ${failing}`).toEqual(expected)
    expect(await store.check()).toEqual([])
    const reopened = await reopen()
    expect(lastValues(await readAll(reopened)), `after step ${failing}`).toEqual(expected)
    expect(await stored().store.check()).toEqual([])
    await stored().store.close()
  }
  expect(steps).toBeGreaterThan(30)
  opened = undefined
}, 60_000)

test(`a power cut or a kill at any step of a pass loses nothing (SEED=${seed})`, async () => {
  const random = randomFrom(seed)
  const { last } = await logToCompact()
  const { files, clock, store } = stored()
  const remains: MemoryFileSystem[] = []
  files.fault = () => {
    remains.push(files.cut(random), files.kill())
    return undefined
  }
  await compact(20_000)
  files.fault = () => undefined
  expect(remains.length).toBeGreaterThan(60)
  await store.close()
  for (const [index, left] of remains.entries()) {
    opened = await openStore({ files: left, clock })
    const again = partitionOf(opened.store, 't')
    expect(lastValues(await readAll(again)), `cut ${index}`).toEqual(last)
    await compact(30_000)
    expect(lastValues(await readAll(again)), `cut ${index}, compacted`).toEqual(last)
    expect(await opened.store.check()).toEqual([])
    await opened.store.close()
  }
  opened = undefined
}, 60_000)

test('what is known of a producer survives the loss of its snapshot, though compaction took its records', async () => {
  let log = await compactedLog()
  const send = (baseSequence: number, key: string): unknown => {
    const record = { key: Buffer.from(key), value: Buffer.from('x'.repeat(50)), timestamp: 1000 }
    const result = log.append(
      encodeBatch({ records: [record], producerId: 7, producerEpoch: 0, baseSequence }),
    )
    return result.ok ? result.committed.then(() => 'taken') : result.error
  }
  for (let n = 0; n < 5; n++) expect(await send(n, 'k')).toBe('taken')
  for (let i = 0; i < 100; i++) await put(log, [['k', 'x'.repeat(50)]])
  await log.fill()
  await compact()
  expect((await readAll(log))[0]?.offset).toBeGreaterThan(5)
  const { files } = stored()
  await stored().store.close()
  await files.remove('/log/topics/t/0/producers.snapshot')
  log = await reopen()
  expect(await send(7, 'k')).toBe('OUT_OF_ORDER_SEQUENCE_NUMBER')
  expect(await send(5, 'k')).toBe('taken')
})

test('a compacted topic takes no record without a key', async () => {
  const log = await compactedLog()
  const keyless = encodeBatch({ records: [{ key: null, value: Buffer.from('v'), timestamp: 1 }] })
  expect(log.append(keyless)).toMatchObject({ ok: false, error: 'INVALID_RECORD' })
  expect(log.logEndOffset).toBe(0)
})

test('of an aborted transaction no record stays, and of an open one none is touched', async () => {
  const log = await compactedLog()
  const producer = { producerId: 9, producerEpoch: 0 }
  const send = async (baseSequence: number, key: string, value: string): Promise<void> => {
    const record = { key: Buffer.from(key), value: Buffer.from(value), timestamp: 1000 }
    const batch = { records: [record], ...producer, baseSequence, attributes: transactionalBit }
    const result = log.append(encodeBatch(batch))
    if (!result.ok) throw new Error(result.reason)
    await result.committed
  }
  const end = async (marker: 'commit' | 'abort'): Promise<void> => {
    const result = log.appendMarker(producer, marker)
    if (!result.ok) throw new Error(result.reason)
    await result.committed
  }
  await send(0, 'k', 'committed')
  await end('commit')
  await send(1, 'k', 'aborted')
  await end('abort')
  for (let i = 0; i < 50; i++) await put(log, [[`other${i % 3}`, 'x'.repeat(50)]])
  await send(2, 'k', 'open')
  for (let i = 0; i < 50; i++) await put(log, [[`other${i % 3}`, 'y'.repeat(50)]])
  await log.fill()
  await compact()
  const values = async (): Promise<readonly (string | null)[]> =>
    (await readAll(log)).filter(({ key }) => key === 'k').map(({ value }) => value)
  expect(await values()).toEqual(['committed', 'open'])
  await end('abort')
  for (let i = 0; i < 200; i++) await put(log, [[`other${i % 3}`, 'z'.repeat(50)]])
  await log.fill()
  await compact(20_000)
  expect(await values()).toEqual(['committed'])
  const again = await reopen()
  expect((await readAll(again)).filter(({ key }) => key === 'k')).toHaveLength(1)
})
