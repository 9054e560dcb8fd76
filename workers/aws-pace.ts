// How fast AWS lets functions scale and be invoked, for those who want to see what the cloud would do; pure.
import {
  invocationRatePerExecution,
  scalingBurst,
  scalingPerSecond,
  scalingWarmMs,
} from '../common/concurrency-limits.ts'

/** What an invocation that has just been let in finds. */
export interface PacedInvocation {
  /** Of the function, with this one. */
  readonly executions: number
  /** Concurrent executions that the function may have: its reservation, or all that is not reserved. */
  readonly limit: number
  readonly isReserved: boolean
  readonly nowMs: number
}

export type PaceThrottle = 'scaling' | 'rate' | 'reserved-rate'

/** Fills at a rate and never above its size. */
class Bucket {
  #tokens: number
  #filledMs: number

  constructor(size: number, nowMs: number) {
    this.#tokens = size
    this.#filledMs = nowMs
  }

  take(size: number, perSecond: number, nowMs: number): boolean {
    const gained = (Math.max(0, nowMs - this.#filledMs) / 1000) * perSecond
    this.#tokens = Math.min(size, this.#tokens + gained)
    this.#filledMs = nowMs
    if (this.#tokens < 1) return false
    this.#tokens -= 1
    return true
  }
}

interface Paced {
  readonly scaling: Bucket
  readonly rate: Bucket
  /** Environments that AWS would have ready: the most executions at once while there was no pause. */
  environments: number
  usedMs: number
}

/**
 * A function scales by 1,000 environments every 10 s, filled continuously and not saved up; each
 * execution that its limit allows is good for ten invocations a second. Invariant: `environments` is never
 * below the executions that were let in. Each copy of the workers goes by itself.
 */
export class AwsPace {
  readonly #functions = new Map<string, Paced>()

  admit(name: string, of: PacedInvocation): PaceThrottle | undefined {
    const { executions, limit, isReserved, nowMs } = of
    const paced = this.#paced(name, of)
    if (nowMs - paced.usedMs > scalingWarmMs) paced.environments = executions - 1
    paced.usedMs = nowMs
    const perSecond = limit * invocationRatePerExecution
    if (!paced.rate.take(perSecond, perSecond, nowMs)) return isReserved ? 'reserved-rate' : 'rate'
    if (executions <= paced.environments) return undefined
    if (!paced.scaling.take(scalingBurst, scalingPerSecond, nowMs)) return 'scaling'
    paced.environments = executions
    return undefined
  }

  forget(name: string): void {
    this.#functions.delete(name)
  }

  #paced(name: string, { limit, nowMs }: PacedInvocation): Paced {
    let paced = this.#functions.get(name)
    if (paced === undefined) {
      paced = {
        scaling: new Bucket(scalingBurst, nowMs),
        rate: new Bucket(limit * invocationRatePerExecution, nowMs),
        environments: 0,
        usedMs: nowMs,
      }
      this.#functions.set(name, paced)
    }
    return paced
  }
}
