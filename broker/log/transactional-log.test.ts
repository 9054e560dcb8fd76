// Tests transactions in one partition: markers, the last stable offset, aborted transactions, restarts.
import { expect, test } from 'vitest'
import { producerIdExpirationMs } from '../../common/producer-limits.ts'
import { encodeMarker, markerAt, type Marker } from '../../protocol/record-batch.ts'
import {
  append,
  openStore,
  partitionOf,
  recordsOf,
  sequencedBatch,
  type TestOptions,
} from '../../test/support/log-store.ts'
import type { ManualClock } from '../../test/support/manual-clock.ts'
import { MemoryFileSystem } from '../../test/support/memory-file-system.ts'
import { randomFrom, seed } from '../../test/support/seeded-random.ts'
import { parseAborted } from './aborted-index.ts'
import type { LogStore } from './log-store.ts'
import type { PartitionLog } from './partition-log.ts'

const indexPath = '/log/topics/t/0/00000000000000000000.txnindex'

interface Opened {
  readonly store: LogStore
  readonly partition: PartitionLog
  readonly files: MemoryFileSystem
  readonly clock: ManualClock
}

async function openPartition(
  options: TestOptions = {},
  configs: Readonly<Record<string, string>> = {},
): Promise<Opened> {
  const opened = await openStore(options)
  if (opened.store.topic('t') === undefined) {
    await opened.store.createTopic('t', { partitions: 1, configs })
  }
  return { ...opened, partition: partitionOf(opened.store, 't') }
}

/** Writes a transactional batch of one record; returns its offset or the name of the error. */
async function write(
  partition: PartitionLog,
  producer: { producerId: number; epoch?: number },
  sequence: number,
  isTransactional = true,
): Promise<number | string> {
  const batch = sequencedBatch({ ...producer, isTransactional }, sequence, [`${sequence}`])
  const result = partition.append(batch)
  if (!result.ok) return result.error
  await result.committed
  return result.baseOffset
}

async function end(
  partition: PartitionLog,
  producer: { producerId: number; epoch?: number },
  marker: Marker,
): Promise<number | string> {
  const { producerId, epoch: producerEpoch = 0 } = producer
  const result = partition.appendMarker({ producerId, producerEpoch }, marker)
  if (!result.ok) return result.error
  await result.committed
  return result.baseOffset
}

/** As a consumer with read_committed sees the partition: what it is sent, without what was aborted. */
async function committedFrom(partition: PartitionLog, offset = 0): Promise<string[]> {
  const values: string[] = []
  const open = new Set<number>()
  for (let next = offset; next < partition.lastStableOffset;) {
    const below = partition.lastStableOffset
    const read = await partition.read(next, { maxBytes: 200, minOneBatch: true, below })
    if (!read.ok) throw new Error(read.error)
    const bytes = Buffer.concat(read.chunks)
    const last = recordsOf(bytes).at(-1)?.offset ?? next
    expect(last).toBeLessThan(below)
    const aborted = [...(await partition.producers.aborted.find(next, last + 1))]
    for (let at = 0; at < bytes.length; at += bytes.readInt32BE(at + 8) + 12) {
      const [record] = recordsOf(bytes.subarray(at, at + bytes.readInt32BE(at + 8) + 12))
      if (record === undefined) throw new Error('a batch has a record')
      const producerId = Number(bytes.readBigInt64BE(at + 43))
      while ((aborted[0]?.firstOffset ?? Infinity) <= record.offset) {
        open.add(aborted.shift()?.producerId ?? -1)
      }
      const marker = markerAt(bytes, at)
      if (marker !== undefined) open.delete(producerId)
      else if (!open.has(producerId) && record.offset >= next) {
        values.push(`${producerId}:${record.value?.toString()}`)
      }
    }
    next = last + 1
  }
  return values
}

const one = { producerId: 1 }
const two = { producerId: 2 }

test('the last stable offset stands at the oldest open transaction, and a marker takes an offset', async () => {
  const { store, partition } = await openPartition()
  expect(partition.lastStableOffset).toBe(0)
  await append(partition, ['plain'])
  expect(await write(partition, one, 0)).toBe(1)
  expect(await write(partition, two, 0)).toBe(2)
  expect(await write(partition, one, 1)).toBe(3)
  expect(partition.lastStableOffset).toBe(1)
  expect(await end(partition, one, 'commit')).toBe(4)
  expect(partition.lastStableOffset).toBe(2)
  expect(await end(partition, two, 'abort')).toBe(5)
  expect([partition.lastStableOffset, partition.highWatermark]).toEqual([6, 6])
  expect(await committedFrom(partition)).toEqual(['-1:plain', '1:0', '1:1'])
  expect(await partition.producers.aborted.find(0, 6)).toMatchObject([
    { producerId: 2, firstOffset: 2 },
  ])
  expect(await store.check()).toEqual([])
})

