// Tests that streams and their shards are what was answered, through restarts, crashes and what Kafka clients do.
import { expect, test } from 'vitest'
import { silentLogger } from '../../../common/logger.ts'
import { dayMs } from '../../../common/stream-limits.ts'
import { batchOf, openStore, sequencedBatch } from '../../../test/support/log-store.ts'
import { ManualClock } from '../../../test/support/manual-clock.ts'
import { MemoryFileSystem } from '../../../test/support/memory-file-system.ts'
import { randomFrom } from '../../../test/support/seeded-random.ts'
import { withSteps } from './resharding.ts'
import { splitAt, uniformPlan, uniformRanges } from './shard-range.ts'
import { StreamCatalog } from './stream-catalog.ts'
import type { Stream } from './stream.ts'

async function open(files = new MemoryFileSystem()) {
  const clock = new ManualClock()
  const { store } = await openStore({ files, clock })
  const shared = { store, files, clock, logger: silentLogger }
  const catalog = await StreamCatalog.open({ ...shared, directory: '/kinesis' })
  return { catalog, store, files, clock }
}

type Opened = Awaited<ReturnType<typeof open>>

const create = ({ catalog }: Opened, shards: number, name = 'orders'): Promise<Stream> =>
  catalog.create(name, { shards, retentionMs: dayMs })

async function found({ catalog }: Opened, name = 'orders'): Promise<Stream> {
  const stream = await catalog.stream(name)
  if (stream === undefined) throw new Error(`there is no stream ${name}`)
  return stream
}

async function resize({ catalog }: Opened, stream: Stream, count: number): Promise<void> {
  const { done } = await catalog.reshard(stream, (record) => {
    const open = stream.routedShards.flatMap(({ index, record: { range } }) =>
      range === undefined ? [] : [{ shard: index, range }],
    )
    return withSteps(record, uniformPlan(open, count, record.shards.length))
  })
  await done
}

/** Ranges of the shards that take records, which must be all there are. */
function checkedRanges(stream: Stream) {
  const ranges = stream.routedShards.map(({ record }) => record.range)
  for (const [index, range] of ranges.entries()) {
    expect(range?.start).toBe((ranges[index - 1]?.end ?? -1n) + 1n)
  }
  return ranges
}

test('a stream is there after a restart as it was made', async () => {
  const first = await open()
  const stream = await create(first, 3)
  expect(stream.retentionHours).toBe(24)
  expect(checkedRanges(stream)).toEqual(uniformRanges(3))
  await first.catalog.change(stream, (record) => ({ ...record, tags: { team: 'pit' } }))
  const second = await open(first.files.kill())
  expect((await found(second)).record).toEqual(stream.record)
  expect(second.catalog.names).toEqual(['orders'])
})

test('a key leads to the shard whose range holds its MD5', async () => {
  const stream = await create(await open(), 2)
  // MD5 of 'a' begins with 0c, that of 'b' with 92.
  expect(stream.shardOfKey('a').index).toBe(0)
  expect(stream.shardOfKey('b').index).toBe(1)
})

test('a topic of a Kafka client is a stream from when it is asked for, and the same one after a restart', async () => {
  const first = await open()
  await first.store.createTopic('laps', { partitions: 2 })
  await first.store.createTopic('own', { partitions: 1, internal: true })
  expect(await first.catalog.stream('own')).toBeUndefined()
  const made = (await found(first, 'laps')).record
  expect(made.shards.map(({ range }) => range)).toEqual(uniformRanges(2))
  expect((await found(first, 'laps')).retentionHours).toBe(8760)
  expect((await found(await open(first.files.kill()), 'laps')).record).toEqual(made)
})

test('what was deleted through Kafka is gone, and a new topic of the name is another stream', async () => {
  const first = await open()
  const old = await create(first, 4)
  await first.store.deleteTopic('orders')
  expect(await first.catalog.stream('orders')).toBeUndefined()
  await first.store.createTopic('orders', { partitions: 1 })
  const fresh = await found(first)
  expect(fresh.record.topicId).not.toBe(old.record.topicId)
  await first.store.deleteTopic('orders')
  const second = await open(first.files.kill())
  expect(await second.catalog.stream('orders')).toBeUndefined()
  expect(await second.files.list('/kinesis')).toEqual([])
})

