// A tour of streams and their shards with the AWS SDK: every operation, and what each of them is refused for.
import {
  AddTagsToStreamCommand,
  CreateChannelCommand,
  CreateStreamCommand,
  DecreaseStreamRetentionPeriodCommand,
  DeleteResourcePolicyCommand,
  DeleteStreamCommand,
  DescribeAccountSettingsCommand,
  DescribeChannelCommand,
  DescribeLimitsCommand,
  DescribeStreamCommand,
  DescribeStreamSummaryCommand,
  DisableEnhancedMonitoringCommand,
  EnableEnhancedMonitoringCommand,
  GetResourcePolicyCommand,
  IncreaseStreamRetentionPeriodCommand,
  ListChannelsCommand,
  ListShardsCommand,
  ListStreamsCommand,
  ListTagsForResourceCommand,
  ListTagsForStreamCommand,
  MergeShardsCommand,
  PutResourcePolicyCommand,
  RegisterStreamConsumerCommand,
  RemoveTagsFromStreamCommand,
  SplitShardCommand,
  StartStreamEncryptionCommand,
  StopStreamEncryptionCommand,
  TagResourceCommand,
  UntagResourceCommand,
  UpdateAccountSettingsCommand,
  UpdateMaxRecordSizeCommand,
  UpdateShardCountCommand,
  UpdateStreamModeCommand,
  UpdateStreamRecordDistributionStrategyCommand,
  UpdateStreamWarmThroughputCommand,
  type CreateStreamCommandInput,
  type Shard,
} from '@aws-sdk/client-kinesis'
import { expect, test } from 'vitest'
import { dayMs } from '../../../common/stream-limits.ts'
import { eventually } from '../../../test/support/eventually.ts'
import { Consumers } from '../streams/consumers.ts'
import {
  refusal,
  startKinesisForTest,
  type KinesisHarness,
} from '../../../test/support/kinesis-harness.ts'

const StreamName = 'orders'
const StreamARN = 'arn:aws:kinesis:us-east-1:000000000000:stream/orders'
const half = 2n ** 127n

async function start(change: Partial<CreateStreamCommandInput> = {}): Promise<KinesisHarness> {
  const harness = await startKinesisForTest()
  await create(harness, change)
  return harness
}

const create = ({ client }: KinesisHarness, change: Partial<CreateStreamCommandInput> = {}) =>
  client.send(new CreateStreamCommand({ StreamName, ShardCount: 2, ...change }))

const summary = async ({ client }: KinesisHarness) =>
  (await client.send(new DescribeStreamSummaryCommand({ StreamName }))).StreamDescriptionSummary

async function shards({ client }: KinesisHarness): Promise<readonly Shard[]> {
  return (await client.send(new ListShardsCommand({ StreamName }))).Shards ?? []
}

const ids = (list: readonly Shard[] = []): string[] => list.map(({ ShardId = '' }) => ShardId)
const id = (index: number): string => `shardId-${String(index).padStart(12, '0')}`

/** Resolves when what was asked of the stream is done. */
async function active(harness: KinesisHarness): Promise<void> {
  await eventually(
    async () => ((await summary(harness))?.StreamStatus === 'ACTIVE' ? true : undefined),
    () => 'the stream to be active',
  )
}

