// What the broker does: bytes and records, requests, the disk, consumer groups, connections.
import type { Dashboard } from '@grafana/grafana-foundation-sdk/dashboard'
import { board } from '../board.ts'
import { series, stat, table } from '../panels.ts'
import { percentile, quantiles, sumRate, withFunctions } from '../queries.ts'

const chosen = '{topic=~"$topic"}'
const freeShare = 'millrace_log_disk_free_bytes / millrace_log_disk_size_bytes'

export function broker(): Dashboard {
  return board({
    name: 'broker',
    title: 'Broker',
    description:
      'Records and bytes in and out, requests and their time, disk, groups, connections.',
    variables: ['topic'],
    rows: {
      '': numbers(),
      'In and out': [recordsIn(), recordsOut(), bytes()],
      Requests: [requests(), requestTime(), requestErrors()],
      Disk: [flushTime(), flushes(), logSize(), diskFree(), compacted(), compactions()],
      'Topics and groups': [topics(), groups()],
      Connections: [connections(), trouble()],
    },
  })
}

function numbers() {
  const small = { width: 4, unit: 'short' }
  return [
    stat({
      ...small,
      title: 'Topics',
      description: 'Topics that clients made; the internal one is left out.',
      course: false,
      queries: [{ expr: 'count(kafka_topic_partitions)', legend: 'topics' }],
    }),
    stat({
      ...small,
      title: 'Partitions',
      description: 'Of all topics together.',
      course: false,
      queries: [{ expr: 'sum(kafka_topic_partitions)', legend: 'partitions' }],
    }),
    stat({
      ...small,
      title: 'Connections',
      description: 'Open connections of Kafka clients.',
      queries: [{ expr: 'sum(millrace_broker_connections)', legend: 'connections' }],
    }),
    stat({
      ...small,
      title: 'Log on disk',
      description: 'What all topics take.',
      unit: 'bytes',
      queries: [{ expr: 'sum(millrace_log_size_bytes)', legend: 'size' }],
    }),
    stat({
      ...small,
      title: 'Disk used',
      description:
        'Of the disk that holds the log, whoever uses it. When it is full, records are refused.',
      unit: 'percentunit',
      worry: 0.8,
      act: 0.9,
      queries: [{ expr: `1 - ${freeShare}`, legend: 'used' }],
    }),
    stat({
      ...small,
      title: 'Flush p99',
      description: 'Time of a flush to the disk. With acks=all no record is acknowledged sooner.',
      unit: 's',
      queries: [{ expr: percentile(0.99, 'millrace_log_flush_duration_seconds'), legend: 'p99' }],
    }),
  ]
}

function recordsIn() {
  return series({
    title: 'Records in by topic',
    description: 'Records per second that producers append.',
    unit: 'short',
    width: 8,
    queries: [
      { expr: sumRate(`millrace_topic_records_in_total${chosen}`, ['topic']), legend: '{{topic}}' },
    ],
  })
}

function recordsOut() {
  return series({
    title: 'Records out by topic',
    description: 'Records per second that are sent to consumers; each consumer group counts.',
    unit: 'short',
    width: 8,
    queries: [
      {
        expr: sumRate(`millrace_topic_records_out_total${chosen}`, ['topic']),
        legend: '{{topic}}',
      },
    ],
  })
}

function bytes() {
  return series({
    title: 'Bytes on the wire',
    description: 'Bytes per second of all Kafka connections, requests and answers alike.',
    unit: 'Bps',
    width: 8,
    queries: [
      { expr: sumRate('millrace_broker_bytes_in_total'), legend: 'received' },
      { expr: sumRate('millrace_broker_bytes_out_total'), legend: 'sent' },
    ],
  })
}

function requests() {
  return series({
    title: 'Requests by API',
    description: 'Kafka requests answered per second. APIs that nobody asks are left out.',
    unit: 'reqps',
    width: 8,
    queries: [
      { expr: `${sumRate('millrace_broker_requests_total', ['api'])} > 0`, legend: '{{api}}' },
    ],
  })
}

function requestTime() {
  return series({
    title: 'Time of a request by API, p95',
    description:
      'Until the answer. Fetch and JoinGroup wait on purpose: for records, and for the members of a group.',
    unit: 's',
    width: 8,
    queries: [
      {
        expr: `${percentile(0.95, 'millrace_broker_request_duration_seconds', ['api'])} > 0`,
        legend: '{{api}}',
      },
    ],
  })
}

function requestErrors() {
  return series({
    title: 'Errors answered',
    description:
      "By API and Kafka's name of the error. A few while clients start or a group changes are usual.",
    unit: 'short',
    width: 8,
    queries: [
      {
        expr: sumRate('millrace_broker_request_errors_total', ['api', 'error']),
        legend: '{{api}} {{error}}',
      },
    ],
  })
}

function flushTime() {
  return series({
    title: 'Time of a flush',
    description:
      'fdatasync of the write-ahead log. Slow flushes are a slow disk, or one that others use as well.',
    unit: 's',
    width: 8,
    queries: quantiles.map((q) => ({
      expr: percentile(q, 'millrace_log_flush_duration_seconds'),
      legend: `p${q * 100}`,
    })),
  })
}

