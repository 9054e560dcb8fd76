// Tests the Kinesis API with the AWS SDK as an application uses it: over HTTP/2 and HTTP/1.1, at its own port and at the AWS port.
import {
  CreateStreamCommand,
  GetRecordsCommand,
  GetShardIteratorCommand,
  KinesisClient,
  PutRecordCommand,
  PutRecordsCommand,
} from '@aws-sdk/client-kinesis'
import { NodeHttp2Handler, NodeHttpHandler } from '@smithy/node-http-handler'
import { Kafka, logLevel } from 'kafkajs'
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest'
import { startPlatform, type Platform } from '../support/platform.ts'

const StreamName = 'laps'
const access = {
  region: 'us-east-1',
  credentials: { accessKeyId: 'test', secretAccessKey: 'test' },
  maxAttempts: 1,
}
let platform: Platform
let kafka: Kafka

beforeAll(async () => {
  platform = await startPlatform()
  kafka = new Kafka({ brokers: [platform.kafka], logLevel: logLevel.NOTHING })
  const client = new KinesisClient({ ...access, endpoint: platform.doors['kinesis'] ?? '' })
  await client.send(new CreateStreamCommand({ StreamName, ShardCount: 4 }))
  client.destroy()
})
afterAll(async () => {
  await platform.stop()
})

const ways = [
  ['HTTP/2', 'kinesis'],
  ['HTTP/1.1', 'kinesis'],
  ['HTTP/2', 'aws'],
  ['HTTP/1.1', 'aws'],
] as const

function clientOf(version: (typeof ways)[number][0], door: 'kinesis' | 'aws'): KinesisClient {
  const client = new KinesisClient({
    ...access,
    endpoint: platform.doors[door] ?? '',
    requestHandler: version === 'HTTP/2' ? new NodeHttp2Handler() : new NodeHttpHandler(),
  })
  onTestFinished(() => client.destroy())
  return client
}

const textOf = (data: Uint8Array | undefined): string => Buffer.from(data ?? []).toString()

async function iterator(client: KinesisClient, ShardId: string, after?: string): Promise<string> {
  const { ShardIterator = '' } = await client.send(
    new GetShardIteratorCommand({
      StreamName,
      ShardId,
      ...(after === undefined
        ? { ShardIteratorType: 'TRIM_HORIZON' }
        : { ShardIteratorType: 'AFTER_SEQUENCE_NUMBER', StartingSequenceNumber: after }),
    }),
  )
  return ShardIterator
}

test.each(ways)('over %s at the %s door records are put and read', async (version, door) => {
  const client = clientOf(version, door)
  const startedMs = Date.now()
  const one = await client.send(
    new PutRecordCommand({ StreamName, Data: Buffer.from('Runde 1 – ä'), PartitionKey: 'Wagen ä' }),
  )
  expect(one.ShardId).toMatch(/^shardId-\d{12}$/)
  const Records = Array.from({ length: 500 }, (_, lap) => ({
    Data: Buffer.alloc(1024, lap % 256),
    PartitionKey: `${version} ${door} ${lap}`,
  }))
  const many = await client.send(new PutRecordsCommand({ StreamName, Records }))
  expect(many.FailedRecordCount).toBe(0)
  const ShardIterator = await iterator(client, one.ShardId ?? '')
  const read = await client.send(new GetRecordsCommand({ ShardIterator }))
  const record = read.Records?.find((each) => each.SequenceNumber === one.SequenceNumber)
  expect([textOf(record?.Data), record?.PartitionKey]).toEqual(['Runde 1 – ä', 'Wagen ä'])
  const arrivedMs = record?.ApproximateArrivalTimestamp?.getTime() ?? 0
  expect(arrivedMs).toBeGreaterThanOrEqual(startedMs)
  const due = new Map(
    many.Records?.flatMap(({ ShardId, SequenceNumber = '' }, lap) =>
      ShardId === one.ShardId ? [[SequenceNumber, lap % 256] as const] : [],
    ),
  )
  const found = read.Records?.filter(({ SequenceNumber = '' }) => due.has(SequenceNumber)) ?? []
  expect(found.map(({ Data }) => Data?.[1023])).toEqual([...due.values()])
  expect(read.MillisBehindLatest).toBe(0)
  const next = new GetRecordsCommand({ ShardIterator: read.NextShardIterator })
  expect((await client.send(next)).Records).toEqual([])
})