test('a stream is described as it was made, with what AWS gives it by itself', async () => {
  const harness = await start({ Tags: { team: 'pit' } })
  const { client } = harness
  const { StreamDescription } = await client.send(new DescribeStreamCommand({ StreamName }))
  expect(StreamDescription).toEqual({
    StreamName,
    StreamARN,
    StreamStatus: 'ACTIVE',
    StreamModeDetails: { StreamMode: 'PROVISIONED' },
    StreamCreationTimestamp: expect.any(Date) as Date,
    RetentionPeriodHours: 24,
    EnhancedMonitoring: [{ ShardLevelMetrics: [] }],
    EncryptionType: 'NONE',
    HasMoreShards: false,
    Shards: [0, 1].map((index) => ({
      ShardId: id(index),
      HashKeyRange: {
        StartingHashKey: String(BigInt(index) * half),
        EndingHashKey: String(BigInt(index + 1) * half - 1n),
      },
      SequenceNumberRange: {
        StartingSequenceNumber: expect.stringMatching(/^49\d{54}$/) as string,
      },
    })),
  })
  expect(await summary(harness)).toMatchObject({
    OpenShardCount: 2,
    ConsumerCount: 0,
    MaxRecordSizeInKiB: 1024,
    RecordDistributionStrategy: 'USER_PARTITION_KEY',
  })
  const byArn = await client.send(new DescribeStreamCommand({ StreamARN, Limit: 1 }))
  expect(byArn.StreamDescription?.HasMoreShards).toBe(true)
  const after = { StreamName, ExclusiveStartShardId: id(0) }
  const rest = await client.send(new DescribeStreamCommand(after))
  expect(ids(rest.StreamDescription?.Shards)).toEqual([id(1)])
  expect(await client.send(new DescribeLimitsCommand({}))).toMatchObject({
    OpenShardCount: 2,
    OnDemandStreamCount: 0,
  })
})

test('on-demand streams start with four shards, and are not resharded by hand', async () => {
  const mode = { StreamModeDetails: { StreamMode: 'ON_DEMAND' }, ShardCount: undefined } as const
  const harness = await start(mode)
  expect(await summary(harness)).toMatchObject({
    OpenShardCount: 4,
    StreamModeDetails: { StreamMode: 'ON_DEMAND' },
  })
  const count = { StreamName, TargetShardCount: 8, ScalingType: 'UNIFORM_SCALING' } as const
  expect(await refusal(harness.client.send(new UpdateShardCountCommand(count)))).toEqual([
    'ValidationException',
    'Request is invalid. Stream orders under account 000000000000 is in On-Demand mode.',
  ])
})

test('names come in pages, and a topic of a Kafka client is a stream among them', async () => {
  const harness = await start()
  const { client, store, clock } = harness
  await store.createTopic('laps', { partitions: 3 })
  await store.createTopic('own', { partitions: 1, internal: true })
  const all = await client.send(new ListStreamsCommand({}))
  expect(all).toMatchObject({ StreamNames: ['laps', 'orders'], HasMoreStreams: false })
  const first = await client.send(new ListStreamsCommand({ Limit: 1 }))
  expect(first).toMatchObject({ StreamNames: ['laps'], HasMoreStreams: true })
  const { NextToken } = first
  const second = await client.send(new ListStreamsCommand({ NextToken }))
  expect(second.StreamNames).toEqual(['orders'])
  const laps = await client.send(new ListShardsCommand({ StreamName: 'laps' }))
  expect(laps.Shards).toHaveLength(3)
  clock.advance(300_001)
  const late = client.send(new ListStreamsCommand({ NextToken }))
  expect((await refusal(late))[0]).toBe('ExpiredNextTokenException')
  const forged = client.send(new ListStreamsCommand({ NextToken: 'AAAA' }))
  expect(await refusal(forged)).toEqual(['InvalidArgumentException', 'NextToken is invalid.'])
})

test('a split and a merge close their shards and name the parents', async () => {
  const harness = await start()
  const { client } = harness
  const quarter = String(half / 2n)
  const split = { StreamName, ShardToSplit: id(0), NewStartingHashKey: quarter }
  await client.send(new SplitShardCommand(split))
  await active(harness)
  const merge = { StreamName, ShardToMerge: id(3), AdjacentShardToMerge: id(1) }
  await client.send(new MergeShardsCommand(merge))
  await active(harness)
  const listed = await shards(harness)
  expect(ids(listed)).toEqual([0, 1, 2, 3, 4].map(id))
  const closed = listed.filter(({ SequenceNumberRange: range }) => range?.EndingSequenceNumber)
  expect(ids(closed)).toEqual([0, 1, 3].map(id))
  expect(listed[2]).toMatchObject({
    ParentShardId: id(0),
    HashKeyRange: { StartingHashKey: '0', EndingHashKey: String(half / 2n - 1n) },
  })
  expect(listed[4]).toMatchObject({
    ParentShardId: id(3),
    AdjacentParentShardId: id(1),
    HashKeyRange: { StartingHashKey: quarter, EndingHashKey: String(2n * half - 1n) },
  })
  const filtered = async (Type: 'AT_LATEST' | 'AFTER_SHARD_ID' | 'AT_TRIM_HORIZON') => {
    const ShardFilter = { Type, ...(Type === 'AFTER_SHARD_ID' ? { ShardId: id(2) } : {}) }
    return ids((await client.send(new ListShardsCommand({ StreamName, ShardFilter }))).Shards)
  }
  expect(await filtered('AT_LATEST')).toEqual([id(2), id(4)])
  expect(await filtered('AFTER_SHARD_ID')).toEqual([id(3), id(4)])
  expect(await filtered('AT_TRIM_HORIZON')).toEqual([id(0), id(1)])
})

