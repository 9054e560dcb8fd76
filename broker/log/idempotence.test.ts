// Tests that a batch sent again is written once: sequences, epochs, failed commits, restarts, memory.
import { expect, test } from 'vitest'
import { producerIdExpirationMs } from '../../common/producer-limits.ts'
import { validateBatch, type BatchInfo } from '../../protocol/record-batch.ts'
import {
  append,
  openStore,
  partitionOf,
  sequencedBatch,
  valuesFrom,
  type TestOptions,
} from '../../test/support/log-store.ts'
import type { ManualClock } from '../../test/support/manual-clock.ts'
import { MemoryFileSystem } from '../../test/support/memory-file-system.ts'
import { randomFrom, seed } from '../../test/support/seeded-random.ts'
import type { LogStore } from './log-store.ts'
import type { PartitionLog } from './partition-log.ts'
import { encodeSnapshot, parseSnapshot } from './producer-snapshot.ts'
import { withBatch } from './producer-state.ts'

const one = { producerId: 1 }
const snapshotPath = '/log/topics/t/0/producers.snapshot'

async function openPartition(options: TestOptions = {}): Promise<{
  store: LogStore
  partition: PartitionLog
  files: MemoryFileSystem
  clock: ManualClock
}> {
  const opened = await openStore(options)
  if (opened.store.topic('t') === undefined) await opened.store.createTopic('t', { partitions: 1 })
  return { ...opened, partition: partitionOf(opened.store, 't') }
}

/** The base offset once it is committed, or the name of the error. */
async function send(
  partition: PartitionLog,
  sequence: number,
  values: readonly string[],
  producer: { producerId: number; epoch?: number } = one,
): Promise<number | string> {
  const result = partition.append(sequencedBatch(producer, sequence, values))
  if (!result.ok) return result.error
  await result.committed
  return result.baseOffset
}

test('a batch sent again has the offset of the first time, and is written once', async () => {
  const { store, partition } = await openPartition()
  expect(await send(partition, 0, ['a', 'b'])).toBe(0)
  expect(await send(partition, 2, ['c'])).toBe(2)
  expect(await send(partition, 0, ['a', 'b'])).toBe(0)
  expect(await send(partition, 2, ['c'])).toBe(2)
  expect(await send(partition, 3, ['d'])).toBe(3)
  expect(await valuesFrom(partition)).toEqual(['a', 'b', 'c', 'd'])
  expect(await store.check()).toEqual([])
})

test('the last five batches are recognised, an older one is out of order', async () => {
  const { partition } = await openPartition()
  for (let n = 0; n < 7; n++) await send(partition, n, [String(n)])
  for (let n = 2; n < 7; n++) expect(await send(partition, n, [String(n)])).toBe(n)
  expect(await send(partition, 1, ['1'])).toBe('OUT_OF_ORDER_SEQUENCE_NUMBER')
  expect(partition.logEndOffset).toBe(7)
})

test('a gap in the sequence is refused, and so is a retry of another length', async () => {
  const { partition } = await openPartition()
  await send(partition, 0, ['a', 'b'])
  expect(await send(partition, 3, ['d'])).toBe('OUT_OF_ORDER_SEQUENCE_NUMBER')
  expect(await send(partition, 0, ['a'])).toBe('OUT_OF_ORDER_SEQUENCE_NUMBER')
  expect(await send(partition, 2, ['c'])).toBe(2)
})

test('producers of other partitions and other ids have sequences of their own', async () => {
  const { store } = await openStore()
  await store.createTopic('t', { partitions: 2 })
  expect(await send(partitionOf(store, 't', 0), 0, ['a'])).toBe(0)
  expect(await send(partitionOf(store, 't', 1), 0, ['a'])).toBe(0)
  expect(await send(partitionOf(store, 't', 0), 0, ['a'], { producerId: 2 })).toBe(1)
})

