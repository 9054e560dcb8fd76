// The board to begin with: what flows from topics through mappings to functions, and what is stuck.
import type { Dashboard } from '@grafana/grafana-foundation-sdk/dashboard'
import { board } from '../board.ts'
import { series, stat, table, type Column } from '../panels.ts'
import { percentile, quantiles, rate, sumRate } from '../queries.ts'

const byMapping = 'max by (topic, function, mapping)'
const everyMapping = 'topk by (consumergroup, topic) (1, millrace_mapping_info)'

/** A value per topic, group or function, on each of its mappings. */
function onMappings(value: string, labels: string): string {
  return `${byMapping} ((${value}) * on (${labels}) group_right () ${everyMapping})`
}

export function overview(): Dashboard {
  return board({
    name: 'overview',
    title: 'Overview',
    description:
      'Records on their way from topics through event source mappings to functions. Begin here: what is red tells where to look next.',
    variables: [],
    rows: {
      '': flow(),
      'Topic → mapping → function': [mappingTable()],
      'Over time': [records(), waiting(), oldest(), errors(), delivery()],
      Platform: [alertTable(), rolesUp(), problems()],
    },
  })
}

function flow() {
  const step = { width: 4, unit: 'short' }
  return [
    stat({
      ...step,
      title: '1 · Records in, per second',
      description: 'What producers append to all topics.',
      queries: [{ expr: sumRate('millrace_topic_records_in_total'), legend: 'records in' }],
    }),
    stat({
      ...step,
      title: '2 · Read, per second',
      description:
        'Records that event source mappings read. Two mappings of a topic read it twice.',
      queries: [{ expr: sumRate('millrace_mapping_polled_events_total'), legend: 'read' }],
    }),
    stat({
      ...step,
      title: '3 · To functions, per second',
      description:
        'Records that passed the filters and were in an invocation; retries count again.',
      queries: [{ expr: sumRate('millrace_mapping_invoked_events_total'), legend: 'given' }],
    }),
    stat({
      ...step,
      title: '4 · Function errors',
      description: 'Share of invocations that ended in an error or a timeout.',
      unit: 'percentunit',
      worry: 0.01,
      act: 0.05,
      queries: [
        {
          expr: `${sumRate('millrace_function_errors_total')} / ${sumRate('millrace_function_invocations_total')}`,
          legend: 'errors',
        },
      ],
    }),
    stat({
      ...step,
      title: 'Waiting records',
      description:
        'Lag: records that are in a topic and not handled yet, of all mappings and other consumer groups.',
      queries: [{ expr: 'sum(kafka_consumergroup_lag_sum)', legend: 'lag' }],
    }),
    stat({
      ...step,
      title: 'Oldest waiting record',
      description: 'How long the oldest record has waited that is not handled yet.',
      unit: 's',
      worry: 10,
      act: 60,
      queries: [{ expr: 'max(millrace_consumergroup_lag_seconds)', legend: 'age' }],
    }),
  ]
}

function mappingTable() {
  const polled = `sum by (topic, function, mapping) (${rate('millrace_mapping_polled_events_total')})`
  const filtered = `sum by (topic, function, mapping) (${rate('millrace_mapping_filtered_out_events_total')})`
  const invoked = `sum by (topic, function, mapping) (${rate('millrace_mapping_invoked_events_total')})`
  const givenUp = ['dropped', 'destination']
    .map((how) => `increase(millrace_mapping_${how}_events_total[$__range])`)
    .join(' + ')
  const errorShare = `${sumRate('millrace_function_errors_total', ['function'])} / ${sumRate('millrace_function_invocations_total', ['function'])}`
  const columns: Column[] = [
    {
      title: 'In /s',
      unit: 'short',
      expr: onMappings(sumRate('millrace_topic_records_in_total', ['topic']), 'topic'),
    },
    {
      title: 'Waiting',
      unit: 'short',
      expr: onMappings(
        'max by (consumergroup, topic) (kafka_consumergroup_lag_sum)',
        'consumergroup, topic',
      ),
    },
    {
      title: 'Oldest',
      unit: 's',
      act: 60,
      expr: onMappings(
        'max by (consumergroup, topic) (millrace_consumergroup_lag_seconds)',
        'consumergroup, topic',
      ),
    },
    { title: 'Read /s', unit: 'short', expr: polled },
    { title: 'Filtered out', unit: 'percentunit', expr: `${filtered} / ${polled}` },
    { title: 'To function /s', unit: 'short', expr: invoked },
    { title: 'Errors', unit: 'percentunit', act: 0.05, expr: onMappings(errorShare, 'function') },
    {
      title: 'Duration p95',
      unit: 's',
      expr: onMappings(
        percentile(0.95, 'millrace_function_duration_seconds', ['function']),
        'function',
      ),
    },
    {
      title: 'Failed tries',
      unit: 'short',
      act: 5,
      expr: `${byMapping} (millrace_mapping_batch_attempts)`,
    },
    {
      title: 'Given up',
      unit: 'short',
      act: 1,
      expr: `round(sum by (topic, function, mapping) (${givenUp}))`,
    },
  ]
  return table({
    title: 'Every mapping',
    description:
      'A row for each event source mapping, from left to right as records go: into the topic, waiting, read, filtered, given to the function, and how that fares. "Failed tries" are those of the batch that fails most often at the moment; "Given up" are records whose retries or age were used up in the chosen time: dropped, or at the on-failure destination.',
    width: 24,
    labels: { topic: 'Topic', function: 'Function', mapping: 'Mapping' },
    columns,
  })
}

