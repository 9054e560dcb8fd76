// A clock that stands still until a test advances it, firing timers in their order of time.
import type { Clock, Timer } from '../../common/clock.ts'

interface Pending {
  readonly dueMs: number
  readonly order: number
  readonly callback: () => void
}

/** Starts at 1,000,000 ms. `advance` fires every timer that falls due, at its own time. */
export class ManualClock implements Clock {
  #nowMs = 1_000_000
  #order = 0
  readonly #pending = new Set<Pending>()

  now(): number {
    return this.#nowMs
  }

  after(delayMs: number, callback: () => void): Timer {
    const pending = { dueMs: this.#nowMs + Math.max(0, delayMs), order: this.#order++, callback }
    this.#pending.add(pending)
    return { cancel: () => this.#pending.delete(pending) }
  }

  /** How many timers wait. */
  get timers(): number {
    return this.#pending.size
  }

  advance(byMs: number): void {
    const untilMs = this.#nowMs + byMs
    for (let next = this.#next(untilMs); next !== undefined; next = this.#next(untilMs)) {
      this.#pending.delete(next)
      this.#nowMs = Math.max(this.#nowMs, next.dueMs)
      next.callback()
    }
    this.#nowMs = untilMs
  }

  #next(untilMs: number): Pending | undefined {
    let first: Pending | undefined
    for (const p of this.#pending) {
      if (p.dueMs > untilMs) continue
      const earlier =
        first === undefined ||
        p.dueMs < first.dueMs ||
        (p.dueMs === first.dueMs && p.order < first.order)
      if (earlier) first = p
    }
    return first
  }
}
