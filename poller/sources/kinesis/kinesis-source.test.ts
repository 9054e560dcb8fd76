// Tests reading a stream against a Kinesis API in memory: order, starting positions, lineage, resuming, trouble.
import { expect, onTestFinished, test } from 'vitest'
import { systemClock } from '../../../common/clock.ts'
import { parseKinesisArn } from '../../../common/kinesis-arn.ts'
import { silentLogger } from '../../../common/logger.ts'
import { KinesisClient } from '../../../kinesis-client/kinesis-client.ts'
import {
  FakeKinesis,
  fakeStreamArn,
  sequenceOf,
  shardIdOf,
} from '../../../test/support/fake-kinesis.ts'
import { MemoryRegistry } from '../../../test/support/memory-registry.ts'
import type { RecordRun, SourceListener } from '../source.ts'
import type { StartPosition } from '../start-position.ts'
import { KinesisSource, type KinesisSourceOptions } from './kinesis-source.ts'
import type { ReadShard } from './reading.ts'
import { standardReader } from './shard-reader.ts'

const uuid = '11111111-2222-3333-4444-555555555555'
const stream = parseKinesisArn(fakeStreamArn)

/** What a mapping's core would be told; `until` resolves once it is true. */
class Witness implements SourceListener {
  assignments: (readonly number[])[] = []
  rewinds: number[] = []
  problems: (string | undefined)[] = []
  runs: RecordRun[] = []
  #waiting: (() => void)[] = []

  assigned(partitions: readonly number[]): ReadonlyMap<number, number> {
    this.assignments.push([...partitions].toSorted((a, b) => a - b))
    this.#tell()
    return new Map()
  }

  checkpoints(): ReadonlyMap<number, number> {
    return new Map()
  }

  rewound(partition: number): void {
    this.rewinds.push(partition)
  }

  records(run: RecordRun): void {
    this.runs.push(run)
    this.#tell()
  }

  problem(reason: string | undefined): void {
    this.problems.push(reason)
    this.#tell()
  }

  get partitions(): readonly number[] {
    return this.assignments.at(-1) ?? []
  }

  texts(partition?: number): string[] {
    return this.runs
      .filter((run) => partition === undefined || run.partition === partition)
      .flatMap(({ records }) => records.map(({ value }) => String(value)))
  }

  /** The number after the last one that was told of a partition. */
  next(partition: number): number {
    return this.runs.findLast((run) => run.partition === partition)?.nextOffset ?? 0
  }

  async until(isTrue: () => boolean): Promise<void> {
    while (!isTrue()) {
      await new Promise<void>((resolve) => {
        this.#waiting.push(resolve)
      })
    }
  }

  #tell(): void {
    const waiting = this.#waiting
    this.#waiting = []
    for (const resolve of waiting) resolve()
  }
}

interface Opened {
  readonly source: KinesisSource
  readonly witness: Witness
  stop(): Promise<void>
}

function open(
  fake: FakeKinesis,
  registry: MemoryRegistry,
  position: StartPosition = { kind: 'TRIM_HORIZON' },
  of: Partial<KinesisSourceOptions> = {},
): Opened {
  if (stream === undefined) throw new Error('no stream')
  const witness = new Witness()
  const source = new KinesisSource({
    uuid,
    stream,
    client: new KinesisClient({
      endpoint: { url: fake.url, isAws: false },
      region: 'us-east-1',
      clock: systemClock,
    }),
    readShard: standardReader('local'),
    position,
    checkpoints: registry,
    clock: systemClock,
    logger: silentLogger,
    random: () => 0.5,
    ...of,
  })
  source.start(witness)
  let stopping: Promise<void> | undefined
  const stop = (): Promise<void> => (stopping ??= source.stop())
  onTestFinished(stop)
  return { source, witness, stop }
}

/** All that was told of these partitions is finished. */
function commit({ source, witness }: Opened, ...partitions: number[]): Promise<void> {
  return source.commit(new Map(partitions.map((partition) => [partition, witness.next(partition)])))
}

/** Resolves once the API was asked for records so often. */
async function calls(fake: FakeKinesis, times: number): Promise<void> {
  while (fake.inputs('GetRecords').length < times) await new Promise(setImmediate)
}