function records() {
  return series({
    title: 'Records in, read and given to functions',
    description:
      'Where the lines part, records wait or are filtered out. Read is above in where several mappings read one topic.',
    unit: 'short',
    width: 12,
    queries: [
      { expr: sumRate('millrace_topic_records_in_total'), legend: 'into topics, per second' },
      { expr: sumRate('millrace_mapping_polled_events_total'), legend: 'read, per second' },
      {
        expr: sumRate('millrace_mapping_filtered_out_events_total'),
        legend: 'filtered out, per second',
      },
      {
        expr: sumRate('millrace_mapping_invoked_events_total'),
        legend: 'given to functions, per second',
      },
    ],
  })
}

function waiting() {
  return series({
    title: 'Waiting records by mapping',
    description: 'Lag in records. A line that only rises means that the function does not keep up.',
    unit: 'short',
    width: 12,
    queries: [
      {
        expr: onMappings(
          'max by (consumergroup, topic) (kafka_consumergroup_lag_sum)',
          'consumergroup, topic',
        ),
        legend: '{{topic}} → {{function}}',
      },
    ],
  })
}

function oldest() {
  return series({
    title: 'Oldest waiting record by mapping',
    description:
      'Lag in seconds: how old the oldest record is that is not handled yet (IteratorAge).',
    unit: 's',
    width: 8,
    queries: [
      {
        expr: onMappings(
          'max by (consumergroup, topic) (millrace_consumergroup_lag_seconds)',
          'consumergroup, topic',
        ),
        legend: '{{topic}} → {{function}}',
      },
    ],
  })
}

function errors() {
  return series({
    title: 'Function errors and throttles',
    description:
      'Invocations per second that ended in an error, timeouts included, and those refused for want of concurrency.',
    unit: 'short',
    width: 8,
    queries: [
      {
        expr: sumRate('millrace_function_errors_total', ['function']),
        legend: '{{function}} errors',
      },
      {
        expr: sumRate('millrace_function_throttles_total', ['function']),
        legend: '{{function}} throttles',
      },
    ],
  })
}

function delivery() {
  return series({
    title: 'From producer to handler',
    description:
      'Time from the timestamp of a record to its first invocation, all mappings together.',
    unit: 's',
    width: 8,
    queries: quantiles.map((q) => ({
      expr: percentile(q, 'millrace_mapping_put_to_handler_seconds'),
      legend: `p${q * 100}`,
    })),
  })
}

function alertTable() {
  return table({
    title: 'Alerts that fire',
    description:
      'Empty when all is well. What to do about each is in its description in Prometheus.',
    width: 12,
    height: 6,
    labels: { alertname: 'Alert', severity: 'Severity', function: 'Function', topic: 'Topic' },
    columns: [
      {
        title: 'Firing',
        unit: 'short',
        expr: 'max by (alertname, severity, function, topic) (ALERTS{alertname=~"Millrace.*", alertstate="firing"})',
      },
    ],
  })
}

function rolesUp() {
  return series({
    title: 'Copies of each role that answer',
    description: 'A role that is missing here cannot be scraped: look at its container.',
    unit: 'short',
    width: 6,
    height: 6,
    queries: [{ expr: 'sum by (job) (up{job!="prometheus"})', legend: '{{job}}' }],
  })
}

function problems() {
  return series({
    title: 'Problems that roles report',
    description: 'Each is a sentence on the /health page of its role.',
    unit: 'short',
    width: 6,
    height: 6,
    queries: [{ expr: 'sum by (role) (millrace_problems)', legend: '{{role}}' }],
  })
}
