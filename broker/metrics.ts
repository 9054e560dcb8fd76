// Reads the broker's metrics from the counters of log, groups, APIs and sockets.
import type { MetricSample, MetricSource } from '../common/metrics.ts'
import type { BrokerContext } from './api/broker-context.ts'
import { collectGroups } from './group-metrics.ts'
import { collectKinesis, type KinesisCounts } from './kinesis-metrics.ts'
import { brokerMetricDefinitions } from './metric-definitions.ts'
import { diskSpace } from './log/disk-space.ts'
import type { LogStats, PartitionStats } from './log/log-stats.ts'
import type { ServerCounters } from './server/server-counters.ts'
import { collectTransactions } from './transaction-metrics.ts'

export interface MetricSources {
  readonly broker: BrokerContext
  readonly server: ServerCounters
  /** Undefined where its door is shut. */
  readonly kinesis?: KinesisCounts | undefined
  /** Where the log is. */
  readonly directory: string
}

/** Internal topics are not the user's and are left out. */
export class BrokerMetrics implements MetricSource {
  readonly definitions = brokerMetricDefinitions
  readonly #sources: MetricSources

  constructor(sources: MetricSources) {
    this.#sources = sources
  }

  async collect(): Promise<readonly MetricSample[]> {
    const { broker, server, directory, kinesis } = this.#sources
    const stats = broker.store.stats()
    return [
      sample('kafka_brokers', {}, 1),
      ...collectTopics(broker, stats),
      ...collectRetention(broker),
      ...(await collectDisk(directory)),
      ...(await collectGroups(broker)),
      ...collectTransactions(broker),
      ...collectRequests(broker),
      ...collectServer(server),
      ...(kinesis === undefined ? [] : collectKinesis(kinesis)),
    ]
  }
}

function collectTopics(broker: BrokerContext, stats: LogStats): readonly MetricSample[] {
  const visible = stats.partitions.filter(({ internal }) => !internal)
  const byTopic = Map.groupBy(visible, ({ topic }) => topic)
  return [
    ...visible.flatMap((partition) => collectPartition(partition, broker.identity.nodeId)),
    ...[...byTopic].flatMap(([topic, partitions]) => {
      const sum = (of: (partition: PartitionStats) => number): number =>
        partitions.reduce((total, partition) => total + of(partition), 0)
      const sent = broker.counters.sent.get(topic)
      return [
        sample('kafka_topic_partitions', { topic }, partitions.length),
        sample(
          'millrace_topic_records_in_total',
          { topic },
          sum((p) => p.recordsAppended),
        ),
        sample(
          'millrace_topic_bytes_in_total',
          { topic },
          sum((p) => p.bytesAppended),
        ),
        sample('millrace_topic_records_out_total', { topic }, sent?.records ?? 0),
        sample('millrace_topic_bytes_out_total', { topic }, sent?.bytes ?? 0),
        sample(
          'millrace_log_size_bytes',
          { topic },
          sum((p) => p.sizeBytes),
        ),
      ]
    }),
    sample('millrace_log_flush_duration_seconds', {}, stats.commits.flushSeconds),
    sample('millrace_log_compactions_total', {}, stats.compaction.passes),
    sample('millrace_log_compaction_failures_total', {}, stats.compaction.failures),
    sample(
      'millrace_log_compacted_bytes_total',
      {},
      stats.compaction.bytesBefore - stats.compaction.bytesAfter,
    ),
  ]
}

function collectRetention({ store }: BrokerContext): readonly MetricSample[] {
  return store
    .topics()
    .filter(({ internal, config }) => !internal && config.retentionMs >= 0)
    .map(({ name: topic, config }) =>
      sample('millrace_topic_retention_seconds', { topic }, config.retentionMs / 1000),
    )
}

async function collectDisk(directory: string): Promise<readonly MetricSample[]> {
  const space = await diskSpace(directory)
  if (space === undefined) return []
  return [
    sample('millrace_log_disk_free_bytes', {}, space.freeBytes),
    sample('millrace_log_disk_size_bytes', {}, space.sizeBytes),
  ]
}

function collectPartition(stats: PartitionStats, nodeId: number): readonly MetricSample[] {
  const labels = { topic: stats.topic, partition: stats.partition }
  return [
    sample('kafka_topic_partition_current_offset', labels, stats.highWatermark),
    sample('kafka_topic_partition_oldest_offset', labels, stats.logStartOffset),
    sample('kafka_topic_partition_leader', labels, nodeId),
    sample('kafka_topic_partition_leader_is_preferred', labels, 1),
    sample('kafka_topic_partition_replicas', labels, 1),
    sample('kafka_topic_partition_in_sync_replica', labels, 1),
    sample('kafka_topic_partition_under_replicated_partition', labels, 0),
  ]
}

function collectRequests({ counters }: BrokerContext): readonly MetricSample[] {
  const errors = [...counters.requests].flatMap(([api, { errors }]) =>
    [...errors].map(([error, count]) =>
      sample('millrace_broker_request_errors_total', { api, error }, count),
    ),
  )
  const requests = [...counters.requests].flatMap(([api, { requests, seconds }]) => [
    sample('millrace_broker_requests_total', { api }, requests),
    sample('millrace_broker_request_duration_seconds', { api }, seconds.read()),
  ])
  return [...requests, ...errors]
}

function collectServer(counters: ServerCounters): readonly MetricSample[] {
  return [
    sample('millrace_broker_connections', {}, counters.connections),
    sample('millrace_broker_connections_refused_total', {}, counters.connectionsRefused),
    sample('millrace_broker_connections_failed_total', {}, counters.connectionsFailed),
    sample('millrace_broker_tls_failures_total', {}, counters.tlsFailed),
    ...[...counters.logins].flatMap(([mechanism, { succeeded, failed }]) => [
      sample('millrace_broker_logins_total', { mechanism, outcome: 'succeeded' }, succeeded),
      sample('millrace_broker_logins_total', { mechanism, outcome: 'failed' }, failed),
    ]),
    sample('millrace_broker_bytes_in_total', {}, counters.bytesIn),
    sample('millrace_broker_bytes_out_total', {}, counters.bytesOut),
  ]
}

function sample(
  name: string,
  labels: MetricSample['labels'],
  value: MetricSample['value'],
): MetricSample {
  return { name, labels, value }
}
