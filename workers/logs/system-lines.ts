// What Lambda itself says in a function's log: START, END, REPORT and the like, as text or as JSON records.
import type { EffectiveLogging } from '../../control/registry/function-logging.ts'
import type { Loss } from '../../function-logs/group-writer.ts'

/**
 * How an environment ended that ended within an invocation. A handler that throws has not ended it, and is a
 * success, as in AWS's own runtime emulator. `failure` is the platform's: an environment could not be had.
 */
export interface InvocationCrash {
  readonly status: 'error' | 'timeout' | 'failure'
  readonly errorType?: string
}

/** Of an environment that could not initialise: before the invocation, or within it. */
export interface FailedInit extends InvocationCrash {
  readonly durationMs: number
  readonly phase: 'init' | 'invoke'
}

export interface Report {
  readonly durationMs: number
  readonly memorySizeMb: number
  readonly memoryUsedMb: number | undefined
  readonly initMs: number | undefined
  readonly crash?: InvocationCrash | undefined
}

export interface NewEnvironment {
  readonly functionName: string
  readonly functionVersion: string
  readonly runtimeVersion: string
  readonly runtimeVersionArn: string
  /** The name of its log stream. */
  readonly instanceId: string
  /** In bytes. */
  readonly instanceMaxMemory: number
}

/** Each is one event without an end of line; undefined where the function's log level leaves it out. */
export interface SystemLines {
  initStart(environment: NewEnvironment): string | undefined
  initFailed(init: FailedInit): string | undefined
  start(requestId: string, version: string): string | undefined
  end(requestId: string, report: Report): string | undefined
  report(requestId: string, report: Report): string | undefined
  dropped(loss: Loss): string | undefined
}

export function systemLines(
  logging: Pick<EffectiveLogging, 'format' | 'systemLevel'>,
  now: () => number,
): SystemLines {
  return logging.format === 'JSON' ? jsonLines(logging.systemLevel ?? 'INFO', now) : textLines
}

export const textLines: SystemLines = {
  initStart: ({ runtimeVersion, runtimeVersionArn }) =>
    `INIT_START Runtime Version: ${runtimeVersion}\tRuntime Version ARN: ${runtimeVersionArn}`,
  initFailed: ({ durationMs, phase, ...crash }) =>
    [
      `INIT_REPORT Init Duration: ${durationMs.toFixed(2)} ms`,
      `Phase: ${phase}`,
      ...crashFields(crash),
    ].join('\t'),
  start: (requestId, version) => `START RequestId: ${requestId} Version: ${version}`,
  end: (requestId) => `END RequestId: ${requestId}`,
  report: (requestId, { durationMs, memorySizeMb, memoryUsedMb, initMs, crash }) =>
    `${[
      `REPORT RequestId: ${requestId}`,
      `Duration: ${durationMs.toFixed(2)} ms`,
      `Billed Duration: ${billedMs(durationMs, initMs)} ms`,
      `Memory Size: ${memorySizeMb} MB`,
      `Max Memory Used: ${memoryUsedMb ?? memorySizeMb} MB`,
      ...(initMs === undefined ? [] : [`Init Duration: ${initMs.toFixed(2)} ms`]),
      ...crashFields(crash),
    ].join('\t')}\t`,
  dropped: ({ events, bytes }) =>
    `LOGS_DROPPED Records: ${events}\tBytes: ${bytes}\tReason: more than this machine writes`,
}

function crashFields(crash: InvocationCrash | undefined): string[] {
  if (crash === undefined) return []
  const { status, errorType } = crash
  return [`Status: ${status}`, ...(errorType === undefined ? [] : [`Error Type: ${errorType}`])]
}

const systemLevels = ['DEBUG', 'INFO', 'WARN'] as const
type SystemLevel = (typeof systemLevels)[number]

/** The events of Lambda's Telemetry API, at the levels at which Lambda writes them to a log. */
function jsonLines(level: string, now: () => number): SystemLines {
  const least = systemLevels.findIndex((each) => each === level)
  const line = (at: SystemLevel, type: string, record: object): string | undefined => {
    if (systemLevels.indexOf(at) < least) return undefined
    return JSON.stringify({ time: new Date(now()).toISOString(), type: `platform.${type}`, record })
  }
  const ending = (crash: InvocationCrash | undefined): InvocationCrash | { status: 'success' } =>
    crash ?? { status: 'success' }
  return {
    initStart: (environment) =>
      line('INFO', 'initStart', {
        initializationType: 'on-demand',
        phase: 'init',
        ...environment,
      }),
    initFailed: ({ durationMs, phase, ...crash }) =>
      line('WARN', 'initReport', {
        initializationType: 'on-demand',
        phase,
        ...crash,
        metrics: { durationMs: rounded(durationMs) },
      }),
    start: (requestId, version) => line('INFO', 'start', { requestId, version }),
    end: (requestId, { durationMs, crash }) =>
      line(crash === undefined ? 'DEBUG' : 'WARN', 'runtimeDone', {
        requestId,
        ...ending(crash),
        metrics: { durationMs: rounded(durationMs) },
      }),
    report: (requestId, { durationMs, memorySizeMb, memoryUsedMb, initMs, crash }) =>
      line(crash === undefined ? 'INFO' : 'WARN', 'report', {
        requestId,
        metrics: {
          durationMs: rounded(durationMs),
          billedDurationMs: billedMs(durationMs, initMs),
          memorySizeMB: memorySizeMb,
          maxMemoryUsedMB: memoryUsedMb ?? memorySizeMb,
          ...(initMs === undefined ? {} : { initDurationMs: rounded(initMs) }),
        },
        ...ending(crash),
      }),
    dropped: ({ events, bytes }) =>
      line('WARN', 'logsDropped', {
        reason: 'more than this machine writes',
        droppedRecords: events,
        droppedBytes: bytes,
      }),
  }
}

/** Since August 2025 Lambda bills the initialisation too. */
function billedMs(durationMs: number, initMs = 0): number {
  return Math.ceil(durationMs + initMs)
}

function rounded(ms: number): number {
  return Number(ms.toFixed(3))
}
