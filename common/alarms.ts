// Wakes many at times of their own by one timer, without anything made for each time.
import type { Clock, Timer } from './clock.ts'

/** Goes off once for each time that it is set; setting it again moves it. Who needs it no more cancels it. */
export interface Alarm {
  set(delayMs: number): void
  cancel(): void
}

interface Entry {
  readonly ring: () => void
  /** Infinity while it is not set. */
  dueMs: number
}

/**
 * What lives for seconds, as a timer and a promise of each heartbeat do, outlives V8's young generation: of a thousand
 * members that is a megabyte to collect each two seconds, for which the heap grows. An alarm is made once.
 */
export class Alarms {
  readonly #clock: Clock
  /** Those that are set, and those that went off and may be set again. */
  readonly #entries = new Set<Entry>()
  #timer: Timer | undefined
  /** When the timer is due; Infinity without one. */
  #timerMs = Infinity

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** What `ring` does must not throw. */
  alarm(ring: () => void): Alarm {
    const entry: Entry = { ring, dueMs: Infinity }
    return {
      set: (delayMs) => {
        entry.dueMs = this.#clock.now() + delayMs
        this.#entries.add(entry)
        if (entry.dueMs < this.#timerMs) this.#arm(entry.dueMs)
      },
      cancel: () => {
        entry.dueMs = Infinity
        this.#entries.delete(entry)
        if (this.#entries.size === 0) this.#arm(Infinity)
      },
    }
  }

  #arm(dueMs: number): void {
    this.#timer?.cancel()
    this.#timerMs = dueMs
    this.#timer =
      dueMs === Infinity
        ? undefined
        : this.#clock.after(Math.max(0, dueMs - this.#clock.now()), () => this.#ring())
  }

  #ring(): void {
    this.#timerMs = Infinity
    const nowMs = this.#clock.now()
    // Those that are set meanwhile have their own time.
    const due = [...this.#entries].filter(({ dueMs }) => dueMs <= nowMs)
    for (const entry of due) {
      if (entry.dueMs > nowMs) continue
      entry.dueMs = Infinity
      entry.ring()
    }
    let firstMs = Infinity
    for (const { dueMs } of this.#entries) firstMs = Math.min(firstMs, dueMs)
    if (firstMs < this.#timerMs) this.#arm(firstMs)
  }
}

const byClock = new WeakMap<Clock, Alarms>()

/** One for all that go by the same clock. */
export function alarmsOf(clock: Clock): Alarms {
  const known = byClock.get(clock) ?? new Alarms(clock)
  byClock.set(clock, known)
  return known
}
