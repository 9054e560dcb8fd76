// Tests of what a start finds after a crash: torn files, flipped bits, power cuts at random moments.
import { expect, test } from 'vitest'
import {
  append,
  batchOf,
  openStore,
  partitionOf,
  valuesFrom,
} from '../../test/support/log-store.ts'
import { MemoryFileSystem } from '../../test/support/memory-file-system.ts'
import { randomFrom, seed } from '../../test/support/seeded-random.ts'
import type { LogStore } from './log-store.ts'

const segment = '/log/topics/t/0/00000000000000000000.log'
const wal = '/log/wal/0000000000000001.wal'

/** A store with five committed records, the first three of them in the segment as well. */
async function killedStore(): Promise<MemoryFileSystem> {
  const { store, files } = await openStore()
  await store.createTopic('t', { partitions: 1 })
  const partition = partitionOf(store, 't')
  for (const value of ['a', 'b', 'c']) await append(partition, [value])
  await partition.fill()
  for (const value of ['d', 'e']) await append(partition, [value])
  return files.copy()
}

function changed(
  files: MemoryFileSystem,
  path: string,
  change: (bytes: Buffer) => Buffer,
): MemoryFileSystem {
  const copy = files.copy()
  copy.put(path, change(Buffer.from(copy.bytesOf(path))))
  return copy
}

async function valuesAfter(files: MemoryFileSystem): Promise<string> {
  const { store } = await openStore({ files })
  const partition = partitionOf(store, 't')
  const values = (await valuesFrom(partition)).join('')
  expect(await store.check()).toEqual([])
  expect(await append(partition, ['+'])).toBe(values.length)
  await store.close()
  const { store: again } = await openStore({ files })
  expect((await valuesFrom(partitionOf(again, 't'))).join('')).toBe(`${values}+`)
  expect(await again.check()).toEqual([])
  return values
}

test('a write-ahead log cut at any byte of its last two entries keeps what is whole before it', async () => {
  const files = await killedStore()
  const entryBytes = 36 + batchOf(['a']).length
  const whole = files.bytesOf(wal).length
  for (let bytes = whole - 2 * entryBytes; bytes <= whole; bytes++) {
    const expected = bytes === whole ? 'abcde' : bytes >= whole - entryBytes ? 'abcd' : 'abc'
    const cut = changed(files, wal, (b) => b.subarray(0, bytes))
    expect(await valuesAfter(cut), `at byte ${bytes} of ${whole}`).toBe(expected)
  }
})

test('a flipped bit in the last entry of the write-ahead log takes that entry alone', async () => {
  const files = await killedStore()
  const whole = files.bytesOf(wal).length
  const entryBytes = 36 + batchOf(['a']).length
  for (let at = whole - entryBytes; at < whole; at++) {
    const bit = 1 << (at % 8)
    const flipped = changed(files, wal, (bytes) => {
      bytes[at] = (bytes[at] ?? 0) ^ bit
      return bytes
    })
    expect(await valuesAfter(flipped), `bit ${bit} of byte ${at}`).toBe('abcd')
  }
})

test('a segment cut or flipped anywhere behind the recovery point comes back from the write-ahead log', async () => {
  const files = await killedStore()
  const whole = files.bytesOf(segment).length
  for (let at = 0; at < whole; at += 3) {
    const cut = changed(files, segment, (bytes) => bytes.subarray(0, at))
    expect(await valuesAfter(cut), `cut at byte ${at}`).toBe('abcde')
    const flipped = changed(files, segment, (bytes) => {
      bytes[at] = (bytes[at] ?? 0) ^ (1 << (at % 8))
      return bytes
    })
    expect(await valuesAfter(flipped), `flipped at byte ${at}`).toBe('abcde')
  }
  const longer = changed(files, segment, (bytes) => Buffer.concat([bytes, Buffer.alloc(5000)]))
  expect(await valuesAfter(longer)).toBe('abcde')
})

test('a closed log whose segment was cut opens with what is sound, and says so', async () => {
  const { store, files } = await openStore()
  await store.createTopic('t', { partitions: 1 })
  for (const value of ['a', 'b', 'c']) await append(partitionOf(store, 't'), [value])
  await store.close()
  const size = batchOf(['a']).length
  for (let bytes = size; bytes < 3 * size; bytes++) {
    const cut = changed(files, segment, (b) => b.subarray(0, bytes))
    expect(await valuesAfter(cut), `at byte ${bytes}`).toBe('ab'.slice(0, Math.floor(bytes / size)))
  }
})

