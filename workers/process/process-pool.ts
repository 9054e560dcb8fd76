// A function revision's environments in processes: made on demand, kept for a while, ended.
import type { Timer } from '../../common/clock.ts'
import type { EventPayload } from '../../common/invocation.ts'
import type {
  EnvironmentEvent,
  EnvironmentOutcome,
  EnvironmentPool,
  EnvironmentPoolListener,
  EventListener,
  RunningEvent,
} from '../environment-pool.ts'
import { LeftDirectories } from './left-directories.ts'
import {
  ProcessEnvironment,
  type ProcessMachine,
  type ProcessSettings,
} from './process-environment.ts'
import type { ShareOptions } from './process-share.ts'

export interface ProcessPoolOptions
  extends EnvironmentPoolListener, Omit<ShareOptions, 'memorySizeMb' | 'clock'> {
  readonly settings: ProcessSettings
  readonly machine: ProcessMachine
  readonly idleTimeoutMs: number
}

interface Attempt {
  readonly environment: ProcessEnvironment
  readonly running: RunningEvent
}

/** The one that was used last is used next, so that those which are not needed end. */
export class ProcessPool implements EnvironmentPool {
  readonly #options: ProcessPoolOptions
  readonly #idle = new Map<ProcessEnvironment, Timer>()
  readonly #busy = new Map<ProcessEnvironment, RunningEvent>()
  readonly #ending = new Set<ProcessEnvironment>()
  readonly #onGone = new Map<ProcessEnvironment, () => void>()
  /** Events between a failed initialisation and the next: each keeps its place. */
  #repeating = 0
  readonly #temporary: LeftDirectories
  #isClosed = false
  readonly #onEmpty: (() => void)[] = []

  constructor(options: ProcessPoolOptions) {
    this.#options = options
    const { machine, idleTimeoutMs } = options
    this.#temporary = new LeftDirectories({ ...machine, keptMs: idleTimeoutMs })
  }

  get environments(): number {
    return this.#idle.size + this.busy + this.#ending.size
  }

  get idle(): number {
    return this.#idle.size
  }

  get busy(): number {
    return this.#busy.size + this.#repeating
  }

  /** One is only started for an event. */
  get starting(): number {
    return 0
  }

  get ending(): number {
    return this.#ending.size
  }

  run(event: EnvironmentEvent, listener: EventListener): RunningEvent {
    const problem = jsonProblem(event.payload)
    if (problem !== undefined) return unparsable(problem)
    let attempt = this.#begin(event, listener)
    const repeat = async (): Promise<Attempt | undefined> => {
      const again = await this.#repeat(attempt, event, listener)
      if (again !== undefined) attempt = again
      return again
    }
    return {
      outcome: this.#outcome(attempt, listener, repeat),
      stop: () => attempt.running.stop(),
      forget: () => attempt.running.forget(),
      log: () => attempt.running.log(),
    }
  }

  endIdle(): boolean {
    const [oldest] = this.#idle.keys()
    if (oldest === undefined) return false
    this.#end(oldest)
    return true
  }

  async close(): Promise<void> {
    this.#isClosed = true
    for (const running of this.#busy.values()) running.stop()
    for (const environment of this.#idle.keys()) this.#end(environment)
    await this.#temporary.close()
    if (this.environments > 0) await new Promise<void>((resolve) => this.#onEmpty.push(resolve))
  }

  #create(): ProcessEnvironment {
    const { settings, machine } = this.#options
    const environment: ProcessEnvironment = new ProcessEnvironment(settings, machine, {
      ...this.#options,
      temporary: this.#temporary,
      memorySizeMb: settings.memorySizeMb,
      clock: machine.clock,
      onEnding: () => {
        if (this.#idle.has(environment)) this.#leaveIdle(environment, this.#ending)
      },
      onGone: () => this.#gone(environment),
    })
    return environment
  }

  #takeIdle(): ProcessEnvironment | undefined {
    const newest = [...this.#idle.keys()].at(-1)
    if (newest !== undefined) this.#leaveIdle(newest)
    return newest
  }

  #begin(event: EnvironmentEvent, listener: EventListener): Attempt {
    const environment = this.#takeIdle() ?? this.#create()
    const running = environment.run(event, (message) => listener.onMessage(message))
    this.#busy.set(environment, running)
    return { environment, running }
  }

  async #outcome(
    { environment, running }: Attempt,
    listener: EventListener,
    repeat: () => Promise<Attempt | undefined>,
  ): Promise<EnvironmentOutcome> {
    const outcome = await running.outcome
    if (outcome.kind !== 'result' && listener.repeats(outcome)) {
      const again = await repeat()
      if (again !== undefined) return this.#outcome(again, listener, repeat)
    }
    if (this.#leaveBusy(environment)) this.#options.onChange()
    return outcome
  }

  /** Undefined when the pool is closed meanwhile. */
  async #repeat(
    { environment, running }: Attempt,
    event: EnvironmentEvent,
    listener: EventListener,
  ): Promise<Attempt | undefined> {
    this.#repeating += 1
    running.forget()
    if (this.#leaveBusy(environment) && this.#ending.has(environment)) {
      await new Promise<void>((resolve) => this.#onGone.set(environment, resolve))
    }
    this.#repeating -= 1
    if (!this.#isClosed) {
      return this.#begin({ ...event, announce: true, repeatsInit: true }, listener)
    }
    this.#tellEmpty()
    return undefined
  }

  /** False when it has left already. */
  #leaveBusy(environment: ProcessEnvironment): boolean {
    if (!this.#busy.delete(environment)) return false
    if (environment.isGone) this.#ending.add(environment)
    else this.#keep(environment)
    return true
  }

  #keep(environment: ProcessEnvironment): void {
    const { machine, idleTimeoutMs } = this.#options
    const timer = machine.clock.after(idleTimeoutMs, () => this.#end(environment))
    this.#idle.set(environment, timer)
  }

  #leaveIdle(environment: ProcessEnvironment, next?: Set<ProcessEnvironment>): void {
    this.#idle.get(environment)?.cancel()
    this.#idle.delete(environment)
    next?.add(environment)
  }

  #end(environment: ProcessEnvironment): void {
    this.#leaveIdle(environment, this.#ending)
    environment.end()
  }

  #gone(environment: ProcessEnvironment): void {
    this.#leaveIdle(environment)
    this.#ending.delete(environment)
    this.#busy.delete(environment)
    this.#onGone.get(environment)?.()
    this.#onGone.delete(environment)
    this.#options.onChange()
    this.#tellEmpty()
  }

  #tellEmpty(): void {
    if (this.environments > 0) return
    for (const resolve of this.#onEmpty.splice(0)) resolve()
  }
}

/** Lambda looks at an event before any runtime sees it. */
function jsonProblem(payload: EventPayload): string | undefined {
  if (typeof payload !== 'string') return undefined
  try {
    JSON.parse(payload)
    return undefined
  } catch (error) {
    return (error as SyntaxError).message
  }
}

function unparsable(payload: string): RunningEvent {
  const result = { durationMs: 0, memoryUsedMb: undefined, logMessages: 0, lateOutput: '' }
  return {
    outcome: Promise.resolve({
      kind: 'result',
      result: { outcome: 'unparsable', payload, ...result },
    }),
    stop: () => {},
    forget: () => {},
    log: () => undefined,
  }
}