function flushes() {
  return series({
    title: 'Flushes per second',
    description: 'One flush serves all records that wait for one, whatever their partitions.',
    unit: 'short',
    width: 8,
    queries: [{ expr: sumRate('millrace_log_flush_duration_seconds_count'), legend: 'flushes' }],
  })
}

function logSize() {
  return series({
    title: 'Log size by topic',
    description: 'Bytes on disk. Retention drops whole files, so the lines fall in steps.',
    unit: 'bytes',
    width: 8,
    stacked: true,
    queries: [{ expr: `sum by (topic) (millrace_log_size_bytes${chosen})`, legend: '{{topic}}' }],
  })
}

function diskFree() {
  return series({
    title: 'Disk used',
    description: 'Share of the disk that holds the log, whoever uses it.',
    unit: 'percentunit',
    width: 8,
    max: 1,
    queries: [{ expr: `1 - ${freeShare}`, legend: 'used' }],
  })
}

function compacted() {
  return series({
    title: 'Taken away by compaction',
    description:
      'Bytes per second of records that a newer one with their key has replaced, in topics with cleanup.policy=compact.',
    unit: 'Bps',
    width: 8,
    queries: [{ expr: sumRate('millrace_log_compacted_bytes_total'), legend: 'bytes' }],
  })
}

function compactions() {
  return series({
    title: 'Passes of compaction',
    description:
      'In the last 5 minutes, each over one partition. Those that fail leave the partition as it was; the log of the broker says why.',
    unit: 'short',
    width: 8,
    queries: ['compactions', 'compaction_failures'].map((what) => ({
      expr: `round(sum(increase(millrace_log_${what}_total[5m])))`,
      legend: what === 'compactions' ? 'passes' : 'failed',
    })),
  })
}

function topics() {
  return table({
    title: 'Topics',
    description:
      'Retention is empty where records are kept for ever. Of a topic that is compacted "Records kept" counts those that compaction took away as well.',
    width: 12,
    labels: { topic: 'Topic' },
    columns: [
      {
        title: 'Partitions',
        unit: 'short',
        expr: `max by (topic) (kafka_topic_partitions${chosen})`,
      },
      {
        title: 'Records kept',
        unit: 'short',
        expr: `sum by (topic) (kafka_topic_partition_current_offset${chosen} - kafka_topic_partition_oldest_offset${chosen})`,
      },
      { title: 'Size', unit: 'bytes', expr: `sum by (topic) (millrace_log_size_bytes${chosen})` },
      {
        title: 'Retention',
        unit: 's',
        expr: `max by (topic) (millrace_topic_retention_seconds${chosen})`,
      },
      {
        title: 'In /s',
        unit: 'short',
        expr: sumRate(`millrace_topic_records_in_total${chosen}`, ['topic']),
      },
      {
        title: 'Out /s',
        unit: 'short',
        expr: sumRate(`millrace_topic_records_out_total${chosen}`, ['topic']),
      },
    ],
  })
}

function groups() {
  const members = 'max by (consumergroup) (kafka_consumergroup_members)'
  const by = (metric: string): string =>
    `max by (function, consumergroup, topic) (${withFunctions(metric)})`
  return table({
    title: 'Consumer groups',
    description:
      'Every group that has committed an offset, with the function of its mapping; other clients have none.',
    width: 12,
    labels: { function: 'Function', consumergroup: 'Group', topic: 'Topic' },
    columns: [
      {
        title: 'Members',
        unit: 'short',
        expr: by(
          `(0 * kafka_consumergroup_lag_sum${chosen} + on (consumergroup) group_left () ${members})`,
        ),
      },
      {
        title: 'Waiting records',
        unit: 'short',
        expr: by(`kafka_consumergroup_lag_sum${chosen}`),
      },
      {
        title: 'Oldest',
        unit: 's',
        act: 60,
        expr: by(`millrace_consumergroup_lag_seconds${chosen}`),
      },
    ],
  })
}

function connections() {
  return series({
    title: 'Open connections',
    description: 'Of Kafka clients; a kafkajs client has one for itself and one for its group.',
    unit: 'short',
    width: 12,
    queries: [{ expr: 'sum(millrace_broker_connections)', legend: 'connections' }],
  })
}

function trouble() {
  return series({
    title: 'Connections and logins refused, per second',
    description:
      'Refused: above the limit of connections. Broken off: what came over them was not the Kafka protocol, or too large. TLS and logins: handshakes and logins that failed.',
    unit: 'short',
    width: 12,
    queries: [
      { expr: sumRate('millrace_broker_connections_refused_total'), legend: 'refused' },
      { expr: sumRate('millrace_broker_connections_failed_total'), legend: 'broken off' },
      { expr: sumRate('millrace_broker_tls_failures_total'), legend: 'TLS' },
      {
        expr: `${sumRate('millrace_broker_logins_total{outcome="failed"}')} or vector(0)`,
        legend: 'logins',
      },
    ],
  })
}