test('a count of shards is reached by splits and merges, ten times a day', async () => {
  const harness = await start({ ShardCount: 4 })
  const { client, clock } = harness
  const resize = (TargetShardCount: number) =>
    client.send(
      new UpdateShardCountCommand({ StreamName, TargetShardCount, ScalingType: 'UNIFORM_SCALING' }),
    )
  const counts = [8, 4, 3, 6, 5, 5, 5, 5, 5, 5]
  for (const count of counts) {
    expect(await resize(count)).toMatchObject({ StreamName, TargetShardCount: count })
    await active(harness)
    expect((await summary(harness))?.OpenShardCount).toBe(count)
  }
  expect((await refusal(resize(5)))[0]).toBe('LimitExceededException')
  clock.advance(86_400_000)
  await resize(5)
})

test('pages of shards follow each other by token alone', async () => {
  const harness = await start({ ShardCount: 5 })
  const { client } = harness
  const first = await client.send(new ListShardsCommand({ StreamName, MaxResults: 3 }))
  expect(ids(first.Shards)).toEqual([0, 1, 2].map(id))
  const { NextToken } = first
  const second = await client.send(new ListShardsCommand({ NextToken }))
  expect(ids(second.Shards)).toEqual([3, 4].map(id))
  expect(second.NextToken).toBeUndefined()
  const both = client.send(new ListShardsCommand({ NextToken, StreamName }))
  expect((await refusal(both))[0]).toBe('InvalidArgumentException')
})

test('a token that was made up is refused, whatever is in it', async () => {
  const { client, clock } = await start()
  const list = { stream: { StreamName }, filter: {} }
  const texts = [
    '{',
    '[]',
    'null',
    JSON.stringify({ stream: { StreamName } }),
    JSON.stringify({ ...list, stream: { StreamName: 1 } }),
    JSON.stringify({ ...list, filter: { Timestamp: 'now' } }),
  ]
  const made = (after: string, of: string) =>
    Buffer.from(JSON.stringify(['shards', clock.now(), after, of])).toString('base64url')
  const tokens = [...texts.map((text) => made('0', text)), made('x', JSON.stringify(list))]
  for (const NextToken of tokens) {
    const call = client.send(new ListShardsCommand({ NextToken }))
    expect(await refusal(call)).toEqual(['InvalidArgumentException', 'NextToken is invalid.'])
  }
})

test('a closed shard without a record is listed as long as one would be kept that came last', async () => {
  const harness = await start({ ShardCount: 1 })
  const { client, clock } = harness
  const split = { StreamName, ShardToSplit: id(0), NewStartingHashKey: String(half) }
  await client.send(new SplitShardCommand(split))
  await active(harness)
  clock.advance(24 * 3_600_000)
  expect(ids(await shards(harness))).toEqual([0, 1, 2].map(id))
  clock.advance(1)
  expect(ids(await shards(harness))).toEqual([1, 2].map(id))
})

