// Counts what runs and what waits against the account's concurrency and its reservations; pure.
import type { PaceThrottle } from './aws-pace.ts'
import { unreservedPool, WholeQuota, type AccountQuota, type PoolUsage } from './account-quota.ts'

export interface ConcurrencyLimits {
  /** Concurrent executions of all functions together: running or waiting for a thread. */
  readonly accountConcurrency: number
  /** Events held for invocations that wait for a thread. */
  readonly waitingMaxBytes: number
}

/** Why an invocation is not let in: the account, the function's reservation, too much waits, or AWS's pace. */
export type Throttle = 'account' | 'reserved' | 'waiting' | PaceThrottle

/**
 * The account's ledger: a pool for each function that reserves concurrency, and one for all others,
 * whose limits add up to at most the account's; what is provisioned is no part of them. Invariant: a pool's count is the sum of its functions',
 * and never grows at or above its limit; the total never passes the account's. A change of reservations
 * may leave a pool above its new limit until executions end.
 */
export class ConcurrencyLedger implements PoolUsage {
  readonly #limits: ConcurrencyLimits
  readonly #quota: AccountQuota
  readonly #executions = new Map<string, number>()
  readonly #reserved = new Map<string, number>()
  /** Set aside for environments that are made ahead, of what the function has or of what is not reserved. */
  readonly #provisioned = new Map<string, number>()
  readonly #inProvisioned = new Map<string, number>()
  readonly #inUse = new Map<string, number>()
  /** What a pool had above its limit when that was lowered; shrinks with its executions. */
  readonly #above = new Map<string, number>()
  #reservedSum = 0
  #total = 0
  #waitingBytes = 0

  /** Where other copies share the limits, `quota` says what of each pool is this one's. */
  constructor(limits: ConcurrencyLimits, quota: AccountQuota = new WholeQuota()) {
    this.#limits = limits
    this.#quota = quota
    quota.start(this)
  }

  get total(): number {
    return this.#total
  }

  executions(functionName: string): number {
    return this.#executions.get(functionName) ?? 0
  }

  poolOf(functionName: string): string {
    return this.#reserved.has(functionName) ? functionName : unreservedPool
  }

  poolsInUse(): Iterable<string> {
    return this.#inUse.keys()
  }

  inUse(pool: string): number {
    return this.#inUse.get(pool) ?? 0
  }

