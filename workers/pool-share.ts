// What one copy of the workers has of one pool, and what it would ask for; pure.
import {
  quotaBeatMs,
  quotaClaimMaxMs,
  quotaClaimMinMs,
  quotaTtlMs,
} from '../common/redis-limits.ts'

/** Executions of a pool, as this copy has them. */
export interface PoolDemand {
  readonly limit: number
  readonly inUse: number
}

/** What is said to the others of a pool. */
export interface PoolStatement {
  readonly limit: number
  /** Stays this copy's whatever the answer: nothing above it is admitted until the answer is here. */
  readonly hold: number
  readonly need: number
  /** With what is kept ready. */
  readonly wanted: number
}

export interface PoolAnswer {
  /** Another copy needs more than it has. */
  readonly isPressed: boolean
  readonly statement: PoolStatement
  readonly statedMs: number
}

/** A copy at work keeps a twentieth of a pool ready, as long as nobody else needs it. */
const spareParts = 20

/**
 * A grant is worth as much as the heartbeat that it came with. Invariant: between a statement and its
 * answer no more is granted than the statement holds on to, so what others are told is free, is.
 */
export class PoolShare {
  #granted = 0
  #heardMs = Number.NEGATIVE_INFINITY
  /** What the others were told that this copy has, at most. */
  #told = 0
  /** Invocations that wait for the answer of the next statement, and of the one that was made. */
  #waiting: (() => void)[] = []
  #stated: (() => void)[] = []
  #isPressed = false
  /** What runs and what waited for the statement that was made. */
  #least = 0
  /** The most that was needed in the last second or so. */
  #peak = 0
  #peakMs = Number.NEGATIVE_INFINITY
  #refusedMs = Number.NEGATIVE_INFINITY
  #claimUntilMs = Number.NEGATIVE_INFINITY

  /** Another copy needs more than it has. */
  get isPressed(): boolean {
    return this.#isPressed
  }

  granted(nowMs: number): number {
    return nowMs - this.#heardMs < quotaTtlMs ? this.#granted : 0
  }

  /** Whether the others have forgotten it, and it has no use for them. */
  isIdle(inUse: number, nowMs: number): boolean {
    const isAsking = this.#waiting.length + this.#stated.length > 0
    return inUse + this.#told === 0 && !isAsking && nowMs >= this.#claimUntilMs
  }

  /** Calls `retry` once the next statement is answered, or is not going to be. */
  wait(retry: () => void): void {
    this.#waiting.push(retry)
  }

  /** `blindShare` is what the copy goes by while Redis is away; undefined when it is not. */
  state({ limit, inUse }: PoolDemand, nowMs: number, blindShare?: number): PoolStatement {
    this.#stated = this.#waiting
    this.#waiting = []
    const least = inUse + this.#stated.length
    const need =
      nowMs < this.#claimUntilMs ? this.#peakOf(Math.max(least, inUse + 1), nowMs) : least
    const isAtWork = least > 0
    const spare = isAtWork && !this.#isPressed ? Math.floor(limit / spareParts) : 0
    const wanted = need + spare
    const kept = this.#isPressed ? 0 : Math.min(this.granted(nowMs), wanted)
    const hold = Math.max(inUse, blindShare ?? kept)
    this.#granted = hold
    this.#least = least
    return { limit, hold, need, wanted }
  }

  /** Executions come and go between two statements: where they are short, a moment says too little. */
  #peakOf(need: number, nowMs: number): number {
    if (need >= this.#peak || nowMs - this.#peakMs >= quotaBeatMs) {
      this.#peak = need
      this.#peakMs = nowMs
    }
    return this.#peak
  }

  answer(may: number, { isPressed, statement, statedMs }: PoolAnswer): void {
    this.#granted = may
    this.#told = Math.max(may, statement.hold)
    this.#heardMs = statedMs
    this.#isPressed = isPressed
    if (this.#stated.length > 0 && may < this.#least) this.#claim(statedMs)
    this.#retry()
  }

  /** Redis is away: whoever waited goes by the even share. */
  unanswered(): void {
    this.#retry()
  }

  #retry(): void {
    for (const retry of this.#stated.splice(0)) retry()
  }

  /**
   * Who was refused tries again later, and later each time: the claim lasts until then, so that
   * what others give up meanwhile is not gone to them again. A caller that backs off doubles its
   * pause or less, give or take a fifth.
   */
  #claim(nowMs: number): void {
    const sinceMs = nowMs - this.#refusedMs
    const lifeMs = sinceMs > quotaClaimMaxMs ? quotaClaimMinMs : 3 * sinceMs
    const boundedMs = Math.min(Math.max(lifeMs, quotaClaimMinMs), quotaClaimMaxMs)
    this.#claimUntilMs = Math.max(this.#claimUntilMs, nowMs + boundedMs)
    this.#refusedMs = nowMs
  }
}

/** The part of a pool for a copy that cannot ask the others: they add up to all of it. */
export function evenShare(limit: number, copies: number, before: number): number {
  if (copies === 0) return 0
  return Math.floor(limit / copies) + (before < limit % copies ? 1 : 0)
}
