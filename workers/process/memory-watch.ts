// Looks at the memory of busy processes, with all that they have started, and tells who has too much.
import type { Clock, Timer } from '../../common/clock.ts'
import { memoryCheckIntervalMs } from '../../common/environment-limits.ts'
import { processScanCostFactor, processScanIntervalMs } from '../../common/process-limits.ts'
import type { SessionsMemory } from './launcher-messages.ts'
import { processMemory } from './proc-files.ts'

export interface Watched {
  readonly pid: number
  readonly memoryMaxBytes: number
  /** Called once. */
  readonly onExceeded: () => void
}

interface State {
  isTold: boolean
  peakBytes: number
  /** What it holds with all that it has started beyond its own figure, as of the last look at all of /proc. */
  moreBytes: number
}

/** What is in the sessions of these leaders. Rejects where nobody can say now. */
export type LookAtSessions = (leaders: readonly number[]) => Promise<SessionsMemory>

/** One for all environments: a look at the whole of /proc costs the same for one as for a hundred, and is another process's work. */
export class MemoryWatch {
  readonly #clock: Clock
  readonly #watched = new Map<Watched, State>()
  readonly #lookAtSessions: LookAtSessions
  #timer: Timer | undefined
  #nextScanMs = -Infinity

  constructor(clock: Clock, lookAtSessions: LookAtSessions) {
    this.#clock = clock
    this.#lookAtSessions = lookAtSessions
  }

  add(watched: Watched): void {
    this.#watched.set(watched, { isTold: false, peakBytes: 0, moreBytes: 0 })
    this.#arm()
  }

  /** The most that it had in bytes, or undefined where the machine does not say. */
  remove(watched: Watched): number | undefined {
    const state = this.#watched.get(watched)
    const memory = processMemory(watched.pid)
    this.#watched.delete(watched)
    if (this.#watched.size === 0) this.close()
    const peakBytes = (memory?.peakBytes ?? 0) + (state?.moreBytes ?? 0)
    return Math.max(state?.peakBytes ?? 0, peakBytes) || undefined
  }

  close(): void {
    this.#timer?.cancel()
    this.#timer = undefined
  }

  #arm(): void {
    const waitMs = Math.max(memoryCheckIntervalMs, 2 * this.#watched.size)
    this.#timer ??= this.#clock.after(waitMs, () => {
      this.#timer = undefined
      this.#look()
      if (this.#watched.size > 0) this.#arm()
    })
  }

  #look(): void {
    if (this.#clock.now() >= this.#nextScanMs) void this.#scan()
    for (const [watched, state] of this.#watched) {
      const bytes = (processMemory(watched.pid)?.bytes ?? 0) + state.moreBytes
      state.peakBytes = Math.max(state.peakBytes, bytes)
      if (bytes <= watched.memoryMaxBytes || state.isTold) continue
      state.isTold = true
      watched.onExceeded()
    }
  }

  /** One at a time; the looks that follow go by what it found. */
  async #scan(): Promise<void> {
    this.#nextScanMs = Infinity
    const leaders = [...this.#watched.keys()].map(({ pid }) => pid)
    // Who looks may end and be there anew; until then it is as before.
    const found = await this.#lookAtSessions(leaders).catch(() => undefined)
    const moreBytes = new Map(found?.moreBytes)
    for (const [{ pid }, state] of this.#watched)
      state.moreBytes = moreBytes.get(pid) ?? state.moreBytes
    const waitMs = Math.max(processScanIntervalMs, processScanCostFactor * (found?.tookMs ?? 0))
    this.#nextScanMs = this.#clock.now() + waitMs
  }
}
