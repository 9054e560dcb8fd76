// Lets pieces of work run one after another, whatever becomes of each.

export class Turns {
  #last: Promise<unknown> = Promise.resolve()
  #count = 0

  /** Whether any work runs or waits. */
  get isBusy(): boolean {
    return this.#count > 0
  }

  /** Runs `work` after all that was handed in before. */
  take<T>(work: () => Promise<T>): Promise<T> {
    this.#count += 1
    const turn = this.#last.then(work).finally(() => (this.#count -= 1))
    this.#last = turn.then(ignore, ignore)
    return turn
  }

  /** Resolves when it is its turn; the turn ends when what it resolves with is called. */
  hold(): Promise<() => void> {
    const { promise, resolve } = Promise.withResolvers<void>()
    return new Promise((held) => {
      void this.take(() => {
        held(resolve)
        return promise
      })
    })
  }
}

function ignore(): void {}
