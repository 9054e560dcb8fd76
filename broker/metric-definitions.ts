// The broker's metric table: names, types, labels and what each means.
import type { MetricDefinition } from '../common/metrics.ts'
import { kinesisMetricDefinitions } from './kinesis-metrics.ts'

type Row = [MetricDefinition['type'], name: string, labels: readonly string[], help: string]

const partitionLabels = ['topic', 'partition']
const groupLabels = ['consumergroup', 'topic', 'partition']

/** Names that begin with `kafka_` are kafka_exporter's, so that its dashboards and alerts fit. */
const rows: readonly Row[] = [
  ['gauge', 'kafka_brokers', [], 'Brokers of the cluster.'],
  ['gauge', 'kafka_topic_partitions', ['topic'], 'Partitions of a topic.'],
  [
    'gauge',
    'kafka_topic_partition_current_offset',
    partitionLabels,
    'The next offset readers will see: the high watermark.',
  ],
  [
    'gauge',
    'kafka_topic_partition_oldest_offset',
    partitionLabels,
    'The first offset that is still there.',
  ],
  [
    'gauge',
    'kafka_topic_partition_leader',
    partitionLabels,
    'Id of the broker that leads the partition.',
  ],
  [
    'gauge',
    'kafka_topic_partition_leader_is_preferred',
    partitionLabels,
    '1 if the partition is led by its preferred broker.',
  ],
  ['gauge', 'kafka_topic_partition_replicas', partitionLabels, 'Replicas of the partition.'],
  [
    'gauge',
    'kafka_topic_partition_in_sync_replica',
    partitionLabels,
    'Replicas that have everything.',
  ],
  [
    'gauge',
    'kafka_topic_partition_under_replicated_partition',
    partitionLabels,
    '1 if a replica lags behind.',
  ],
  [
    'gauge',
    'kafka_consumergroup_current_offset',
    groupLabels,
    'Offset that the group has committed.',
  ],
  ['gauge', 'kafka_consumergroup_lag', groupLabels, 'Records that the group has not committed.'],
  [
    'gauge',
    'kafka_consumergroup_current_offset_sum',
    ['consumergroup', 'topic'],
    'Committed offsets of all partitions.',
  ],
  [
    'gauge',
    'kafka_consumergroup_lag_sum',
    ['consumergroup', 'topic'],
    'Records of all partitions that the group has not committed.',
  ],
  ['gauge', 'kafka_consumergroup_members', ['consumergroup'], 'Members of the group.'],
  [
    'gauge',
    'millrace_consumergroup_lag_seconds',
    groupLabels,
    'Age of the oldest record that the group has not committed; 0 without lag.',
  ],
  ['counter', 'millrace_topic_records_in_total', ['topic'], 'Records appended since the start.'],
  [
    'counter',
    'millrace_topic_bytes_in_total',
    ['topic'],
    'Bytes of record batches appended since the start.',
  ],
  [
    'counter',
    'millrace_topic_records_out_total',
    ['topic'],
    'Records sent to consumers since the start.',
  ],
  [
    'counter',
    'millrace_topic_bytes_out_total',
    ['topic'],
    'Bytes of record batches sent to consumers since the start.',
  ],
  ['gauge', 'millrace_log_size_bytes', ['topic'], 'Bytes that a topic takes on disk.'],
  [
    'counter',
    'millrace_log_compactions_total',
    [],
    'Passes of compaction over a partition since the start.',
  ],
  [
    'counter',
    'millrace_log_compaction_failures_total',
    [],
    'Passes that failed and left the partition as it was; the log of the broker says why.',
  ],
  [
    'counter',
    'millrace_log_compacted_bytes_total',
    [],
    'Bytes that compaction took away since the start.',
  ],
  [
    'gauge',
    'millrace_topic_retention_seconds',
    ['topic'],
    'Age at which records are dropped (retention.ms); absent where they are kept for ever.',
  ],
  [
    'gauge',
    'millrace_log_disk_free_bytes',
    [],
    'Bytes that can still be written to the disk that holds the log.',
  ],
  ['gauge', 'millrace_log_disk_size_bytes', [], 'Size of the disk that holds the log.'],
  [
    'histogram',
    'millrace_log_flush_duration_seconds',
    [],
    'Time of a flush of the write-ahead log.',
  ],
  ['gauge', 'millrace_transactions_open', [], 'Transactions that have begun and are not over.'],
  ['counter', 'millrace_transactions_total', ['outcome'], 'Transactions that are over.'],
  [
    'counter',
    'millrace_transactions_timed_out_total',
    [],
    'Transactions that were aborted because they took longer than their timeout.',
  ],
  [
    'counter',
    'millrace_producers_fenced_total',
    [],
    'Requests refused because their producer had been replaced, or its transaction aborted.',
  ],
  ['counter', 'millrace_broker_requests_total', ['api'], 'Kafka requests answered.'],
  [
    'counter',
    'millrace_broker_request_errors_total',
    ['api', 'error'],
    "Errors answered, by Kafka's name: one for each partition, topic or group concerned.",
  ],
  [
    'histogram',
    'millrace_broker_request_duration_seconds',
    ['api'],
    'Time from the start of a request to its answer; a long poll is part of it.',
  ],
  ['gauge', 'millrace_broker_connections', [], 'Open Kafka connections.'],
  [
    'counter',
    'millrace_broker_connections_refused_total',
    [],
    'Connections above the limit of all or of one address.',
  ],
  [
    'counter',
    'millrace_broker_connections_failed_total',
    [],
    'Connections closed because of what came over them.',
  ],
  [
    'counter',
    'millrace_broker_tls_failures_total',
    [],
    'TLS handshakes that failed or took too long.',
  ],
  [
    'counter',
    'millrace_broker_logins_total',
    ['mechanism', 'outcome'],
    'Logins on Kafka doors that want one; outcome is succeeded or failed.',
  ],
  ['counter', 'millrace_broker_bytes_in_total', [], 'Bytes received on Kafka connections.'],
  ['counter', 'millrace_broker_bytes_out_total', [], 'Bytes sent on Kafka connections.'],
]

export const brokerMetricDefinitions: readonly MetricDefinition[] = [
  ...rows.map(([type, name, labels, help]) => ({ type, name, labels, help })),
  ...kinesisMetricDefinitions,
]