test('files of topics that were deleted through Kafka go while the broker runs, and only those', async () => {
  const opened = await open()
  for (const name of ['kept', 'gone', 'anew']) await create(opened, 1, name)
  for (const name of ['gone', 'anew']) await opened.store.deleteTopic(name)
  const again = await create(opened, 2, 'anew')
  await opened.catalog.forgetDeleted()
  expect((await opened.files.list('/kinesis')).toSorted()).toEqual(['anew.json', 'kept.json'])
  expect(await found(opened, 'anew')).toBe(again)
  expect(opened.catalog.knownStreams).toHaveLength(2)
})

test('partitions that Kafka adds are shards to which no key leads, and every key leads where it did', async () => {
  const opened = await open()
  const stream = await create(opened, 2)
  await opened.store.createPartitions('orders', 3)
  const seen = await found(opened)
  expect(seen.shards.map(({ record }) => record.range !== undefined)).toEqual([true, true, false])
  expect(checkedRanges(stream)).toEqual(uniformRanges(2))
  expect((await found(await open(opened.files.kill()))).record).toEqual(seen.record)
})

test('a split closes the parent for everyone, keeps what it has, and leads its keys to the children', async () => {
  const opened = await open()
  const stream = await create(opened, 1)
  const [parent] = stream.shards
  const before = parent?.partition.append(batchOf(['one']))
  expect(before?.ok).toBe(true)
  const [only] = uniformRanges(1)
  if (parent === undefined || only === undefined) throw new Error('one shard was made')
  const { done } = await opened.catalog.reshard(stream, (record) =>
    withSteps(record, [{ closes: [0], opens: splitAt(only, 2n ** 127n) }]),
  )
  expect(stream.status).toBe('UPDATING')
  await done
  expect(stream.status).toBe('ACTIVE')
  expect(parent.partition.append(batchOf(['two']))).toMatchObject({
    ok: false,
    error: 'INVALID_RECORD',
    reason: 'partition 0 of orders is closed: its shard was split or merged; produce to 1 or 2',
  })
  if (before?.ok === true) await before.committed
  const closed = stream.shards[0]
  expect([closed?.isOpen, closed?.isEnd(0), closed?.isEnd(1)]).toEqual([false, false, true])
  expect(closed?.endingSequenceNumber).toMatch(/^49\d{54}$/)
  expect(stream.shardOfKey('a').index).toBe(1)
  expect(stream.shardOfKey('b').index).toBe(2)
  expect(closed && stream.childrenOf(closed).map(({ id }) => id)).toEqual([
    'shardId-000000000001',
    'shardId-000000000002',
  ])
  const again = await found(await open(opened.files.kill()))
  expect(again.shards[0]?.partition.append(batchOf(['three'])).ok).toBe(false)
})

test('what an idempotent producer wrote before its shard was closed is there when it sends it again', async () => {
  const opened = await open()
  const stream = await create(opened, 1)
  const [parent] = stream.shards
  const sent = (sequence: number) => sequencedBatch({ producerId: 7 }, sequence, ['one'])
  const before = parent?.partition.append(sent(0))
  expect(before).toMatchObject({ ok: true, baseOffset: 0 })
  await resize(opened, stream, 2)
  expect(parent?.partition.append(sent(0))).toMatchObject({ ok: true, baseOffset: 0 })
  expect(parent?.partition.append(sent(1))).toMatchObject({ ok: false, error: 'INVALID_RECORD' })
})

test('a plan is made when the resharding before it is done, however close they come', async () => {
  const opened = await open()
  const stream = await create(opened, 2)
  await Promise.all([
    resize(opened, stream, 3),
    resize(opened, stream, 4),
    resize(opened, stream, 2),
  ])
  expect(checkedRanges(stream)).toEqual(uniformRanges(2))
  expect(stream.openShards).toHaveLength(2)
})

