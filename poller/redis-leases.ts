// Shares mappings out among the pollers of one Redis: heartbeats, leases, and what is taken over.
import { randomUUID } from 'node:crypto'
import type { Clock, Timer } from '../common/clock.ts'
import { AppError } from '../common/errors.ts'
import { leaseBeatMs, leaseTtlMs } from '../common/redis-limits.ts'
import type { Logger } from '../common/logger.ts'
import { redisScript, type RedisConnection } from '../common/redis.ts'
import { planLeases } from './lease-plan.ts'
import type { LeaseHolder, Leases } from './leases.ts'

export interface RedisLeasesOptions {
  readonly redis: RedisConnection
  readonly clock: Clock
  readonly logger: Logger
}

const keys = ['millrace:pollers', 'millrace:leases'] as const

/**
 * A lease is worth as much as its owner's heartbeat: one beat renews all of a poller's leases, and
 * with the beats they end together. Invariant: while Redis answers, what is not this copy's in Redis
 * does not run here past the next beat. While Redis is away everyone goes on with what they have.
 */
export class RedisLeases implements Leases {
  readonly #options: RedisLeasesOptions
  readonly #self = randomUUID()
  readonly #wanted = new Set<string>()
  readonly #held = new Set<string>()
  /** Coming to their end here, with the promise of it. */
  readonly #leaving = new Map<string, Promise<void>>()
  #holder: LeaseHolder | undefined
  #timer: Timer | undefined
  #beating: Promise<void> | undefined
  #isBeatAsked = false
  #isStopping = false
  #isAway = false
  #hasBeaten = false
  #planFromMs = 0
  /** When dead pollers may be told from those that have not reconnected yet. */
  #takeOverFromMs = 0

  constructor(options: RedisLeasesOptions) {
    this.#options = options
  }

  get held(): number {
    return this.#held.size
  }

  start(holder: LeaseHolder): void {
    this.#holder = holder
    this.#beatSoon()
  }

