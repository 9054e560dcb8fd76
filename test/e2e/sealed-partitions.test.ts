// Holds transactions of Kafka producers against shards that a split closes: clear errors, and none that hangs.
import {
  CreateStreamCommand,
  GetRecordsCommand,
  GetShardIteratorCommand,
  KinesisClient,
  ListShardsCommand,
  SplitShardCommand,
} from '@aws-sdk/client-kinesis'
import { Kafka, logLevel, type Producer } from 'kafkajs'
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest'
import { eventually } from '../support/eventually.ts'
import { startPlatform, type Platform } from '../support/platform.ts'

const middle = String(2n ** 127n)

let platform: Platform
let client: KinesisClient
let kafka: Kafka
beforeAll(async () => {
  platform = await startPlatform({ role: 'broker' })
  client = new KinesisClient({
    endpoint: platform.doors['kinesis'] ?? '',
    region: 'us-east-1',
    credentials: { accessKeyId: 'test', secretAccessKey: 'test' },
  })
  const retry = { retries: 2 }
  kafka = new Kafka({ brokers: [platform.kafka], logLevel: logLevel.NOTHING, retry })
})
afterAll(async () => {
  client.destroy()
  await platform.stop()
})

const createStream = (StreamName: string) =>
  client.send(new CreateStreamCommand({ StreamName, ShardCount: 1 }))

/** Shard 0 is closed when it resolves, 1 and 2 are in its place. */
async function split(StreamName: string): Promise<void> {
  const ShardToSplit = 'shardId-000000000000'
  const change = { StreamName, ShardToSplit, NewStartingHashKey: middle }
  await client.send(new SplitShardCommand(change))
  await eventually(
    async () => {
      const { Shards = [] } = await client.send(new ListShardsCommand({ StreamName }))
      return Shards.length === 3 ? true : undefined
    },
    () => `${StreamName} to be split`,
  )
}

/** What a shard has once it is read to its end: markers of a transaction are written behind the answer to its end. */
function readToEnd(StreamName: string): Promise<readonly string[]> {
  return eventually(
    async () => {
      const { values, ChildShards } = await read(StreamName)
      return ChildShards?.length === 2 ? values : undefined
    },
    () => `the end of the closed shard of ${StreamName}`,
  )
}

async function producerOf(transactionalId: string): Promise<Producer> {
  // kafkajs drops what is for a partition that it has not heard of: it is to ask before each send.
  const metadataMaxAge = 1
  const options = { transactionalId, metadataMaxAge, idempotent: true, maxInFlightRequests: 1 }
  const producer = kafka.producer(options)
  await producer.connect()
  onTestFinished(() => producer.disconnect())
  return producer
}

const message = (partition: number, value: string) => [{ partition, value }]

/** All of a shard, and its children where that is its end. */
async function read(StreamName: string, shard = 0) {
  const ShardId = `shardId-${String(shard).padStart(12, '0')}`
  const at = { StreamName, ShardId, ShardIteratorType: 'TRIM_HORIZON' } as const
  let { ShardIterator } = await client.send(new GetShardIteratorCommand(at))
  const values: string[] = []
  for (let call = 0; call < 100 && ShardIterator !== undefined; call++) {
    const answer = await client.send(new GetRecordsCommand({ ShardIterator }))
    const { Records = [], ChildShards, MillisBehindLatest, NextShardIterator } = answer
    values.push(...Records.map(({ Data }) => Buffer.from(Data ?? []).toString()))
    if (ChildShards !== undefined) return { values, ChildShards }
    // An open transaction holds back what is behind it.
    if (Records.length === 0 && MillisBehindLatest === 0) break
    ShardIterator = NextShardIterator
  }
  return { values, ChildShards: undefined }
}

async function has(topic: string, shard: number, values: readonly string[]): Promise<void> {
  let found: readonly string[] = []
  await eventually(
    async () => {
      found = (await read(topic, shard)).values
      return found.length === values.length ? true : undefined
    },
    () => `${values.join(', ')} in shard ${shard}`,
  )
  expect(found).toEqual(values)
}

test('a transaction that sends to a closed shard is told, aborts at once, and its producer goes on', async () => {
  const topic = 'told'
  await createStream(topic)
  await split(topic)
  const producer = await producerOf(topic)
  const failing = await producer.transaction()
  await failing.send({ topic, messages: message(1, 'given up') })
  const late = failing.send({ topic, messages: message(0, 'late') })
  await expect(late).rejects.toMatchObject({ type: 'INVALID_RECORD' })
  await failing.abort()
  const next = await producer.transaction()
  await next.send({ topic, messages: message(1, 'kept') })
  await next.commit()
  expect(await readToEnd(topic)).toEqual([])
  await has(topic, 1, ['kept'])
})

test.each([
  ['commits', ['before', 'in the shard']],
  ['aborts', ['before']],
])(
  'a transaction %s after its shard was closed, and readers come to its end',
  async (end, values) => {
    const topic = `end-${end}`
    await createStream(topic)
    const plain = kafka.producer()
    await plain.connect()
    await plain.send({ topic, messages: message(0, 'before') })
    await plain.disconnect()
    const producer = await producerOf(topic)
    const transaction = await producer.transaction()
    await transaction.send({ topic, messages: message(0, 'in the shard') })
    await split(topic)
    await transaction.send({ topic, messages: message(2, 'in its child') })
    // Its end is not there as long as nobody knows what becomes of the last record.
    expect(await read(topic)).toEqual({ values: ['before'], ChildShards: undefined })
    await (end === 'commits' ? transaction.commit() : transaction.abort())
    expect(await readToEnd(topic)).toEqual(values)
    await has(topic, 2, end === 'commits' ? ['in its child'] : [])
  },
)
