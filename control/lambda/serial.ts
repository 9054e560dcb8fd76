// Runs tasks one at a time, in the order they came.

/** What reads an entry, waits and then writes it must not be overtaken by its like. */
export class Serial {
  #last: Promise<unknown> = Promise.resolve()

  run<T>(task: () => Promise<T>): Promise<T> {
    const result = this.#last.then(task)
    this.#last = result.catch(() => {
      // Whoever asked for the task hears of its failure; the next one starts regardless.
    })
    return result
  }

  /** Resolves when the tasks that wait now have run. */
  async idle(): Promise<void> {
    await this.#last
  }
}
