// An amount that may be taken each second, as AWS grants calls, records and bytes.

/** A second's worth at most is saved up. What one call takes above that is owed, and paid off first. */
export class Allowance {
  readonly #perSecond: number
  #left: number
  #atMs = 0

  constructor(perSecond: number) {
    this.#perSecond = perSecond
    this.#left = perSecond
  }

  left(nowMs: number): number {
    const earned = ((nowMs - this.#atMs) / 1000) * this.#perSecond
    this.#left = Math.min(this.#perSecond, this.#left + Math.max(0, earned))
    this.#atMs = nowMs
    return this.#left
  }

  /** Takes one where there is one. */
  admit(nowMs: number): boolean {
    if (this.left(nowMs) < 1) return false
    this.take(1)
    return true
  }

  take(amount: number): void {
    this.#left -= amount
  }
}
