// One revision of a function: its environments and the invocations that wait for one of them.
import type { Clock } from '../common/clock.ts'
import type { PoolState } from './environment-allotment.ts'
import type {
  EnvironmentEvent,
  EnvironmentPool,
  EventListener,
  RunningEvent,
} from './environment-pool.ts'
import { ServiceTimes } from './service-times.ts'

interface Waiting {
  readonly sinceMs: number
  /** Called at once when an environment is due; runs its event before it returns. */
  readonly start: () => void
}

export interface FunctionPoolOptions {
  /** What is idle stays, whoever else wants an environment. */
  readonly isKept?: boolean
  /** Called when an environment that started for an event has come up. */
  readonly onUp?: () => void
}

/** Invocations start in the order in which they came. A retired pool ends with its last one. */
export class FunctionPool implements PoolState {
  readonly #environments: EnvironmentPool
  readonly #clock: Clock
  readonly isKept: boolean
  readonly #onUp: (() => void) | undefined
  /** Of its events, from their beginning in an environment. */
  readonly times = new ServiceTimes()
  readonly #waiting: Waiting[] = []
  #queuedSinceMs: number | undefined
  #lastUsedMs: number
  #retired = false
  #coming = 0
  #upSinceMs: number | undefined

  constructor(
    environments: EnvironmentPool,
    clock: Clock,
    { isKept = false, onUp }: FunctionPoolOptions = {},
  ) {
    this.isKept = isKept
    this.#onUp = onUp
    this.#environments = environments
    this.#clock = clock
    this.#lastUsedMs = clock.now()
  }

  get environments(): number {
    return this.#environments.environments
  }

  get idle(): number {
    return this.#environments.idle
  }

  get starting(): number {
    return this.#environments.starting
  }

  get ending(): number {
    return this.#environments.ending
  }

  get coming(): number {
    return this.#coming
  }

  get upSinceMs(): number | undefined {
    return this.#upSinceMs
  }

  get lastUsedMs(): number {
    return this.#lastUsedMs
  }

  get waiting(): number {
    return this.#waiting.length
  }

  get waitingSinceMs(): number | undefined {
    return this.#waiting[0]?.sinceMs
  }

  get queuedSinceMs(): number | undefined {
    return this.#queuedSinceMs
  }

  /** Whether nobody will use it any more. */
  get isDone(): boolean {
    return this.#retired && this.#environments.busy === 0 && this.#waiting.length === 0
  }

  wait(start: () => void): void {
    const sinceMs = this.#clock.now()
    this.#queuedSinceMs ??= sinceMs
    this.#waiting.push({ sinceMs, start })
  }

  startNext(): void {
    const next = this.#waiting.shift()
    if (this.#waiting.length === 0) this.#queuedSinceMs = undefined
    next?.start()
  }

  run(event: EnvironmentEvent, listener: EventListener): RunningEvent {
    this.#lastUsedMs = this.#clock.now()
    if (!event.announce) return this.#environments.run(event, listener)
    this.#coming += 1
    let isUp = false
    const up = (): void => {
      if (isUp) return
      isUp = true
      this.#coming -= 1
      this.#upSinceMs ??= this.#clock.now()
      this.#onUp?.()
    }
    const running = this.#environments.run(event, {
      onMessage: (message) => {
        up()
        listener.onMessage(message)
      },
      repeats: (outcome) => listener.repeats(outcome),
    })
    void running.outcome.then(up, up)
    return running
  }

  endIdle(): boolean {
    return this.#environments.endIdle()
  }

  /** No new invocation will come: there is a newer revision, or the function is gone. */
  retire(): void {
    this.#retired = true
  }

  close(): Promise<void> {
    return this.#environments.close()
  }
}
