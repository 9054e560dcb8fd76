// Tests of one partition: what is refused, reads, offsets by time, rolling, retention, deletion.
import { expect, test } from 'vitest'
import { BufferPool, letGo } from '../../common/buffer-pool.ts'
import {
  append,
  batchOf,
  openStore,
  partitionOf,
  recordsOf,
  valuesFrom,
  type TestStore,
} from '../../test/support/log-store.ts'
import type { PartitionLog } from './partition-log.ts'

interface OnePartition extends TestStore {
  readonly partition: PartitionLog
}

async function onePartition(configs: Record<string, string> = {}): Promise<OnePartition> {
  const test = await openStore()
  await test.store.createTopic('t', { partitions: 1, configs })
  return { ...test, partition: partitionOf(test.store, 't') }
}

/** Where the records are read from: memory, or the segment files. */
const places = ['memory', 'files'] as const

async function moveTo(place: (typeof places)[number], partition: PartitionLog): Promise<void> {
  if (place === 'files') await partition.fill()
}

test('batches that are not sound are refused by the name of Kafka’s error', async () => {
  const { partition, store } = await onePartition({ 'max.message.bytes': '100' })
  const flipped = batchOf(['a'])
  flipped[65] = (flipped[65] ?? 0) ^ 1
  expect(partition.append(flipped)).toMatchObject({ ok: false, error: 'CORRUPT_MESSAGE' })
  const old = batchOf(['a'])
  old[16] = 1
  expect(partition.append(old)).toMatchObject({ error: 'UNSUPPORTED_FOR_MESSAGE_FORMAT' })
  expect(partition.append(batchOf(['x'.repeat(100)]))).toMatchObject({ error: 'MESSAGE_TOO_LARGE' })
  expect(partition.append(Buffer.alloc(0))).toMatchObject({ error: 'INVALID_RECORD' })
  expect(partition.logEndOffset).toBe(0)
  expect(await append(partition, ['fits'])).toBe(0)
  expect(await store.check()).toEqual([])
})

test('one append of several batches gives them consecutive offsets', async () => {
  const { partition, store } = await onePartition()
  const both = Buffer.concat([batchOf(['a', 'b']), batchOf(['c'])])
  const result = partition.append(both)
  expect(result).toMatchObject({ ok: true, baseOffset: 0, lastOffset: 2 })
  if (result.ok) await result.committed
  expect(await append(partition, ['d'])).toBe(3)
  await partition.fill()
  expect(await valuesFrom(partition)).toEqual(['a', 'b', 'c', 'd'])
  expect(await store.check()).toEqual([])
})

test('LogAppendTime stamps records with the time of the append', async () => {
  const { partition, store, clock } = await onePartition({
    'message.timestamp.type': 'LogAppendTime',
  })
  const result = partition.append(batchOf(['a', 'b'], 5, 7))
  expect(result).toMatchObject({ ok: true, logAppendTimeMs: clock.now() })
  if (result.ok) await result.committed
  const read = await partition.read(0, { maxBytes: 1000, minOneBatch: true })
  const records = read.ok ? read.chunks.flatMap(recordsOf) : []
  expect(records.map(({ timestamp }) => timestamp)).toEqual([clock.now(), clock.now()])
  expect(await store.check()).toEqual([])
})

for (const place of places) {
  test(`a read from the middle of a batch gives the whole batch, from ${place}`, async () => {
    const { partition } = await onePartition()
    await append(partition, ['a', 'b', 'c'])
    await append(partition, ['d', 'e'])
    await moveTo(place, partition)
    const read = await partition.read(1, { maxBytes: 10_000, minOneBatch: true })
    const offsets = read.ok ? read.chunks.flatMap(recordsOf).map(({ offset }) => offset) : []
    expect(offsets).toEqual([0, 1, 2, 3, 4])
    const second = await partition.read(4, { maxBytes: 10_000, minOneBatch: true })
    const rest = second.ok ? second.chunks.flatMap(recordsOf).map(({ offset }) => offset) : []
    expect(rest).toEqual([3, 4])
  })

  test(`a batch above maxBytes comes alone where one is wanted at least, from ${place}`, async () => {
    const { partition } = await onePartition()
    await append(partition, ['x'.repeat(9000)])
    await append(partition, ['y'])
    await moveTo(place, partition)
    const one = await partition.read(0, { maxBytes: 10, minOneBatch: true })
    expect(one.ok && one.chunks.flatMap(recordsOf)).toHaveLength(1)
    const none = await partition.read(0, { maxBytes: 10, minOneBatch: false })
    expect(none).toEqual({ ok: true, chunks: [], bytes: 0 })
    const both = await partition.read(0, { maxBytes: 10_000, minOneBatch: false })
    expect(both.ok && both.chunks.flatMap(recordsOf)).toHaveLength(2)
  })

  test(`every offset of a long log can be read, whatever the size asked for, from ${place}`, async () => {
    const { partition, store } = await onePartition({ 'segment.bytes': '20000' })
    for (let n = 0; n < 120; n++) {
      await append(partition, [`${n}a`, `${n}b${'.'.repeat((n % 7) * 300)}`])
    }
    await moveTo(place, partition)
    for (const maxBytes of [0, 200, 5000]) {
      for (let offset = 0; offset < 240; offset++) {
        const read = await partition.read(offset, { maxBytes, minOneBatch: true })
        const first = read.ok ? recordsOf(read.chunks[0] ?? Buffer.alloc(0))[0] : undefined
        expect(first?.offset).toBe(offset - (offset % 2))
      }
    }
    expect(await store.check()).toEqual([])
  })

  test(`the first record at or after a time is found, from ${place}`, async () => {
    const { partition } = await onePartition({ 'segment.bytes': '8000' })
    // Batch n has the times 1000n, 1000n + 10 and 1000n + 20, but for a late one among them.
    for (let n = 0; n < 60; n++) {
      const values = ['a', 'b', 'c'.repeat(200)]
      const result = partition.append(batchOf(values, n === 30 ? 5 : 1000 * n, 10))
      if (result.ok) await result.committed
    }
    await moveTo(place, partition)
    const find = (timestamp: number): Promise<unknown> => partition.offsetForTimestamp(timestamp)
    expect(await find(0)).toEqual({ offset: 0, timestamp: 0 })
    expect(await find(1)).toEqual({ offset: 1, timestamp: 10 })
    expect(await find(17_011)).toEqual({ offset: 53, timestamp: 17_020 })
    expect(await find(29_021)).toEqual({ offset: 93, timestamp: 31_000 })
    expect(await find(59_020)).toEqual({ offset: 179, timestamp: 59_020 })
    expect(await find(59_021)).toBeUndefined()
    expect(await partition.timestampAt(51)).toBe(17_000)
    expect(await partition.timestampAt(180)).toBeUndefined()
  })
}

