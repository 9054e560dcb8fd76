// What streams do: records and bytes by the Kinesis API, time of calls, limits of shards, readers and how far they are.
import type { Dashboard } from '@grafana/grafana-foundation-sdk/dashboard'
import { board } from '../board.ts'
import { series, stat } from '../panels.ts'
import { percentile, sumRate } from '../queries.ts'

/** A stream is a topic: the variable chooses both. */
const chosen = '{stream=~"$topic"}'
const callTime = 'millrace_kinesis_stream_call_duration_seconds'
const puts = '{stream=~"$topic", operation=~"PutRecords?"}'
const reads = '{stream=~"$topic", operation="GetRecords"}'

export function kinesisStreams(): Dashboard {
  return board({
    name: 'kinesis-streams',
    title: 'Kinesis streams',
    description:
      'Records and bytes in and out by the Kinesis API, its calls and their time, readers and how far behind they are.',
    variables: ['topic'],
    rows: {
      '': numbers(),
      'In and out': [recordsIn(), recordsOut(), bytes()],
      Calls: [timeOfCalls(), calls(), throttled()],
      'Readers and shards': [iteratorAge(), consumersBehind(), openShards()],
    },
  })
}

function numbers() {
  const small = { width: 4, unit: 'short' }
  return [
    stat({
      ...small,
      title: 'Records in, per second',
      description:
        'Put by PutRecord and PutRecords; what Kafka producers send is on the board Broker.',
      queries: [
        { expr: sumRate(`millrace_kinesis_stream_records_in_total${chosen}`), legend: 'in' },
      ],
    }),
    stat({
      ...small,
      title: 'Open shards',
      description: 'Those that take records, of all chosen streams.',
      queries: [{ expr: `sum(millrace_kinesis_stream_open_shards${chosen})`, legend: 'shards' }],
    }),
    stat({
      ...small,
      title: 'Put p99',
      description: 'Time of PutRecord and PutRecords, flush included.',
      unit: 's',
      queries: [{ expr: percentile(0.99, `${callTime}${puts}`), legend: 'p99' }],
    }),
    stat({
      ...small,
      title: 'GetRecords p99',
      description: 'Time of a call that reads, from its start to its answer.',
      unit: 's',
      queries: [{ expr: percentile(0.99, `${callTime}${reads}`), legend: 'p99' }],
    }),
    stat({
      ...small,
      title: 'Oldest iterator',
      description:
        'How far the slowest reader by GetRecords is behind. Where it grows, records go by retention before they are read.',
      unit: 's',
      queries: [
        { expr: `max(millrace_kinesis_stream_iterator_age_seconds${chosen})`, legend: 'age' },
      ],
    }),
    stat({
      ...small,
      title: 'Subscriptions',
      description: 'Open ones of consumers with enhanced fan-out, of all streams.',
      queries: [{ expr: 'sum(millrace_kinesis_subscriptions)', legend: 'subscriptions' }],
    }),
  ]
}

function recordsIn() {
  return series({
    title: 'Records in by stream',
    description: 'Records per second that were put by the Kinesis API.',
    unit: 'short',
    width: 8,
    queries: [
      {
        expr: sumRate(`millrace_kinesis_stream_records_in_total${chosen}`, ['stream']),
        legend: '{{stream}}',
      },
    ],
  })
}

function recordsOut() {
  return series({
    title: 'Records out by stream',
    description: 'Records per second, given to GetRecords or pushed to a consumer.',
    unit: 'short',
    width: 8,
    queries: [
      {
        expr: sumRate(`millrace_kinesis_stream_records_out_total${chosen}`, ['stream']),
        legend: '{{stream}}, GetRecords',
      },
      {
        expr: sumRate(`millrace_kinesis_consumer_records_out_total${chosen}`, [
          'stream',
          'consumer',
        ]),
        legend: '{{stream}}, {{consumer}}',
      },
    ],
  })
}

function bytes() {
  return series({
    title: 'Bytes in and out',
    description: 'Data and keys per second, of all chosen streams.',
    unit: 'Bps',
    width: 8,
    queries: [
      { expr: sumRate(`millrace_kinesis_stream_bytes_in_total${chosen}`), legend: 'in' },
      { expr: sumRate(`millrace_kinesis_stream_bytes_out_total${chosen}`), legend: 'GetRecords' },
      { expr: sumRate(`millrace_kinesis_consumer_bytes_out_total${chosen}`), legend: 'pushed' },
    ],
  })
}

function timeOfCalls() {
  return series({
    title: 'Time of calls, p99',
    description: 'From the start of a call to its outcome; that of puts includes the flush.',
    unit: 's',
    width: 8,
    queries: [
      { expr: percentile(0.99, `${callTime}${chosen}`, ['operation']), legend: '{{operation}}' },
    ],
  })
}

function calls() {
  return series({
    title: 'Calls, per second',
    description: 'By operation and outcome; one record that was put makes PutRecords succeed.',
    unit: 'short',
    width: 8,
    queries: [
      {
        expr: sumRate(`millrace_kinesis_stream_calls_total${chosen}`, ['operation', 'outcome']),
        legend: '{{operation}} {{outcome}}',
      },
    ],
  })
}

function throttled() {
  return series({
    title: 'Above the limits of a shard, per second',
    description:
      'ProvisionedThroughputExceededException: records that were not put, calls that were not answered. At pace local limits are off.',
    unit: 'short',
    width: 8,
    queries: [
      {
        expr: sumRate(`millrace_kinesis_stream_writes_throttled_total${chosen}`, ['stream']),
        legend: '{{stream}}, records',
      },
      {
        expr: sumRate(`millrace_kinesis_stream_reads_throttled_total${chosen}`, ['stream']),
        legend: '{{stream}}, reads',
      },
    ],
  })
}

function iteratorAge() {
  return series({
    title: 'Iterator age',
    description:
      'How far behind the last call of GetRecords was, of the shard where it is most. A reader that pauses changes nothing.',
    unit: 's',
    width: 8,
    queries: [
      { expr: `millrace_kinesis_stream_iterator_age_seconds${chosen}`, legend: '{{stream}}' },
    ],
  })
}

function consumersBehind() {
  return series({
    title: 'Consumers behind',
    description: 'How far the last event of each consumer with enhanced fan-out was behind.',
    unit: 's',
    width: 8,
    queries: [
      {
        expr: `millrace_kinesis_consumer_behind_seconds${chosen}`,
        legend: '{{stream}}, {{consumer}}',
      },
    ],
  })
}

function openShards() {
  return series({
    title: 'Open shards',
    description: 'They change with splits, merges, on-demand mode and scaling targets.',
    unit: 'short',
    width: 8,
    stepped: true,
    queries: [{ expr: `millrace_kinesis_stream_open_shards${chosen}`, legend: '{{stream}}' }],
  })
}