test('a power cut at any moment of a resharding leaves the whole of it or nothing', async () => {
  const random = randomFrom(7)
  let finished = 0
  for (let round = 0; round < 60; round++) {
    const first = await open()
    const stream = await create(first, 4)
    let cut: MemoryFileSystem | undefined
    let left = Math.floor(random() * 60)
    first.files.fault = () => {
      left -= 1
      if (left === 0) cut = first.files.cut(random)
      return undefined
    }
    const steps = resize(first, stream, round % 2 === 0 ? 7 : 2)
    await steps
    first.files.fault = () => undefined
    const again = await found(await open(cut ?? first.files.cut(random)))
    expect(again.status).toBe('ACTIVE')
    const ranges = checkedRanges(again)
    expect([4, 7, 2]).toContain(ranges.length)
    expect(ranges).toEqual(uniformRanges(ranges.length))
    expect(again.topic.partitions.length).toBeGreaterThanOrEqual(again.shards.length)
    if (ranges.length !== 4) finished += 1
  }
  expect(finished).toBeGreaterThan(10)
})

const settings = { mode: 'ON_DEMAND', tags: { team: 'pit' } } as const
const createWith = ({ catalog }: Opened): Promise<Stream> =>
  catalog.create('orders', { shards: 2, retentionMs: dayMs, settings })

test.each([1, 6])(
  'a stream that %s failures of the disk in a row, from any on, kept from being made is made by the next try',
  async (length) => {
    let isReached = true
    for (let from = 0; isReached; from++) {
      const opened = await open()
      let operation = 0
      opened.files.fault = () => {
        const number = operation++
        return number >= from && number < from + length ? 'EIO' : undefined
      }
      const first = await createWith(opened).catch((error: unknown) => error)
      isReached = operation > from
      opened.files.fault = () => undefined
      const where = `from operation ${from}`
      if (isReached) expect(first, where).toMatchObject({ code: 'STORAGE_FAILED' })
      else expect(first, where).toMatchObject({ record: settings })
      if (!isReached) break
      // A start may find it made, or not: never one that is made in part.
      const left = await (await open(opened.files.kill())).catalog.stream('orders')
      if (left !== undefined) expect(left.record, where).toMatchObject(settings)
      expect(await opened.catalog.stream('orders'), where).toBeUndefined()
      const stream = await createWith(opened)
      expect(stream.record, where).toMatchObject(settings)
      expect(stream.openShards, where).toHaveLength(2)
      const again = await found(await open(opened.files.kill()))
      expect(again.record, where).toEqual(stream.record)
    }
  },
)

test('a power cut at any moment of making a stream leaves the whole of it or nothing', async () => {
  const random = randomFrom(11)
  const seen = new Set<boolean>()
  let isOver = false
  for (let moment = 1; !isOver; moment++) {
    const first = await open()
    let cut: MemoryFileSystem | undefined
    let left = moment
    first.files.fault = () => {
      left -= 1
      if (left === 0) cut = first.files.cut(random)
      return undefined
    }
    await createWith(first)
    first.files.fault = () => undefined
    isOver = cut === undefined
    const again = await open(cut ?? first.files.cut(random))
    const stream = await again.catalog.stream('orders')
    seen.add(stream !== undefined)
    if (stream === undefined)
      expect(await again.files.list('/kinesis')).not.toContain('orders.json')
    else expect(stream.record).toMatchObject(settings)
  }
  expect(seen.size).toBe(2)
})

test('a disk that fails a change leaves the stream as it was, and takes the next one', async () => {
  const opened = await open()
  const stream = await create(opened, 2)
  opened.files.fault = (operation, path) =>
    operation === 'rename' && path.includes('/kinesis/') ? 'EIO' : undefined
  const before = stream.record
  const tag = (team: string) =>
    opened.catalog.change(stream, (record) => ({ ...record, tags: { team } }))
  await expect(tag('pit')).rejects.toMatchObject({ code: 'STORAGE_FAILED' })
  expect(stream.record).toBe(before)
  opened.files.fault = () => undefined
  await tag('garage')
  expect(stream.record.tags).toEqual({ team: 'garage' })
})

