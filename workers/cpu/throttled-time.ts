// Sums how long the environments of a function had to wait for their share of the processor.

export interface Throttled {
  throttledMs(): number
}

/** Of those that are alive, read when asked, and of those that are gone. */
export class ThrottledTime {
  readonly #alive = new Set<Throttled>()
  #goneMs = 0

  add(share: Throttled): void {
    this.#alive.add(share)
  }

  /** Its time stays counted. */
  remove(share: Throttled): void {
    if (this.#alive.delete(share)) this.#goneMs += share.throttledMs()
  }

  readMs(): number {
    let sumMs = this.#goneMs
    for (const share of this.#alive) sumMs += share.throttledMs()
    return sumMs
  }
}
