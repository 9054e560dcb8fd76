// Opens where functions' logs go beside their files: lines of JSON on standard output, and a Faro collector.
import { write } from 'node:fs'
import type { Clock } from '../../common/clock.ts'
import { logLinesStopMaxMs } from '../../common/log-limits.ts'
import type { Logger } from '../../common/logger.ts'
import type { MetricDefinition, MetricSource } from '../../common/metrics.ts'
import type { FaroReporter } from './faro.ts'
import type { FunctionLogTargets } from './function-logs.ts'
import { droppedLine, jsonLine } from './json-lines.ts'
import { LineOutput, type WriteSome } from './line-output.ts'

export const logTargetMetricDefinitions = [
  {
    name: 'millrace_function_log_lines_dropped_total',
    type: 'counter',
    help: "Lines of functions' logs that standard output did not take in time.",
    labels: [],
  },
  {
    name: 'millrace_faro_items_total',
    type: 'counter',
    help: 'Exceptions, lines and measurements for the Faro collector: sent, or dropped because it took none.',
    labels: ['result'],
  },
] as const satisfies readonly MetricDefinition[]

export interface LogTargetsOptions {
  /** Whether each event is a line of JSON on standard output. */
  readonly functionLogsStdout: boolean
  /** Where Faro's collector takes its payloads; empty for none. */
  readonly faroUrl: string
  readonly clock: Clock
  readonly logger: Logger
  /** Standard output unless given. */
  readonly writeSome?: WriteSome
}

export interface OpenLogTargets {
  readonly targets: Pick<FunctionLogTargets, 'onLogEvent' | 'onInvocation'>
  readonly metrics: MetricSource
  /** Lets go what waits, for a moment. */
  stop(): Promise<void>
}

export async function openLogTargets(options: LogTargetsOptions): Promise<OpenLogTargets> {
  const { functionLogsStdout, faroUrl, clock, logger } = options
  const lines = functionLogsStdout
    ? new LineOutput(options.writeSome ?? writeToStandardOutput, clock, droppedLine)
    : undefined
  const faro =
    faroUrl === ''
      ? undefined
      : await (await import('./faro.ts')).openFaro({ url: faroUrl, clock, logger })
  return {
    targets: targetsOf(lines, faro),
    metrics: metricsOf(lines, faro),
    stop: async () => {
      await Promise.all([lines?.flush(logLinesStopMaxMs), faro?.stop()])
    },
  }
}

function targetsOf(
  lines: LineOutput | undefined,
  faro: FaroReporter | undefined,
): OpenLogTargets['targets'] {
  if (lines === undefined && faro === undefined) return {}
  return {
    onLogEvent: (event) => {
      lines?.add(jsonLine(event))
      faro?.log(event)
    },
    ...(faro === undefined ? {} : { onInvocation: (ended) => faro.invocation(ended) }),
  }
}

function metricsOf(lines: LineOutput | undefined, faro: FaroReporter | undefined): MetricSource {
  const [dropped, items] = logTargetMetricDefinitions
  return {
    definitions: logTargetMetricDefinitions,
    collect: () => [
      { name: dropped.name, labels: {}, value: lines?.dropped ?? 0 },
      { name: items.name, labels: { result: 'sent' }, value: faro?.sent ?? 0 },
      { name: items.name, labels: { result: 'dropped' }, value: faro?.dropped ?? 0 },
    ],
  }
}

// In a thread of Node's own: process.stdout would wait for a slow reader of a pipe.
const writeToStandardOutput: WriteSome = (data, done) => {
  write(1, data, (error, written) => done(error, written))
}