  add(uuid: string): void {
    if (this.#wanted.has(uuid)) return
    this.#wanted.add(uuid)
    this.#beatSoon()
  }

  remove(uuid: string): void {
    if (this.#wanted.delete(uuid)) this.#beatSoon()
  }

  async stop(): Promise<void> {
    this.#isStopping = true
    for (const uuid of this.#held) this.#leave(uuid, 'given back')
    // Heartbeats go on until the last has ended: nobody else begins before that.
    await Promise.all(this.#leaving.values())
    await this.#beating
    this.#timer?.cancel()
    await this.#unlessAway(async () => {
      await this.#options.redis.run(leaveScript, keys, [this.#self])
    })
  }

  #beatSoon(): void {
    if (this.#holder === undefined) return
    this.#isBeatAsked = true
    this.#beating ??= this.#beat()
  }

  async #beat(): Promise<void> {
    this.#timer?.cancel()
    while (this.#isBeatAsked) {
      this.#isBeatAsked = false
      await this.#unlessAway(() => this.#settle())
    }
    this.#beating = undefined
    this.#timer = this.#options.clock.after(leaseBeatMs, () => this.#beatSoon())
  }

  async #settle(): Promise<void> {
    const { redis, clock } = this.#options
    const answer = await redis.run(beatScript, keys, [this.#self, leaseTtlMs])
    const [live, flat, isNew] = answer as [string[], string[], number]
    const owners = new Map<string, string>()
    for (let i = 0; i + 1 < flat.length; i += 2) owners.set(flat[i] ?? '', flat[i + 1] ?? '')
    await this.#compare(owners)
    // Redis came back without its data: first everyone says what they run.
    if (isNew === 1 && this.#hasBeaten) this.#planFromMs = clock.now() + 2 * leaseBeatMs
    this.#hasBeaten = true
    if (clock.now() < this.#planFromMs) return
    const plan = planLeases({
      wanted: this.#wanted,
      owners,
      live: new Set(live),
      self: this.#self,
      held: this.#held,
      leaving: new Set(this.#leaving.keys()),
      mayTakeOver: clock.now() >= this.#takeOverFromMs,
    })
    for (const uuid of plan.giveBack) this.#leave(uuid, 'given back')
    if (plan.release.length > 0) await this.#release(plan.release)
    if (plan.take.length > 0 && !this.#isStopping) await this.#take(plan.take)
  }

  /** What is held here against what Redis says. */
  async #compare(owners: ReadonlyMap<string, string>): Promise<void> {
    for (const uuid of this.#held) {
      if ((owners.get(uuid) ?? this.#self) !== this.#self) this.#leave(uuid, 'taken')
    }
    // Not in Redis at all: it lost its data. Whoever runs a mapping says so again, and the first counts.
    const unclaimed = [...this.#held].filter((uuid) => !owners.has(uuid))
    if (unclaimed.length === 0) return
    await this.#options.redis.run(takeScript, keys, [this.#self, leaseTtlMs, ...unclaimed])
  }

  async #take(uuids: readonly string[]): Promise<void> {
    const { redis, logger } = this.#options
    const taken = await redis.run(takeScript, keys, [this.#self, leaseTtlMs, ...uuids])
    for (const uuid of taken as string[]) {
      // Stopped meanwhile: the lease goes back with the rest.
      if (this.#isStopping) return
      this.#held.add(uuid)
      logger.info('mapping taken', { mapping: uuid })
      this.#holder?.gained(uuid)
    }
  }

  #leave(uuid: string, how: 'given back' | 'taken'): void {
    this.#held.delete(uuid)
    this.#options.logger.info('mapping left', { mapping: uuid, how })
    const end = async (): Promise<void> => {
      await this.#holder?.lost(uuid, how)
      if (how === 'given back') await this.#unlessAway(() => this.#release([uuid]))
      this.#leaving.delete(uuid)
    }
    this.#leaving.set(uuid, end())
  }

  async #release(uuids: readonly string[]): Promise<void> {
    await this.#options.redis.run(releaseScript, keys, [this.#self, leaseTtlMs, ...uuids])
  }

  async #unlessAway(work: () => Promise<void>): Promise<void> {
    const { clock, logger } = this.#options
    try {
      await work()
      if (this.#isAway) this.#takeOverFromMs = clock.now() + leaseTtlMs
      this.#isAway = false
    } catch (error) {
      if (!(error instanceof AppError)) throw error
      if (!this.#isAway) logger.warn('leases not renewed', { reason: error.message })
      this.#isAway = true
      this.#takeOverFromMs = Number.POSITIVE_INFINITY
    }
  }
}

// Redis's clock alone counts, so that the pollers' clocks need not agree.
const now = `
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
`

const isLive = `
local function isLive(owner)
  local beat = redis.call('ZSCORE', KEYS[1], owner)
  return beat and tonumber(beat) > now - tonumber(ARGV[2])
end
`

// KEYS: heartbeats, leases. ARGV: self, time to live. Answers who lives, all leases,
// and whether this poller was unknown.
const beatScript = redisScript(`${now}
local isNew = redis.call('ZADD', KEYS[1], now, ARGV[1])
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now - 100 * ARGV[2])
local live = redis.call('ZRANGEBYSCORE', KEYS[1], '(' .. (now - ARGV[2]), '+inf')
return {live, redis.call('HGETALL', KEYS[2]), isNew}
`)

// ARGV: self, time to live, mappings. Answers those that were free or of someone dead.
const takeScript = redisScript(`${now}${isLive}
local taken = {}
for i = 3, #ARGV do
  local owner = redis.call('HGET', KEYS[2], ARGV[i])
  if not owner or owner == ARGV[1] or not isLive(owner) then
    redis.call('HSET', KEYS[2], ARGV[i], ARGV[1])
    table.insert(taken, ARGV[i])
  end
end
return taken
`)

// ARGV: self, time to live, mappings. Those of another who lives stay.
const releaseScript = redisScript(`${now}${isLive}
for i = 3, #ARGV do
  local owner = redis.call('HGET', KEYS[2], ARGV[i])
  if owner and (owner == ARGV[1] or not isLive(owner)) then redis.call('HDEL', KEYS[2], ARGV[i]) end
end
`)

// ARGV: self.
const leaveScript = redisScript(`
redis.call('ZREM', KEYS[1], ARGV[1])
local leases = redis.call('HGETALL', KEYS[2])
for i = 1, #leases, 2 do
  if leases[i + 1] == ARGV[1] then redis.call('HDEL', KEYS[2], leases[i]) end
end
`)
