// Keeps a share of the processor for each thread of one pool, from its birth to its end.
import type { Clock, Timer } from '../../common/clock.ts'
import { cpuBurstMaxMs } from '../../common/cpu-limits.ts'
import type { CpuMessage } from './cpu-messages.ts'
import type { CpuShare, CpuShares } from './cpu-shares.ts'
import type { ThrottledTime } from './throttled-time.ts'

export interface PoolCpuOptions {
  readonly shares: CpuShares
  readonly memorySizeMb: number
  readonly throttled: ThrottledTime
  readonly clock: Clock
  readonly isBusy: (threadId: number) => boolean
  /** A thread runs without a limit, and why. */
  readonly onUnheld: (reason: string) => void
}

interface Held {
  readonly share: CpuShare
  /** Ends a start that takes too long. */
  readonly burst: Timer
}

export class PoolCpu {
  readonly #options: PoolCpuOptions
  readonly #held = new Map<number, Held>()

  constructor(options: PoolCpuOptions) {
    this.#options = options
  }

  hear(message: CpuMessage): void {
    const { threadId, failure } = message
    if (failure !== undefined) this.#options.onUnheld(failure)
    if (message.type === 'born') return this.#open(threadId, message.tid)
    const held = this.#held.get(threadId)
    held?.burst.cancel()
    held?.share.hold()
  }

  /** An event is about to be given to one of the threads. */
  wake(): void {
    this.#options.shares.wake()
  }

  /** The thread is about to be ended. */
  release(threadId: number | undefined): void {
    if (threadId !== undefined) this.#held.get(threadId)?.share.release()
  }

  /** The thread is being ended. */
  abandon(threadId: number): void {
    this.#close(threadId)
  }

  forgetAllBut(threads: readonly { readonly threadId: number }[]): void {
    const alive = new Set(threads.map(({ threadId }) => threadId))
    for (const id of this.#held.keys()) if (!alive.has(id)) this.#close(id)
  }

  #open(threadId: number, tid: number): void {
    const { shares, memorySizeMb, throttled, clock, isBusy } = this.#options
    // A handler can say it too, and once was enough.
    if (this.#held.has(threadId)) return
    const share = shares.open({ memorySizeMb, isBusy: () => isBusy(threadId) })
    share.addThread({ threadId, tid })
    throttled.add(share)
    const burst = clock.after(cpuBurstMaxMs, () => share.hold())
    this.#held.set(threadId, { share, burst })
  }

  #close(threadId: number): void {
    const held = this.#held.get(threadId)
    if (held === undefined) return
    held.burst.cancel()
    held.share.close()
    this.#options.throttled.remove(held.share)
    this.#held.delete(threadId)
  }
}
