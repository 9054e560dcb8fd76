// Tells piscina to give up an event and end its thread.

/** What piscina needs of an AbortSignal, at a fifth of its cost: one of these is made for each event. */
export class Stopping {
  #listener: (() => void) | undefined

  once(_name: 'abort', listener: () => void): void {
    this.#listener = listener
  }

  off(): void {
    this.#listener = undefined
  }

  removeListener(): void {
    this.#listener = undefined
  }

  abort(): void {
    this.#listener?.()
  }
}
