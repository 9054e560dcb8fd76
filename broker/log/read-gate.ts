// Lets reads of segments and the exchange of a segment's file take turns, without a read waiting for another.

/** Invariant: what `consistently` resolves with was read while no file was exchanged. */
export class ReadGate {
  /** Settles when the exchange that goes on is over. */
  #exchange: Promise<void> | undefined
  #exchanges = 0

  /** How many there were, with the one that goes on. */
  get exchanges(): number {
    return this.#exchanges
  }

  /** Runs `work` until no exchange came in between: what an index says of the old file is not true of the new one. */
  async consistently<T>(work: () => Promise<T>): Promise<T> {
    for (;;) {
      if (this.#exchange !== undefined) await this.#exchange
      const before = this.#exchanges
      try {
        const result = await work()
        if (this.#exchanges === before) return result
      } catch (error) {
        if (this.#exchanges === before) throw error
      }
    }
  }

  /** Reads that run meanwhile are done again, and new ones wait. One at a time. */
  async exchange(work: () => Promise<void>): Promise<void> {
    const over = Promise.withResolvers<void>()
    this.#exchange = over.promise
    this.#exchanges += 1
    try {
      await work()
    } finally {
      this.#exchange = undefined
      over.resolve()
    }
  }
}