test('retention is the topic’s own, between a day and a year', async () => {
  const harness = await start()
  const { client, store } = harness
  const more = (RetentionPeriodHours: number) =>
    client.send(new IncreaseStreamRetentionPeriodCommand({ StreamName, RetentionPeriodHours }))
  const less = (RetentionPeriodHours: number) =>
    client.send(new DecreaseStreamRetentionPeriodCommand({ StreamName, RetentionPeriodHours }))
  await more(8760)
  expect(store.topic(StreamName)?.configs['retention.ms']).toBe(String(8760 * 3_600_000))
  expect((await summary(harness))?.RetentionPeriodHours).toBe(8760)
  expect(await refusal(more(8761))).toEqual([
    'InvalidArgumentException',
    'Maximum allowed retention period is 8760 hours. Requested retention period (8761 hours) is too long.',
  ])
  await less(24)
  expect(await refusal(less(23))).toEqual([
    'InvalidArgumentException',
    'Minimum allowed retention period is 24 hours. Requested retention period (23 hours) is too short.',
  ])
  expect((await refusal(less(48)))[1]).toContain('can not be longer than existing retention period')
  expect((await refusal(more(23)))[1]).toContain('can not be shorter than existing')
})

test('tags are put, listed and taken away, by stream and by resource', async () => {
  const { client } = await start()
  await client.send(new AddTagsToStreamCommand({ StreamName, Tags: { b: '2', a: '1' } }))
  await client.send(new TagResourceCommand({ ResourceARN: StreamARN, Tags: { c: '' } }))
  const page = await client.send(new ListTagsForStreamCommand({ StreamName, Limit: 2 }))
  expect(page).toMatchObject({
    HasMoreTags: true,
    Tags: [
      { Key: 'a', Value: '1' },
      { Key: 'b', Value: '2' },
    ],
  })
  await client.send(new RemoveTagsFromStreamCommand({ StreamName, TagKeys: ['a', 'none'] }))
  await client.send(new UntagResourceCommand({ ResourceARN: StreamARN, TagKeys: ['b'] }))
  const left = await client.send(new ListTagsForResourceCommand({ ResourceARN: StreamARN }))
  expect(left.Tags).toEqual([{ Key: 'c', Value: '' }])
  const many = Object.fromEntries(Array.from({ length: 50 }, (_, i) => [`k${i}`, '']))
  const tooMany = client.send(new AddTagsToStreamCommand({ StreamName, Tags: many }))
  expect((await refusal(tooMany))[0]).toBe('InvalidArgumentException')
  const odd = client.send(new AddTagsToStreamCommand({ StreamName, Tags: { 'a#': '1' } }))
  expect((await refusal(odd))[1]).toContain('Some tags contain invalid characters.')
  const wrong = { 'millrace:shard-limits': 'yes' }
  const switched = client.send(new AddTagsToStreamCommand({ StreamName, Tags: wrong }))
  expect(await refusal(switched)).toEqual([
    'InvalidArgumentException',
    'The value of tag millrace:shard-limits must be one of on, off, and is yes.',
  ])
})

