// The metrics of a process that writes functions' logs: what was written, and what was not.
import type { MetricDefinition, MetricSource } from '../common/metrics.ts'
import type { LogWriter } from './log-writer.ts'

export const functionLogMetricDefinitions = [
  {
    name: 'millrace_function_log_events_total',
    type: 'counter',
    help: "Events written to functions' logs.",
    labels: [],
    aws: 'IncomingLogEvents',
  },
  {
    name: 'millrace_function_log_written_bytes_total',
    type: 'counter',
    help: "Bytes written to functions' logs, as they lie on the disk.",
    labels: [],
    aws: 'IncomingBytes',
  },
  {
    name: 'millrace_function_log_dropped_events_total',
    type: 'counter',
    help: "Events dropped: more than a function's log may grow by, or than the disk takes.",
    labels: [],
  },
  {
    name: 'millrace_function_log_dropped_bytes_total',
    type: 'counter',
    help: 'Bytes of the events dropped.',
    labels: [],
  },
  {
    name: 'millrace_function_log_pending_bytes',
    type: 'gauge',
    help: 'Bytes of events that wait to be written.',
    labels: [],
  },
  {
    name: 'millrace_function_log_open_files',
    type: 'gauge',
    help: "Files of functions' logs that are open for writing.",
    labels: [],
  },
] as const satisfies readonly MetricDefinition[]

export function functionLogMetrics({ counters }: LogWriter): MetricSource {
  const values: Record<(typeof functionLogMetricDefinitions)[number]['name'], () => number> = {
    millrace_function_log_events_total: () => counters.writtenEvents,
    millrace_function_log_written_bytes_total: () => counters.writtenBytes,
    millrace_function_log_dropped_events_total: () => counters.droppedEvents,
    millrace_function_log_dropped_bytes_total: () => counters.droppedBytes,
    millrace_function_log_pending_bytes: () => counters.pendingBytes,
    millrace_function_log_open_files: () => counters.openFiles,
  }
  return {
    definitions: functionLogMetricDefinitions,
    collect: () =>
      functionLogMetricDefinitions.map(({ name }) => ({ name, labels: {}, value: values[name]() })),
  }
}
