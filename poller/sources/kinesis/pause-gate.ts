// Holds readers of paused partitions back until they are resumed.

export class PauseGate {
  readonly #paused = new Map<number, PromiseWithResolvers<void>>()

  pause(partitions: readonly number[]): void {
    for (const partition of partitions) {
      if (!this.#paused.has(partition)) this.#paused.set(partition, Promise.withResolvers())
    }
  }

  resume(partitions: Iterable<number>): void {
    for (const partition of partitions) {
      this.#paused.get(partition)?.resolve()
      this.#paused.delete(partition)
    }
  }

  resumeAll(): void {
    this.resume([...this.#paused.keys()])
  }

  /** Resolves while it is not paused, at once if it is not now. */
  async unpaused(partition: number): Promise<void> {
    for (;;) {
      const gate = this.#paused.get(partition)
      if (gate === undefined) return
      await gate.promise
    }
  }
}
