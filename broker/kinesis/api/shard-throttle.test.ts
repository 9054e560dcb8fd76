// Tests that AWS's limits of shards and calls hold where they are to, record by record, in AWS's words.
import {
  AddTagsToStreamCommand,
  CreateStreamCommand,
  DescribeStreamCommand,
  GetRecordsCommand,
  GetShardIteratorCommand,
  ListTagsForStreamCommand,
  PutRecordCommand,
  PutRecordsCommand,
  type KinesisClient,
} from '@aws-sdk/client-kinesis'
import { expect, test } from 'vitest'
import { refusal, startKinesisForTest } from '../../../test/support/kinesis-harness.ts'

const StreamName = 'laps'
const text =
  'Rate exceeded for shard shardId-000000000000 in stream laps under account 000000000000.'
const exceeded = ['ProvisionedThroughputExceededException', text]

async function start(pace: 'local' | 'aws') {
  const harness = await startKinesisForTest({ pace })
  harness.clock.advance(1_764_000_000_000)
  await harness.client.send(new CreateStreamCommand({ StreamName, ShardCount: 1 }))
  return harness
}

const put = (client: KinesisClient, count: number, Data = Buffer.from('x')) =>
  client.send(
    new PutRecordsCommand({
      StreamName,
      Records: Array.from({ length: count }, () => ({ Data, PartitionKey: 'k' })),
    }),
  )

async function iteratorOf(client: KinesisClient): Promise<string | undefined> {
  const ShardId = 'shardId-000000000000'
  const at = { StreamName, ShardId, ShardIteratorType: 'TRIM_HORIZON' } as const
  const { ShardIterator } = await client.send(new GetShardIteratorCommand(at))
  return ShardIterator
}

test('above 1,000 records a second those that are too many fail, and the others are there', async () => {
  const { client, clock, catalog } = await start('aws')
  await put(client, 500)
  await put(client, 450)
  const { FailedRecordCount, Records = [] } = await put(client, 100)
  expect(FailedRecordCount).toBe(50)
  expect(Records.slice(0, 50).every(({ SequenceNumber }) => SequenceNumber !== undefined)).toBe(
    true,
  )
  expect(Records[50]).toEqual({ ErrorCode: exceeded[0], ErrorMessage: text })
  const single = { StreamName, Data: Buffer.from('x'), PartitionKey: 'k' }
  expect(await refusal(client.send(new PutRecordCommand(single)))).toEqual(exceeded)
  expect(catalog.known(StreamName)?.shards[0]?.partition.logEndOffset).toBe(1000)
  clock.advance(100)
  expect((await put(client, 101)).FailedRecordCount).toBe(1)
  expect(catalog.known(StreamName)?.counters.putRecords).toEqual({
    succeeded: 1100,
    failed: 0,
    throttled: 51,
  })
})

test('bytes count with their keys, and a record above a second’s worth is paid off', async () => {
  const { client, clock } = await start('aws')
  const halfMiB = Buffer.alloc(512 * 1024 - 1)
  expect((await put(client, 3, halfMiB)).FailedRecordCount).toBe(1)
  clock.advance(500)
  expect((await put(client, 1, halfMiB)).FailedRecordCount).toBe(0)
})

test('five reads a second, and none while 10 MiB are paid off', async () => {
  const { client, clock, catalog } = await start('aws')
  const ShardIterator = await iteratorOf(client)
  const read = () => client.send(new GetRecordsCommand({ ShardIterator }))
  for (let left = 5; left > 0; left--) await read()
  expect(await refusal(read())).toEqual(exceeded)
  clock.advance(200)
  await read()
  const large = Buffer.alloc(1024 * 1024 - 1)
  for (let left = 9; left > 0; left--) {
    clock.advance(1000)
    expect((await put(client, 1, large)).FailedRecordCount).toBe(0)
  }
  expect((await read()).Records).toHaveLength(9)
  // Two of the nine MiB were saved up; the others take three and a half seconds.
  clock.advance(3000)
  expect(await refusal(read())).toEqual(exceeded)
  clock.advance(600)
  await read()
  expect(catalog.known(StreamName)?.counters.shard(0)).toMatchObject({
    readsRefused: 2,
    recordsOut: 18,
  })
})

test('in pace local nothing is held back, until the stream’s own tag says so, and the other way about', async () => {
  const local = await start('local')
  for (let left = 3; left > 0; left--)
    expect((await put(local.client, 500)).FailedRecordCount).toBe(0)
  const tag = (value: string) =>
    new AddTagsToStreamCommand({ StreamName, Tags: { 'millrace:shard-limits': value } })
  await local.client.send(tag('on'))
  await put(local.client, 500)
  await put(local.client, 500)
  expect((await put(local.client, 500)).FailedRecordCount).toBe(500)
  const aws = await start('aws')
  await aws.client.send(tag('off'))
  for (let left = 3; left > 0; left--)
    expect((await put(aws.client, 500)).FailedRecordCount).toBe(0)
})

test('calls are answered as often as AWS answers them, by account, stream or shard', async () => {
  const { client, clock } = await start('aws')
  const describe = () => client.send(new DescribeStreamCommand({ StreamName }))
  for (let left = 10; left > 0; left--) await describe()
  const limit = [
    'LimitExceededException',
    'Rate exceeded for stream laps under account 000000000000.',
  ]
  expect(await refusal(describe())).toEqual(limit)
  clock.advance(100)
  await describe()
  const StreamARN = `arn:aws:kinesis:us-east-1:000000000000:stream/${StreamName}`
  const tags = () => client.send(new ListTagsForStreamCommand({ StreamARN }))
  for (let left = 5; left > 0; left--) await tags()
  expect(await refusal(tags())).toEqual(limit)
  for (let left = 5; left > 0; left--) await iteratorOf(client)
  expect(await refusal(iteratorOf(client))).toEqual(exceeded)
  const local = await start('local')
  for (let left = 20; left > 0; left--) {
    await local.client.send(new DescribeStreamCommand({ StreamName }))
    await iteratorOf(local.client)
  }
})
