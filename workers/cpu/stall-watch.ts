// Decides when threads that used up their share must go on, since others wait for a lock that one of them holds.
import {
  stallAlertMs,
  stallLookMs,
  stallScanCostFactor,
  stallScanMs,
} from '../../common/cpu-limits.ts'

/** What the watch sees of the machine, and what it can do. */
export interface StallMachine {
  now(): number
  /** Threads that are held to their share, by Node's numbers. */
  held(): readonly number[]
  /** In how many periods a thread used up its share, so far; undefined where nobody can say. */
  throttles(threadId: number): number | undefined
  /** The wait for a lock that the watched thread is in: equal texts are the same wait. Undefined: in none. */
  waiting(): string | undefined
  /** Gives the thread one share anew, so that it goes on at once. */
  refill(threadId: number): void
}

interface Seen {
  throttles: number
  /** When it was last seen to have used up a share. */
  hotMs: number
}

/**
 * Idle until a thread uses up its share, which is looked for every `stallScanMs`; from then on the watched thread is
 * looked at every `stallLookMs`. Two looks that see the same wait are a stall.
 */
export class StallWatch {
  readonly #machine: StallMachine
  readonly #seen = new Map<number, Seen>()
  /** Those that used up a share of late, as of the last scan. */
  #hot: readonly number[] = []
  #waiting: string | undefined
  #scanMs = 0
  #quietFromMs = 0

  constructor(machine: StallMachine) {
    this.#machine = machine
    this.wake()
  }

  /** Something begins to run. */
  wake(): void {
    this.#quietFromMs = this.#machine.now() + stallAlertMs
  }

  /** Returns after how many milliseconds to look again; undefined: when it is woken. */
  look(): number | undefined {
    const now = this.#machine.now()
    if (now >= this.#scanMs) this.#scan(now)
    if (this.#hot.length === 0) {
      this.#waiting = undefined
      return now < this.#quietFromMs ? Math.max(1, this.#scanMs - this.#machine.now()) : undefined
    }
    const waiting = this.#machine.waiting()
    const isStall = waiting !== undefined && waiting === this.#waiting
    if (isStall) for (const threadId of this.#hot) this.#machine.refill(threadId)
    this.#waiting = waiting
    return stallLookMs
  }

  #scan(now: number): void {
    const held = new Set(this.#machine.held())
    for (const threadId of this.#seen.keys()) if (!held.has(threadId)) this.#seen.delete(threadId)
    for (const threadId of held) this.#see(threadId, now)
    this.#hot = [...held].filter((threadId) => now < this.#hotUntilMs(threadId))
    const costMs = this.#machine.now() - now
    this.#scanMs = now + Math.max(stallScanMs, costMs * stallScanCostFactor)
  }

  #hotUntilMs(threadId: number): number {
    return (this.#seen.get(threadId)?.hotMs ?? -Infinity) + stallAlertMs
  }

  #see(threadId: number, now: number): void {
    const throttles = this.#machine.throttles(threadId) ?? 0
    const seen = this.#seen.get(threadId)
    // A thread that is new here was held for less than a scan: what it has used up is news.
    const isHot = throttles > (seen?.throttles ?? 0)
    this.#seen.set(threadId, { throttles, hotMs: isHot ? now : (seen?.hotMs ?? -Infinity) })
  }
}
