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

/** The machine's clock: never behind the wall clock, and always moving. */
export const systemClock: Clock = {
  now: steadyTime(Date.now, () => performance.now()),
  after: (delayMs, callback) => {
    const timeout = setTimeout(callback, delayMs)
    return { cancel: () => clearTimeout(timeout) }
  },
}

/**
 * Follows the wall clock forward: past a laptop's sleep, where the monotonic clock stands still, and past a
 * step. When the wall clock is set back it goes on by the monotonic one, so that no wait becomes an hour longer.
 */
export function steadyTime(wallMs: () => number, monotonicMs: () => number): () => number {
  let aheadMs = -Infinity
  return () => {
    const steady = monotonicMs()
    aheadMs = Math.max(aheadMs, wallMs() - steady)
    return Math.floor(aheadMs + steady)
  }
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

/** Steps in which what nobody waits for happens, so that a thousand of its kind wake the thread ten times a second. */
const stepMs = 100

/** A delay of at most so many milliseconds, a step less at most, that ends where others of its kind do. */
export function inStep(clock: Clock, delayMs: number): number {
  return Math.max(0, delayMs - (clock.now() % stepMs))
}
