// The poller's table of metrics, read from the counters of its mappings.
import type { MetricDefinition, MetricSample, MetricSource } from '../common/metrics.ts'
import { eventPollerUnits } from './event-poller-units.ts'
import { lagMetricDefinitions, lagSamples } from './lag-metrics.ts'
import type { LagFinding } from './lag-cause.ts'
import type { MappingCounters } from './mapping-counters.ts'
import type { Mapping } from './mapping.ts'
import { scalingBounds, scalingReasons } from './scaler.ts'

/** A mapping as metrics see it; `mapping` is absent while it does not run. */
export interface MeasuredMapping {
  readonly uuid: string
  readonly functionName: string
  readonly topic: string
  readonly consumerGroupId: string
  readonly isProvisioned: boolean
  readonly counters: MappingCounters
  readonly mapping: Mapping | undefined
  /** Absent in its first second as well. */
  readonly lag: LagFinding | undefined
}

type Read = (measured: MeasuredMapping, nowMs: number) => MetricSample['value']

interface Row extends Omit<MetricDefinition, 'labels' | 'name'> {
  readonly read: Read
}

const labels = ['mapping', 'function', 'topic'] as const

const counter = (help: string, read: (counters: MappingCounters) => number, aws?: string): Row => ({
  type: 'counter',
  help,
  read: ({ counters }) => read(counters),
  ...(aws === undefined ? {} : { aws }),
})

const gauge = (
  help: string,
  read: (mapping: Mapping, nowMs: number) => number,
  aws?: string,
): Row => ({
  type: 'gauge',
  help,
  read: ({ mapping }, nowMs) => (mapping === undefined ? 0 : read(mapping, nowMs)),
  ...(aws === undefined ? {} : { aws }),
})

const table: Readonly<Record<string, Row>> = {
  millrace_mapping_polled_events_total: counter(
    'Records read from the topic.',
    (counters) => counters.polledEvents,
    'PolledEventCount',
  ),
  millrace_mapping_polled_bytes_total: counter(
    'Keys, values and headers of the records read.',
    (counters) => counters.polledBytes,
    'EventPollerThroughputInBytes',
  ),
  millrace_mapping_filtered_out_events_total: counter(
    'Records that the filter criteria dropped.',
    (counters) => counters.filteredOutEvents,
    'FilteredOutEventCount',
  ),
  millrace_mapping_invoked_events_total: counter(
    'Records that the function was invoked with; retries count again.',
    (counters) => counters.invokedEvents,
    'InvokedEventCount',
  ),
  millrace_mapping_failed_invoke_events_total: counter(
    'Records whose invocation failed, or did not come about.',
    (counters) => counters.failedInvokeEvents,
    'FailedInvokeEventCount',
  ),
  millrace_mapping_committed_events_total: counter(
    'Steps of the committed offsets.',
    (counters) => counters.committedEvents,
    'CommittedEventCount',
  ),
  millrace_mapping_oversized_events_total: counter(
    'Records skipped because no event can hold them.',
    (counters) => counters.oversizedEvents,
  ),
  millrace_mapping_dropped_events_total: counter(
    'Records given up after their retries or their age, without a destination that takes them.',
    (counters) => counters.droppedEvents,
    'DroppedEventCount',
  ),
  millrace_mapping_destination_events_total: counter(
    'Records given up that the on-failure destination has.',
    (counters) => counters.destinationEvents,
    'OnFailureDestinationDeliveredEventCount',
  ),
  millrace_mapping_destination_errors_total: counter(
    'Times that the on-failure destination did not take records; they are sent again.',
    (counters) => counters.destinationErrors,
    'OnFailureDestinationDeliveryErrorCount',
  ),
  millrace_mapping_commit_errors_total: counter(
    'Commits of offsets that failed and were tried again.',
    (counters) => counters.commitErrors,
    'CommitErrorCount',
  ),
  millrace_mapping_polling_errors_total: counter(
    'Times that the topic could not be read; tried again each time.',
    (counters) => counters.pollingErrors,
    'PollingErrorCount',
  ),
  millrace_mapping_invoke_errors_total: counter(
    'Batches whose invocation failed, or did not come about.',
    (counters) => counters.invokeErrors,
    'InvokeErrorCount',
  ),
  millrace_mapping_schema_registry_errors_total: counter(
    'Look-ups at the schema registry that failed, and records that no schema of it fits.',
    (counters) => counters.schemaErrors,
    'SchemaRegistryErrorCount',
  ),
  millrace_mapping_batches_total: counter('Batches formed.', (counters) => counters.batches),
  millrace_mapping_retries_total: counter(
    'Batches sent again after a failure or a throttle.',
    (counters) => counters.retries,
  ),
  millrace_mapping_throttles_total: counter(
    'Batches that the function had no concurrency for.',
    (counters) => counters.throttles,
  ),
  millrace_mapping_invocations_in_flight: gauge(
    'Invocations under way.',
    (mapping) => mapping.invocationsInFlight,
  ),
  millrace_mapping_invocations_max: gauge(
    'Invocations that the event pollers have room for.',
    (mapping) => mapping.invocationsMax,
  ),
  millrace_mapping_event_pollers: gauge(
    'Event pollers, each with room for five invocations.',
    (mapping) => mapping.eventPollers,
    'ProvisionedPollers',
  ),
  millrace_mapping_event_poller_units: {
    type: 'gauge',
    help: 'What AWS would charge for in provisioned mode: a unit for ten event pollers or 20 MB a second; 0 on demand.',
    aws: 'EventPollerUnit',
    read: ({ mapping, isProvisioned, lag }) =>
      mapping === undefined || !isProvisioned
        ? 0
        : eventPollerUnits(mapping.eventPollers, lag?.polledBytesPerSecond ?? 0),
  },
  millrace_mapping_event_pollers_min: gauge(
    'Event pollers that are there when nothing is to be done.',
    (mapping) => scalingBounds(mapping.rules, mapping.lag.partitions).least,
  ),
  millrace_mapping_event_pollers_max: gauge(
    'Event pollers that there may be: one per partition, or MaximumPollers if that is less.',
    (mapping) => scalingBounds(mapping.rules, mapping.lag.partitions).most,
  ),
  millrace_mapping_offset_lag: gauge(
    'Records after the checkpoints, all partitions of the mapping together: what scaling looks at.',
    (mapping) => mapping.lag.sum,
    'SumOffsetLag',
  ),
  millrace_mapping_offset_lag_max: gauge(
    'The same of the partition that is furthest behind.',
    (mapping) => mapping.lag.max,
    'MaxOffsetLag',
  ),
  millrace_mapping_batch_attempts: gauge(
    'Invocations of the batch that has failed most often and is not through; 0 if there is none.',
    (mapping) => mapping.attemptsMost,
  ),
  millrace_mapping_buffered_records: gauge(
    'Records read and not finished.',
    (mapping) => mapping.bufferedRecords,
  ),
  millrace_mapping_buffered_bytes: gauge(
    'The same as event text.',
    (mapping) => mapping.bufferedBytes,
  ),
  millrace_mapping_lag_seconds: gauge(
    'Age of the oldest record read and not finished; 0 if there is none.',
    ({ oldestTimestampMs }, nowMs) =>
      oldestTimestampMs === undefined ? 0 : Math.max(0, nowMs - oldestTimestampMs) / 1000,
  ),
  millrace_mapping_iterator_age_seconds: {
    type: 'gauge',
    help: 'From the arrival of the last record of an event until the event was sent; of the last event.',
    aws: 'IteratorAge',
    read: ({ counters }) => counters.iteratorAgeMs / 1000,
  },
  millrace_mapping_batch_size: {
    type: 'histogram',
    help: 'Records of a batch.',
    read: ({ counters }) => counters.batchSize.read(),
  },
  millrace_mapping_batch_size_max: gauge(
    'BatchSize: records that make a batch full.',
    (mapping) => mapping.rules.batchSize,
  ),
  millrace_mapping_batch_wait_seconds: {
    type: 'histogram',
    help: 'Time from the first record of a batch that could be sent until the batch was.',
    read: ({ counters }) => counters.batchWaitSeconds.read(),
  },
  millrace_mapping_batch_window_seconds: gauge(
    'MaximumBatchingWindowInSeconds: how long a batch waits for more records.',
    (mapping) => mapping.rules.windowMs / 1000,
  ),
  millrace_mapping_put_to_handler_seconds: {
    type: 'histogram',
    help: 'From the time of a record to its first invocation.',
    read: ({ counters }) => counters.putToHandlerSeconds.read(),
  },
}

