// Reads the metrics of streams and their shards, by the names that AWS/Kinesis has for them.
import type { Clock } from '../common/clock.ts'
import type { MetricDefinition, MetricSample } from '../common/metrics.ts'
import { latencyStreamsMax } from '../common/stream-limits.ts'
import type { StreamCatalog } from './kinesis/streams/stream-catalog.ts'
import { shardIdOf } from './kinesis/streams/shard.ts'
import type { ConsumerCounters, ShardCounters } from './kinesis/streams/stream-counters.ts'
import type { Stream } from './kinesis/streams/stream.ts'

/** CloudWatch: the period of these metrics. What was read longer ago says nothing of now. */
const readRecentMs = 60_000

interface Figure {
  readonly name: string
  readonly help: string
  readonly aws: string
  readonly of: (counters: ShardCounters) => number
}

/** Of a stream the sum, and of a shard on its own where EnableEnhancedMonitoring asked for it. */
const figures: readonly Figure[] = [
  {
    name: 'records_in_total',
    help: 'Records put',
    aws: 'IncomingRecords',
    of: ({ recordsIn }) => recordsIn,
  },
  {
    name: 'bytes_in_total',
    help: 'Bytes of data and keys put',
    aws: 'IncomingBytes',
    of: ({ bytesIn }) => bytesIn,
  },
  {
    name: 'records_out_total',
    help: 'Records given to GetRecords',
    aws: 'OutgoingRecords',
    of: ({ recordsOut }) => recordsOut,
  },
  {
    name: 'bytes_out_total',
    help: 'Bytes of data and keys given to GetRecords',
    aws: 'OutgoingBytes',
    of: ({ bytesOut }) => bytesOut,
  },
  {
    name: 'reads_throttled_total',
    help: 'Calls of GetRecords above the limits of a shard',
    aws: 'ReadProvisionedThroughputExceeded',
    of: ({ readsRefused }) => readsRefused,
  },
  {
    name: 'writes_throttled_total',
    help: 'Records above the limits of a shard',
    aws: 'WriteProvisionedThroughputExceeded',
    of: ({ writesRefused }) => writesRefused,
  },
]

/** What the metrics of a whole stream are called on AWS where it is not as those of a shard. */
const ofStream: Readonly<Record<string, string>> = {
  OutgoingRecords: 'GetRecords.Records',
  OutgoingBytes: 'GetRecords.Bytes',
}

const streamPrefix = 'millrace_kinesis_stream_'
const shardPrefix = 'millrace_kinesis_shard_'
const openShards = 'millrace_kinesis_stream_open_shards'
const age = 'iterator_age_seconds'
const callSeconds = 'millrace_kinesis_stream_call_duration_seconds'
const putBytes = 'millrace_kinesis_stream_put_bytes_total'

interface ConsumerFigure extends Omit<Figure, 'of'> {
  readonly of: (counters: ConsumerCounters) => number
}

const consumerFigures: readonly ConsumerFigure[] = [
  {
    name: 'subscribed_total',
    help: 'Subscriptions begun',
    aws: 'SubscribeToShard.Success',
    of: ({ subscribed }) => subscribed,
  },
  {
    name: 'subscriptions_refused_total',
    help: 'Subscriptions refused because they came too soon',
    aws: 'SubscribeToShard.RateExceeded',
    of: ({ rateExceeded }) => rateExceeded,
  },
  {
    name: 'events_total',
    help: 'Events pushed, empty ones too',
    aws: 'SubscribeToShardEvent.Success',
    of: ({ events }) => events,
  },
  {
    name: 'records_out_total',
    help: 'Records pushed',
    aws: 'SubscribeToShardEvent.Records',
    of: ({ records }) => records,
  },
  {
    name: 'bytes_out_total',
    help: 'Bytes of data and keys pushed',
    aws: 'SubscribeToShardEvent.Bytes',
    of: ({ bytes }) => bytes,
  },
]
const consumerPrefix = 'millrace_kinesis_consumer_'
const consumerAge = `${consumerPrefix}behind_seconds`

const consumerMetricDefinitions: readonly MetricDefinition[] = [
  ...consumerFigures.map(({ name, help, aws }): MetricDefinition => {
    return {
      type: 'counter',
      name: consumerPrefix + name,
      labels: ['stream', 'consumer'],
      help: `${help}, of a consumer with enhanced fan-out.`,
      aws,
    }
  }),
  {
    type: 'gauge',
    name: consumerAge,
    labels: ['stream', 'consumer'],
    help: 'How far the last event of a consumer with enhanced fan-out was behind; absent when a minute went without one.',
    aws: 'SubscribeToShardEvent.MillisBehindLatest',
  },
]

