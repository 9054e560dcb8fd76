// The metrics of asynchronous invocations, read from what the queue counts.
import type { MetricDefinition, MetricSample, MetricSource } from '../../common/metrics.ts'
import type { AsyncCounters } from './async-counters.ts'
import type { AsyncInvoker } from './async-invoker.ts'

const perFunction = ['function'] as const

interface CountedMetric {
  readonly type: MetricDefinition['type']
  readonly help: string
  readonly aws?: string
  readonly read: (counters: AsyncCounters) => MetricSample['value']
}

const counted = {
  millrace_async_events_received_total: {
    type: 'counter',
    help: 'Events that were queued for a function.',
    aws: 'AsyncEventsReceived',
    read: ({ received }) => received,
  },
  millrace_async_events_refused_total: {
    type: 'counter',
    help: 'Events that the queue had no room for.',
    read: ({ refused }) => refused,
  },
  millrace_async_events_dropped_total: {
    type: 'counter',
    help: 'Events that were given up without success, whether a destination heard of them or not.',
    aws: 'AsyncEventsDropped',
    read: ({ dropped }) => dropped,
  },
  millrace_async_event_age_seconds: {
    type: 'histogram',
    help: 'Time from the queueing of an event to each try.',
    aws: 'AsyncEventAge',
    read: ({ ageSeconds }) => ageSeconds.read(),
  },
  millrace_async_destination_failures_total: {
    type: 'counter',
    help: 'Results that a destination did not take.',
    aws: 'DestinationDeliveryFailures',
    read: ({ destinationFailures }) => destinationFailures,
  },
  millrace_async_dead_letter_errors_total: {
    type: 'counter',
    help: 'Events that the dead-letter queue did not take.',
    aws: 'DeadLetterErrors',
    read: ({ deadLetterErrors }) => deadLetterErrors,
  },
} as const satisfies Readonly<Record<string, CountedMetric>>

export const asyncMetricDefinitions: readonly MetricDefinition[] = [
  ...Object.entries<CountedMetric>(counted).map(([name, { type, help, aws }]) => {
    const definition = { name, type, help, labels: perFunction }
    return aws === undefined ? definition : Object.assign(definition, { aws })
  }),
  {
    name: 'millrace_async_retries_total',
    type: 'counter',
    help: 'Tries that are repeated: the function failed, was throttled, or could not be reached.',
    labels: ['function', 'reason'],
  },
  {
    name: 'millrace_async_deliveries_total',
    type: 'counter',
    help: 'Results that a destination or a dead-letter queue took.',
    labels: ['function', 'destination'],
  },
  {
    name: 'millrace_async_queue_events',
    type: 'gauge',
    help: 'Events that wait or run, and results that wait for their destination.',
    labels: perFunction,
  },
  {
    name: 'millrace_async_queue_bytes',
    type: 'gauge',
    help: 'What these events take.',
    labels: perFunction,
  },
  {
    name: 'millrace_async_oldest_event_age_seconds',
    type: 'gauge',
    help: 'Age of the oldest event of the queue; absent where there is none.',
    labels: perFunction,
  },
  {
    name: 'millrace_async_queue_file_bytes',
    type: 'gauge',
    help: "The queue's files, with what is not freed yet.",
    labels: [],
  },
]

export function asyncMetrics(queue: AsyncInvoker, now: () => number): MetricSource {
  return {
    definitions: asyncMetricDefinitions,
    collect: () => [
      ...[...queue.counters.all()].flatMap(([name, counters]) => counterSamples(name, counters)),
      ...queue.backlog().flatMap(({ functionName, events, bytes }): MetricSample[] => {
        const labels = { function: functionName }
        return [
          { name: 'millrace_async_queue_events', labels, value: events },
          { name: 'millrace_async_queue_bytes', labels, value: bytes },
        ]
      }),
      ...ageSamples(queue, now()),
      { name: 'millrace_async_queue_file_bytes', labels: {}, value: queue.fileBytes },
    ],
  }
}

function counterSamples(functionName: string, counters: AsyncCounters): MetricSample[] {
  const labels = { function: functionName }
  const { failed, throttled, unreached } = counters.retries
  const { onSuccess, onFailure, deadLetter } = counters.deliveries
  const sum = (name: string, more: Record<string, string>, value: number): MetricSample => ({
    name,
    labels: { ...labels, ...more },
    value,
  })
  return [
    ...Object.entries<CountedMetric>(counted).map(([name, { read }]) => ({
      name,
      labels,
      value: read(counters),
    })),
    sum('millrace_async_retries_total', { reason: 'failed' }, failed),
    sum('millrace_async_retries_total', { reason: 'throttled' }, throttled),
    sum('millrace_async_retries_total', { reason: 'unreached' }, unreached),
    sum('millrace_async_deliveries_total', { destination: 'on-success' }, onSuccess),
    sum('millrace_async_deliveries_total', { destination: 'on-failure' }, onFailure),
    sum('millrace_async_deliveries_total', { destination: 'dead-letter' }, deadLetter),
  ]
}

function ageSamples(queue: AsyncInvoker, nowMs: number): MetricSample[] {
  const oldest = new Map<string, number>()
  for (const { functionName, receivedMs } of queue.events()) {
    oldest.set(functionName, Math.min(receivedMs, oldest.get(functionName) ?? Infinity))
  }
  return [...oldest].map(([functionName, receivedMs]) => ({
    name: 'millrace_async_oldest_event_age_seconds',
    labels: { function: functionName },
    value: Math.max(0, nowMs - receivedMs) / 1000,
  }))
}