test('what is set of a stream is what it is described with', async () => {
  const harness = await start()
  const { client } = harness
  const key = { StreamName, EncryptionType: 'KMS', KeyId: 'alias/mine' } as const
  await client.send(new StartStreamEncryptionCommand(key))
  await client.send(new UpdateMaxRecordSizeCommand({ StreamARN, MaxRecordSizeInKiB: 10_240 }))
  const warm = new UpdateStreamWarmThroughputCommand({ StreamName, WarmThroughputMiBps: 7 })
  expect((await client.send(warm)).WarmThroughput?.TargetMiBps).toBe(7)
  const strategy = { StreamARN, RecordDistributionStrategy: 'AUTO' } as const
  await client.send(new UpdateStreamRecordDistributionStrategyCommand(strategy))
  const ShardLevelMetrics = ['IncomingBytes', 'OutgoingBytes'] as const
  const all = new EnableEnhancedMonitoringCommand({ StreamName, ShardLevelMetrics: ['ALL'] })
  expect((await client.send(all)).DesiredShardLevelMetrics).toHaveLength(7)
  const some = { StreamName, ShardLevelMetrics: [...ShardLevelMetrics] }
  const less = await client.send(new DisableEnhancedMonitoringCommand(some))
  expect([less.CurrentShardLevelMetrics?.length, less.DesiredShardLevelMetrics?.length]).toEqual([
    7, 5,
  ])
  expect(await summary(harness)).toMatchObject({
    EncryptionType: 'KMS',
    KeyId: 'alias/mine',
    MaxRecordSizeInKiB: 10_240,
    RecordDistributionStrategy: 'AUTO',
    WarmThroughput: { TargetMiBps: 7 },
  })
  await client.send(new StopStreamEncryptionCommand(key))
  expect((await summary(harness))?.EncryptionType).toBe('NONE')
  const onDemand = { StreamARN, StreamModeDetails: { StreamMode: 'ON_DEMAND' } } as const
  const provisioned = { StreamARN, StreamModeDetails: { StreamMode: 'PROVISIONED' } } as const
  await client.send(new UpdateStreamModeCommand(onDemand))
  expect((await summary(harness))?.OpenShardCount).toBe(2)
  await client.send(new UpdateStreamModeCommand(provisioned))
  const third = client.send(new UpdateStreamModeCommand(onDemand))
  expect((await refusal(third))[0]).toBe('LimitExceededException')
})

test('a policy is kept as it was put', async () => {
  const { client } = await start()
  const ResourceARN = StreamARN
  const Policy = '{"Version":"2012-10-17","Statement":[]}'
  expect((await client.send(new GetResourcePolicyCommand({ ResourceARN }))).Policy).toBe('{}')
  await client.send(new PutResourcePolicyCommand({ ResourceARN, Policy }))
  expect((await client.send(new GetResourcePolicyCommand({ ResourceARN }))).Policy).toBe(Policy)
  const bad = client.send(new PutResourcePolicyCommand({ ResourceARN, Policy: 'no JSON' }))
  expect((await refusal(bad))[0]).toBe('InvalidArgumentException')
  await client.send(new DeleteResourcePolicyCommand({ ResourceARN }))
  const gone = client.send(new DeleteResourcePolicyCommand({ ResourceARN }))
  expect((await refusal(gone))[0]).toBe('ResourceNotFoundException')
})

test('a consumer has a policy of its own, beside the stream’s', async () => {
  const { client } = await start()
  const registered = await client.send(
    new RegisterStreamConsumerCommand({ StreamARN, ConsumerName: 'c', Tags: { team: 'pit' } }),
  )
  const consumer = registered.Consumer?.ConsumerARN ?? ''
  const put = (ResourceARN: string, Policy: string) =>
    client.send(new PutResourcePolicyCommand({ ResourceARN, Policy }))
  const get = async (ResourceARN: string) =>
    (await client.send(new GetResourcePolicyCommand({ ResourceARN }))).Policy
  await put(consumer, '{"Id":"consumer"}')
  expect(await get(StreamARN)).toBe('{}')
  await put(StreamARN, '{"Id":"stream"}')
  expect(await get(consumer)).toBe('{"Id":"consumer"}')
  await client.send(new DeleteResourcePolicyCommand({ ResourceARN: consumer }))
  expect([await get(consumer), await get(StreamARN)]).toEqual(['{}', '{"Id":"stream"}'])
  const tags = await client.send(new ListTagsForResourceCommand({ ResourceARN: consumer }))
  expect(tags.Tags).toEqual([{ Key: 'team', Value: 'pit' }])
})

