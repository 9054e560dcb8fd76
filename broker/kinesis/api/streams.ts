// CreateStream, DeleteStream, the two descriptions of a stream, ListStreams and DescribeLimits.
import { flag, map, structure, text, whole } from '../../../common/aws/members.ts'
import type { Violations } from '../../../common/aws/validation.ts'
import { brokerPartitionsMax, topicPartitionsMax } from '../../../common/limits.ts'
import {
  accountOnDemandStreamsMax,
  dayMs,
  describedShardsMax,
  listedStreamsMax,
  onDemandShards,
} from '../../../common/stream-limits.ts'
import { isTopicName, TopicExistsError } from '../../log/topic.ts'
import { parseShardId } from '../streams/shard.ts'
import { recordMaxKiBDefault } from '../streams/stream-record.ts'
import type { KinesisContext } from './kinesis-context.ts'
import { invalidArgument, KinesisError } from './kinesis-errors.ts'
import { pageToken, readPageToken } from './page-token.ts'
import { streamNamePattern } from './stream-members.ts'
import { plainOperation, streamOperation } from './stream-operation.ts'
import { descriptionShape, shardShape, summaryShape } from './stream-shapes.ts'
import { checkTags, tagsFlaw } from './tag-rules.ts'

export const modeMembers = structure({ StreamMode: text })
export const modes = ['PROVISIONED', 'ON_DEMAND'] as const
export const distributions = ['AUTO', 'USER_PARTITION_KEY'] as const

const newStreamMembers = {
  StreamName: text,
  ShardCount: whole,
  StreamModeDetails: modeMembers,
  Tags: map(text),
  WarmThroughputMiBps: whole,
  MaxRecordSizeInKiB: whole,
  RecordDistributionStrategy: text,
}

export const createStream = plainOperation({
  members: newStreamMembers,
  check: (violations, input) => {
    violations.required('streamName', input.StreamName)
    violations.pattern('streamName', input.StreamName, streamNamePattern)
    violations.length('streamName', input.StreamName, [1, 128])
    violations.range('shardCount', input.ShardCount, [1, Number.MAX_SAFE_INTEGER])
    checkMode(violations, input.StreamModeDetails)
    if (input.Tags !== undefined) checkTags(violations, input.Tags)
    violations.range('warmThroughputMiBps', input.WarmThroughputMiBps, [0, Number.MAX_SAFE_INTEGER])
    violations.range('maxRecordSizeInKiB', input.MaxRecordSizeInKiB, [1024, 10_240])
    violations.oneOf('recordDistributionStrategy', input.RecordDistributionStrategy, distributions)
  },
  handle: async (context, input) => {
    const { StreamName: name = '', StreamModeDetails, ShardCount, Tags = {} } = input
    const mode = StreamModeDetails?.StreamMode === 'ON_DEMAND' ? 'ON_DEMAND' : 'PROVISIONED'
    const refusal = refusalOfNew(context, { name, mode, shards: ShardCount }) ?? tagsFlaw({}, Tags)
    if (refusal !== undefined) return refusal
    const { WarmThroughputMiBps: warm } = input
    const settings = {
      mode,
      tags: { ...Tags },
      recordMaxKiB: input.MaxRecordSizeInKiB ?? recordMaxKiBDefault,
      distribution: input.RecordDistributionStrategy === 'AUTO' ? 'AUTO' : 'USER_PARTITION_KEY',
      ...(warm === undefined ? {} : { warmThroughputMiBps: warm }),
    } as const
    const shards = ShardCount ?? onDemandShards
    try {
      await context.catalog.create(name, { shards, retentionMs: dayMs, settings })
    } catch (error) {
      if (error instanceof TopicExistsError) return exists(context, name)
      throw error
    }
    context.logger.info('stream created', { stream: name, shards, mode })
    return undefined
  },
})

interface WantedStream {
  readonly name: string
  readonly mode: (typeof modes)[number]
  readonly shards: number | undefined
}

function refusalOfNew(
  context: KinesisContext,
  { name, mode, shards }: WantedStream,
): KinesisError | undefined {
  if (!isTopicName(name)) return invalidArgument(`StreamName ${name} is reserved.`)
  if (mode === 'ON_DEMAND' && shards !== undefined) {
    return new KinesisError(
      'ValidationException',
      'ShardCount must not be given for a stream in On-Demand mode.',
    )
  }
  if (mode === 'PROVISIONED' && shards === undefined) {
    return new KinesisError(
      'ValidationException',
      'ShardCount must be given for a stream in Provisioned mode.',
    )
  }
  if (context.store.topic(name) !== undefined) return exists(context, name)
  const colliding = context.store.collidingTopic(name)
  if (colliding !== undefined) {
    return invalidArgument(
      `StreamName ${name} collides with ${colliding}: '.' and '_' are one character in names of metrics.`,
    )
  }
  return noRoomFor(context, shards ?? onDemandShards)
}

/** The refusal of more shards than the broker holds partitions, in AWS's words of its limit. */
export function noRoomFor(
  { store, region, accountId }: KinesisContext,
  more: number,
  present = 0,
): KinesisError | undefined {
  if (present + more <= topicPartitionsMax && store.partitions + more <= brokerPartitionsMax) {
    return undefined
  }
  return new KinesisError(
    'LimitExceededException',
    `This request would exceed the shard limit for the account ${accountId} in ${region}. Current shard count for the account: ` +
      `${store.partitions}. Limit: ${brokerPartitionsMax}, of one stream: ${topicPartitionsMax}. Number of additional shards that would have ` +
      `resulted from this request: ${more}.`,
  )
}

