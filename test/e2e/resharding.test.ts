// Changes the number of a stream's shards under load: nothing is lost, and each key's records stay in their order.
import {
  CreateStreamCommand,
  DeleteStreamCommand,
  DescribeStreamSummaryCommand,
  KinesisClient,
  ListShardsCommand,
  PutRecordsCommand,
  UpdateShardCountCommand,
} from '@aws-sdk/client-kinesis'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Kafka, logLevel } from 'kafkajs'
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest'
import { eventually } from '../support/eventually.ts'
import { startPlatform, type Platform } from '../support/platform.ts'
import { ShardFollower } from '../support/shard-follower.ts'

const StreamName = 'laps'
const keys = 200
const batch = 100
/** 5,000 records a second. */
const batchMs = 20

let platform: Platform
let client: KinesisClient

beforeAll(async () => {
  platform = await startPlatform({ role: 'broker' })
  client = clientOf(platform)
})
afterAll(async () => {
  client.destroy()
  await platform.stop()
})

/** Over HTTP/2, as the SDK does of itself. */
function clientOf({ doors }: Platform): KinesisClient {
  const credentials = { accessKeyId: 'test', secretAccessKey: 'test' }
  return new KinesisClient({ endpoint: doors['kinesis'] ?? '', region: 'us-east-1', credentials })
}

/** A batch of records of all keys in turn, each with its key's next number; `first` counts all that were before. */
function recordsFrom(first: number): { PartitionKey: string; Data: Uint8Array }[] {
  return Array.from({ length: batch }, (_, at) => {
    const number = first + at
    const Data = Buffer.from(String(Math.floor(number / keys)))
    return { PartitionKey: `k${number % keys}`, Data }
  })
}

/** Records of all keys in turn, each with its key's next number, until it is stopped. */
class Load {
  #isStopped = false
  #put = 0
  readonly #putting = this.#run()

  get count(): number {
    return this.#put
  }