test('a commitment to a minimum throughput holds for a day, and gives a stream on demand fifty consumers', async () => {
  const { client, clock, catalog } = await start()
  clock.advance(1_764_000_000_000)
  const settings = async () =>
    (await client.send(new DescribeAccountSettingsCommand({}))).MinimumThroughputBillingCommitment
  const commit = (Status: 'ENABLED' | 'DISABLED') =>
    client.send(
      new UpdateAccountSettingsCommand({ MinimumThroughputBillingCommitment: { Status } }),
    )
  const mostOf = async (name: string) => {
    const stream = await catalog.stream(name)
    return stream && new Consumers(catalog, clock).mostOf(stream)
  }
  const StreamModeDetails = { StreamMode: 'ON_DEMAND' } as const
  await client.send(new CreateStreamCommand({ StreamName: 'demanded', StreamModeDetails }))
  await client.send(new CreateStreamCommand({ StreamName: 'provided', ShardCount: 1 }))
  expect(await settings()).toEqual({ Status: 'DISABLED' })
  expect(await commit('DISABLED')).toMatchObject({
    MinimumThroughputBillingCommitment: { Status: 'DISABLED' },
  })
  expect([await mostOf('demanded'), await mostOf('provided')]).toEqual([20, 20])
  const StartedAt = new Date(clock.now())
  const EarliestAllowedEndAt = new Date(clock.now() + dayMs)
  await commit('ENABLED')
  clock.advance(1000)
  await commit('ENABLED')
  expect(await settings()).toEqual({ Status: 'ENABLED', StartedAt, EarliestAllowedEndAt })
  expect([await mostOf('demanded'), await mostOf('provided')]).toEqual([50, 20])
  await commit('DISABLED')
  const Status = 'ENABLED_UNTIL_EARLIEST_ALLOWED_END'
  expect(await settings()).toEqual({ Status, StartedAt, EarliestAllowedEndAt })
  expect(await mostOf('demanded')).toBe(50)
  clock.advance(dayMs)
  expect(await settings()).toEqual({ Status: 'DISABLED', StartedAt, EndedAt: EarliestAllowedEndAt })
  expect(await mostOf('demanded')).toBe(20)
})

test('what has no meaning here has AWS’s shape, or says so', async () => {
  const { client } = await start()
  expect((await client.send(new ListChannelsCommand({}))).ChannelSummaries).toEqual([])
  const ChannelARN = 'arn:aws:kinesis:us-east-1:000000000000:channel/c'
  const channel = client.send(new DescribeChannelCommand({ ChannelARN }))
  expect(await refusal(channel)).toEqual([
    'ResourceNotFoundException',
    `Channel ${ChannelARN} not found.`,
  ])
  const made = client.send(
    new CreateChannelCommand({
      ChannelName: 'c',
      ServiceExecutionRoleARN: 'arn:aws:iam::000000000000:role/any',
      StreamConfigurationList: [{ StreamARN }],
    } as ConstructorParameters<typeof CreateChannelCommand>[0]),
  )
  expect((await refusal(made))[1]).toContain('CreateChannel is not available')
})

test('a deleted stream is gone with its topic, and its name is free', async () => {
  const harness = await start()
  await harness.client.send(new DeleteStreamCommand({ StreamName }))
  expect(harness.store.topic(StreamName)).toBeUndefined()
  expect(await refusal(summary(harness))).toEqual([
    'ResourceNotFoundException',
    'Stream orders under account 000000000000 not found.',
  ])
  await create(harness)
  expect((await summary(harness))?.StreamStatus).toBe('ACTIVE')
})

const violation = (member: string, value: string, rule: string): readonly [string, string] => [
  'ValidationException',
  `1 validation error detected: Value ${value} at '${member}' failed to satisfy constraint: Member must ${rule}`,
]