test('a damaged checkpoint only means that everything is scanned', async () => {
  const { store, files } = await openStore()
  await store.createTopic('t', { partitions: 1, configs: { 'segment.bytes': '150' } })
  for (const value of 'abcdefg') await append(partitionOf(store, 't'), [value])
  await store.close()
  for (const text of ['', '{"version":1,"topics":{"x":[[1]]}}', 'null']) {
    const damaged = changed(files, '/log/checkpoint.json', () => Buffer.from(text))
    expect(await valuesAfter(damaged)).toBe('abcdefg')
  }
})

test('indexes that a crash left torn, empty or full of zeros are made again', async () => {
  const { store, files } = await openStore()
  await store.createTopic('t', { partitions: 1 })
  const values = Array.from({ length: 40 }, (_, n) => `${n}${'.'.repeat(900)}`)
  for (const [n, value] of values.entries()) await append(partitionOf(store, 't'), [value], n * 10)
  await store.close()
  const index = segment.replace('.log', '.index')
  const timeIndex = segment.replace('.log', '.timeindex')
  expect(files.bytesOf(index).length).toBeGreaterThan(8 * 5)
  for (const path of [index, timeIndex]) {
    for (const change of [
      (bytes: Buffer) => bytes.subarray(0, 12),
      (bytes: Buffer) => bytes.subarray(0, 8 * 3),
      (bytes: Buffer) => Buffer.alloc(bytes.length),
      () => Buffer.alloc(0),
    ]) {
      const { store: again } = await openStore({ files: changed(files, path, change) })
      const partition = partitionOf(again, 't')
      expect(await valuesFrom(partition)).toEqual(values)
      expect(await partition.offsetForTimestamp(255)).toEqual({ offset: 26, timestamp: 260 })
      expect(await again.check()).toEqual([])
    }
  }
})

test('a topic that was half made or half removed leaves nothing behind', async () => {
  const { store, files } = await openStore()
  await store.createTopic('t', { partitions: 1 })
  files.put('/log/topics/half/topic.json.tmp', Buffer.from('{'))
  files.put('/log/deleted/some-id/0/00000000000000000000.log', Buffer.from('x'))
  const copy = files.copy()
  const { store: again } = await openStore({ files: copy })
  expect(again.topics().map(({ name }) => name)).toEqual(['t'])
  expect(copy.paths().filter((path) => /half|deleted/.test(path))).toEqual([])
})

for (let run = 0; run < 30; run++) {
  test(`a power cut or a kill takes nothing that was committed, SEED=${seed} run ${run}`, async () => {
    const random = randomFrom(seed + run * 7919)
    let files = new MemoryFileSystem()
    let committed = new Map<string, string>()
    for (let life = 0; life < 4; life++) {
      const { store, clock } = await openStore({ files, limits: smallLimits })
      expect(await store.check()).toEqual([])
      expect(await missing(store, committed)).toEqual([])
      if (life === 0) {
        await store.createTopic('t', { partitions: 3, configs: { 'segment.bytes': '700' } })
      }
      const moments = Math.floor(random() * 120)
      for (let moment = 0; moment < moments; moment++) {
        if (random() < 0.7) void appendSome(store, committed, random)
        if (random() < 0.1) clock.advance(200)
        if (random() < 0.5) await new Promise((resolve) => setImmediate(resolve))
      }
      // After a mere kill all that was written is there, but the disk need not have it yet.
      files = random() < 0.4 ? files.kill() : files.cut(random)
      // The old store goes on writing to the old files, and acknowledging: that is another world.
      committed = new Map(committed)
    }
    const { store } = await openStore({ files, limits: smallLimits })
    expect(await missing(store, committed)).toEqual([])
    expect(await store.check()).toEqual([])
  })
}

const smallLimits = {
  walFileMaxBytes: 2500,
  commitMaxBytes: 900,
  tailMaxBytes: 3000,
  segmentFillBytes: 600,
  walFilesMax: 3,
}

/** Notes each record by partition and offset as soon as it is acknowledged. */
async function appendSome(
  store: LogStore,
  committed: Map<string, string>,
  random: () => number,
): Promise<void> {
  const index = Math.floor(random() * 3)
  const value = `${random()}${'.'.repeat(Math.floor(random() * 150))}`
  const result = partitionOf(store, 't', index).append(batchOf([value, `${value}!`]))
  if (!result.ok) throw new Error(result.reason)
  await result.committed
  committed.set(`${index} ${result.baseOffset}`, value)
  committed.set(`${index} ${result.lastOffset}`, `${value}!`)
}

async function missing(
  store: LogStore,
  committed: ReadonlyMap<string, string>,
): Promise<readonly string[]> {
  const found = new Map<string, string>()
  for (const partition of store.topic('t')?.partitions ?? []) {
    for (const [offset, value] of (await valuesFrom(partition)).entries()) {
      found.set(`${partition.index} ${offset}`, value)
    }
  }
  return [...committed]
    .filter(([place, value]) => found.get(place) !== value)
    .map(([place]) => place)
}
