// Tells when a handler has left nothing behind that could still run.
import type { Clock, Timer } from '../../common/clock.ts'

/**
 * Lambda answers for a handler that never does once its event loop is empty. A pool's thread never
 * empties its own, so what keeps it alive is compared with what did before the handler was loaded.
 */
export class EventLoop {
  readonly #clock: Clock
  readonly #ownResources: ReadonlyMap<string, number>

  /** Created before any of the handler's code runs. */
  constructor(clock: Clock) {
    this.#clock = clock
    this.#ownResources = count(process.getActiveResourcesInfo())
  }

  isEmpty(): boolean {
    const active = count(process.getActiveResourcesInfo())
    return [...active].every(([type, n]) => n <= (this.#ownResources.get(type) ?? 0))
  }

  /**
   * Calls back when the loop has been empty for `quietMs`; returns how to give up waiting. Work that
   * leaves no trace among the resources (compiling WebAssembly) is why one look is not enough.
   */
  whenEmpty(quietMs: number, callback: () => void): Timer {
    let emptySinceMs: number | undefined
    let waitMs = 1
    let timer: Timer | undefined
    const look = (): void => {
      const nowMs = this.#clock.now()
      emptySinceMs = this.isEmpty() ? (emptySinceMs ?? nowMs) : undefined
      if (emptySinceMs !== undefined && nowMs - emptySinceMs >= quietMs) return callback()
      waitMs = Math.min(waitMs * 2, 50)
      timer = this.#clock.after(waitMs, look)
    }
    const immediate = setImmediate(look)
    return {
      cancel: () => {
        clearImmediate(immediate)
        timer?.cancel()
      },
    }
  }
}

function count(types: readonly string[]): Map<string, number> {
  const counts = new Map<string, number>()
  for (const type of types) counts.set(type, (counts.get(type) ?? 0) + 1)
  return counts
}