test('a read goes on from segment to segment and into memory, as far as there is room', async () => {
  const size = batchOf(['a']).length
  const { partition, store } = await onePartition({ 'segment.bytes': String(2 * size) })
  for (const value of 'abcde') await append(partition, [value])
  await partition.fill()
  for (const value of 'fg') await append(partition, [value])
  expect(partition.stats().segments).toBe(3)
  const whole = await partition.read(1, { maxBytes: 100 * size, minOneBatch: true })
  expect(whole.ok && whole.chunks.map(({ length }) => length / size)).toEqual([1, 2, 1, 1, 1])
  expect(whole).toMatchObject({ bytes: 6 * size })
  for (const batches of [1, 2, 4, 5]) {
    const read = await partition.read(1, { maxBytes: (batches + 0.5) * size, minOneBatch: false })
    expect(read).toMatchObject({ ok: true, bytes: batches * size })
  }
  expect(await store.check()).toEqual([])
})

test('memory of a frame is used again when it is in a segment and nobody reads it any more', async () => {
  const { partition } = await onePartition()
  const pool = new BufferPool({ spareMaxBytes: 1_000_000, bufferMaxBytes: 1_000_000 })
  const lent = (value: string): Buffer => {
    const batch = batchOf([value.repeat(5000)])
    const frame = pool.take(batch.length)
    batch.copy(frame)
    const result = partition.append(frame)
    letGo(frame)
    expect(result.ok).toBe(true)
    return frame
  }
  const first = lent('a')
  await expect.poll(() => partition.highWatermark).toBe(1)
  const read = await partition.read(0, { maxBytes: 100_000, minOneBatch: true })
  await partition.fill()
  expect([pool.spareBytes, lent('b').buffer === first.buffer]).toEqual([0, false])
  for (const chunk of read.ok ? read.chunks : []) letGo(chunk)
  expect(pool.take(first.length).buffer).toBe(first.buffer)
})

test('offsets outside of the log are out of range, its end is empty', async () => {
  const { partition } = await onePartition()
  await append(partition, ['a', 'b'])
  const read = (offset: number): Promise<unknown> =>
    partition.read(offset, { maxBytes: 100, minOneBatch: true })
  expect(await read(2)).toEqual({ ok: true, chunks: [], bytes: 0 })
  expect(await read(3)).toEqual({ ok: false, error: 'OFFSET_OUT_OF_RANGE' })
  expect(await read(-1)).toEqual({ ok: false, error: 'OFFSET_OUT_OF_RANGE' })
})

test('what can be read is estimated, and a listener hears when it grows', async () => {
  const { partition } = await onePartition()
  let calls = 0
  const stop = partition.onHighWatermark(() => (calls += 1))
  const size = batchOf(['a']).length
  await append(partition, ['a'])
  await append(partition, ['b'])
  expect([partition.availableBytes(0), partition.availableBytes(1)]).toEqual([2 * size, size])
  await partition.fill()
  await append(partition, ['c'])
  expect([partition.availableBytes(0), partition.availableBytes(1)]).toEqual([3 * size, 2 * size])
  expect([partition.availableBytes(3), calls]).toEqual([0, 3])
  stop()
  await append(partition, ['d'])
  expect(calls).toBe(3)
})

