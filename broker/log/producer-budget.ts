// Bounds how many producers all partitions together remember: those silent for longest are forgotten.

/** A producer as one partition remembers it. */
export interface Remembered {
  /** Whether it may be forgotten now. */
  readonly isSpare: boolean
  forget(): void
}

/** Invariant: at most `producersMax` are held, or only such as may not be forgotten and the last seen. */
export class ProducerBudget {
  readonly #producersMax: number
  readonly #held = new Set<Remembered>()

  constructor(producersMax: number) {
    this.#producersMax = producersMax
  }

  get size(): number {
    return this.#held.size
  }

  /** Says that a producer was seen just now. */
  touch(seen: Remembered): void {
    this.#held.delete(seen)
    this.#held.add(seen)
    let left = this.#held.size
    while (this.#held.size > this.#producersMax && left-- > 1) {
      const [oldest] = this.#held
      if (oldest === undefined || oldest === seen) return
      this.#held.delete(oldest)
      if (oldest.isSpare) oldest.forget()
      else this.#held.add(oldest)
    }
  }

  drop(forgotten: Remembered): void {
    this.#held.delete(forgotten)
  }
}
