// Keeps the greatest value of the last half minute to minute, in two numbers.
import type { Clock } from '../common/clock.ts'

/** Longer than any sensible scrape interval, so that no peak falls between two scrapes. */
const windowMs = 30_000

/** A value counts for as long as its window of 30 s lasts, and the one after it. */
export class RecentMax {
  readonly #clock: Clock
  #window = 0
  #current: number | undefined
  #previous: number | undefined

  constructor(clock: Clock) {
    this.#clock = clock
  }

  observe(value: number): void {
    this.#turn()
    this.#current = Math.max(value, this.#current ?? value)
  }

  /** Undefined when nothing was observed for so long. */
  read(): number | undefined {
    this.#turn()
    if (this.#current === undefined) return this.#previous
    return Math.max(this.#current, this.#previous ?? this.#current)
  }

  #turn(): void {
    const window = Math.floor(this.#clock.now() / windowMs)
    if (window === this.#window) return
    this.#previous = window === this.#window + 1 ? this.#current : undefined
    this.#current = undefined
    this.#window = window
  }
}
