// Tells a Grafana Faro collector of handlers' exceptions, lines and measurements: the one file that knows Faro.
import type { Faro, LogLevel, TransportItem } from '@grafana/faro-core'
import type { Clock } from '../../common/clock.ts'
import { faroFunctionsMax, faroStopMaxMs } from '../../common/log-limits.ts'
import type { Logger } from '../../common/logger.ts'
import type { FunctionLogEvent } from './environment-log.ts'
import { eventLevel, type EventLevel } from './event-level.ts'
import { framesOf } from './faro-frames.ts'
import { FaroSender } from './faro-sender.ts'
import type { Report } from './system-lines.ts'

/** How an invocation ended, for those who measure. */
export interface EndedInvocation {
  readonly functionName: string
  readonly version: string
  readonly requestId: string
  readonly outcome: string
  /** JSON text: the error as its runtime words it, where the outcome is one. */
  readonly payload: string
  readonly report: Report
}

export interface FaroOptions {
  readonly url: string
  readonly clock: Clock
  readonly logger: Logger
}

const levels: Readonly<Record<EventLevel, `${LogLevel}`>> = {
  TRACE: 'trace',
  DEBUG: 'debug',
  INFO: 'info',
  WARN: 'warn',
  ERROR: 'error',
  FATAL: 'error',
}

/** Loads faro-core, which a platform without a collector does without. */
export async function openFaro(options: FaroOptions): Promise<FaroReporter> {
  return new FaroReporter(options, await import('@grafana/faro-core'))
}

/** A function's version is an app of Faro's. Nothing here waits, and nothing throws at a handler. */
export class FaroReporter {
  readonly #faro: typeof import('@grafana/faro-core')
  readonly #sender: FaroSender<TransportItem>
  readonly #apps = new Map<string, Faro>()

  constructor({ url, clock, logger }: FaroOptions, faro: typeof import('@grafana/faro-core')) {
    this.#faro = faro
    this.#sender = new FaroSender({
      url,
      clock,
      logger,
      groupOf: ({ meta }) => `${meta.app?.name} ${meta.app?.version}`,
      bodyOf: (items) => faro.getTransportBody([...items]),
    })
  }

  get sent(): number {
    return this.#sender.sent
  }

  get dropped(): number {
    return this.#sender.dropped
  }

  log(event: FunctionLogEvent): void {
    // Measurements say what Lambda's own lines would.
    if (event.isPlatform) return
    const { message, stream, requestId = '', timestampMs } = event
    this.#app(event).api.pushLog([message], {
      level: levels[eventLevel(message)] as LogLevel,
      context: { requestId, stream },
      timestampOverwriteMs: timestampMs,
      skipDedupe: true,
    })
  }

  invocation(ended: EndedInvocation): void {
    const { api } = this.#app(ended)
    const { durationMs, memorySizeMb, memoryUsedMb, initMs } = ended.report
    const context = { requestId: ended.requestId, outcome: ended.outcome }
    const values = {
      duration: durationMs,
      billed_duration: Math.ceil(durationMs),
      memory_size: memorySizeMb,
      max_memory_used: memoryUsedMb ?? memorySizeMb,
      ...(initMs === undefined ? {} : { init_duration: initMs }),
    }
    api.pushMeasurement({ type: 'invocation', values }, { context, skipDedupe: true })
    if (ended.outcome === 'returned') return
    const { type, value, trace } = errorOf(ended.payload)
    api.pushError(new Error(value), {
      type,
      stackFrames: framesOf(trace),
      context,
      skipDedupe: true,
    })
  }

  /** Sends what waits, for a few seconds at most. */
  stop(): Promise<void> {
    return this.#sender.stop(faroStopMaxMs)
  }

  #app({ functionName, version }: { functionName: string; version: string }): Faro {
    const key = `${functionName} ${version}`
    let app = this.#apps.get(key)
    if (app === undefined) {
      app = this.#newApp(functionName, version)
      this.#apps.set(key, app)
      const [oldest] = this.#apps.keys()
      if (this.#apps.size > faroFunctionsMax && oldest !== undefined) this.#apps.delete(oldest)
    }
    return app
  }

  #newApp(name: string, version: string): Faro {
    const { initializeFaro, BaseTransport, InternalLoggerLevel } = this.#faro
    const sender = this.#sender
    class Queue extends BaseTransport {
      readonly name = 'millrace'
      readonly version = '1'
      send(item: TransportItem | TransportItem[]): void {
        for (const each of Array.isArray(item) ? item : [item]) sender.add(each)
      }
    }
    return initializeFaro({
      app: { name, version, environment: 'millrace' },
      transports: [new Queue()],
      instrumentations: [],
      metas: [],
      isolate: true,
      preventGlobalExposure: true,
      globalObjectKey: 'faro',
      dedupe: false,
      paused: false,
      internalLoggerLevel: InternalLoggerLevel.OFF,
      // Frames come with each error.
      parseStacktrace: () => ({ frames: [] }),
      unpatchedConsole: console,
    })
  }
}

/** Node's errors have a `trace`, Python's a `stackTrace`. */
function errorOf(payload: string): { type: string; value: string; trace: readonly string[] } {
  let error: unknown
  try {
    error = JSON.parse(payload)
  } catch {
    // What the platform says of an environment that never ran is no JSON.
    return { type: 'Error', value: payload, trace: [] }
  }
  if (typeof error !== 'object' || error === null)
    return { type: 'Error', value: payload, trace: [] }
  const { errorType, errorMessage, trace, stackTrace } = error as Record<string, unknown>
  const lines = [trace, stackTrace].find((each) => Array.isArray(each)) ?? []
  return {
    type: typeof errorType === 'string' ? errorType : 'Error',
    value: typeof errorMessage === 'string' ? errorMessage : payload,
    trace: (lines as unknown[]).filter((line) => typeof line === 'string'),
  }
}