/** Its labels join what the broker says of a consumer group with the mapping behind the group. */
const info: MetricDefinition = {
  name: 'millrace_mapping_info',
  type: 'gauge',
  help: '1 for each mapping: the consumer group that it reads with.',
  labels: [...labels, 'consumergroup'],
}

const scaling = [
  {
    name: 'millrace_mapping_scaling_decisions_total',
    type: 'counter',
    help: `Decisions about the number of event pollers, by reason: ${scalingReasons.join(', ')}. That it stays although more would be of use counts once, until it has calmed down.`,
    labels: [...labels, 'reason'],
  },
  {
    name: 'millrace_mapping_scaling_decision_timestamp_seconds',
    type: 'gauge',
    help: 'When the last decision for that reason was; absent before there was one.',
    labels: [...labels, 'reason'],
  },
] as const satisfies readonly MetricDefinition[]

export const pollerMetricDefinitions: readonly MetricDefinition[] = [
  info,
  ...lagMetricDefinitions,
  ...scaling,
  ...Object.entries(table).map(([name, { read: _read, ...definition }]) =>
    Object.assign(definition, { name, labels }),
  ),
]

/** Series of the mappings there are; one that is deleted takes its series with it. */
export function pollerMetrics(
  mappings: () => readonly MeasuredMapping[],
  now: () => number,
): MetricSource {
  return {
    definitions: pollerMetricDefinitions,
    collect: () => {
      const nowMs = now()
      const measured = mappings()
      return [...measured.flatMap((each) => samplesOf(each, nowMs)), ...lagSamples(measured)]
    },
  }
}

function samplesOf(measured: MeasuredMapping, nowMs: number): MetricSample[] {
  const { uuid, functionName, topic, consumerGroupId: consumergroup } = measured
  const values = { mapping: uuid, function: functionName, topic }
  return [
    { name: info.name, labels: { ...values, consumergroup }, value: 1 },
    ...scalingSamples(measured.counters, values),
    ...Object.entries(table).map(([name, { read }]) => ({
      name,
      labels: values,
      value: read(measured, nowMs),
    })),
  ]
}

function scalingSamples({ scalings }: MappingCounters, values: MetricSample['labels']) {
  const [decisions, timestamp] = scaling
  return scalingReasons.flatMap((reason): MetricSample[] => {
    const made = scalings.get(reason)
    const of = { ...values, reason }
    const count = { name: decisions.name, labels: of, value: made?.count ?? 0 }
    if (made === undefined) return [count]
    return [count, { name: timestamp.name, labels: of, value: made.lastMs / 1000 }]
  })
}