  /** Reservations beyond the account, which its control would have refused, are scaled down to it. */
  limit(pool: string): number {
    const { accountConcurrency } = this.#limits
    if (pool === unreservedPool) {
      return Math.max(0, accountConcurrency - this.#reservedSum - this.#provisionedUnreserved())
    }
    const reserved = this.#reserved.get(pool) ?? 0
    const ahead = this.#provisioned.get(pool) ?? 0
    if (this.#reservedSum <= accountConcurrency) return Math.max(0, reserved - ahead)
    return Math.max(0, Math.floor((reserved * accountConcurrency) / this.#reservedSum) - ahead)
  }

  /** Sets or, with undefined, ends a function's reservation. What runs moves to its new pool. */
  reserve(functionName: string, reserved: number | undefined): void {
    const before = this.#reserved.get(functionName)
    if (before === reserved) return
    const running = this.#pooled(functionName)
    this.#count(this.poolOf(functionName), -running)
    if (reserved === undefined) this.#reserved.delete(functionName)
    else this.#reserved.set(functionName, reserved)
    this.#reservedSum += (reserved ?? 0) - (before ?? 0)
    this.#count(this.poolOf(functionName), running)
    this.#noteAbove()
  }

  /** Sets what is set aside for a function's environments that are made ahead. */
  provision(functionName: string, executions: number): void {
    if (executions === 0) this.#provisioned.delete(functionName)
    else this.#provisioned.set(functionName, executions)
    this.#noteAbove()
  }

  /** Into an environment that was made ahead and is free: `release` must follow, for that kind. */
  admitProvisioned(functionName: string): Throttle | undefined {
    if (this.#total >= this.#limits.accountConcurrency) return 'account'
    this.#total += 1
    this.#executions.set(functionName, this.executions(functionName) + 1)
    this.#inProvisioned.set(functionName, (this.#inProvisioned.get(functionName) ?? 0) + 1)
    return undefined
  }

  /** Undefined when the invocation is let in: `release` must follow. */
  admit(functionName: string): Throttle | undefined {
    const pool = this.poolOf(functionName)
    if (this.inUse(pool) >= Math.min(this.#quota.granted(pool), this.limit(pool))) {
      return pool === unreservedPool ? 'account' : 'reserved'
    }
    // After a change of reservations what ran before may still fill the account.
    if (this.#total >= this.#limits.accountConcurrency) return 'account'
    this.#total += 1
    this.#executions.set(functionName, this.executions(functionName) + 1)
    this.#count(pool, 1)
    return undefined
  }

  /** The same, after asking the other copies for more where that is needed. */
  async admitOrAsk(functionName: string): Promise<Throttle | undefined> {
    if (this.admit(functionName) === undefined) return undefined
    return this.#quota.ask(this.poolOf(functionName), () => this.admit(functionName))
  }

  release(functionName: string, kind: 'pooled' | 'provisioned' = 'pooled'): void {
    const left = this.executions(functionName) - 1
    if (left === 0) this.#executions.delete(functionName)
    else this.#executions.set(functionName, left)
    this.#total -= 1
    if (kind === 'provisioned') {
      const ahead = (this.#inProvisioned.get(functionName) ?? 0) - 1
      if (ahead === 0) this.#inProvisioned.delete(functionName)
      else this.#inProvisioned.set(functionName, ahead)
      return
    }
    const pool = this.poolOf(functionName)
    this.#count(pool, -1)
    this.#quota.released(pool)
  }

  /** False when too much waits already; otherwise `leaveQueue` must follow. */
  enterQueue(payloadBytes: number): boolean {
    if (this.#waitingBytes + payloadBytes > this.#limits.waitingMaxBytes) return false
    this.#waitingBytes += payloadBytes
    return true
  }

  leaveQueue(payloadBytes: number): void {
    this.#waitingBytes -= payloadBytes
  }

  /** The invariant, as a sentence when it is broken. */
  check(): string | undefined {
    const pools = new Map<string, number>()
    let sum = 0
    for (const [name, count] of this.#executions) {
      const pool = this.poolOf(name)
      const pooled = this.#pooled(name)
      if (pooled !== 0) pools.set(pool, (pools.get(pool) ?? 0) + pooled)
      if (pooled < 0) return `${name} has ${count} executions, and more that were made ahead for`
      sum += count
      if (count <= 0) return `${name} has ${count} executions`
    }
    if (sum !== this.#total) return `functions add up to ${sum}, the total is ${this.#total}`
    if (this.#total > this.#limits.accountConcurrency) return 'more executions than the limit'
    if (this.#waitingBytes < 0) return 'less than nothing waits'
    for (const pool of new Set([...pools.keys(), ...this.#inUse.keys()])) {
      const count = pools.get(pool) ?? 0
      if (count !== this.inUse(pool)) return `pool "${pool}" has ${count}, not ${this.inUse(pool)}`
      const most = Math.max(this.limit(pool), this.#above.get(pool) ?? 0)
      if (count > most) return `pool "${pool}" has ${count} of ${most}`
    }
    return undefined
  }

  /** Executions that a pool of the account's pays for. */
  #pooled(functionName: string): number {
    return this.executions(functionName) - (this.#inProvisioned.get(functionName) ?? 0)
  }

  #provisionedUnreserved(): number {
    let sum = 0
    for (const [name, count] of this.#provisioned) if (!this.#reserved.has(name)) sum += count
    return sum
  }

  #noteAbove(): void {
    for (const [pool, count] of this.#inUse) {
      if (count > this.limit(pool)) this.#above.set(pool, count)
    }
  }

  #count(pool: string, change: number): void {
    const count = this.inUse(pool) + change
    if (count === 0) this.#inUse.delete(pool)
    else this.#inUse.set(pool, count)
    if (count <= this.limit(pool)) this.#above.delete(pool)
    else if (this.#above.has(pool)) this.#above.set(pool, count)
  }
}
