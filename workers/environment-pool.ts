// What a pool of execution environments is to the rest of the workers, be they threads or processes.
import type { EventPayload } from '../common/invocation.ts'
import type { EnvironmentLog } from './logs/environment-log.ts'
import type { OpenEnvironmentLog } from './logs/function-logs.ts'

/** One event for an environment. */
export interface EnvironmentEvent {
  readonly requestId: string
  /** Parsed, or put together from its records, in the environment. */
  readonly payload: EventPayload
  /** Base64 of JSON, as Lambda's header carries it. */
  readonly clientContext?: string
  /** With the version or alias that the caller named; the function's own unless given. */
  readonly invokedFunctionArn?: string
  /** Whether `running` is to be said when it begins: asked of an environment that has yet to start. */
  readonly announce: boolean
  /** No event at all: the environment is only to be initialised, and answers null. */
  readonly initOnly?: boolean
  /** The first initialisation failed: this one is part of the invocation, and its time counts. */
  readonly repeatsInit?: boolean
}

/** What an environment says while an event runs. */
export type EnvironmentMessage =
  | { readonly type: 'initialising'; readonly requestId: string }
  | { readonly type: 'running'; readonly requestId: string }
  | {
      readonly type: 'log'
      readonly requestId: string
      readonly text: string
      /** Raw output, of any number of lines; else it is one message, as of a call of the console. */
      readonly isRaw: boolean
    }
  /** The environment ends. `payload` is what the invocation fails with. */
  | {
      readonly type: 'ending'
      readonly requestId: string
      readonly payload: string
      readonly memoryUsedMb?: number
    }

/** How an event ended whose environment lives on. */
export interface EnvironmentResult {
  /** `unparsable`: the event is no JSON, and `payload` is the parser's message. */
  readonly outcome: 'returned' | 'failed' | 'unparsable'
  /** What the handler returned, or the error as its runtime words it: JSON text. */
  readonly payload: string
  /** What the handler returned, where it is not UTF-8. */
  readonly payloadBytes?: Uint8Array
  /** The handler's own time, without its initialisation. */
  readonly durationMs: number
  /** Unknown where the machine does not say. */
  readonly memoryUsedMb: number | undefined
  /** Present when this event found the environment cold. */
  readonly initMs?: number
  /** How many `log` messages were sent before this result; some may still be on their way. */
  readonly logMessages: number
  /** The end of the output that was too much to send as it came. */
  readonly lateOutput: string
}

/** How an event ended. All but `result` end the environment as well, whose memory is then what was last seen of it. */
export type EnvironmentOutcome =
  | { readonly kind: 'result'; readonly result: EnvironmentResult }
  | { readonly kind: 'stopped'; readonly memoryUsedMb?: number | undefined }
  /** Of a full heap a runtime ends itself; for all of its memory the system ends it. */
  | { readonly kind: 'out-of-memory'; readonly of?: 'heap' | 'all' }
  | {
      readonly kind: 'died'
      readonly reason: string
      readonly memoryUsedMb?: number | undefined
    }

/** An event that runs. `stop` ends its environment, even in an endless loop, and with it the event. */
export interface RunningEvent {
  readonly outcome: Promise<EnvironmentOutcome>
  stop(): void
  /** To be called at the end: no message is passed on any more. Some may come after the outcome. */
  forget(): void
  /** The log of the environment that has begun the event; undefined until one has, or where none is kept. */
  log(): EnvironmentLog | undefined
}

/** Who hears of an event while it runs. */
export interface EventListener {
  onMessage(message: EnvironmentMessage): void
  /**
   * Asked when the event's environment has ended: with true the event begins once more, in a new one and with
   * `repeatsInit`. It keeps its place among the environments meanwhile.
   */
  repeats(outcome: EnvironmentOutcome): boolean
}

/** What an environment has taken since the last time that it was told. */
export interface EnvironmentUse {
  readonly cpuMs?: number
  readonly memoryUsedMb?: number | undefined
}

/**
 * The environments of one revision of a function: one event at a time each, made on demand.
 * Invariant: environments = idle + busy + starting + ending.
 */
export interface EnvironmentPool {
  /** Those alive, with those that start and those that were told to end. */
  readonly environments: number
  /** Those that would begin an event at once. */
  readonly idle: number
  readonly busy: number
  /** Those on their way that no event waits for. */
  readonly starting: number
  readonly ending: number
  /** Gives `event` to an idle environment, or to a new one. Messages of the event go to `listener`. */
  run(event: EnvironmentEvent, listener: EventListener): RunningEvent
  /** Ends one that has nothing to do; false when there is none. */
  endIdle(): boolean
  /** Ends all of them and resolves when they are gone; events that run end as `stopped`. */
  close(): Promise<void>
}

/** How a pool tells of its environments. */
export interface EnvironmentPoolListener {
  /** Called whenever an environment has become free, ready or has ended. */
  readonly onChange: () => void
  /** Called after an event, and for an environment that is ended within one. */
  readonly onUse: (use: EnvironmentUse) => void
  /** Opens the log of a new environment by its stream's name; without it none is kept. */
  readonly openLog?: OpenEnvironmentLog | undefined
}
