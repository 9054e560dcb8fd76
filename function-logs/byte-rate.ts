// A token bucket of bytes: so much a second, and so much at once.
import type { Clock } from '../common/clock.ts'

export class ByteRate {
  readonly #clock: Clock
  readonly #bytesPerSecond: number
  readonly #burstBytes: number
  #tokens: number
  #filledMs: number

  constructor(clock: Clock, bytesPerSecond: number, burstBytes: number) {
    this.#clock = clock
    this.#bytesPerSecond = bytesPerSecond
    this.#burstBytes = burstBytes
    this.#tokens = burstBytes
    this.#filledMs = clock.now()
  }

  /** Whether so many may go now. */
  has(bytes: number): boolean {
    const now = this.#clock.now()
    if (now !== this.#filledMs) {
      const gained = ((now - this.#filledMs) / 1000) * this.#bytesPerSecond
      this.#tokens = Math.min(this.#burstBytes, this.#tokens + gained)
      this.#filledMs = now
    }
    return bytes <= this.#tokens
  }

  take(bytes: number): void {
    this.#tokens -= bytes
  }
}
