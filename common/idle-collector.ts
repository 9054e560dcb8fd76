// Gives memory back that a burst of work has left behind, once its thread has little to do.
import { performance } from 'node:perf_hooks'
import { getHeapSpaceStatistics } from 'node:v8'
import type { Clock, Timer } from './clock.ts'
import { collectGarbage } from './collect-garbage.ts'
import {
  idleBusyShare,
  idleCollectIntervalMs,
  idleLookIntervalMs,
  idleLooks,
  idleUsedMaxBytes,
  idleYoungMinBytes,
} from './limits.ts'

/** What is seen of a thread. */
export interface ThreadUse {
  /** Of the time since the last look, in [0, 1]. */
  readonly busyShare: number
  /** What V8 keeps for new objects: it grows with each burst, and stays so. */
  readonly youngBytes: number
  /** By which a collection's pause is known: some milliseconds for each ten megabytes. */
  readonly usedBytes: number
}

export interface IdleCollectorOptions {
  readonly clock: Clock
  readonly look?: () => ThreadUse
  readonly collect?: () => void
}

export class IdleCollector {
  readonly #clock: Clock
  readonly #look: () => ThreadUse
  readonly #collect: () => void
  #calmLooks = 0
  #notBeforeMs = -Infinity
  #timer: Timer | undefined

  constructor({ clock, look = threadUse(), collect = collectGarbage }: IdleCollectorOptions) {
    this.#clock = clock
    this.#look = look
    this.#collect = collect
  }

  /** Until `stop`. */
  start(): void {
    this.#timer = this.#clock.after(idleLookIntervalMs, () => {
      this.#see(this.#look())
      this.start()
    })
  }

  stop(): void {
    this.#timer?.cancel()
  }

  #see({ busyShare, youngBytes, usedBytes }: ThreadUse): void {
    this.#calmLooks = busyShare <= idleBusyShare ? this.#calmLooks + 1 : 0
    if (this.#calmLooks < idleLooks) return
    if (youngBytes < idleYoungMinBytes || usedBytes > idleUsedMaxBytes) return
    const nowMs = this.#clock.now()
    if (nowMs < this.#notBeforeMs) return
    this.#notBeforeMs = nowMs + idleCollectIntervalMs
    this.#collect()
  }
}

/** Of this thread. */
function threadUse(): () => ThreadUse {
  let before = performance.eventLoopUtilization()
  return () => {
    const now = performance.eventLoopUtilization()
    const { utilization: busyShare } = performance.eventLoopUtilization(now, before)
    before = now
    let [youngBytes, usedBytes] = [0, 0]
    for (const space of getHeapSpaceStatistics()) {
      if (space.space_name === 'new_space') youngBytes = space.space_size
      usedBytes += space.space_used_size
    }
    return { busyShare, youngBytes, usedBytes }
  }
}
