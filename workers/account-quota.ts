// How much of the account's concurrency this copy of the workers may use: the interface, and all of it.

export interface AccountQuota {
  /** Executions that this copy may have at once. */
  readonly granted: number
  /** Call once. `inUse` says how many executions there are. */
  start(inUse: () => number): void
  /** Asks for one more; resolves when `granted` is what can be had at the moment. */
  ask(): Promise<void>
  /** Gives everything back. */
  stop(): Promise<void>
}

/** A copy that is alone: the whole limit is its own. */
export class WholeQuota implements AccountQuota {
  readonly granted: number

  constructor(accountConcurrency: number) {
    this.granted = accountConcurrency
  }

  start(): void {}

  async ask(): Promise<void> {}

  async stop(): Promise<void> {}
}
