// Gives the time and timers to everything that waits, so that a test can hold both still.

/** A pending timer; cancelling one that has fired or was cancelled does nothing. */
export interface Timer {
  cancel(): void
}

/** The only source of time. `now` is in milliseconds since the epoch, and never runs backwards. */
export interface Clock {
  now(): number
  /** Calls `callback` once, no sooner than `delayMs` from now. */
  after(delayMs: number, callback: () => void): Timer
}

const startedAtMs = Date.now() - performance.now()

/** The machine's clock. Monotonic: a step of the wall clock after start does not show. */
export const systemClock: Clock = {
  now: () => Math.floor(startedAtMs + performance.now()),
  after: (delayMs, callback) => {
    const timeout = setTimeout(callback, delayMs)
    return { cancel: () => clearTimeout(timeout) }
  },
}

/** Resolves after `delayMs` on `clock`, or at once when `signal` is aborted. */
export function sleep(clock: Clock, delayMs: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal?.aborted === true) return resolve()
    const timer = clock.after(delayMs, done)
    signal?.addEventListener('abort', done, { once: true })
    function done(): void {
      timer.cancel()
      signal?.removeEventListener('abort', done)
      resolve()
    }
  })
}
