// Lets one piece of asynchronous work run at a time, so that what it checked still holds when it acts.

export class Turns {
  #last: Promise<unknown> = Promise.resolve()

  /** Runs `work` when all that came before it is over, however that ended. */
  take<T>(work: () => Promise<T>): Promise<T> {
    const turn = this.#last.then(work)
    this.#last = turn.catch(() => {})
    return turn
  }
}