test('records of each shard come in order, numbered from 0, with their place in the stream', async () => {
  const fake = await FakeKinesis.start()
  fake.shard(0)
  fake.shard(1)
  fake.most = 2
  for (const text of ['a', 'b', 'c']) fake.put(0, text, { key: `key ${text}` })
  const sequenceNumber = fake.put(1, 'other', { key: 'ü', arrivalMs: 1_700_000_002_345 })
  const { witness } = open(fake, new MemoryRegistry())
  await witness.until(() => witness.texts().length === 4)
  expect(witness.assignments).toEqual([[0, 1]])
  expect(witness.texts(0)).toEqual(['a', 'b', 'c'])
  const numbers = witness.runs.flatMap(({ partition, records }) =>
    partition === 0 ? records.map(({ offset }) => offset) : [],
  )
  expect(numbers).toEqual([0, 1, 2])
  const other = witness.runs
    .flatMap(({ records }) => records)
    .find(({ partition }) => partition === 1)
  expect(other).toMatchObject({
    topic: 'telemetry',
    timestampMs: 1_700_000_002_345,
    timestampType: 'LOG_APPEND_TIME',
    key: null,
    stream: { shardId: shardIdOf(1), sequenceNumber, partitionKey: 'ü' },
  })
  expect(witness.problems).toEqual([undefined])
})

test('a run says that more follows while there is more', async () => {
  const fake = await FakeKinesis.start()
  fake.shard(0)
  fake.most = 1
  for (const text of ['a', 'b']) fake.put(0, text)
  const { witness } = open(fake, new MemoryRegistry())
  await witness.until(() => witness.texts().length === 2)
  const ends = witness.runs.map(({ nextOffset, endOffset }) => endOffset - nextOffset)
  expect(ends).toEqual([0, 1, 0])
})

test('children are read when both parents of a merge are finished, and not before', async () => {
  const fake = await FakeKinesis.start()
  for (const index of [0, 1]) fake.shard(index).isClosed = true
  fake.shard(2, [0, 1])
  for (const index of [0, 1, 2]) fake.put(index, `of ${index}`)
  const opened = open(fake, new MemoryRegistry())
  const { witness } = opened
  await witness.until(() => witness.next(0) === 2 && witness.next(1) === 2)
  expect(witness.partitions).toEqual([0, 1])
  await commit(opened, 0)
  await witness.until(() => witness.partitions.length === 1)
  expect(witness.partitions).toEqual([1])
  await commit(opened, 1)
  await witness.until(() => witness.texts(2).length === 1)
  expect(witness.assignments).toEqual([[0, 1], [1], [2]])
})

test('a split while it is read goes on with the children from their first records', async () => {
  const fake = await FakeKinesis.start()
  const parent = fake.shard(0)
  const registry = new MemoryRegistry()
  const opened = open(fake, registry, { kind: 'LATEST' })
  const { witness } = opened
  await calls(fake, 1)
  fake.put(0, 'last of the parent')
  await witness.until(() => witness.texts().length === 1)
  fake.shard(1, [0])
  fake.shard(2, [0])
  fake.put(1, 'first of a child')
  fake.put(2, 'first of the other')
  parent.isClosed = true
  await witness.until(() => witness.next(0) === 2)
  await commit(opened, 0)
  await witness.until(() => witness.texts().length === 3)
  expect(witness.partitions).toEqual([1, 2])
  expect(registry.checkpoint(uuid)?.shards[0]).toEqual({ shardId: shardIdOf(0), ended: true })
})

test('a shard without records comes to its end all the same', async () => {
  const fake = await FakeKinesis.start()
  fake.shard(0).isClosed = true
  fake.shard(1, [0])
  const opened = open(fake, new MemoryRegistry())
  const { witness } = opened
  await witness.until(() => witness.next(0) === 1)
  await commit(opened, 0)
  await witness.until(() => witness.partitions[0] === 1)
})

test('LATEST takes what comes from now on, of shards that are open', async () => {
  const fake = await FakeKinesis.start()
  fake.shard(0).isClosed = true
  fake.shard(1, [0])
  fake.put(0, 'old')
  fake.put(1, 'before')
  const { witness } = open(fake, new MemoryRegistry(), { kind: 'LATEST' })
  await witness.until(() => witness.partitions.length === 1)
  expect(witness.partitions).toEqual([1])
  await calls(fake, 1)
  fake.put(1, 'after')
  await witness.until(() => witness.texts().length > 0)
  expect(witness.texts()).toEqual(['after'])
})

