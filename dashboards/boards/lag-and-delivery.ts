// How far mappings are behind, partition by partition, and what becomes of the records they read.
import type { Dashboard } from '@grafana/grafana-foundation-sdk/dashboard'
import { board } from '../board.ts'
import { bars, series, stat } from '../panels.ts'
import { chosenMappings, mean, ofMappings, percentile, quantiles, sumRate } from '../queries.ts'

const mapping = ['topic', 'function']
const legend = '{{topic}} → {{function}}'
const chosenTopics = '{topic=~"$topic"}'

export function lagAndDelivery(): Dashboard {
  return board({
    name: 'lag-and-delivery',
    title: 'Lag and delivery',
    description:
      'How far each mapping is behind, in records and in seconds, and what becomes of what it reads.',
    variables: ['topic', 'mapping'],
    rows: {
      '': numbers(),
      'How far behind, and why': [lagRecords(), lagSeconds(), trend(), inAndOut(), causes()],
      'What becomes of the records': [funnel(), funnelOverTime(), latency()],
      Batches: [batchSize(), batchWait(), retries(), attempts()],
      'Partitions and buffers': [perPartition(), skew(), buffered()],
    },
  })
}

function numbers() {
  const lag = ofMappings('kafka_consumergroup_lag_sum')
  return [
    stat({
      title: 'Waiting records',
      description: 'Records of the chosen mappings that are not handled yet.',
      unit: 'short',
      width: 6,
      queries: [{ expr: `sum(${lag})`, legend: 'lag' }],
    }),
    stat({
      title: 'Oldest waiting record',
      description: 'Age of the oldest record that is not handled yet (IteratorAge).',
      unit: 's',
      width: 6,
      worry: 10,
      act: 60,
      queries: [
        {
          expr: `max(${ofMappings('millrace_consumergroup_lag_seconds')})`,
          legend: 'age',
        },
      ],
    }),
    stat({
      title: 'Lag grows by, records per second',
      description:
        'Above zero the mappings fall behind, below they catch up. Over the last minute.',
      unit: 'short',
      width: 6,
      queries: [
        { expr: `sum(${ofMappings('deriv(kafka_consumergroup_lag_sum[1m])')})`, legend: 'trend' },
      ],
    }),
    stat({
      title: 'Time already used of the retention',
      description:
        'Age of the oldest waiting record as a share of the time that its topic keeps records. At 100 % records are deleted unread.',
      unit: 'percentunit',
      width: 6,
      worry: 0.5,
      act: 0.8,
      queries: [
        {
          expr: `max(max by (topic) (${ofMappings('millrace_consumergroup_lag_seconds')}) / on (topic) group_left () max by (topic) (millrace_topic_retention_seconds))`,
          legend: 'used',
        },
      ],
    }),
  ]
}

function lagRecords() {
  return series({
    title: 'Waiting records by partition',
    description: 'Lag in records of each partition of the chosen mappings, on top of one another.',
    unit: 'short',
    width: 12,
    stacked: true,
    queries: [
      {
        expr: ofMappings('kafka_consumergroup_lag'),
        legend: '{{function}} · {{topic}}/{{partition}}',
      },
    ],
  })
}

function lagSeconds() {
  return series({
    title: 'Oldest waiting record by partition',
    description:
      'Lag in seconds of each partition. One line far above the others: a batch of that partition is stuck.',
    unit: 's',
    width: 12,
    queries: [
      {
        expr: ofMappings('millrace_consumergroup_lag_seconds'),
        legend: '{{function}} · {{topic}}/{{partition}}',
      },
    ],
  })
}

function trend() {
  return series({
    title: 'Trend of the lag',
    signed: true,
    description: 'How fast the number of waiting records changes, per second over the last minute.',
    unit: 'short',
    width: 12,
    queries: [{ expr: ofMappings('deriv(kafka_consumergroup_lag_sum[1m])'), legend }],
  })
}

function inAndOut() {
  return series({
    title: 'Records in against records finished, per second',
    description:
      'Finished means committed: handled or filtered out. The space between the lines is what is added to the lag.',
    unit: 'short',
    width: 12,
    queries: [
      {
        expr: sumRate(`millrace_topic_records_in_total${chosenTopics}`, ['topic']),
        legend: '{{topic}} in',
      },
      {
        expr: sumRate(`millrace_mapping_committed_events_total${chosenMappings}`, mapping),
        legend: `${legend} finished`,
      },
    ],
  })
}

function causes() {
  return series({
    title: 'Why mappings lag',
    stacked: true,
    stepped: true,
    description:
      'Mappings by the one cause that holds each up: its handler, its throttles, a poison record, one partition, its event pollers, or what it reads. The log line and GetEventSourceMapping give the numbers.',
    unit: 'short',
    width: 24,
    queries: [
      {
        expr: `sum by (topic, function, cause) (millrace_mapping_lag_cause${chosenMappings})`,
        legend: `${legend}: {{cause}}`,
      },
    ],
  })
}

