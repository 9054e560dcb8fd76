// Shares the account's pools of concurrency out among the copies of the workers over one Redis.
import { randomUUID } from 'node:crypto'
import type { Clock, Timer } from '../common/clock.ts'
import { AppError } from '../common/errors.ts'
import {
  quotaBeatMs,
  quotaHandOverMs,
  quotaPoolLifeMs,
  quotaPoolsPerExchange,
  quotaSilenceMs,
  quotaTtlMs,
  quotaTurnMs,
} from '../common/redis-limits.ts'
import type { Logger } from '../common/logger.ts'
import type { RedisConnection } from '../common/redis.ts'
import type { AccountQuota, PoolUsage } from './account-quota.ts'
import { evenShare, PoolShare } from './pool-share.ts'
import {
  backKey,
  exchangeScript,
  heartbeatsKey,
  leaveScript,
  poolKey,
} from './redis-quota-scripts.ts'

export interface RedisQuotaOptions {
  readonly redis: RedisConnection
  readonly clock: Clock
  readonly logger: Logger
}

/**
 * Each copy is granted of each pool what it uses and a few to spare, so that most invocations ask
 * nobody. Invariant: what is granted of a pool to copies that live adds up to at most its limit, unless
 * that was lowered under what runs. While Redis is away a copy goes on with its even share of each
 * pool, and for a moment executions of before may exceed the limit until they end.
 */
export class RedisQuota implements AccountQuota {
  readonly #options: RedisQuotaOptions
  readonly #self = randomUUID()
  readonly #shares = new Map<string, PoolShare>()
  /** Pools that the next exchange is about. */
  readonly #due = new Set<string>()
  #usage: PoolUsage | undefined
  /** Copies that live, and how many of them come before this one; 0 until Redis has answered. */
  #copies = 0
  #before = 0
  #isAway = false
  #isStopping = false
  #beatTimer: Timer | undefined
  #handOverTimer: Timer | undefined
  #exchanging: Promise<void> = Promise.resolve()
  #next: Promise<void> | undefined

  constructor(options: RedisQuotaOptions) {
    this.#options = options
  }

  granted(pool: string): number {
    if (this.#isAway) return this.#blindShare(pool)
    return this.#shares.get(pool)?.granted(this.#options.clock.now()) ?? 0
  }

  start(usage: PoolUsage): void {
    this.#usage = usage
    void this.#beat()
  }

  async ask<T>(pool: string, admit: () => T): Promise<T> {
    // While Redis is away the even share is all there is; nor have others what this copy has in use.
    if (this.#isAway || this.#inUse(pool) >= this.#limit(pool)) return admit()
    return new Promise((resolve) => {
      this.#share(pool).wait(() => resolve(admit()))
      void this.#exchangeNext([pool])
    })
  }

  /** Where others wait for it, they hear of it soon. */
  released(pool: string): void {
    if (this.#isStopping || this.#shares.get(pool)?.isPressed !== true) return
    this.#due.add(pool)
    this.#handOverTimer ??= this.#options.clock.after(quotaHandOverMs, () => {
      this.#handOverTimer = undefined
      void this.#exchangeNext([])
    })
  }

  async stop(): Promise<void> {
    this.#isStopping = true
    this.#handOverTimer?.cancel()
    this.#beatTimer?.cancel()
    await this.#exchanging
    this.#beatTimer?.cancel()
    try {
      const keys = [heartbeatsKey, ...[...this.#shares.keys()].map(poolKey)]
      await this.#options.redis.run(leaveScript, keys, [this.#self])
    } catch (error) {
      // It will be taken for dead instead.
      if (!(error instanceof AppError)) throw error
    }
  }

  async #beat(): Promise<void> {
    await this.#exchangeNext(this.#active())
    if (this.#isStopping) return
    this.#beatTimer = this.#options.clock.after(quotaBeatMs, () => void this.#beat())
  }

  #active(): readonly string[] {
    return [...new Set([...(this.#usage?.poolsInUse() ?? []), ...this.#shares.keys()])]
  }

  /** Resolves after an exchange about `pools` that began after this call; one runs at a time. */
  #exchangeNext(pools: readonly string[]): Promise<void> {
    for (const pool of pools) this.#due.add(pool)
    if (this.#next !== undefined) return this.#next
    const next = this.#exchanging.then(() => {
      this.#next = undefined
      return this.#exchange()
    })
    this.#next = next
    this.#exchanging = next
    return next
  }

  async #exchange(): Promise<void> {
    // What was not told while Redis was away is told at once when it is back.
    const pools = this.#isAway ? [...new Set([...this.#due, ...this.#active()])] : [...this.#due]
    this.#due.clear()
    try {
      // Without a pool it is a heartbeat.
      for (let from = 0; from === 0 || from < pools.length; from += quotaPoolsPerExchange) {
        await this.#exchangeOf(pools.slice(from, from + quotaPoolsPerExchange))
      }
      this.#isAway = false
    } catch (error) {
      if (!(error instanceof AppError)) throw error
      if (!this.#isAway)
        this.#options.logger.warn('concurrency not shared', { reason: error.message })
      this.#isAway = true
      for (const pool of pools) this.#shares.get(pool)?.unanswered()
    }
  }

  async #exchangeOf(pools: readonly string[]): Promise<void> {
    const { redis, clock } = this.#options
    const statedMs = clock.now()
    const stated = pools.map((pool) => {
      const share = this.#share(pool)
      const demand = { limit: this.#limit(pool), inUse: this.#inUse(pool) }
      const blind = this.#isAway ? this.#blindShare(pool) : undefined
      return { pool, share, statement: share.state(demand, statedMs, blind) }
    })
    const answer = (await redis.run(
      exchangeScript,
      [heartbeatsKey, backKey, ...pools.map(poolKey)],
      [
        this.#self,
        quotaTtlMs,
        quotaSilenceMs,
        quotaTurnMs,
        quotaPoolLifeMs,
        ...stated.flatMap(({ statement: s }) => [s.limit, s.hold, s.need, s.wanted]),
      ],
    )) as number[]
    this.#copies = answer[0] ?? 1
    this.#before = answer[1] ?? 0
    for (const [i, { pool, share, statement }] of stated.entries()) {
      share.answer(answer[2 + 2 * i] ?? 0, {
        isPressed: answer[3 + 2 * i] === 1,
        statement,
        statedMs,
      })
      if (share.isIdle(this.#inUse(pool), statedMs)) this.#shares.delete(pool)
    }
  }

  #share(pool: string): PoolShare {
    let share = this.#shares.get(pool)
    if (share === undefined) {
      share = new PoolShare()
      this.#shares.set(pool, share)
    }
    return share
  }

  #blindShare(pool: string): number {
    return evenShare(this.#limit(pool), this.#copies, this.#before)
  }

  #limit(pool: string): number {
    return this.#usage?.limit(pool) ?? 0
  }

  #inUse(pool: string): number {
    return this.#usage?.inUse(pool) ?? 0
  }
}
