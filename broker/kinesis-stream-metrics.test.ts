// Tests that streams are measured as AWS/Kinesis does, and their shards where that was asked for.
import {
  CreateStreamCommand,
  EnableEnhancedMonitoringCommand,
  GetRecordsCommand,
  GetShardIteratorCommand,
  PutRecordCommand,
  PutRecordsCommand,
  RegisterStreamConsumerCommand,
  SubscribeToShardCommand,
} from '@aws-sdk/client-kinesis'
import { expect, test } from 'vitest'
import { refusal, startKinesisForTest } from '../test/support/kinesis-harness.ts'
import { latencyStreamsMax } from '../common/stream-limits.ts'
import { collectStreams, streamMetricDefinitions } from './kinesis-stream-metrics.ts'

const StreamName = 'laps'
const ShardId = 'shardId-000000000000'

test('what is pushed is counted by consumer, and a subscription that comes too soon', async () => {
  const { client, clock, catalog } = await startKinesisForTest()
  clock.advance(1_764_000_000_000)
  await client.send(new CreateStreamCommand({ StreamName, ShardCount: 1 }))
  const StreamARN = `arn:aws:kinesis:us-east-1:000000000000:stream/${StreamName}`
  const registered = await client.send(
    new RegisterStreamConsumerCommand({ StreamARN, ConsumerName: 'pit' }),
  )
  const record = { Data: Buffer.from('data'), PartitionKey: 'k' }
  await client.send(new PutRecordsCommand({ StreamName, Records: [record, record] }))
  const { ConsumerARN } = registered.Consumer ?? {}
  const StartingPosition = { Type: 'TRIM_HORIZON' } as const
  const subscribe = () =>
    client.send(new SubscribeToShardCommand({ ConsumerARN, ShardId, StartingPosition }))
  const { EventStream: events } = await subscribe()
  if (events === undefined) throw new Error('there is no stream of events')
  for await (const { SubscribeToShardEvent: event } of events) {
    expect(event?.Records).toHaveLength(2)
    expect((await refusal(subscribe()))[0]).toBe('ResourceInUseException')
    break
  }
  const samples = collectStreams({ catalog, clock })
  const values = samples
    .filter(({ labels }) => labels['consumer'] === 'pit')
    .map(({ name, value }) => [name.replace('millrace_kinesis_consumer_', ''), value])
  expect(Object.fromEntries(values)).toEqual({
    subscribed_total: 1,
    subscriptions_refused_total: 1,
    events_total: 1,
    records_out_total: 2,
    bytes_out_total: 10,
    behind_seconds: 0,
  })
})

test('puts and reads are counted by stream, and by shard once enhanced monitoring asks for it', async () => {
  const { client, clock, catalog, store } = await startKinesisForTest()
  clock.advance(1_764_000_000_000)
  const metric = (name: string, labels: Record<string, string> = {}) =>
    collectStreams({ catalog, clock }).find(
      (sample) =>
        sample.name === name &&
        Object.entries(labels).every(([label, value]) => sample.labels[label] === value),
    )?.value
  await client.send(new CreateStreamCommand({ StreamName, ShardCount: 1 }))
  await store.createTopic('of-kafka', { partitions: 3 })
  await catalog.stream('of-kafka')
  const record = { Data: Buffer.from('data'), PartitionKey: 'k' }
  await client.send(new PutRecordCommand({ StreamName, ...record }))
  await client.send(new PutRecordsCommand({ StreamName, Records: [record, record] }))
  clock.advance(4000)
  const at = { StreamName, ShardId, ShardIteratorType: 'TRIM_HORIZON' } as const
  const { ShardIterator } = await client.send(new GetShardIteratorCommand(at))
  await client.send(new GetRecordsCommand({ ShardIterator, Limit: 2 }))
  expect(metric('millrace_kinesis_stream_records_in_total', { stream: StreamName })).toBe(3)
  expect(metric('millrace_kinesis_stream_bytes_in_total')).toBe(15)
  expect(metric('millrace_kinesis_stream_records_out_total')).toBe(2)
  expect(metric('millrace_kinesis_stream_iterator_age_seconds')).toBe(4)
  expect(metric('millrace_kinesis_put_records_total', { outcome: 'succeeded' })).toBe(2)
  for (const operation of ['PutRecord', 'PutRecords', 'GetRecords']) {
    const labels = { operation, outcome: 'succeeded' }
    expect(metric('millrace_kinesis_stream_calls_total', labels)).toBe(1)
    const latency = metric('millrace_kinesis_stream_call_duration_seconds', { operation })
    expect(latency).toMatchObject({ count: 1, sum: expect.closeTo(0.5, 0) as number })
  }
  const bytesBy = (operation: string) =>
    metric('millrace_kinesis_stream_put_bytes_total', { operation })
  expect([bytesBy('PutRecord'), bytesBy('PutRecords')]).toEqual([5, 10])
  const idle = { stream: 'of-kafka' }
  expect(metric('millrace_kinesis_stream_call_duration_seconds', idle)).toBeUndefined()
  expect(metric('millrace_kinesis_stream_open_shards', { stream: 'of-kafka' })).toBe(3)
  expect(metric('millrace_kinesis_stream_records_in_total', { stream: 'of-kafka' })).toBeUndefined()
  expect(metric('millrace_kinesis_shard_records_in_total')).toBeUndefined()
  const ShardLevelMetrics = ['IncomingRecords' as const]
  await client.send(new EnableEnhancedMonitoringCommand({ StreamName, ShardLevelMetrics }))
  expect(metric('millrace_kinesis_shard_records_in_total', { shard: ShardId })).toBe(3)
  expect(metric('millrace_kinesis_shard_bytes_in_total')).toBeUndefined()
  clock.advance(61_000)
  expect(metric('millrace_kinesis_stream_iterator_age_seconds')).toBeUndefined()
  const defined = new Set(streamMetricDefinitions.map(({ name }) => name))
  for (const { name } of collectStreams({ catalog, clock })) expect(defined).toContain(name)
})

test('times of calls are kept of a bounded number of streams, everything else of all', async () => {
  const { catalog, clock, store } = await startKinesisForTest()
  const count = latencyStreamsMax + 2
  for (let index = 0; index < count; index++) {
    await store.createTopic(`topic-${index}`, { partitions: 1 })
    const stream = await catalog.stream(`topic-${index}`)
    stream?.counters.called('PutRecord', true, 0.003)
  }
  const samples = collectStreams({ catalog, clock })
  const named = (name: string) => samples.filter((sample) => sample.name === name)
  const times = named('millrace_kinesis_stream_call_duration_seconds')
  expect(times).toHaveLength(latencyStreamsMax)
  expect(times[0]?.value).toMatchObject({ cumulative: [0, 0, 1, 1, 1, 1, 1, 1, 1, 1] })
  expect(named('millrace_kinesis_stream_open_shards')).toHaveLength(count)
})