const stages: readonly (readonly [metric: string, legend: string])[] = [
  ['polled', 'read'],
  ['filtered_out', 'filtered out'],
  ['invoked', 'given to the function'],
  ['failed_invoke', 'failed'],
  ['oversized', 'skipped: too large'],
  ['dropped', 'given up: dropped'],
  ['destination', 'given up: at the destination'],
  ['committed', 'finished'],
]

function funnel() {
  return bars({
    title: 'From read to finished, in the chosen time',
    description:
      'Records at each stage. Retries are given, and fail, once more each time. Given up are those whose retries or age were used up. "Finished" is what need not be read again.',
    unit: 'short',
    width: 8,
    queries: stages.map(([stage, text]) => ({
      expr: `round(sum(increase(millrace_mapping_${stage}_events_total${chosenMappings}[$__range])))`,
      legend: text,
    })),
  })
}

function funnelOverTime() {
  return series({
    title: 'The same, per second',
    description: 'Records at each stage over time.',
    unit: 'short',
    width: 8,
    queries: stages.map(([stage, text]) => ({
      expr: sumRate(`millrace_mapping_${stage}_events_total${chosenMappings}`),
      legend: text,
    })),
  })
}

function latency() {
  return series({
    title: 'From producer to handler',
    description:
      'Time from the timestamp of a record to its first invocation, all chosen mappings together.',
    unit: 's',
    width: 8,
    queries: quantiles.map((q) => ({
      expr: percentile(q, `millrace_mapping_put_to_handler_seconds${chosenMappings}`),
      legend: `p${q * 100}`,
    })),
  })
}

function batchSize() {
  return series({
    title: 'Batch size against BatchSize',
    description:
      'Mean records of a batch, and where a batch is full. Full batches with lag: raise BatchSize. Small ones: raise the window.',
    unit: 'short',
    width: 6,
    queries: [
      { expr: mean(`millrace_mapping_batch_size${chosenMappings}`, mapping), legend },
      {
        expr: `max by (topic, function) (millrace_mapping_batch_size_max${chosenMappings})`,
        legend: `limit of ${legend}`,
      },
    ],
  })
}

function batchWait() {
  return series({
    title: 'Wait of a batch against its window',
    description:
      'Mean time from the first record that could be sent to the batch, and MaximumBatchingWindowInSeconds. Far below the window, batches fill up before it ends.',
    unit: 's',
    width: 6,
    queries: [
      { expr: mean(`millrace_mapping_batch_wait_seconds${chosenMappings}`, mapping), legend },
      {
        expr: `max by (topic, function) (millrace_mapping_batch_window_seconds${chosenMappings})`,
        legend: `limit of ${legend}`,
      },
    ],
  })
}

function retries() {
  return series({
    title: 'Retries, throttles and other trouble',
    description:
      'Batches per second that were sent again, that found no concurrency; commits of offsets that failed, and on-failure destinations that took nothing.',
    unit: 'short',
    width: 6,
    queries: ['retries', 'throttles', 'commit_errors', 'destination_errors'].map((what) => ({
      expr: sumRate(`millrace_mapping_${what}_total${chosenMappings}`, mapping),
      legend: `${legend} ${what.replace('_', ' ')}`,
    })),
  })
}

function attempts() {
  return series({
    title: 'Failed tries of the worst batch',
    description:
      'How often the batch has failed that fails most often at the moment, until it is through or given up. From 5 on it is an alert: a poison record, or something that the handler needs is down.',
    unit: 'short',
    width: 6,
    queries: [
      {
        expr: `max by (topic, function) (millrace_mapping_batch_attempts${chosenMappings})`,
        legend,
      },
    ],
  })
}

function perPartition() {
  return series({
    title: 'Records in by partition',
    description: 'Records per second. Lines apart mean that keys are spread unevenly.',
    unit: 'short',
    width: 8,
    queries: [
      {
        expr: sumRate(`kafka_topic_partition_current_offset${chosenTopics}`, [
          'topic',
          'partition',
        ]),
        legend: '{{topic}}/{{partition}}',
      },
    ],
  })
}

function skew() {
  const rates = sumRate(`kafka_topic_partition_current_offset${chosenTopics}`, [
    'topic',
    'partition',
  ])
  return series({
    title: 'Partition skew',
    description:
      'How much more the fullest partition gets than the mean one: 0 % is even, 100 % is twice the mean. Only a topic that gets records has one.',
    unit: 'percentunit',
    width: 8,
    queries: [
      {
        expr: `max by (topic) (${rates}) / avg by (topic) (${rates}) - 1`,
        legend: '{{topic}}',
      },
    ],
  })
}

function buffered() {
  return series({
    title: 'Read and not finished',
    description:
      'Bytes of event text that the poller holds for each mapping. At its limit it stops reading.',
    unit: 'bytes',
    width: 8,
    queries: [
      {
        expr: `sum by (topic, function) (millrace_mapping_buffered_bytes${chosenMappings})`,
        legend,
      },
    ],
  })
}