test('AT_TIMESTAMP takes what came from then on, over shards that have ended since', async () => {
  const fake = await FakeKinesis.start()
  fake.shard(0).isClosed = true
  fake.shard(1, [0])
  fake.put(0, 'too old', { arrivalMs: 1_700_000_001_000 })
  fake.put(0, 'of the parent', { arrivalMs: 1_700_000_003_000 })
  fake.put(1, 'of the child', { arrivalMs: 1_700_000_004_000 })
  const position = { kind: 'AT_TIMESTAMP', timestampMs: 1_700_000_002_000 } as const
  const opened = open(fake, new MemoryRegistry(), position)
  const { witness } = opened
  await witness.until(() => witness.next(0) === 2)
  await commit(opened, 0)
  await witness.until(() => witness.texts(1).length === 1)
  expect(witness.texts()).toEqual(['of the parent', 'of the child'])
})

test('a restart reads on after what was committed, of each shard, and not what has ended', async () => {
  const fake = await FakeKinesis.start()
  fake.shard(0).isClosed = true
  fake.shard(1, [0])
  fake.shard(2)
  const registry = new MemoryRegistry()
  fake.put(0, 'a')
  for (const text of ['b', 'c']) fake.put(2, text)
  const first = open(fake, registry)
  await first.witness.until(() => first.witness.next(0) === 2 && first.witness.next(2) === 2)
  await commit(first, 0)
  await first.source.commit(new Map([[2, 1]]))
  await first.stop()
  fake.put(1, 'd')
  const second = open(fake, registry)
  await second.witness.until(() => second.witness.texts().length === 2)
  expect([second.witness.texts(1), second.witness.texts(2)]).toEqual([['d'], ['c']])
  expect(second.witness.texts(0)).toEqual([])
})

test('a restart before the first record of a mapping that began at the end misses nothing', async () => {
  const fake = await FakeKinesis.start()
  fake.shard(0)
  const registry = new MemoryRegistry()
  fake.put(0, 'before', { arrivalMs: Date.now() - 60_000 })
  const first = open(fake, registry, { kind: 'LATEST' })
  await first.witness.until(() => first.witness.partitions.length === 1)
  await first.stop()
  fake.put(0, 'while it was away', { arrivalMs: Date.now() + 1000 })
  const second = open(fake, registry, { kind: 'LATEST' })
  await second.witness.until(() => second.witness.texts().length > 0)
  expect(second.witness.texts()).toEqual(['while it was away'])
})

test('a commit that is not written is refused, and what it said is written by the next', async () => {
  const fake = await FakeKinesis.start()
  fake.shard(0)
  fake.put(0, 'a')
  const registry = new MemoryRegistry()
  const opened = open(fake, registry)
  const { source, witness } = opened
  await witness.until(() => witness.next(0) === 1)
  const put = registry.putCheckpoint.bind(registry)
  registry.putCheckpoint = () => Promise.reject(new Error('full'))
  await expect(source.commit(new Map([[0, 1]]))).rejects.toThrow('full')
  registry.putCheckpoint = put
  await source.commit(new Map())
  expect(registry.checkpoint(uuid)?.shards).toEqual([
    { shardId: shardIdOf(0), after: sequenceOf(0) },
  ])
})

test('an expired iterator, a throttle and a failure cost nothing but time', async () => {
  const fake = await FakeKinesis.start()
  fake.shard(0)
  fake.put(0, 'a')
  const codes = [
    'ExpiredIteratorException',
    'ProvisionedThroughputExceededException',
    'InternalFailure',
  ]
  fake.refuse = ({ operation }) => {
    if (operation !== 'GetRecords') return undefined
    const code = codes.shift()
    return code === undefined ? undefined : { code, message: 'why' }
  }
  const { witness } = open(fake, new MemoryRegistry())
  await witness.until(() => witness.texts().length === 1)
  fake.put(0, 'b')
  await witness.until(() => witness.texts().length === 2)
  expect(witness.texts()).toEqual(['a', 'b'])
  expect(witness.problems).toEqual([undefined, 'InternalFailure: why', undefined])
})

test('an iterator that expires amid a shard is taken anew after the last record', async () => {
  const fake = await FakeKinesis.start()
  fake.shard(0)
  fake.put(0, 'a')
  const { witness } = open(fake, new MemoryRegistry())
  await witness.until(() => witness.texts().length === 1)
  let expired = false
  fake.refuse = ({ operation }) => {
    if (operation !== 'GetRecords' || expired) return undefined
    expired = true
    return { code: 'ExpiredIteratorException' }
  }
  fake.put(0, 'b')
  await witness.until(() => witness.texts().length === 2)
  expect(fake.inputs('GetShardIterator').at(-1)).toMatchObject({
    ShardIteratorType: 'AFTER_SEQUENCE_NUMBER',
    StartingSequenceNumber: sequenceOf(0),
  })
})

