// Decides when an environment must pause, and for how long, to keep to its share of the processor; pure.
import { governorBucketMs, governorLookMinMs, governorPauseMaxMs } from '../../common/cpu-limits.ts'

export interface Decision {
  /** To stand still until then; undefined: go on. */
  readonly pauseUntilMs?: number
  /** When to decide again. */
  readonly lookAtMs: number
}

/**
 * Fills with `cores` milliseconds of processor time in a millisecond, up to `governorBucketMs` of them, and may
 * go below zero: what was used too much is waited for. Used evenly it gives a run and a pause in each 100 ms:
 *
 *   level  resume ┐╲    ╱╲    ╱     a run of  cores × 100 ms, a pause of the rest
 *               0 ┘ ╲__╱  ╲__╱
 */
export class TokenBucket {
  #cores: number
  #levelMs: number
  #atMs: number

  constructor(cores: number, nowMs: number) {
    this.#cores = cores
    this.#levelMs = this.#fullMs
    this.#atMs = nowMs
  }

  get levelMs(): number {
    return this.#levelMs
  }

  /** Another share, and a full bucket of it. */
  change(cores: number, nowMs: number): void {
    this.#cores = cores
    this.#levelMs = this.#fullMs
    this.#atMs = nowMs
  }

  /** So much processor time was used since the last time. */
  spend(usedMs: number, nowMs: number): void {
    const filledMs = (nowMs - this.#atMs) * this.#cores
    this.#levelMs = Math.min(this.#fullMs, this.#levelMs + filledMs - usedMs)
    this.#atMs = nowMs
  }

  /** So much of what will be told as used is not the environment's doing. */
  giveBack(takenMs: number): void {
    this.#levelMs += takenMs
  }

  /** `running`: how many processors it can use at once. */
  decide(nowMs: number, running: number): Decision {
    const surplus = running - this.#cores
    // It cannot use more than its share.
    if (surplus <= 0 && this.#levelMs > 0) return { lookAtMs: nowMs + governorBucketMs }
    // What it has started meanwhile shows at the next look, so that must not be far.
    const drainMs = (level: number): number =>
      surplus <= 0
        ? governorBucketMs
        : Math.min(governorBucketMs, Math.max(governorLookMinMs, level / surplus))
    if (this.#levelMs > 0) return { lookAtMs: nowMs + drainMs(this.#levelMs) }
    const resumeMs = Math.max(0, (this.#fullMs * surplus) / running)
    const pauseMs = (resumeMs - this.#levelMs) / this.#cores
    // A look just before the end of a pause that is not enough: the next one follows on it.
    if (pauseMs > governorPauseMaxMs) {
      const pauseUntilMs = nowMs + governorPauseMaxMs
      return { pauseUntilMs, lookAtMs: pauseUntilMs - 1 }
    }
    const pauseUntilMs = nowMs + pauseMs
    return { pauseUntilMs, lookAtMs: pauseUntilMs + drainMs(resumeMs) }
  }

  get #fullMs(): number {
    return this.#cores * governorBucketMs
  }
}
