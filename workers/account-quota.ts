// How much of each pool of concurrency this copy of the workers may use: the interface, and all of it.

/** The pool of all functions that reserve nothing. Any other pool is one function's, and has its name. */
export const unreservedPool = ''

/** What a quota may know of the executions of this copy. */
export interface PoolUsage {
  /** Pools that have executions. */
  poolsInUse(): Iterable<string>
  inUse(pool: string): number
  /** Executions at once that the pool allows all copies together. */
  limit(pool: string): number
}

export interface AccountQuota {
  /** Executions of a pool that this copy may have at once. */
  granted(pool: string): number
  /** Call once. */
  start(usage: PoolUsage): void
  /**
   * Asks for one more. Calls `admit` in the moment when `granted` is what can be had, so that nothing
   * comes between, and resolves with what that returns.
   */
  ask<T>(pool: string, admit: () => T): Promise<T>
  /** Hears that an execution has ended. */
  released(pool: string): void
  /** Gives everything back. */
  stop(): Promise<void>
}

/** A copy that is alone: all of every pool is its own. */
export class WholeQuota implements AccountQuota {
  #usage: PoolUsage | undefined

  granted(pool: string): number {
    return this.#usage?.limit(pool) ?? 0
  }

  start(usage: PoolUsage): void {
    this.#usage = usage
  }

  async ask<T>(_pool: string, admit: () => T): Promise<T> {
    return admit()
  }

  released(): void {}

  async stop(): Promise<void> {}
}