test.each<[string, (harness: KinesisHarness) => Promise<unknown>, readonly [string, string]]>([
  [
    'a stream twice',
    (harness) => create(harness),
    ['ResourceInUseException', 'Stream orders under account 000000000000 already exists.'],
  ],
  [
    'a name with a blank',
    (harness) => create(harness, { StreamName: 'a b' }),
    violation('streamName', "'a b'", 'satisfy regular expression pattern: [a-zA-Z0-9_.-]+'),
  ],
  [
    'no shards',
    (harness) => create(harness, { StreamName: 'x', ShardCount: 0 }),
    violation('shardCount', "'0'", 'have value greater than or equal to 1'),
  ],
  [
    'a small record size',
    (harness) => create(harness, { StreamName: 'x', MaxRecordSizeInKiB: 1023 }),
    violation('maxRecordSizeInKiB', "'1023'", 'have value greater than or equal to 1024'),
  ],
  [
    'a mode that is none',
    (harness) =>
      create(harness, { StreamName: 'x', StreamModeDetails: { StreamMode: 'SOME' as never } }),
    violation(
      'streamModeDetails.streamMode',
      "'SOME'",
      'satisfy enum value set: [PROVISIONED, ON_DEMAND]',
    ),
  ],
  [
    'no stream',
    ({ client }) => client.send(new DescribeStreamCommand({ StreamName: 'none' })),
    ['ResourceNotFoundException', 'Stream none under account 000000000000 not found.'],
  ],
  [
    'no name',
    ({ client }) => client.send(new DescribeStreamCommand({})),
    ['InvalidArgumentException', 'Must specify either StreamName or StreamARN'],
  ],
  [
    'a split at its start',
    ({ client }) =>
      client.send(
        new SplitShardCommand({
          StreamName,
          ShardToSplit: id(1),
          NewStartingHashKey: String(half),
        }),
      ),
    [
      'InvalidArgumentException',
      `NewStartingHashKey ${half} used in SplitShard() on shard ${id(1)} in stream orders under account 000000000000 is not both greater than one plus the shard's StartingHashKey ${half} and less than the shard's EndingHashKey ${2n * half - 1n}.`,
    ],
  ],
  [
    'a split of a shard that is none',
    ({ client }) =>
      client.send(
        new SplitShardCommand({ StreamName, ShardToSplit: id(9), NewStartingHashKey: '7' }),
      ),
    [
      'ResourceNotFoundException',
      `Could not find shard ${id(9)} in stream orders under account 000000000000.`,
    ],
  ],
  [
    'a merge of a shard with itself',
    ({ client }) =>
      client.send(
        new MergeShardsCommand({ StreamName, ShardToMerge: id(0), AdjacentShardToMerge: id(0) }),
      ),
    [
      'InvalidArgumentException',
      `Shards ${id(0)} and ${id(0)} in stream orders under account 000000000000 are not an adjacent pair of shards eligible for merging`,
    ],
  ],
  [
    'more than double the shards',
    ({ client }) =>
      client.send(
        new UpdateShardCountCommand({
          StreamName,
          TargetShardCount: 5,
          ScalingType: 'UNIFORM_SCALING',
        }),
      ),
    [
      'InvalidArgumentException',
      'UpdateShardCount cannot scale up over double your current open shard count. Current open shard count: 2 Target shard count: 5',
    ],
  ],
  [
    'an unknown way of scaling',
    ({ client }) =>
      client.send(
        new UpdateShardCountCommand({
          StreamName,
          TargetShardCount: 3,
          ScalingType: 'ANY' as never,
        }),
      ),
    violation('scalingType', "'ANY'", 'satisfy enum value set: [UNIFORM_SCALING]'),
  ],
  [
    'a limit above all',
    ({ client }) => client.send(new DescribeStreamCommand({ StreamName, Limit: 10_001 })),
    violation('limit', "'10001'", 'have value less than or equal to 10000'),
  ],
])('%s is refused', async (_, call, expected) => {
  const harness = await start()
  expect(await refusal(call(harness))).toEqual(expected)
})

test('a stream that the disk kept from being made is made by the next call', async () => {
  const { client, files } = await startKinesisForTest()
  const input = { StreamName, ShardCount: 1, Tags: { team: 'pit' } }
  for (const folder of ['/kinesis/', '/topics/']) {
    files.fault = (operation, path) =>
      operation === 'rename' && path.includes(folder) ? 'EIO' : undefined
    const [name] = await refusal(client.send(new CreateStreamCommand(input)))
    expect(name).toBe('InternalFailure')
    const listed = await client.send(new ListStreamsCommand({}))
    expect(listed.StreamNames).toEqual([])
  }
  files.fault = () => undefined
  await client.send(new CreateStreamCommand(input))
  const { Tags } = await client.send(new ListTagsForStreamCommand({ StreamName }))
  expect(Tags).toEqual([{ Key: 'team', Value: 'pit' }])
})