test('reads for committed records stop below the last stable offset, in segments and in memory', async () => {
  const { partition } = await openPartition()
  await append(partition, ['a'])
  await append(partition, ['b'])
  await write(partition, one, 0)
  await append(partition, ['c'])
  for (const place of ['memory', 'segment']) {
    const below = partition.lastStableOffset
    const read = await partition.read(0, { maxBytes: 10_000, minOneBatch: true, below })
    const values = read.ok ? read.chunks.flatMap(recordsOf).map(({ offset }) => offset) : []
    expect(values, place).toEqual([0, 1])
    const none = await partition.read(2, { maxBytes: 10_000, minOneBatch: true, below })
    expect(none, place).toEqual({ ok: true, chunks: [], bytes: 0 })
    expect(partition.availableBytes(2, below), place).toBe(0)
    expect(partition.availableBytes(1, below), place).toBeGreaterThan(0)
    await partition.fill()
  }
})

test('a transaction ends for readers when its marker is committed, not when it is appended', async () => {
  const { partition } = await openPartition()
  await write(partition, one, 0)
  const marker = partition.appendMarker({ producerId: 1, producerEpoch: 0 }, 'abort')
  expect(marker.ok).toBe(true)
  expect(partition.lastStableOffset).toBe(0)
  expect(await partition.producers.aborted.find(0, 2)).toEqual([])
  if (marker.ok) await marker.committed
  expect(partition.lastStableOffset).toBe(2)
  expect(await partition.producers.aborted.find(0, 2)).toMatchObject([
    { producerId: 1, firstOffset: 0 },
  ])
})

test('a marker that could not be written leaves its transaction open, to be ended again', async () => {
  const { partition, files, store } = await openPartition()
  await write(partition, one, 0)
  files.fault = (operation) => (operation === 'write' ? 'ENOSPC' : undefined)
  await expect(end(partition, one, 'abort')).rejects.toThrow('ENOSPC')
  await expect(write(partition, two, 0)).rejects.toThrow('ENOSPC')
  files.fault = () => undefined
  expect([partition.lastStableOffset, partition.highWatermark]).toEqual([0, 1])
  await append(partition, ['more'])
  expect(partition.lastStableOffset).toBe(0)
  expect(await end(partition, one, 'commit')).toBe(2)
  expect(partition.lastStableOffset).toBe(3)
  expect(await partition.producers.aborted.find(0, 3)).toEqual([])
  expect(await store.check()).toEqual([])
})

test('outside of its open transaction a producer may not write, and afterwards it may', async () => {
  const { partition } = await openPartition()
  await write(partition, one, 0)
  expect(await write(partition, one, 1, false)).toBe('INVALID_TXN_STATE')
  await end(partition, one, 'commit')
  expect(await write(partition, one, 1, false)).toBe(2)
})

test('a marker of a newer epoch fences the producer; an older marker is refused', async () => {
  const { partition } = await openPartition()
  await write(partition, one, 0)
  await end(partition, { producerId: 1, epoch: 1 }, 'abort')
  expect(await write(partition, one, 1)).toBe('INVALID_PRODUCER_EPOCH')
  expect(await end(partition, one, 'commit')).toBe('INVALID_PRODUCER_EPOCH')
  expect(await write(partition, { producerId: 1, epoch: 1 }, 1)).toBe(
    'OUT_OF_ORDER_SEQUENCE_NUMBER',
  )
  expect(await write(partition, { producerId: 1, epoch: 1 }, 0)).toBe(2)
})

test('a marker without a transaction aborts nothing, and sequences go on behind one', async () => {
  const { partition } = await openPartition()
  await end(partition, one, 'abort')
  expect(await partition.producers.aborted.find(0, 1)).toEqual([])
  await write(partition, one, 0)
  await end(partition, one, 'commit')
  expect(await write(partition, one, 1)).toBe(3)
  expect(await write(partition, one, 0)).toBe(1)
})

test('a marker is written whatever batches the topic takes', async () => {
  const { partition } = await openPartition({}, { 'max.message.bytes': '70' })
  expect(await write(partition, one, 0)).toBe(0)
  const large = sequencedBatch({ producerId: 2, isTransactional: true }, 0, ['x'.repeat(20)])
  expect(partition.append(large)).toMatchObject({ error: 'MESSAGE_TOO_LARGE' })
  expect(await end(partition, one, 'commit')).toBe(1)
  expect(partition.lastStableOffset).toBe(2)
})

