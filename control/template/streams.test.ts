// Tests that streams of a template are made, and brought to what it says, against a Kinesis API in memory.
import { expect, test } from 'vitest'
import { systemClock } from '../../common/clock.ts'
import { FakeKinesis, fakeStreamArn } from '../../test/support/fake-kinesis.ts'
import type { PlannedStream } from './plan.ts'
import { KinesisStreams } from './streams.ts'

const planned: PlannedStream = {
  name: 'telemetry',
  arn: fakeStreamArn,
  line: 1,
  shardCount: 2,
  retentionHours: 24,
}

function streams(fake: FakeKinesis, kinesisEndpoint = ''): KinesisStreams {
  return new KinesisStreams({ kinesisEndpoint, own: fake.url }, systemClock)
}

const changes = (fake: FakeKinesis): readonly string[] =>
  fake.calls.map(({ operation }) => operation).filter((each) => each !== 'DescribeStreamSummary')

test('a stream that is not there is made with its shards, and its retention set', async () => {
  const fake = await FakeKinesis.start()
  fake.isThere = false
  const stream = { ...planned, retentionHours: 48, maxRecordKib: 2048, tags: { team: 'pit' } }
  expect(await streams(fake).ensure(stream)).toEqual({ action: 'created', warnings: [] })
  expect(fake.inputs('CreateStream')).toEqual([
    {
      StreamName: 'telemetry',
      StreamModeDetails: { StreamMode: 'PROVISIONED' },
      ShardCount: 2,
      MaxRecordSizeInKiB: 2048,
      Tags: { team: 'pit' },
    },
  ])
  expect(fake.inputs('IncreaseStreamRetentionPeriod')).toEqual([
    { StreamARN: fakeStreamArn, RetentionPeriodHours: 48 },
  ])
  expect(await streams(fake).ensure(stream)).toEqual({ action: 'unchanged', warnings: [] })
  expect(changes(fake)).toEqual(['CreateStream', 'IncreaseStreamRetentionPeriod'])
})

test('a stream that is there gets the shards and the retention that the template says', async () => {
  const fake = await FakeKinesis.start()
  fake.shard(0)
  fake.summary = { RetentionPeriodHours: 72 }
  expect(await streams(fake).ensure(planned)).toEqual({ action: 'updated', warnings: [] })
  expect(changes(fake)).toEqual(['DecreaseStreamRetentionPeriod', 'UpdateShardCount'])
  expect(fake.inputs('UpdateShardCount')).toEqual([
    { StreamARN: fakeStreamArn, TargetShardCount: 2, ScalingType: 'UNIFORM_SCALING' },
  ])
})

test('a stream of another mode is left as it is, and named', async () => {
  const fake = await FakeKinesis.start()
  fake.shard(0)
  fake.summary = { StreamModeDetails: { StreamMode: 'ON_DEMAND' } }
  expect(await streams(fake).ensure(planned)).toEqual({
    action: 'unchanged',
    warnings: ['stream telemetry is ON_DEMAND, not PROVISIONED: it is left as it is'],
  })
  expect(changes(fake)).toEqual([])
})

test('what the API refuses is a refusal with its words', async () => {
  const fake = await FakeKinesis.start()
  fake.shard(0)
  fake.refuse = ({ operation }) =>
    operation === 'UpdateShardCount'
      ? { code: 'LimitExceededException', message: 'ten a day' }
      : undefined
  expect(await streams(fake).ensure(planned)).toEqual({
    action: 'refused',
    reason: 'LimitExceededException: ten a day',
  })
})

test('a stream of AWS is not made, since it costs money', async () => {
  const fake = await FakeKinesis.start()
  expect(await streams(fake, 'aws').ensure(planned)).toEqual({
    action: 'unchanged',
    warnings: ["stream telemetry is AWS's to have: whoever pays for it makes it"],
  })
  expect(fake.calls).toEqual([])
})

test('nobody at the door is an error to be tried again', async () => {
  const none = new KinesisStreams({ kinesisEndpoint: '', own: 'http://127.0.0.1:1' }, systemClock)
  await expect(none.ensure(planned)).rejects.toMatchObject({ code: 'KINESIS_UNREACHABLE' })
})

const consumer = {
  name: 'pit-wall',
  streamArn: fakeStreamArn,
  plannedArn: `${fakeStreamArn}/consumer/pit-wall:0`,
  line: 1,
}
const consumerArn = `${fakeStreamArn}/consumer/pit-wall:1700000000`

test('a consumer is registered once, and known by the ARN that it was given', async () => {
  const fake = await FakeKinesis.start()
  const tagged = { ...consumer, tags: { team: 'pit' } }
  expect(await streams(fake).register(tagged)).toEqual({ action: 'created', arn: consumerArn })
  const { name: ConsumerName, tags: Tags } = tagged
  expect(fake.inputs('RegisterStreamConsumer')).toEqual([
    { StreamARN: fakeStreamArn, ConsumerName, Tags },
  ])
  expect(await streams(fake).register(tagged)).toEqual({ action: 'unchanged', arn: consumerArn })
  expect(fake.inputs('RegisterStreamConsumer')).toHaveLength(1)
})

test('a consumer of no stream is refused with the words of the API', async () => {
  const fake = await FakeKinesis.start()
  fake.isThere = false
  expect(await streams(fake).register(consumer)).toEqual({
    action: 'refused',
    reason: 'ResourceNotFoundException: not there',
  })
})
