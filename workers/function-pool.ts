// One revision of a function: its threads and the invocations that wait for one of them.
import type { Clock } from '../common/clock.ts'
import type { PoolState } from './thread-allotment.ts'
import type { RunningTask, ThreadPool } from './thread-pool.ts'
import type { ThreadEvent, ThreadMessage } from './thread-messages.ts'

interface Waiting {
  readonly sinceMs: number
  /** Called at once when a thread is due; runs its event before it returns. */
  readonly start: () => void
}

/** Invocations start in the order in which they came. A retired pool ends with its last one. */
export class FunctionPool implements PoolState {
  readonly #threads: ThreadPool
  readonly #clock: Clock
  readonly #waiting: Waiting[] = []
  #lastUsedMs: number
  #retired = false

  constructor(threads: ThreadPool, clock: Clock) {
    this.#threads = threads
    this.#clock = clock
    this.#lastUsedMs = clock.now()
  }

  get threads(): number {
    return this.#threads.threads
  }

  get idle(): number {
    return this.#threads.idle
  }

  get starting(): number {
    return this.#threads.starting
  }

  get ending(): number {
    return this.#threads.ending
  }

  get lastUsedMs(): number {
    return this.#lastUsedMs
  }

  get waitingSinceMs(): number | undefined {
    return this.#waiting[0]?.sinceMs
  }

  /** Whether nobody will use it any more. */
  get isDone(): boolean {
    return this.#retired && this.#threads.busy === 0 && this.#waiting.length === 0
  }

  wait(start: () => void): void {
    this.#waiting.push({ sinceMs: this.#clock.now(), start })
  }

  startNext(): void {
    this.#waiting.shift()?.start()
  }

  run(event: ThreadEvent, listener: (message: ThreadMessage) => void): RunningTask {
    this.#lastUsedMs = this.#clock.now()
    return this.#threads.run(event, listener)
  }

  endIdle(): boolean {
    return this.#threads.endIdle()
  }

  /** No new invocation will come: there is a newer revision, or the function is gone. */
  retire(): void {
    this.#retired = true
  }

  close(): Promise<void> {
    return this.#threads.close()
  }
}