  /** Resolves when so many more have been put. */
  async puts(more: number): Promise<void> {
    const count = this.#put + more
    await eventually(
      async () => (this.#put >= count ? true : undefined),
      () => `${this.#put} records of ${count} have been put`,
    )
  }

  async stop(): Promise<number> {
    this.#isStopped = true
    await this.#putting
    return this.#put
  }

  async #run(): Promise<void> {
    const beganMs = Date.now()
    while (!this.#isStopped) {
      const Records = recordsFrom(this.#put)
      const { FailedRecordCount } = await client.send(
        new PutRecordsCommand({ StreamName, Records }),
      )
      expect(FailedRecordCount).toBe(0)
      this.#put += batch
      const aheadMs = beganMs + (this.#put / batch) * batchMs - Date.now()
      if (aheadMs > 0) await new Promise((resolve) => setTimeout(resolve, aheadMs))
    }
  }
}

async function resize(TargetShardCount: number): Promise<void> {
  const ScalingType = 'UNIFORM_SCALING'
  await client.send(new UpdateShardCountCommand({ StreamName, TargetShardCount, ScalingType }))
  await eventually(
    async () => {
      const { StreamDescriptionSummary: summary } = await client.send(
        new DescribeStreamSummaryCommand({ StreamName }),
      )
      const isDone =
        summary?.StreamStatus === 'ACTIVE' && summary.OpenShardCount === TargetShardCount
      return isDone ? true : undefined
    },
    () => `${StreamName} has not come to ${TargetShardCount} shards`,
  )
}

test('from 4 to 8 to 4 to 3 shards under 5,000 records a second', async () => {
  await client.send(new CreateStreamCommand({ StreamName, ShardCount: 4 }))
  const follower = new ShardFollower(client, StreamName)
  await follower.start()
  const load = new Load()
  for (const shards of [8, 4, 3]) {
    await load.puts(2500)
    await resize(shards)
  }
  await load.puts(2500)
  const count = await load.stop()
  await follower.has(count, 30_000)
  expect(count).toBeGreaterThanOrEqual(10_000)
  expect(follower.records).toHaveLength(count)
  const next = new Map<string, number>()
  for (const { partitionKey, data } of follower.records) {
    const due = next.get(partitionKey) ?? 0
    if (Number(data) !== due) throw new Error(`${partitionKey}: ${data} came where ${due} was due`)
    next.set(partitionKey, due + 1)
  }
  expect(next.size).toBe(keys)
  const { Shards = [] } = await client.send(new ListShardsCommand({ StreamName }))
  const open = Shards.filter(({ SequenceNumberRange: range }) => {
    return range?.EndingSequenceNumber === undefined
  })
  expect(open).toHaveLength(3)
  expect(follower.endedShards).toBe(Shards.length - open.length)
  await follower.stop()
})

test('Kafka clients see the same records, and are told of a partition that is closed', async () => {
  const retry = { retries: 0 }
  const kafka = new Kafka({ brokers: [platform.kafka], logLevel: logLevel.NOTHING, retry })
  const admin = kafka.admin()
  await admin.connect()
  const offsets = await admin.fetchTopicOffsets(StreamName)
  await admin.disconnect()
  const { Shards = [] } = await client.send(new ListShardsCommand({ StreamName }))
  expect(offsets).toHaveLength(Shards.length)
  const total = offsets.reduce((sum, { high }) => sum + Number(high), 0)
  expect(total).toBeGreaterThanOrEqual(10_000)
  const consumer = kafka.consumer({ groupId: 'everything' })
  await consumer.connect()
  await consumer.subscribe({ topic: StreamName, fromBeginning: true })
  let seen = 0
  await consumer.run({
    eachBatch: ({ batch: { messages } }) => {
      seen += messages.length
      return Promise.resolve()
    },
  })
  await eventually(
    () => (seen >= total ? true : undefined),
    () => `${seen} of ${total} records came`,
  )
  await consumer.disconnect()
  const producer = kafka.producer()
  await producer.connect()
  const closed = producer.send({ topic: StreamName, messages: [{ partition: 0, value: 'late' }] })
  await expect(closed).rejects.toMatchObject({ type: 'INVALID_RECORD' })
  const open = Shards.findIndex(({ SequenceNumberRange: range }) => {
    return range?.EndingSequenceNumber === undefined
  })
  await producer.send({ topic: StreamName, messages: [{ partition: open, value: 'in time' }] })
  await producer.disconnect()
  expect(seen).toBe(total)
})

test('a deleted stream takes along what groups had committed', async () => {
  const kafka = new Kafka({ brokers: [platform.kafka], logLevel: logLevel.NOTHING })
  const admin = kafka.admin()
  await admin.connect()
  const committed = async () => (await admin.fetchOffsets({ groupId: 'everything' })).length
  expect(await committed()).toBe(1)
  await client.send(new DeleteStreamCommand({ StreamName }))
  expect(await committed()).toBe(0)
  expect(await admin.listTopics()).not.toContain(StreamName)
  await admin.disconnect()
})

test('a kill amid a resharding loses nothing that was acknowledged, and leaves every key one shard', async () => {
  const dataDir = await mkdtemp(join(tmpdir(), 'millrace-resharding-'))
  let acknowledged = 0
  let victim = await startPlatform({ role: 'broker', dataDir })
  let to = clientOf(victim)
  onTestFinished(async () => {
    to.destroy()
    await victim.stop()
    await rm(dataDir, { recursive: true, force: true })
  })
  await to.send(new CreateStreamCommand({ StreamName, ShardCount: 2 }))
  for (const [TargetShardCount, killAfterMs] of [
    [4, 1],
    [3, 4],
    [5, 8],
    [4, 16],
  ] as const) {
    const life = new AbortController()
    const putting = (async () => {
      while (!life.signal.aborted) {
        const Records = recordsFrom(acknowledged)
        const answer = await to
          .send(new PutRecordsCommand({ StreamName, Records }))
          .catch(() => undefined)
        // What was not acknowledged is sent again, to the broker's next life.
        if (answer?.FailedRecordCount === 0) acknowledged += batch
      }
    })()
    const before = acknowledged
    await eventually(
      async () => (acknowledged >= before + 300 ? true : undefined),
      () => `${acknowledged - before} records have been put`,
    )
    const ScalingType = 'UNIFORM_SCALING'
    const resizing = to
      .send(new UpdateShardCountCommand({ StreamName, TargetShardCount, ScalingType }))
      .catch(() => undefined)
    await new Promise((resolve) => setTimeout(resolve, killAfterMs))
    await victim.kill9()
    life.abort()
    await Promise.all([putting, resizing])
    to.destroy()
    victim = await startPlatform({ role: 'broker', dataDir })
    to = clientOf(victim)
    await expectWhole(to)
  }
  const follower = new ShardFollower(to, StreamName)
  await follower.start()
  await follower.has(acknowledged, 30_000)
  await new Promise((resolve) => setTimeout(resolve, 200))
  const next = new Map<string, number>()
  for (const { partitionKey, data } of follower.records) {
    const due = next.get(partitionKey) ?? 0
    // A batch that was written, but not acknowledged before the kill, comes twice.
    if (Number(data) > due) throw new Error(`${partitionKey}: ${data} came where ${due} was due`)
    if (Number(data) === due) next.set(partitionKey, due + 1)
  }
  const seen = [...next.values()].reduce((sum, count) => sum + count, 0)
  expect(seen).toBeGreaterThanOrEqual(acknowledged)
  expect(acknowledged).toBeGreaterThan(1000)
  await follower.stop()
})

/** Open shards hold each hash key once. */
async function expectWhole(to: KinesisClient): Promise<void> {
  const ShardFilter = { Type: 'AT_LATEST' } as const
  const { Shards = [] } = await to.send(new ListShardsCommand({ StreamName, ShardFilter }))
  const ranges = Shards.map(({ HashKeyRange: range }) => ({
    start: BigInt(range?.StartingHashKey ?? -1),
    end: BigInt(range?.EndingHashKey ?? -1),
  })).toSorted((a, b) => (a.start < b.start ? -1 : 1))
  let next = 0n
  for (const { start, end } of ranges) {
    expect(start).toBe(next)
    next = end + 1n
  }
  expect(next).toBe(2n ** 128n)
}