test.each(ways)('over %s at the %s door errors have their names', async (version, door) => {
  const client = clientOf(version, door)
  const refused = async (command: PutRecordCommand | GetRecordsCommand): Promise<unknown> =>
    client.send(command as PutRecordCommand).then(
      () => 'nothing',
      (error: unknown) => error,
    )
  const Data = Buffer.from('x')
  expect(
    await refused(new PutRecordCommand({ StreamName: 'races', Data, PartitionKey: 'k' })),
  ).toMatchObject({
    name: 'ResourceNotFoundException',
    message: 'Stream races under account 000000000000 not found.',
    $metadata: { httpStatusCode: 400, requestId: expect.stringMatching(/^[0-9a-f-]{36}$/) },
  })
  expect(await refused(new GetRecordsCommand({ ShardIterator: 'AAAA' }))).toMatchObject({
    name: 'InvalidArgumentException',
    message: 'Invalid ShardIterator.',
  })
  expect(await refused(new PutRecordCommand({ StreamName, Data, PartitionKey: '' }))).toMatchObject(
    { name: 'ValidationException' },
  )
  const large = Buffer.alloc(13 * 1024 * 1024)
  expect(
    await refused(new PutRecordCommand({ StreamName, Data: large, PartitionKey: 'k' })),
  ).toMatchObject({ $metadata: { httpStatusCode: 413 } })
})

test('a Kinesis consumer reads what a Kafka producer wrote, and the other way round', async () => {
  const client = clientOf('HTTP/2', 'kinesis')
  const producer = kafka.producer()
  await producer.connect()
  const [sent] = await producer.send({
    topic: StreamName,
    messages: [{ key: 'car-1', value: 'from Kafka', partition: 2 }],
  })
  await producer.disconnect()
  const put = await client.send(
    new PutRecordCommand({
      StreamName,
      Data: Buffer.from('from Kinesis'),
      PartitionKey: 'car-2',
      ExplicitHashKey: (2n ** 127n).toString(),
    }),
  )
  expect(put.ShardId).toBe('shardId-000000000002')
  const read = await client.send(
    new GetRecordsCommand({ ShardIterator: await iterator(client, 'shardId-000000000002') }),
  )
  const last = read.Records?.slice(-2).map(({ Data, PartitionKey }) => [PartitionKey, textOf(Data)])
  expect(last).toEqual([
    ['car-1', 'from Kafka'],
    ['car-2', 'from Kinesis'],
  ])
  const consumer = kafka.consumer({ groupId: 'g' })
  await consumer.connect()
  await consumer.subscribe({ topic: StreamName })
  const message = await new Promise<{ key: string; value: string }>((resolve) => {
    const offset = String(Number(sent?.baseOffset) + 1)
    void consumer.run({
      eachMessage: async ({ partition, message: { key, value, offset: at } }) => {
        if (partition === 2 && at === offset) resolve({ key: String(key), value: String(value) })
      },
    })
    consumer.seek({ topic: StreamName, partition: 2, offset })
  })
  await consumer.disconnect()
  expect(message).toEqual({ key: 'car-2', value: 'from Kinesis' })
})

test('what was acknowledged is there after a kill, and iterators go on', async () => {
  const client = clientOf('HTTP/1.1', 'kinesis')
  const Records = Array.from({ length: 200 }, (_, i) => ({
    Data: Buffer.from(`${i}`),
    PartitionKey: 'one shard',
  }))
  const { Records: put = [] } = await client.send(new PutRecordsCommand({ StreamName, Records }))
  const ShardIterator = await iterator(client, put[0]?.ShardId ?? '', put[99]?.SequenceNumber)
  const { dataDir } = platform
  await platform.kill9()
  platform = await startPlatform({ dataDir })
  const later = clientOf('HTTP/1.1', 'kinesis')
  const read = await later.send(new GetRecordsCommand({ ShardIterator }))
  expect(read.Records?.map(({ Data }) => textOf(Data))).toEqual(
    Array.from({ length: 100 }, (_, i) => `${i + 100}`),
  )
})
