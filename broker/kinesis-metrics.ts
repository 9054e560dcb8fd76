// Reads the metrics of the Kinesis door and its operations.
import type { MetricDefinition, MetricSample } from '../common/metrics.ts'
import type { KinesisCounters } from './kinesis/api/kinesis-counters.ts'
import type { Subscriptions } from './kinesis/api/subscriptions.ts'
import {
  collectStreams,
  streamMetricDefinitions,
  type StreamSources,
} from './kinesis-stream-metrics.ts'
import type { KinesisServerCounters } from './kinesis/server/server-counters.ts'

export const kinesisMetricDefinitions: readonly MetricDefinition[] = [
  {
    type: 'counter',
    name: 'millrace_kinesis_requests_total',
    labels: ['operation'],
    help: 'Kinesis calls answered; Unknown are those of no operation that there is.',
  },
  {
    type: 'counter',
    name: 'millrace_kinesis_request_errors_total',
    labels: ['operation', 'error'],
    help: "Calls refused, by the error's name.",
  },
  {
    type: 'histogram',
    name: 'millrace_kinesis_request_duration_seconds',
    labels: ['operation'],
    help: "Time from the start of a call to its answer, of SubscribeToShard to the answer's beginning; of all streams.",
  },
  {
    type: 'gauge',
    name: 'millrace_kinesis_connections',
    labels: [],
    help: 'Open connections to the Kinesis door.',
  },
  {
    type: 'counter',
    name: 'millrace_kinesis_connections_refused_total',
    labels: [],
    help: 'Connections above the limit of all or of one address.',
  },
  {
    type: 'counter',
    name: 'millrace_kinesis_tls_failures_total',
    labels: [],
    help: 'TLS handshakes at the Kinesis door that failed or took too long.',
  },
  {
    type: 'counter',
    name: 'millrace_kinesis_bytes_out_total',
    labels: [],
    help: 'Bytes of answers, without their heads.',
  },
  {
    type: 'gauge',
    name: 'millrace_kinesis_subscriptions',
    labels: [],
    help: 'Open subscriptions to shards (SubscribeToShard).',
  },
  {
    type: 'counter',
    name: 'millrace_kinesis_subscription_events_total',
    labels: [],
    help: 'Events pushed to subscriptions, empty ones too.',
  },
  {
    type: 'counter',
    name: 'millrace_kinesis_subscription_records_total',
    labels: [],
    help: 'Records pushed to subscriptions.',
  },
  {
    type: 'counter',
    name: 'millrace_kinesis_subscription_bytes_total',
    labels: [],
    help: 'Data and keys of records pushed to subscriptions.',
  },
  ...streamMetricDefinitions,
]

export interface KinesisCounts extends StreamSources {
  readonly counters: KinesisCounters
  readonly server: KinesisServerCounters
  readonly subscriptions: Pick<Subscriptions, 'open' | 'events' | 'records' | 'bytes'>
}

export function collectKinesis({
  counters,
  server,
  subscriptions,
  ...sources
}: KinesisCounts): readonly MetricSample[] {
  const calls = [...counters.operations].flatMap(([operation, { calls: value, seconds }]) => [
    { name: 'millrace_kinesis_requests_total', labels: { operation }, value },
    {
      name: 'millrace_kinesis_request_duration_seconds',
      labels: { operation },
      value: seconds.read(),
    },
  ])
  const errors = [...counters.operations].flatMap(([operation, { errors: byCode }]) =>
    [...byCode].map(([error, value]) => {
      return { name: 'millrace_kinesis_request_errors_total', labels: { operation, error }, value }
    }),
  )
  return [
    ...calls,
    ...errors,
    { name: 'millrace_kinesis_connections', labels: {}, value: server.connections },
    {
      name: 'millrace_kinesis_connections_refused_total',
      labels: {},
      value: server.connectionsRefused,
    },
    { name: 'millrace_kinesis_tls_failures_total', labels: {}, value: server.tlsFailed },
    { name: 'millrace_kinesis_bytes_out_total', labels: {}, value: server.bytesOut },
    { name: 'millrace_kinesis_subscriptions', labels: {}, value: subscriptions.open },
    {
      name: 'millrace_kinesis_subscription_events_total',
      labels: {},
      value: subscriptions.events,
    },
    {
      name: 'millrace_kinesis_subscription_records_total',
      labels: {},
      value: subscriptions.records,
    },
    { name: 'millrace_kinesis_subscription_bytes_total', labels: {}, value: subscriptions.bytes },
    ...collectStreams(sources),
  ]
}
