// Counts what runs and what waits against the account's concurrency; pure.
import type { AccountQuota } from './account-quota.ts'

export interface ConcurrencyLimits {
  /** Concurrent executions of all functions together: running or waiting for a thread. */
  readonly accountConcurrency: number
  /** Events held for invocations that wait for a thread. */
  readonly waitingMaxBytes: number
}

/**
 * The account's ledger. Invariant: the sum over functions equals the total, which never passes the
 * limit; nothing is negative.
 */
export class ConcurrencyLedger {
  readonly #limits: ConcurrencyLimits
  readonly #quota: Pick<AccountQuota, 'granted'>
  readonly #executions = new Map<string, number>()
  #total = 0
  #waitingBytes = 0

  /** Where other copies share the limit, `quota` says what of it is this one's. */
  constructor(limits: ConcurrencyLimits, quota?: Pick<AccountQuota, 'granted'>) {
    this.#limits = limits
    this.#quota = quota ?? { granted: limits.accountConcurrency }
  }

  get total(): number {
    return this.#total
  }

  executions(functionName: string): number {
    return this.#executions.get(functionName) ?? 0
  }

  /** False when the account is at its limit; otherwise `release` must follow. */
  admit(functionName: string): boolean {
    if (this.#total >= this.#quota.granted) return false
    this.#total += 1
    this.#executions.set(functionName, this.executions(functionName) + 1)
    return true
  }

  release(functionName: string): void {
    const left = this.executions(functionName) - 1
    if (left === 0) this.#executions.delete(functionName)
    else this.#executions.set(functionName, left)
    this.#total -= 1
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
    const counts = [...this.#executions.values()]
    const sum = counts.reduce((a, b) => a + b, 0)
    if (sum !== this.#total) return `functions add up to ${sum}, the total is ${this.#total}`
    if (counts.some((n) => n <= 0) || this.#waitingBytes < 0) return 'a count is not positive'
    if (this.#total > this.#limits.accountConcurrency) return 'more executions than the limit'
    return undefined
  }
}