test('a newer epoch begins at sequence 0, and an older one is refused from then on', async () => {
  const { partition } = await openPartition()
  await send(partition, 0, ['a', 'b'])
  const next = { producerId: 1, epoch: 1 }
  expect(await send(partition, 2, ['c'], next)).toBe('OUT_OF_ORDER_SEQUENCE_NUMBER')
  expect(await send(partition, 0, ['c'], next)).toBe(2)
  expect(await send(partition, 0, ['a', 'b'])).toBe('INVALID_PRODUCER_EPOCH')
  expect(await send(partition, 0, ['c'], next)).toBe(2)
  expect(await send(partition, 1, ['d'], next)).toBe(3)
})

test('sequences begin again at 0 after 2^31 - 1, inside of a batch too', async () => {
  const { partition } = await openPartition()
  const last = 2 ** 31 - 1
  expect(await send(partition, last - 2, ['a', 'b'])).toBe(0)
  expect(await send(partition, last, ['c', 'd', 'e'])).toBe(2)
  expect(await send(partition, last, ['c', 'd', 'e'])).toBe(2)
  expect(await send(partition, 2, ['f'])).toBe(5)
  await send(partition, last, ['x'], { producerId: 2 })
  expect(await send(partition, 0, ['y'], { producerId: 2 })).toBe(7)
})

test('of a producer that is not known any sequence is taken', async () => {
  const { partition } = await openPartition()
  expect(await send(partition, 41, ['a'])).toBe(0)
  expect(await send(partition, 42, ['b'])).toBe(1)
})

test('a producer silent for a day is forgotten, one that goes on is not', async () => {
  const { store, partition, clock } = await openPartition()
  await send(partition, 0, ['a'])
  await send(partition, 0, ['x'], { producerId: 2 })
  clock.advance(producerIdExpirationMs - 1)
  expect(await send(partition, 1, ['b'])).toBe(2)
  clock.advance(1)
  expect(await send(partition, 7, ['y'], { producerId: 2 })).toBe(3)
  expect(await send(partition, 1, ['b'])).toBe(2)
  await store.applyRetention(clock.now() + producerIdExpirationMs)
  expect(await send(partition, 9, ['z'])).toBe(4)
})

test('a batch without epoch or sequence, and two batches at once, are refused', async () => {
  const { partition } = await openPartition()
  expect(await send(partition, -1, ['a'])).toBe('INVALID_RECORD')
  expect(await send(partition, 0, ['a'], { producerId: 1, epoch: -1 })).toBe('INVALID_RECORD')
  const two = Buffer.concat([sequencedBatch(one, 0, ['a']), sequencedBatch(one, 1, ['b'])])
  expect(partition.append(two)).toMatchObject({ ok: false, error: 'INVALID_RECORD' })
  expect(partition.logEndOffset).toBe(0)
})

test('a topic that stamps its records answers a retry with the time of the first', async () => {
  const { store, clock } = await openStore()
  const configs = { 'message.timestamp.type': 'LogAppendTime' }
  await store.createTopic('stamped', { partitions: 1, configs })
  const partition = partitionOf(store, 'stamped')
  const first = partition.append(sequencedBatch(one, 0, ['a']))
  const stampedMs = clock.now()
  clock.advance(5000)
  const again = partition.append(sequencedBatch(one, 0, ['a']))
  for (const result of [first, again]) {
    expect(result).toMatchObject({ ok: true, logAppendTimeMs: stampedMs })
  }
})