test('clients may not write markers, nor a transaction without an id', async () => {
  const { partition } = await openPartition()
  const marker = encodeMarker({ producerId: 1, producerEpoch: 0, marker: 'commit', timestamp: 1 })
  expect(partition.append(marker)).toMatchObject({ ok: false, error: 'INVALID_RECORD' })
  const anonymous = sequencedBatch({ producerId: -1, epoch: -1, isTransactional: true }, -1, ['x'])
  expect(partition.append(anonymous)).toMatchObject({ ok: false, error: 'INVALID_RECORD' })
  expect(partition.logEndOffset).toBe(0)
})

test('a producer with an open transaction is not forgotten, however long it is silent', async () => {
  const { store, partition, clock } = await openPartition({ limits: { producersMax: 1 } })
  await write(partition, one, 0)
  clock.advance(3 * producerIdExpirationMs)
  await store.applyRetention(clock.now())
  await write(partition, two, 0, false)
  expect(await write(partition, one, 5)).toBe('OUT_OF_ORDER_SEQUENCE_NUMBER')
  expect(partition.lastStableOffset).toBe(0)
  await end(partition, one, 'abort')
  expect(await partition.producers.aborted.find(0, 9)).toMatchObject([
    { producerId: 1, firstOffset: 0 },
  ])
})

test('aborted transactions are found by the offsets asked for, across segments, in order', async () => {
  const { store, partition } = await openPartition(
    { limits: { walFileMaxBytes: 1000 } },
    { 'segment.bytes': '400' },
  )
  const long = { producerId: 99 }
  await write(partition, long, 0)
  for (let n = 0; n < 20; n++) {
    await write(partition, { producerId: n }, 0)
    await end(partition, { producerId: n }, n % 2 === 0 ? 'abort' : 'commit')
  }
  await end(partition, long, 'abort')
  await partition.fill('checkpoint')
  await partition.flush()
  await partition.saveProducers()
  const ids = async (from: number, to: number): Promise<number[]> =>
    (await partition.producers.aborted.find(from, to)).map(({ producerId }) => producerId)
  expect(await ids(0, 42)).toEqual([99, 0, 2, 4, 6, 8, 10, 12, 14, 16, 18])
  expect(await ids(0, 1)).toEqual([99])
  expect(await ids(9, 11)).toEqual([99, 4])
  expect(await ids(41, 42)).toEqual([99])
  expect(store.topic('t')?.partitions[0]?.stats().segments ?? 0).toBeGreaterThan(5)
  expect(await committedFrom(partition)).toEqual(
    [1, 3, 5, 7, 9, 11, 13, 15, 17, 19].map((n) => `${n}:0`),
  )
})

test('an index of aborted transactions that is damaged or missing is made again from the log', async () => {
  const { partition, files, store } = await openPartition()
  await write(partition, one, 0)
  await write(partition, two, 0)
  await end(partition, one, 'abort')
  await end(partition, two, 'abort')
  await store.close()
  const whole = files.bytesOf(indexPath)
  expect(parseAborted(whole)).toHaveLength(2)
  const damages = [whole.subarray(0, 40), whole.subarray(0, 0), Buffer.alloc(whole.length)]
  for (let at = 0; at < whole.length; at += 5) {
    const flipped = Buffer.from(whole)
    flipped[at] = (flipped[at] ?? 0) ^ (1 << (at % 8))
    damages.push(flipped)
  }
  for (const damaged of damages) {
    const copy = files.copy()
    copy.put(indexPath, damaged)
    const { partition: again } = await openPartition({ files: copy })
    const found = await again.producers.aborted.find(0, 4)
    expect(found.map(({ firstOffset, lastOffset }) => [firstOffset, lastOffset])).toEqual([
      [0, 2],
      [1, 3],
    ])
  }
})

test('an index of a log that was lost and grew again says nothing of the new records', async () => {
  const { partition, files, store } = await openPartition()
  await write(partition, one, 0)
  await end(partition, one, 'abort')
  await store.close()
  for (const remains of ['its checkpoint', 'no checkpoint']) {
    const copy = files.copy()
    copy.put('/log/topics/t/0/00000000000000000000.log', Buffer.alloc(0))
    if (remains === 'no checkpoint') copy.put('/log/checkpoint.json', Buffer.from('null'))
    const { partition: empty } = await openPartition({ files: copy })
    await write(empty, one, 0)
    await end(empty, one, 'commit')
    expect(await empty.producers.aborted.find(0, 9), remains).toEqual([])
    const { partition: again } = await openPartition({ files: copy.kill() })
    expect(await again.producers.aborted.find(0, 9), remains).toEqual([])
    expect(await committedFrom(again), remains).toEqual(['1:0'])
  }
})

