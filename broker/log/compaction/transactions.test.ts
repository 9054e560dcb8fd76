// Tests compaction where transactions have written: what is open is left alone, what was aborted goes.
import { afterEach, expect, test } from 'vitest'
import {
  baseOffsetAt,
  encodeBatch,
  lastOffsetDeltaAt,
  totalBytesAt,
  transactionalBit,
  type Marker,
} from '../../../protocol/record-batch.ts'
import {
  openStore,
  partitionOf,
  recordsOf,
  type TestStore,
} from '../../../test/support/log-store.ts'
import type { PartitionLog } from '../partition-log.ts'

let opened: TestStore | undefined

afterEach(async () => {
  if (opened === undefined) return
  expect(await opened.store.check()).toEqual([])
  await opened.store.close()
  opened = undefined
})

async function compactedLog(): Promise<PartitionLog> {
  opened = await openStore()
  const configs = { 'cleanup.policy': 'compact', 'segment.bytes': '600' }
  await opened.store.createTopic('t', { partitions: 1, configs })
  return partitionOf(opened.store, 't')
}

async function reopen(): Promise<PartitionLog> {
  if (opened === undefined) throw new Error('no store is open')
  const { files, clock, store } = opened
  await store.close()
  opened = await openStore({ files, clock })
  return partitionOf(opened.store, 't')
}

const sequences = new Map<number, number>()

async function put(log: PartitionLog, key: string, value: string, producerId = -1): Promise<void> {
  const records = [{ key: Buffer.from(key), value: Buffer.from(value), timestamp: 1000 }]
  const sequence = sequences.get(producerId) ?? 0
  sequences.set(producerId, sequence + 1)
  const ofProducer = {
    producerId,
    producerEpoch: 0,
    baseSequence: sequence,
    attributes: transactionalBit,
  }
  const batch = encodeBatch({ records, ...(producerId < 0 ? {} : ofProducer) })
  const result = log.append(batch)
  if (!result.ok) throw new Error(result.reason)
  await result.committed
}

async function end(log: PartitionLog, producerId: number, marker: Marker): Promise<void> {
  const result = log.appendMarker({ producerId, producerEpoch: 0 }, marker)
  if (!result.ok) throw new Error(result.reason)
  await result.committed
}

/** Enough other records to close the segment, so that what came before it can be compacted. */
async function closeSegment(log: PartitionLog): Promise<void> {
  for (let n = 0; n < 12; n++) await put(log, `other ${n}`, 'x'.repeat(30))
  await log.fill()
}

/** As a client with read_committed is sent them: by key, each record that it may see. */
async function committed(log: PartitionLog): Promise<readonly string[]> {
  const found: string[] = []
  const end = log.lastStableOffset
  for (let next = 0; next < end;) {
    const read = await log.read(next, { maxBytes: 300, minOneBatch: true, below: end })
    if (!read.ok) throw new Error(read.error)
    expect(read.chunks).not.toEqual([])
    const before = next
    for (const chunk of read.chunks) {
      for (let at = 0; at < chunk.length; at += totalBytesAt(chunk, at)) {
        const batch = chunk.subarray(at, at + totalBytesAt(chunk, at))
        next = Math.max(next, baseOffsetAt(batch, 0) + lastOffsetDeltaAt(batch, 0) + 1)
        const producerId = Number(batch.readBigInt64BE(43))
        const base = baseOffsetAt(batch, 0)
        const aborted = await log.producers.aborted.find(base, base + 1)
        const isAborted = aborted.some((transaction) => transaction.producerId === producerId)
        const isControl = (batch.readInt16BE(21) & 0x20) !== 0
        if (isAborted || isControl) continue
        for (const { key, value } of recordsOf(batch)) found.push(`${String(key)}=${String(value)}`)
      }
    }
    expect(next).toBeGreaterThan(before)
    expect(next).toBeLessThanOrEqual(end)
  }
  return found.filter((record) => !record.startsWith('other'))
}

async function compact(): Promise<void> {
  await opened?.store.compact(10_000)
}

test('a record of an aborted transaction takes the place of none, and goes', async () => {
  const log = await compactedLog()
  await put(log, 'a', 'kept')
  await put(log, 'a', 'aborted', 1)
  await put(log, 'b', 'aborted alone', 1)
  await end(log, 1, 'abort')
  await closeSegment(log)
  await compact()
  expect(await committed(log)).toEqual(['a=kept'])
  const whole = await log.read(0, { maxBytes: 100_000, minOneBatch: true })
  const values = whole.ok ? whole.chunks.flatMap(recordsOf).map(({ value }) => String(value)) : []
  expect(values.filter((value) => value.startsWith('aborted'))).toEqual([])
  expect(await committed(await reopen())).toEqual(['a=kept'])
})

test('a record of a committed transaction takes the place of the one before it', async () => {
  const log = await compactedLog()
  await put(log, 'a', 'old')
  await put(log, 'a', 'new', 2)
  await end(log, 2, 'commit')
  await closeSegment(log)
  await compact()
  expect(await committed(log)).toEqual(['a=new'])
})

test('nothing at or behind an open transaction is touched, however it ends', async () => {
  for (const marker of ['commit', 'abort'] as const) {
    sequences.clear()
    const log = await compactedLog()
    await put(log, 'a', 'old')
    await put(log, 'a', 'open', 3)
    await closeSegment(log)
    await closeSegment(log)
    await compact()
    expect(await committed(log), marker).toEqual(['a=old'])
    await end(log, 3, marker)
    await closeSegment(log)
    const value = marker === 'commit' ? 'open' : 'old'
    expect((await committed(log)).at(-1), marker).toBe(`a=${value}`)
    await compact()
    expect(await committed(log), marker).toEqual([`a=${value}`])
    expect(await committed(await reopen()), marker).toEqual([`a=${value}`])
    await opened?.store.close()
  }
})

test('segments that become one keep what their indexes say of transactions that ended later', async () => {
  const log = await compactedLog()
  await put(log, 'z', 'old')
  for (let n = 0; n < 6; n++) {
    await put(log, `k${n}`, 'first')
    await put(log, `k${n}`, 'aborted', 4)
    await end(log, 4, 'abort')
    await closeSegment(log)
  }
  await put(log, 'z', 'aborted', 4)
  await closeSegment(log)
  const again = await reopen()
  await end(again, 4, 'abort')
  await closeSegment(again)
  await compact()
  await compact()
  const first = [0, 1, 2, 3, 4, 5].map((n) => `k${n}=first`)
  expect((await committed(again)).toSorted()).toEqual([...first, 'z=old'])
  expect((await committed(await reopen())).toSorted()).toEqual([...first, 'z=old'])
})