function exists({ accountId }: KinesisContext, name: string): KinesisError {
  const reason = `Stream ${name} under account ${accountId} already exists.`
  return new KinesisError('ResourceInUseException', reason)
}

export function checkMode(
  violations: Violations,
  details: { readonly StreamMode?: string } | undefined,
): void {
  if (details === undefined) return
  violations.required('streamModeDetails.streamMode', details.StreamMode)
  violations.oneOf('streamModeDetails.streamMode', details.StreamMode, modes)
}

export const deleteStream = streamOperation({
  members: { EnforceConsumerDeletion: flag },
  handle: async (context, stream, { EnforceConsumerDeletion: enforce = false }) => {
    const { name, record } = stream
    if (record.consumers.length > 0 && !enforce) {
      return new KinesisError(
        'ResourceInUseException',
        `Stream ${name} under account ${context.accountId} has ${record.consumers.length} registered consumers. Deregister them, or set EnforceConsumerDeletion.`,
      )
    }
    if (stream.isDeleting) return undefined
    await context.catalog.delete(stream)
    await context.topicDeleted?.(name)
    context.logger.info('stream deleted', { stream: name })
    return undefined
  },
})

export const describeStream = streamOperation({
  members: { Limit: whole, ExclusiveStartShardId: text },
  check: (violations, { Limit, ExclusiveStartShardId }) => {
    violations.range('limit', Limit, [1, 10_000])
    violations.length('exclusiveStartShardId', ExclusiveStartShardId, [1, 128])
    violations.pattern('exclusiveStartShardId', ExclusiveStartShardId, streamNamePattern)
  },
  handle: (context, stream, { Limit = describedShardsMax, ExclusiveStartShardId: after }) => {
    const start = after === undefined ? -1 : parseShardId(after)
    if (start === undefined) return invalidArgument(`${after} is no shard's id.`)
    const nowMs = context.clock.now()
    const rest = stream.shards.filter((shard) => shard.index > start && !shard.isExpired(nowMs))
    const page = rest.slice(0, Math.min(Limit, describedShardsMax))
    const StreamDescription = {
      ...descriptionShape(context, stream),
      Shards: page.map(shardShape),
      HasMoreShards: rest.length > page.length,
    }
    return { StreamDescription }
  },
})

export const describeStreamSummary = streamOperation({
  members: {},
  handle: (context, stream) => {
    const { record, openShards } = stream
    const warm = record.warmThroughputMiBps
    const StreamDescriptionSummary = {
      ...descriptionShape(context, stream),
      OpenShardCount: openShards.length,
      ConsumerCount: record.consumers.length,
      WarmThroughput: warm === undefined ? undefined : { TargetMiBps: warm, CurrentMiBps: warm },
      MaxRecordSizeInKiB: record.recordMaxKiB,
      ChannelCount: 0,
      RecordDistributionStrategy: record.distribution,
    }
    return { StreamDescriptionSummary }
  },
})

export const describeLimits = plainOperation({
  members: {},
  handle: async (context) => {
    const known = context.catalog.names.flatMap((name) => context.catalog.known(name) ?? [])
    return {
      ShardLimit: brokerPartitionsMax,
      OpenShardCount: openShards(context),
      OnDemandStreamCount: known.filter(({ record }) => record.mode === 'ON_DEMAND').length,
      OnDemandStreamCountLimit: accountOnDemandStreamsMax,
      ChannelCount: 0,
      ChannelCountLimit: 0,
    }
  },
})

/** Of topics that nobody has asked for as a stream, all partitions. */
function openShards({ catalog, store }: KinesisContext): number {
  return catalog.names
    .map(
      (name) => catalog.known(name)?.openShards.length ?? store.topic(name)?.partitions.length ?? 0,
    )
    .reduce((sum, count) => sum + count, 0)
}

export const listStreams = plainOperation({
  members: { Limit: whole, ExclusiveStartStreamName: text, NextToken: text },
  check: (violations, { Limit, ExclusiveStartStreamName: after, NextToken }) => {
    violations.range('limit', Limit, [1, 10_000])
    violations.pattern('exclusiveStartStreamName', after, streamNamePattern)
    violations.length('exclusiveStartStreamName', after, [1, 128])
    violations.length('nextToken', NextToken, [1, 1_048_576])
  },
  handle: async (context, { Limit = listedStreamsMax, ExclusiveStartStreamName, NextToken }) => {
    const token = NextToken === undefined ? undefined : readPageToken(context, 'streams', NextToken)
    if (token instanceof KinesisError) return token
    const after = token?.after ?? ExclusiveStartStreamName ?? ''
    const rest = context.catalog.names.filter((name) => name > after)
    const page = rest.slice(0, Math.min(Limit, listedStreamsMax))
    const found = await Promise.all(page.map((name) => context.catalog.stream(name)))
    const streams = found.filter((stream) => stream !== undefined)
    const HasMoreStreams = rest.length > page.length
    return {
      StreamNames: streams.map(({ name }) => name),
      HasMoreStreams,
      NextToken: HasMoreStreams
        ? pageToken(context, 'streams', { after: page.at(-1) ?? '' })
        : undefined,
      StreamSummaries: streams.map((stream) => summaryShape(context, stream)),
    }
  },
})