test('a retry of a batch that is not committed yet is answered when it is', async () => {
  const { partition, files } = await openPartition()
  const { promise, resolve } = Promise.withResolvers<void>()
  const realOpen = files.open.bind(files)
  files.open = async (path, mode) => {
    const file = await realOpen(path, mode)
    return { ...file, sync: () => promise.then(() => file.sync()) }
  }
  const first = partition.append(sequencedBatch(one, 0, ['a']))
  const again = partition.append(sequencedBatch(one, 0, ['a']))
  if (!first.ok || !again.ok) throw new Error('both are taken')
  let answers = 0
  void again.committed.then(() => (answers += 1))
  for (let n = 0; n < 20; n++) await new Promise((done) => setImmediate(done))
  expect([answers, partition.highWatermark]).toEqual([0, 0])
  resolve()
  await again.committed
  expect([partition.highWatermark, again.baseOffset]).toEqual([1, 0])
})

test('a failed commit takes sequences back, and the retry is written', async () => {
  const { store, partition, files } = await openPartition()
  expect(await send(partition, 0, ['a'])).toBe(0)
  files.fault = (operation) => (operation === 'write' ? 'ENOSPC' : undefined)
  const failed = [1, 2].map((n) => partition.append(sequencedBatch(one, n, [String(n)])))
  const again = partition.append(sequencedBatch(one, 1, ['1']))
  for (const result of [...failed, again]) {
    await expect(result.ok && result.committed).rejects.toMatchObject({ code: 'STORAGE_FAILED' })
  }
  files.fault = () => undefined
  expect(await send(partition, 2, ['2'])).toBe('OUT_OF_ORDER_SEQUENCE_NUMBER')
  expect(await send(partition, 0, ['a'])).toBe(0)
  expect(await send(partition, 1, ['1'])).toBe(1)
  expect(await send(partition, 2, ['2'])).toBe(2)
  expect(await valuesFrom(partition)).toEqual(['a', '1', '2'])
  expect(await store.check()).toEqual([])
})

test('after a failed first batch those sent behind it wait for its retry', async () => {
  const { partition, files } = await openPartition()
  files.fault = (operation) => (operation === 'write' ? 'ENOSPC' : undefined)
  for (const [producerId, first] of [
    [1, 0],
    [2, 70],
  ] as const) {
    await expect(send(partition, first, ['a'], { producerId })).rejects.toThrow('ENOSPC')
  }
  files.fault = () => undefined
  for (const [producerId, first] of [
    [1, 0],
    [2, 70],
  ] as const) {
    const producer = { producerId }
    expect(await send(partition, first + 1, ['b'], producer)).toBe('OUT_OF_ORDER_SEQUENCE_NUMBER')
    expect(await send(partition, first, ['a'], producer)).toBe(producerId * 2 - 2)
    expect(await send(partition, first + 1, ['b'], producer)).toBe(producerId * 2 - 1)
  }
})

test('more producers than memory allows: those silent for longest are forgotten, the others not', async () => {
  const { partition } = await openPartition({ limits: { producersMax: 3 } })
  for (let producerId = 1; producerId <= 3; producerId++) {
    await send(partition, 0, ['x'], { producerId })
  }
  await send(partition, 1, ['y'], one)
  await send(partition, 0, ['x'], { producerId: 4 })
  // Producer 2 was the one silent for longest; producer 1 had gone on.
  expect(await send(partition, 0, ['x'], { producerId: 2 })).toBe(5)
  expect(await send(partition, 1, ['y'], one)).toBe(3)
  expect(await send(partition, 0, ['x'], { producerId: 4 })).toBe(4)
})

/** Nine records: four in the snapshot, two behind it in the segment, the rest in the write-ahead log alone. */
async function storeWithSnapshot(): Promise<{ store: LogStore; files: MemoryFileSystem }> {
  const { store, partition, files } = await openPartition({ limits: { walFileMaxBytes: 400 } })
  for (const [n, value] of ['a', 'b', 'c'].entries()) await send(partition, n, [value])
  await send(partition, 0, ['w'], three)
  await send(partition, 3, ['d'])
  await expect.poll(() => store.stats().walFiles).toBe(1)
  await send(partition, 4, ['e'])
  await partition.fill()
  await send(partition, 0, ['x'], two)
  return { store, files }
}