export const streamMetricDefinitions: readonly MetricDefinition[] = [
  ...figures.map(({ name, help, aws }): MetricDefinition => {
    return {
      type: 'counter',
      name: streamPrefix + name,
      labels: ['stream'],
      help: `${help}, through the Kinesis API.`,
      aws: ofStream[aws] ?? aws,
    }
  }),
  {
    type: 'gauge',
    name: streamPrefix + age,
    labels: ['stream'],
    help: 'How far the last reader of each shard is behind, of the shard where it is most; absent when a minute went without a reader.',
    aws: 'GetRecords.IteratorAgeMilliseconds',
  },
  {
    type: 'counter',
    name: 'millrace_kinesis_stream_calls_total',
    labels: ['stream', 'operation', 'outcome'],
    help: 'Calls that got as far as the stream; one record that was put makes PutRecords succeed.',
    aws: 'PutRecord.Success, PutRecords.Success, GetRecords.Success',
  },
  {
    type: 'histogram',
    name: callSeconds,
    labels: ['stream', 'operation'],
    help: `Time of calls that got as far as the stream, from their start to the outcome; of ${latencyStreamsMax} streams at most.`,
    aws: 'PutRecord.Latency, PutRecords.Latency, GetRecords.Latency',
  },
  {
    type: 'counter',
    name: putBytes,
    labels: ['stream', 'operation'],
    help: 'Bytes of data and keys put, by the operation that put them.',
    aws: 'PutRecord.Bytes, PutRecords.Bytes',
  },
  {
    type: 'counter',
    name: 'millrace_kinesis_put_records_total',
    labels: ['stream', 'outcome'],
    help: 'Records of PutRecords, by what became of them.',
    aws: 'PutRecords.TotalRecords, .SuccessfulRecords, .FailedRecords, .ThrottledRecords',
  },
  {
    type: 'gauge',
    name: openShards,
    labels: ['stream'],
    help: 'Shards that take records.',
  },
  ...figures.map(({ name, help, aws }): MetricDefinition => {
    return {
      type: 'counter',
      name: shardPrefix + name,
      labels: ['stream', 'shard'],
      help: `${help}, of a shard; of streams with that enhanced monitoring alone.`,
      aws: `${aws} (shard)`,
    }
  }),
  {
    type: 'gauge',
    name: shardPrefix + age,
    labels: ['stream', 'shard'],
    help: 'How far the last reader of the shard is behind; of streams with that enhanced monitoring alone.',
    aws: 'IteratorAgeMilliseconds (shard)',
  },
  ...consumerMetricDefinitions,
]

export interface StreamSources {
  readonly catalog: StreamCatalog
  readonly clock: Clock
}

/** Of streams that were asked for since the start, or are more than a topic of Kafka's. */
export function collectStreams({ catalog, clock }: StreamSources): readonly MetricSample[] {
  const nowMs = clock.now()
  const streams = catalog.knownStreams
  const called = streams.filter(({ counters }) => counters.seconds.size > 0)
  const each = streams.flatMap((stream) => [
    collectStream(stream, nowMs),
    collectShards(stream, nowMs),
    collectConsumers(stream, nowMs),
  ])
  return [...each, ...called.slice(0, latencyStreamsMax).map(collectLatencies)].flat()
}

function collectLatencies({ name: stream, counters }: Stream): readonly MetricSample[] {
  return [...counters.seconds].map(([operation, seconds]) => {
    return { name: callSeconds, labels: { stream, operation }, value: seconds.read() }
  })
}

function collectStream(stream: Stream, nowMs: number): readonly MetricSample[] {
  const labels = { stream: stream.name }
  const open = { name: openShards, labels, value: stream.openShards.length }
  // Of what nobody uses as a stream, a topic of Kafka's say, there is no more to tell.
  if (stream.counters.isIdle) return [open]
  const { calls, putBytes: bytes, putRecords, shards } = stream.counters
  const ages = [...shards.values()].flatMap((counters) => ageSeconds(counters, nowMs) ?? [])
  return [
    ...figures.map(({ name, of }) => {
      const value = [...shards.values()].reduce((sum, counters) => sum + of(counters), 0)
      return { name: streamPrefix + name, labels, value }
    }),
    ...(ages.length === 0 ? [] : [{ name: streamPrefix + age, labels, value: Math.max(...ages) }]),
    ...Object.entries(calls).flatMap(([operation, counts]) =>
      Object.entries(counts).map(([outcome, value]: [string, number]) => {
        const name = 'millrace_kinesis_stream_calls_total'
        return { name, labels: { ...labels, operation, outcome }, value }
      }),
    ),
    ...Object.entries(bytes).map(([operation, value]) => {
      return { name: putBytes, labels: { ...labels, operation }, value }
    }),
    ...Object.entries(putRecords).map(([outcome, value]) => {
      return { name: 'millrace_kinesis_put_records_total', labels: { ...labels, outcome }, value }
    }),
    open,
  ]
}

function collectShards({ name, record, counters }: Stream, nowMs: number): readonly MetricSample[] {
  const wanted = new Set(record.shardLevelMetrics)
  if (wanted.size === 0) return []
  const samples: MetricSample[] = []
  for (const [index, shard] of counters.shards) {
    const labels = { stream: name, shard: shardIdOf(index) }
    for (const figure of figures) {
      if (!wanted.has(figure.aws)) continue
      samples.push({ name: shardPrefix + figure.name, labels, value: figure.of(shard) })
    }
    const value = wanted.has('IteratorAgeMilliseconds') ? ageSeconds(shard, nowMs) : undefined
    if (value !== undefined) samples.push({ name: shardPrefix + age, labels, value })
  }
  return samples
}

/** Of those that are registered. */
function collectConsumers(stream: Stream, nowMs: number): readonly MetricSample[] {
  const samples: MetricSample[] = []
  for (const { name: consumer } of stream.record.consumers) {
    const counters = stream.counters.consumers.get(consumer)
    if (counters === undefined) continue
    const labels = { stream: stream.name, consumer }
    for (const { name, of } of consumerFigures) {
      samples.push({ name: consumerPrefix + name, labels, value: of(counters) })
    }
    const value = secondsBehind(counters.lastEvent, nowMs)
    if (value !== undefined) samples.push({ name: consumerAge, labels, value })
  }
  return samples
}

function ageSeconds({ lastRead }: ShardCounters, nowMs: number): number | undefined {
  return secondsBehind(lastRead, nowMs)
}

function secondsBehind(last: ShardCounters['lastRead'], nowMs: number): number | undefined {
  if (last === undefined || nowMs - last.atMs > readRecentMs) return undefined
  return last.millisBehind / 1000
}