test('a segment ends before the batch that would pass segment.bytes, and after segment.ms', async () => {
  const size = batchOf(['0']).length
  const { partition, store, files, clock } = await onePartition({
    'segment.bytes': String(3 * size + 1),
    'segment.ms': '5000',
  })
  for (const value of ['0', '1', '2', '3']) await append(partition, [value])
  await partition.fill()
  const logs = (): unknown => files.paths().filter((path) => path.endsWith('.log'))
  const log = (base: number): string => `/log/topics/t/0/${String(base).padStart(20, '0')}.log`
  expect(logs()).toEqual([log(0), log(3)])
  clock.advance(5000)
  await append(partition, ['4'])
  await partition.fill()
  expect(logs()).toEqual([log(0), log(3), log(4)])
  await append(partition, ['x'.repeat(4 * size)])
  await partition.fill()
  expect(logs()).toEqual([log(0), log(3), log(4), log(5)])
  expect(await store.check()).toEqual([])
})

test('retention.ms drops whole segments whose newest record is too old, the last one as well', async () => {
  const { partition, store, clock, files } = await onePartition({
    'retention.ms': '60000',
    'segment.bytes': '100',
  })
  const startMs = clock.now()
  for (let n = 0; n < 4; n++) await append(partition, [`v${n}`], startMs + n * 1000)
  await partition.fill()
  clock.advance(61_500)
  expect(await store.applyRetention(clock.now())).toBe(2)
  expect([partition.logStartOffset, partition.logEndOffset]).toEqual([2, 4])
  expect(await valuesFrom(partition)).toEqual(['v2', 'v3'])
  expect(await store.applyRetention(startMs + 3000 + 60_001)).toBe(2)
  expect([partition.logStartOffset, partition.highWatermark]).toEqual([4, 4])
  expect(await append(partition, ['v4'])).toBe(4)
  expect(await store.check()).toEqual([])
  const killed = await openStore({ files: files.copy() })
  expect(partitionOf(killed.store, 't').logEndOffset).toBe(5)
  expect((await valuesFrom(partitionOf(killed.store, 't'))).at(-1)).toBe('v4')
  expect(await killed.store.check()).toEqual([])
})

test('retention.bytes keeps at least so many bytes, by the clock', async () => {
  const size = batchOf(['v0']).length
  const { partition, store, clock } = await onePartition({
    'retention.bytes': String(2 * size),
    'segment.bytes': String(size),
  })
  for (let n = 0; n < 5; n++) await append(partition, [`v${n}`])
  await partition.fill()
  clock.advance(30_000)
  await expect.poll(() => partition.logStartOffset).toBe(3)
  expect(partition.sizeBytes).toBe(2 * size)
  expect(await store.check()).toEqual([])
})

test('a read that has begun survives the removal of its segment', async () => {
  const { partition, store } = await onePartition({
    'segment.bytes': '100',
    'retention.ms': '1',
  })
  for (let n = 0; n < 3; n++) await append(partition, [`v${n}`], 1)
  await partition.fill()
  await partition.read(0, { maxBytes: 1000, minOneBatch: true })
  const reading = partition.read(0, { maxBytes: 1000, minOneBatch: true })
  await store.applyRetention(1_000_000)
  const read = await reading
  expect(read.ok && read.chunks.flatMap(recordsOf)[0]?.value?.toString()).toBe('v0')
  const late = await partition.read(0, { maxBytes: 1000, minOneBatch: true })
  expect(late).toEqual({ ok: false, error: 'OFFSET_OUT_OF_RANGE' })
})

test('deleted records stay deleted after a restart, up to all there are', async () => {
  const { partition, store, files } = await onePartition({ 'segment.bytes': '150' })
  for (let n = 0; n < 6; n++) await append(partition, [`v${n}`])
  await partition.deleteRecordsBefore(3)
  expect(await valuesFrom(partition)).toEqual(['v3', 'v4', 'v5'])
  const second = await openStore({ files: files.copy() })
  expect(await valuesFrom(partitionOf(second.store, 't'))).toEqual(['v3', 'v4', 'v5'])
  expect(await second.store.check()).toEqual([])
  await partition.deleteRecordsBefore(6)
  expect([partition.logStartOffset, partition.logEndOffset]).toEqual([6, 6])
  const third = await openStore({ files: files.copy() })
  expect(await append(partitionOf(third.store, 't'), ['v6'])).toBe(6)
  expect(await valuesFrom(partitionOf(third.store, 't'))).toEqual(['v6'])
  expect([...(await store.check()), ...(await third.store.check())]).toEqual([])
})

test('a handful of open files serve many partitions', async () => {
  const { store } = await openStore({ limits: { openFilesMax: 4 } })
  const { partitions } = await store.createTopic('t', { partitions: 30 })
  for (const partition of partitions) await append(partition, [`p${partition.index}`])
  for (const partition of partitions) await partition.fill()
  for (const partition of partitions) {
    expect(await valuesFrom(partition)).toEqual([`p${partition.index}`])
    expect(store.stats().openFiles).toBeLessThanOrEqual(4)
  }
  expect(await store.check()).toEqual([])
})