test('segments that retention drops take their indexes along', async () => {
  const { partition, files, store } = await openPartition({}, { 'segment.bytes': '300' })
  for (let n = 0; n < 10; n++) {
    await write(partition, one, n)
    await end(partition, one, 'abort')
  }
  await partition.fill('checkpoint')
  await partition.flush()
  await partition.saveProducers()
  expect(files.paths()).toContain(indexPath)
  await partition.deleteRecordsBefore(15)
  expect(files.paths()).not.toContain(indexPath)
  const found = await partition.producers.aborted.find(15, 20)
  expect(found.map(({ firstOffset }) => firstOffset)).toEqual([14, 16, 18])
  expect(await store.check()).toEqual([])
})

test('what was pending when an image was taken is part of the next one', async () => {
  const { partition, files, store } = await openPartition()
  await write(partition, one, 0)
  const pending = partition.append(sequencedBatch({ ...two, isTransactional: true }, 0, ['x']))
  await partition.fill('checkpoint')
  if (pending.ok) await pending.committed
  await partition.fill('checkpoint')
  await store.close()
  const { partition: again } = await openPartition({ files })
  expect(await write(again, two, 0)).toBe(1)
  expect(again.lastStableOffset).toBe(0)
  await end(again, one, 'commit')
  expect(again.lastStableOffset).toBe(1)
})

for (let run = 0; run < 25; run++) {
  test(`committed and aborted stay so through power cuts and kills, SEED=${seed} run ${run}`, async () => {
    const random = randomFrom(seed + run * 15_485_863)
    let files = new MemoryFileSystem()
    const world = new World(random)
    for (let life = 0; life < 4; life++) {
      const { store, partition, clock } = await openPartition(
        { files, limits: smallLimits },
        { 'segment.bytes': '700' },
      )
      await world.expectSeen(partition)
      expect(await store.check()).toEqual([])
      for (let moment = Math.floor(random() * 60); moment >= 0; moment--) {
        await world.act(partition)
        if (random() < 0.1) clock.advance(200)
      }
      await world.expectSeen(partition)
      files = random() < 0.4 ? files.kill() : files.cut(random)
    }
  })
}

const smallLimits = {
  walFileMaxBytes: 1500,
  commitMaxBytes: 900,
  tailMaxBytes: 3000,
  segmentFillBytes: 600,
  walFilesMax: 3,
}

/** Four producers with transactions of their own, and what consumers must see of them. */
class World {
  readonly #random: () => number
  readonly #producers = [0, 1, 2, 3].map((producerId) => ({ producerId, next: 0, open: -1 }))
  /** By offset; undefined for a marker. */
  readonly #written: { value: string; fate: 'open' | Marker }[] = []

  constructor(random: () => number) {
    this.#random = random
  }

  async act(partition: PartitionLog): Promise<void> {
    const producer = this.#producers[Math.floor(this.#random() * 4)]
    if (producer === undefined) throw new Error('there are four')
    const { producerId, next, open } = producer
    if (open >= 0 && this.#random() < 0.4) {
      const marker = this.#random() < 0.5 ? 'commit' : 'abort'
      await end(partition, { producerId }, marker)
      const own = this.#written.filter(({ value }) => value.startsWith(`${producerId}:`))
      for (const record of own) if (record.fate === 'open') record.fate = marker
      this.#written.push({ value: '', fate: 'abort' })
      producer.open = -1
      return
    }
    const offset = await write(partition, { producerId }, next)
    expect(offset).toBe(this.#written.length)
    if (open < 0) producer.open = Number(offset)
    this.#written.push({ value: `${producerId}:${next}`, fate: 'open' })
    producer.next += 1
  }

  async expectSeen(partition: PartitionLog): Promise<void> {
    const starts = this.#producers.flatMap(({ open }) => (open < 0 ? [] : open))
    const stable = Math.min(this.#written.length, ...starts)
    expect(partition.lastStableOffset).toBe(stable)
    const from = Math.floor(this.#random() * (stable + 1))
    const expected = this.#written.slice(0, stable).filter(({ fate }) => fate === 'commit')
    expect(await committedFrom(partition)).toEqual(expected.map(({ value }) => value))
    const later = this.#written.slice(from, stable).filter(({ fate }) => fate === 'commit')
    expect(await committedFrom(partition, from)).toEqual(later.map(({ value }) => value))
  }
}