test('a paused shard is not read until it is resumed, and the others are', async () => {
  const fake = await FakeKinesis.start()
  fake.shard(0)
  fake.shard(1)
  const { source, witness } = open(fake, new MemoryRegistry())
  await witness.until(() => witness.partitions.length === 2)
  source.pause([0])
  // A call that was under way may still be answered.
  await calls(fake, fake.inputs('GetRecords').length + 4)
  fake.put(0, 'held back')
  fake.put(1, 'read')
  await witness.until(() => witness.texts(1).length === 1)
  expect(witness.texts(0)).toEqual([])
  source.resume([0])
  await witness.until(() => witness.texts(0).length === 1)
})

test('a shard that retention took away amid its reading is over, and the others go on', async () => {
  const fake = await FakeKinesis.start()
  fake.shard(0)
  fake.shard(1)
  fake.put(0, 'read')
  const registry = new MemoryRegistry()
  const opened = open(fake, registry)
  const { witness } = opened
  await witness.until(() => witness.texts().length === 1)
  fake.shards.delete(shardIdOf(0))
  fake.refuse = ({ operation, input }) =>
    operation === 'GetRecords' && String(input['ShardIterator']).startsWith(shardIdOf(0))
      ? { code: 'ResourceNotFoundException', message: 'expired' }
      : undefined
  await witness.until(() => witness.next(0) === 2)
  fake.put(1, 'of the other')
  await witness.until(() => witness.texts(1).length === 1)
  await commit(opened, 0)
  await witness.until(() => witness.partitions.length === 1)
  expect(witness.partitions).toEqual([1])
  expect(witness.problems.at(-1)).toBeUndefined()
})

test('a shard of an unknown kind of id is a problem, and no more', async () => {
  const fake = await FakeKinesis.start()
  fake.shards.set('shard-one', { parents: [], records: [], isClosed: false })
  const { witness } = open(fake, new MemoryRegistry())
  await witness.until(() => witness.problems.length > 0)
  expect(witness.problems[0]).toMatch(/ListShards: .* unknown kind of id$/)
})

test('a stream that is not there is waited for, and the reason told', async () => {
  const fake = await FakeKinesis.start()
  fake.shard(0)
  fake.isThere = false
  const { witness } = open(fake, new MemoryRegistry())
  await witness.until(() => witness.problems.length > 0)
  expect(witness.problems[0]).toBe('ResourceNotFoundException: not there')
  fake.put(0, 'a')
  fake.isThere = true
  await witness.until(() => witness.texts().length === 1)
  expect(witness.problems.at(-1)).toBeUndefined()
})

test('a consumer that is not registered is waited for, named, and found again with its new ARN', async () => {
  const fake = await FakeKinesis.start()
  fake.shard(0)
  const consumer = parseKinesisArn(`${fakeStreamArn}/consumer/pit-wall:1`)
  if (consumer === undefined) throw new Error('no consumer')
  const read: (string | undefined)[] = []
  const readShard: ReadShard = async (_, { consumerArn, trouble }) => {
    read.push(consumerArn)
    trouble(undefined)
  }
  const start = { kind: 'TRIM_HORIZON' } as const
  const { witness } = open(fake, new MemoryRegistry(), start, { stream: consumer, readShard })
  await witness.until(() => witness.problems.length > 2)
  const reason = 'consumer pit-wall of stream telemetry is not registered'
  expect(new Set(witness.problems)).toEqual(new Set([reason]))
  expect(read).toEqual([])
  fake.consumers.add('pit-wall')
  await witness.until(() => witness.problems.at(-1) === undefined)
  expect(read).toEqual([`${fakeStreamArn}/consumer/pit-wall:1700000000`])
})

test('a stream made anew under its name is read from its start, whatever was committed', async () => {
  const fake = await FakeKinesis.start()
  fake.shard(0)
  fake.put(0, 'old')
  const registry = new MemoryRegistry()
  const opened = open(fake, registry, { kind: 'LATEST' })
  const { witness } = opened
  await witness.until(() => witness.partitions.length === 1)
  fake.isThere = false
  await witness.until(() => witness.problems.length > 1)
  fake.shards.clear()
  fake.createdMs += 1000
  fake.shard(0)
  fake.put(0, 'new')
  fake.isThere = true
  await witness.until(() => witness.texts().length === 1)
  expect([witness.rewinds, witness.texts()]).toEqual([[0], ['new']])
})
