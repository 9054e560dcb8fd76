// A load test as the platform sees it: what producers send, what it costs, how well it is followed.
import type { Dashboard } from '@grafana/grafana-foundation-sdk/dashboard'
import { board } from '../board.ts'
import { series, stat } from '../panels.ts'
import { chosenMappings, ofMappings, percentile, quantiles, sumRate } from '../queries.ts'

const recordsIn = 'millrace_topic_records_in_total{topic=~"$topic"}'
const bytesIn = 'millrace_topic_bytes_in_total{topic=~"$topic"}'
const produce = '{api="Produce"}'

export function loadTest(): Dashboard {
  return board({
    name: 'load-test',
    title: 'Load test',
    description:
      'What the broker sees of producers, and how the rest follows. Start a load with "make load", or with the producer.',
    variables: ['topic', 'mapping'],
    rows: {
      '': numbers(),
      'The load': [load(), volume(), latency()],
      'How it is followed': [handled(), lag(), age(), delivery()],
      'What it costs': [flush(), processor(), late(), refused()],
    },
  })
}

function numbers() {
  const small = { width: 4, unit: 'short' }
  return [
    stat({
      ...small,
      title: 'Records in, per second',
      description: 'Now.',
      queries: [{ expr: sumRate(recordsIn), legend: 'now' }],
    }),
    stat({
      ...small,
      title: 'Peak, per second',
      description: 'The most in the chosen time.',
      course: false,
      queries: [{ expr: `max_over_time((${sumRate(recordsIn)})[$__range:5s])`, legend: 'peak' }],
    }),
    stat({
      ...small,
      title: 'Records in all',
      description: 'Appended in the chosen time.',
      course: false,
      queries: [{ expr: `round(sum(increase(${recordsIn}[$__range])))`, legend: 'records' }],
    }),
    stat({
      ...small,
      title: 'Produce p99',
      description: 'Time of a Produce request at the broker, flush included.',
      unit: 's',
      queries: [
        {
          expr: percentile(0.99, `millrace_broker_request_duration_seconds${produce}`),
          legend: 'p99',
        },
      ],
    }),
    stat({
      ...small,
      title: 'Waiting records',
      description: 'Records of the chosen mappings that are not handled yet.',
      queries: [{ expr: `sum(${ofMappings('kafka_consumergroup_lag_sum')})`, legend: 'lag' }],
    }),
    stat({
      ...small,
      title: 'Producer to handler, p95',
      description: 'Time from the timestamp of a record to its first invocation.',
      unit: 's',
      queries: [
        {
          expr: percentile(0.95, `millrace_mapping_put_to_handler_seconds${chosenMappings}`),
          legend: 'p95',
        },
      ],
    }),
  ]
}

function load() {
  return series({
    title: 'Records in by topic',
    description: 'Records per second that the broker appends: the shape of the load.',
    unit: 'short',
    width: 8,
    queries: [{ expr: sumRate(recordsIn, ['topic']), legend: '{{topic}}' }],
  })
}

function volume() {
  return series({
    title: 'Bytes in by topic',
    description: 'Bytes of record batches per second, as they were compressed by the producer.',
    unit: 'Bps',
    width: 8,
    queries: [{ expr: sumRate(bytesIn, ['topic']), legend: '{{topic}}' }],
  })
}

function latency() {
  return series({
    title: 'Time of a Produce request',
    description:
      'At the broker, from its first byte to the answer. The way through the network is not in it.',
    unit: 's',
    width: 8,
    queries: quantiles.map((q) => ({
      expr: percentile(q, `millrace_broker_request_duration_seconds${produce}`),
      legend: `p${q * 100}`,
    })),
  })
}

function handled() {
  return series({
    title: 'Records in against records given to functions',
    description:
      'A spike is followed well where the second line is up soon after the first. What is filtered out is not given.',
    unit: 'short',
    width: 12,
    queries: [
      { expr: sumRate(recordsIn), legend: 'in, per second' },
      {
        expr: sumRate(`millrace_mapping_invoked_events_total${chosenMappings}`),
        legend: 'given to functions, per second',
      },
      {
        expr: sumRate(`millrace_mapping_filtered_out_events_total${chosenMappings}`),
        legend: 'filtered out, per second',
      },
    ],
  })
}

function lag() {
  return series({
    title: 'Waiting records',
    description: 'The hill of a spike: how much piles up, and how long it takes to work off.',
    unit: 'short',
    width: 12,
    queries: [
      {
        expr: `sum by (topic, function) (${ofMappings('kafka_consumergroup_lag_sum')})`,
        legend: '{{topic}} → {{function}}',
      },
    ],
  })
}

function age() {
  return series({
    title: 'Oldest waiting record',
    description: 'Lag in seconds.',
    unit: 's',
    width: 12,
    queries: [
      {
        expr: `max by (topic, function) (${ofMappings('millrace_consumergroup_lag_seconds')})`,
        legend: '{{topic}} → {{function}}',
      },
    ],
  })
}

function delivery() {
  return series({
    title: 'From producer to handler',
    description: 'Time from the timestamp of a record to its first invocation.',
    unit: 's',
    width: 12,
    queries: quantiles.map((q) => ({
      expr: percentile(q, `millrace_mapping_put_to_handler_seconds${chosenMappings}`),
      legend: `p${q * 100}`,
    })),
  })
}

function flush() {
  return series({
    title: 'Time of a flush',
    description: 'With acks=all a record is acknowledged after the flush that it waits for.',
    unit: 's',
    width: 6,
    queries: quantiles.map((q) => ({
      expr: percentile(q, 'millrace_log_flush_duration_seconds'),
      legend: `p${q * 100}`,
    })),
  })
}

function processor() {
  return series({
    title: 'Processor cores of each role',
    description: '1 is one core at work all the time.',
    unit: 'short',
    width: 6,
    queries: [
      {
        expr: 'sum by (job) (rate(process_cpu_seconds_total{job!="prometheus"}[$__rate_interval]))',
        legend: '{{job}}',
      },
    ],
  })
}

function late() {
  return series({
    title: 'Delay of the main thread, p99',
    description:
      'The worst copy of each role. Above 100 ms the figures beside this one suffer from it.',
    unit: 's',
    width: 6,
    queries: [{ expr: 'max by (job) (nodejs_eventloop_lag_p99_seconds)', legend: '{{job}}' }],
  })
}

function refused() {
  return series({
    title: 'What was refused, per second',
    description:
      'Errors that the broker answered to Produce, connections above the limit, and throttled invocations.',
    unit: 'short',
    width: 6,
    queries: [
      {
        expr: `${sumRate(`millrace_broker_request_errors_total${produce}`)} or vector(0)`,
        legend: 'Produce errors',
      },
      { expr: sumRate('millrace_broker_connections_refused_total'), legend: 'connections' },
      { expr: sumRate('millrace_function_throttles_total'), legend: 'invocations' },
    ],
  })
}