const two = { producerId: 2, epoch: 7 }
const three = { producerId: 3 }

/** Opens a copy of the files, where all that `storeWithSnapshot` wrote must be known. */
async function expectKnown(files: MemoryFileSystem, message: string): Promise<void> {
  const { store, partition } = await openPartition({ files })
  const end = partition.logEndOffset
  expect(await send(partition, 0, ['a']), message).toBe(0)
  expect(await send(partition, 3, ['d']), message).toBe(4)
  expect(await send(partition, 9, ['?']), message).toBe('OUT_OF_ORDER_SEQUENCE_NUMBER')
  expect(await send(partition, 0, ['w'], three), message).toBe(3)
  expect(await send(partition, 0, ['x'], two), message).toBe(6)
  const older = { ...two, epoch: 6 }
  expect(await send(partition, 0, ['x'], older), message).toBe('INVALID_PRODUCER_EPOCH')
  expect(partition.logEndOffset, message).toBe(end)
  expect(await send(partition, 5, ['f']), message).toBe(7)
  expect(await store.check()).toEqual([])
}

test('what is known of producers survives a kill and a stop', async () => {
  const { store, files } = await storeWithSnapshot()
  await expectKnown(files.kill(), 'killed')
  await store.close()
  await expectKnown(files.copy(), 'closed')
  const { store: second } = await openPartition({ files })
  await second.close()
  await expectKnown(files.copy(), 'closed twice')
})

test('a snapshot that is torn, flipped, missing or old is made again from the log', async () => {
  const { files } = await storeWithSnapshot()
  const whole = files.bytesOf(snapshotPath)
  const changed = (bytes: Buffer): MemoryFileSystem => {
    const copy = files.copy()
    copy.put(snapshotPath, bytes)
    return copy
  }
  for (let at = 0; at < whole.length; at += 7) {
    await expectKnown(changed(whole.subarray(0, at)), `cut at ${at}`)
    const flipped = Buffer.from(whole)
    flipped[at] = (flipped[at] ?? 0) ^ (1 << (at % 8))
    await expectKnown(changed(flipped), `flipped at ${at}`)
  }
  const without = files.copy()
  await without.remove(snapshotPath)
  await expectKnown(without, 'missing')
  const old = encodeSnapshot({ offset: 1, states: parseSnapshot(whole)?.states.slice(1) ?? [] })
  await expectKnown(changed(old), 'old')
  const unchecked = files.copy()
  unchecked.put('/log/checkpoint.json', Buffer.from('null'))
  await expectKnown(unchecked, 'without a checkpoint')
})

/** Goes on with plain records until the log is longer than it ever was, then is killed. */
async function grown(files: MemoryFileSystem): Promise<MemoryFileSystem> {
  await (await openStore({ files })).store.close()
  const { partition } = await openPartition({ files })
  while (partition.logEndOffset < 20) await append(partition, ['plain'])
  await partition.fill()
  return files.kill()
}

test.each(['its checkpoint', 'no checkpoint'])(
  'a snapshot is not believed of a log that lost its records and grew again, with %s',
  async (remains) => {
    const { store, files } = await storeWithSnapshot()
    await store.close()
    const snapshot = files.bytesOf(snapshotPath)
    const copy = files.copy()
    copy.put('/log/topics/t/0/00000000000000000000.log', Buffer.alloc(0))
    if (remains === 'no checkpoint') copy.put('/log/checkpoint.json', Buffer.from('null'))
    const { partition } = await openPartition({ files: await grown(copy) })
    expect(await send(partition, 0, ['x'], two)).toBe(20)
    expect(parseSnapshot(snapshot)?.states).toHaveLength(3)
  },
)