/** A stream of two shards that were to become four, on a disk that `stops` it. */
async function stopped(stops: (operation: string, path: string) => boolean) {
  const opened = await open()
  const stream = await create(opened, 2)
  const others = opened.clock.timers
  /** Tries that wait for their time. */
  const tries = (): number => opened.clock.timers - others
  let isBegun = false
  opened.files.fault = (operation, path) => {
    if (isBegun && stops(operation, path)) return 'EIO'
    isBegun ||= operation === 'rename' && path.includes('/kinesis/')
    return undefined
  }
  await expect(resize(opened, stream, 4)).rejects.toMatchObject({ code: 'STORAGE_FAILED' })
  expect([stream.status, stream.openShards.length]).toEqual(['UPDATING', 2])
  return { ...opened, stream, tries }
}

/** Resolves when what has begun of the stream is over. */
const turnEnded = ({ catalog }: Opened, stream: Stream): Promise<void> =>
  catalog.change(stream, (record) => record)

test.each([
  ['partitions cannot be made', (_: string, path: string) => path.includes('/orders/topic')],
  ['its end cannot be written down', (operation: string) => operation === 'rename'],
])('a resharding that stops because %s is done when the disk is well again', async (_, stops) => {
  const { stream, tries, ...opened } = await stopped(stops)
  const [parent] = stream.shards
  expect(parent?.partition.append(batchOf(['meanwhile'])).ok).toBe(true)
  // Twice as late each time: after one second, three and seven.
  for (const [ms, left] of [
    [999, 1],
    [1, 0],
    [2_000, 0],
  ] as const) {
    opened.clock.advance(ms)
    expect(tries()).toBe(left)
    await turnEnded(opened, stream)
    expect(stream.status).toBe('UPDATING')
  }
  opened.files.fault = () => undefined
  opened.clock.advance(4_000)
  await turnEnded(opened, stream)
  expect([stream.status, stream.openShards.length]).toEqual(['ACTIVE', 4])
  expect(checkedRanges(stream)).toEqual(uniformRanges(4))
  const { record } = stream
  opened.clock.advance(60_000)
  await turnEnded(opened, stream)
  expect(stream.record).toBe(record)
  const again = await found(await open(opened.files.kill()))
  expect(again.record).toEqual(stream.record)
})

test('a change while a resharding waits for the disk is refused, and does it where the disk is well again', async () => {
  const { stream, ...opened } = await stopped((operation) => operation === 'rename')
  await expect(resize(opened, stream, 3)).rejects.toMatchObject({ code: 'STORAGE_FAILED' })
  expect(stream.status).toBe('UPDATING')
  opened.files.fault = () => undefined
  await resize(opened, stream, 3)
  expect([stream.status, stream.openShards.length]).toEqual(['ACTIVE', 3])
  opened.clock.advance(60_000)
  await turnEnded(opened, stream)
  expect(stream.openShards).toHaveLength(3)
})

test('a resharding that waits for the disk ends with its stream, and with the broker', async () => {
  const first = await stopped((operation) => operation === 'rename')
  first.files.fault = () => undefined
  await first.catalog.delete(first.stream)
  first.clock.advance(60_000)
  await turnEnded(first, await create(first, 1))
  expect((await found(first)).openShards).toHaveLength(1)
  const second = await stopped((operation) => operation === 'rename')
  second.catalog.close()
  expect(second.tries()).toBe(0)
})

test('a file that describes no stream stops the start and says which', async () => {
  const first = await open()
  await create(first, 1)
  for (const text of ['', '[]', '{"topicId":1}', '{"topicId":"x","madeMs":1,"shards":[]}']) {
    const files = first.files.kill()
    files.put('/kinesis/orders.json', Buffer.from(text))
    await expect(open(files)).rejects.toMatchObject({
      code: 'LOG_CORRUPT',
      message: expect.stringContaining('/kinesis/orders.json') as string,
    })
  }
})
