// Gives the machine's environments to the pools of all functions, one decision after another.
import type { Clock } from '../common/clock.ts'
import { warmPreferenceMaxMs } from '../common/limits.ts'
import type { FunctionPool } from './function-pool.ts'
import { allot } from './environment-allotment.ts'

export interface DispatcherOptions {
  /** Environments alive at once, all functions together. */
  readonly environmentsMax: number
  readonly clock: Clock
}

/** Carries out what `allot` decides. Invariant: the pools have never more than `environmentsMax`. */
export class Dispatcher {
  readonly #options: DispatcherOptions
  readonly #pools = new Set<FunctionPool>()
  readonly #closing = new Set<FunctionPool>()
  #waiting = 0
  #isPumping = false

  constructor(options: DispatcherOptions) {
    this.#options = options
  }

  get environments(): number {
    let environments = 0
    for (const pool of this.#pools) environments += pool.environments
    return environments
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
  }

  async close(): Promise<void> {
    const pools = [...this.#pools]
    await Promise.all(pools.map((pool) => pool.close()))
    this.#pools.clear()
  }

  #step(): boolean {
    const { clock, environmentsMax } = this.#options
    const decision = allot(this.#pools, clock.now(), { environmentsMax, warmPreferenceMaxMs })
    if (decision.action === 'wait') return false
    if (decision.action === 'end-idle') return decision.pool.endIdle()
    this.#waiting -= 1
    decision.pool.startNext()
    return true
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