test('a snapshot from beyond the end of its log is not believed, now or when the log has grown', async () => {
  const { store, files } = await openPartition()
  await store.close()
  const states = [withBatch(undefined, infoOf(5, ['x']), { baseOffset: 6, seenMs: 1_000_000 })]
  files.put(snapshotPath, encodeSnapshot({ offset: 10, states }))
  const { partition } = await openPartition({ files: await grown(files) })
  expect(await send(partition, 0, ['a'])).toBe(20)
})

test('producers are looked for in a log that is shorter than the checkpoint says', async () => {
  const { store, partition, files } = await openPartition()
  for (let n = 0; n < 5; n++) await append(partition, ['plain'])
  await store.close()
  files.put('/log/topics/t/0/00000000000000000000.log', Buffer.alloc(0))
  const { partition: shorter } = await openPartition({ files })
  expect(await send(shorter, 0, ['a'])).toBe(0)
  await shorter.fill()
  const { partition: again } = await openPartition({ files: files.kill() })
  expect([await send(again, 0, ['a']), again.logEndOffset]).toEqual([0, 1])
})

function infoOf(sequence: number, values: readonly string[]): BatchInfo {
  const validation = validateBatch(sequencedBatch(one, sequence, values), 0)
  if (!validation.ok) throw new Error(validation.reason)
  return validation.batch
}

test('a log without producers is not read for them, and has no snapshot', async () => {
  const { store, partition, files } = await openPartition()
  for (let n = 0; n < 5; n++) await append(partition, ['x'.repeat(100)])
  await store.close()
  expect(files.paths()).not.toContain(snapshotPath)
  const reads: string[] = []
  files.fault = (operation, path) => void (operation === 'read' && reads.push(path))
  await openPartition({ files })
  expect(reads.filter((path) => path.endsWith('.log'))).toEqual([])
})

for (let run = 0; run < 20; run++) {
  test(`a retry after a power cut or a kill is written once, SEED=${seed} run ${run}`, async () => {
    const random = randomFrom(seed + run * 104_729)
    let files = new MemoryFileSystem()
    /** Of each producer: what was acknowledged last, and what to send next. */
    const producers = [1, 2, 3].map((producerId) => ({
      producerId,
      next: 0,
      offsets: [] as number[],
    }))
    for (let life = 0; life < 5; life++) {
      const { store, partition } = await openPartition({ files, limits: smallLimits })
      expect(await store.check()).toEqual([])
      for (const { producerId, next, offsets } of producers) {
        for (const [back, offset] of offsets.slice(-5).toReversed().entries()) {
          const values = [String(next - 1 - back)]
          expect(await send(partition, next - 1 - back, values, { producerId })).toBe(offset)
        }
      }
      for (let moment = Math.floor(random() * 60); moment >= 0; moment--) {
        const producer = producers[Math.floor(random() * 3)]
        if (producer === undefined) continue
        const { producerId, next } = producer
        const offset = await send(partition, next, [String(next)], { producerId })
        if (typeof offset !== 'number') throw new Error(offset)
        producer.offsets.push(offset)
        producer.next += 1
      }
      const values = await valuesFrom(partition)
      expect(values.length).toBe(producers.reduce((sum, { next }) => sum + next, 0))
      // One more batch of each is on its way: it may be there or not, and its retry finds out.
      for (const { producerId, next } of producers) {
        partition.append(sequencedBatch({ producerId }, next, [String(next)]))
      }
      for (let n = Math.floor(random() * 6); n > 0; n--) {
        await new Promise((resolve) => setImmediate(resolve))
      }
      files = random() < 0.4 ? files.kill() : files.cut(random)
      const { store: again, partition: after } = await openPartition({ files, limits: smallLimits })
      for (const producer of producers) {
        const { producerId, next } = producer
        const offset = await send(after, next, [String(next)], { producerId })
        if (typeof offset !== 'number') throw new Error(offset)
        producer.offsets.push(offset)
        producer.next += 1
      }
      const all = await valuesFrom(after)
      expect(all.length).toBe(producers.reduce((sum, { next }) => sum + next, 0))
      await again.close()
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
