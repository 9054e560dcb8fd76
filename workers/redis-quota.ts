// Shares the account's concurrency out among the copies of the workers over one Redis.
import { randomUUID } from 'node:crypto'
import type { Clock, Timer } from '../common/clock.ts'
import { AppError } from '../common/errors.ts'
import { quotaBeatMs, quotaTtlMs } from '../common/limits.ts'
import type { Logger } from '../common/logger.ts'
import { redisScript, type RedisConnection } from '../common/redis.ts'
import type { AccountQuota } from './account-quota.ts'

export interface RedisQuotaOptions {
  readonly redis: RedisConnection
  readonly accountConcurrency: number
  readonly clock: Clock
  readonly logger: Logger
}

const keys = ['millrace:workers', 'millrace:concurrency', 'millrace:concurrency:short'] as const

/**
 * Each copy is granted what it uses and a few to spare, so that most invocations ask nobody; when a
 * copy is refused, all give their spares back. Invariant: what is granted to copies that live adds up
 * to at most the limit. While Redis is away a copy goes on with its even share, and for a moment after
 * it executions of before may exceed the limit until they end.
 */
export class RedisQuota implements AccountQuota {
  readonly #options: RedisQuotaOptions
  readonly #self = randomUUID()
  #inUse: () => number = () => 0
  #granted = 0
  #copies = 1
  /** Invocations that wait for the answer to come. */
  #asking = 0
  #isShort = false
  #isAway = false
  #timer: Timer | undefined
  #settling: Promise<void> | undefined
  #next: Promise<void> | undefined

  constructor(options: RedisQuotaOptions) {
    this.#options = options
  }

  get granted(): number {
    return this.#granted
  }

  start(inUse: () => number): void {
    this.#inUse = inUse
    void this.#beat()
  }

  async ask(): Promise<void> {
    // While Redis is away the even share is all there is: nothing is worth waiting for.
    if (this.#isAway) return
    this.#asking += 1
    await this.#settleNext()
    this.#asking -= 1
  }

  async stop(): Promise<void> {
    this.#timer?.cancel()
    await this.#settling
    this.#timer?.cancel()
    try {
      await this.#options.redis.run(leaveScript, keys, [this.#self])
    } catch (error) {
      // It will be taken for dead instead.
      if (!(error instanceof AppError)) throw error
    }
  }

  async #beat(): Promise<void> {
    await this.#settleNext()
    this.#timer = this.#options.clock.after(quotaBeatMs, () => void this.#beat())
  }

  /** Resolves after an exchange with Redis that began after this call. */
  #settleNext(): Promise<void> {
    if (this.#settling === undefined) return (this.#settling = this.#settle())
    this.#next ??= this.#settling.then(() => {
      this.#next = undefined
      return (this.#settling = this.#settle())
    })
    return this.#next
  }

  async #settle(): Promise<void> {
    const { redis, accountConcurrency: limit, logger } = this.#options
    const inUse = this.#inUse()
    const isIdle = inUse + this.#asking === 0
    const spare = isIdle || this.#isShort ? 0 : Math.ceil(limit / spareParts)
    const wanted = inUse + this.#asking + spare
    const least = inUse + this.#asking
    try {
      const args = [this.#self, quotaTtlMs, limit, inUse, least, wanted]
      const answer = (await redis.run(beatScript, keys, args)) as [number, number, number]
      this.#granted = Math.max(answer[0], this.#inUse())
      this.#copies = answer[1]
      this.#isShort = answer[2] === 1
      this.#isAway = false
    } catch (error) {
      if (!(error instanceof AppError)) throw error
      if (!this.#isAway) logger.warn('concurrency not shared', { reason: error.message })
      this.#isAway = true
      this.#granted = Math.max(Math.floor(limit / this.#copies), 1, this.#inUse())
    }
    this.#settling = undefined
  }
}

/** A copy at work keeps a twentieth of the limit ready, at least one. */
const spareParts = 20

// KEYS: heartbeats, grants, whether somebody was refused. ARGV: self, time to live, limit, in use, least,
// wanted. What is in use stays granted whatever the others have.
const beatScript = redisScript(`
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
redis.call('ZADD', KEYS[1], now, ARGV[1])
local grants = redis.call('HGETALL', KEYS[2])
local others, copies = 0, redis.call('ZCOUNT', KEYS[1], '(' .. (now - ARGV[2]), '+inf')
for i = 1, #grants, 2 do
  local beat = redis.call('ZSCORE', KEYS[1], grants[i])
  if not beat or tonumber(beat) <= now - tonumber(ARGV[2]) then
    redis.call('HDEL', KEYS[2], grants[i])
    redis.call('ZREM', KEYS[1], grants[i])
  elseif grants[i] ~= ARGV[1] then
    others = others + tonumber(grants[i + 1])
  end
end
local free = math.max(0, tonumber(ARGV[3]) - others)
local grant = math.max(tonumber(ARGV[4]), math.min(tonumber(ARGV[6]), free))
redis.call('HSET', KEYS[2], ARGV[1], grant)
if grant < tonumber(ARGV[5]) then redis.call('SET', KEYS[3], 1, 'PX', ARGV[2]) end
return {grant, copies, redis.call('EXISTS', KEYS[3])}
`)

// ARGV: self.
const leaveScript = redisScript(`
redis.call('ZREM', KEYS[1], ARGV[1])
redis.call('HDEL', KEYS[2], ARGV[1])
`)
