// Gives the machine's environments to the pools of all functions, one decision after another.
import { availableParallelism } from 'node:os'
import type { Clock, Timer } from '../common/clock.ts'
import { warmPreferenceMaxMs } from '../common/limits.ts'
import type { FunctionPool } from './function-pool.ts'
import { allot } from './environment-allotment.ts'

export interface DispatcherOptions {
  /** Environments alive at once, all functions together. */
  readonly environmentsMax: number
  /** How long an invocation waits for an environment that is there before another one is made. */
  readonly startPatienceMs: number
  readonly clock: Clock
}

const comingMax = availableParallelism()

/** Carries out what `allot` decides. Invariant: the pools have never more than `environmentsMax`. */
export class Dispatcher {
  readonly #options: DispatcherOptions
  readonly #pools = new Set<FunctionPool>()
  readonly #closing = new Set<FunctionPool>()
  #waiting = 0
  #isPumping = false
  #timer: Timer | undefined

  constructor(options: DispatcherOptions) {
    this.#options = options
  }

  get environments(): number {
    let environments = 0
    for (const pool of this.#pools) environments += pool.environments
    return environments
  }

  get isFull(): boolean {
    return this.environments >= this.#options.environmentsMax
  }

  get environmentsMax(): number {
    return this.#options.environmentsMax
  }

  /** A dispatcher's pools report to `pump` when an environment of theirs changes. */
  add(pool: FunctionPool): void {
    this.#pools.add(pool)
  }

  /** Calls `start` as soon as an environment of `pool` is due: now, if one is idle and nobody waits. */
  dispatch(pool: FunctionPool, start: () => void): void {
    if (this.#waiting === 0 && pool.idle > 0) return start()
    this.#waiting += 1
    pool.wait(start)
    this.pump()
  }

  /** Decides until nothing is left to decide; to be called after every change of an environment. */
  pump(): void {
    if (this.#isPumping) return
    this.#isPumping = true
    try {
      this.#closeRetired()
      while (this.#waiting > 0 && this.#step());
    } finally {
      this.#isPumping = false
    }
    this.#lookAgain()
  }

  async close(): Promise<void> {
    const pools = [...this.#pools]
    this.#timer?.cancel()
    await Promise.all(pools.map((pool) => pool.close()))
    this.#pools.clear()
  }

  #step(): boolean {
    const { clock, environmentsMax, startPatienceMs } = this.#options
    const decision = allot(this.#pools, clock.now(), {
      environmentsMax,
      warmPreferenceMaxMs,
      comingMax,
      startPatienceMs,
    })
    if (decision.action === 'wait') return false
    if (decision.action === 'end-idle') return decision.pool.endIdle()
    this.#waiting -= 1
    decision.pool.startNext()
    return true
  }

  /** Nothing may change until somebody's patience is over. */
  #lookAgain(): void {
    const { clock, startPatienceMs } = this.#options
    if (this.#waiting === 0 || this.#timer !== undefined || startPatienceMs === 0) return
    this.#timer = clock.after(startPatienceMs, () => {
      this.#timer = undefined
      this.pump()
    })
  }

  #closeRetired(): void {
    for (const pool of this.#pools) {
      if (!pool.isDone || this.#closing.has(pool)) continue
      this.#closing.add(pool)
      // Its environments count until they are gone.
      void pool.close().then(() => {
        this.#pools.delete(pool)
        this.#closing.delete(pool)
      })
    }
  }
}
