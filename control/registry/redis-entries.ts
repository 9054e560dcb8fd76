// One kind of registry entry in Redis: a hash of JSON texts and the view of it in memory.
import { strict as assert } from 'node:assert'
import { AppError, reasonOf } from '../../common/errors.ts'
import type { Logger } from '../../common/logger.ts'
import { redisScript, type RedisConnection } from '../../common/redis.ts'
import { formatEntry, parseEntry, type EntryFormat } from './registry-entry.ts'

/** Every notice of a change goes there: `<kind> <version> <key>`. */
export const changesChannel = 'millrace:changes'

export interface RedisEntriesOptions<T> {
  readonly redis: RedisConnection
  /** Also the name of the hash: `millrace:<kind>`. */
  readonly kind: string
  readonly format: EntryFormat<T>
  readonly writable: boolean
  /** The kind that must have an entry of the same key; without it nothing is put. */
  readonly parent?: string
  /**
   * Several copies write: an entry replaces only the one that this copy knows, with a greater
   * `revision`. Otherwise the last word wins.
   */
  readonly guarded: boolean
  readonly logger: Logger
  readonly changed: (key: string) => void
}

/**
 * Invariant: what `get` answers was in Redis. Reads are of memory; commands of one kind run one after
 * the other, so that an old answer never overtakes a newer entry. Each change of the hash has a
 * version, one more than the last: who sees a gap has missed something and reads all of it again.
 */
export class RedisEntries<T extends object> {
  readonly #options: RedisEntriesOptions<T>
  readonly #keys: readonly [hash: string, version: string, parent: string]
  readonly #entries = new Map<string, T>()
  /** What the hash held when it was last read, by key; also what does not parse. */
  readonly #texts = new Map<string, string>()
  readonly #problems = new Map<string, string>()
  #version = 0
  #last: Promise<unknown> = Promise.resolve()
  #scanning: Promise<void> | undefined

  constructor(options: RedisEntriesOptions<T>) {
    this.#options = options
    const hash = `millrace:${options.kind}`
    this.#keys = [hash, `${hash}:version`, `millrace:${options.parent ?? options.kind}`]
  }

  values(): readonly T[] {
    return [...this.#entries.values()]
  }

  get(key: string): T | undefined {
    return this.#entries.get(key)
  }

  problems(): readonly string[] {
    return [...this.#problems.values()]
  }

  /** Rejects with AppError REDIS_UNREACHABLE, REDIS_REFUSED or REGISTRY_CONFLICT. */
  put(entry: T): Promise<void> {
    const { kind, guarded, parent, format, redis } = this.#options
    const key = format.keyOf(entry)
    assert(this.#options.writable, 'this process does not write such entries')
    return this.#inTurn(async () => {
      const text = formatEntry(entry)
      const known = this.#texts.get(key)
      if (known === text) return
      const current = this.#entries.get(key)
      const conflict = new AppError('REGISTRY_CONFLICT', { kind, key })
      if (guarded && current !== undefined && revisionOf(current) >= revisionOf(entry)) {
        throw conflict
      }
      const expected = guarded ? (known ?? '') : anything
      const child = parent === undefined ? 0 : 1
      const args = [key, text, expected, child, changesChannel, kind]
      const answer = await redis.run(putScript, this.#keys, args)
      const [outcome, value] = answer as ['put', number] | ['other', string] | ['orphan']
      if (outcome === 'put') return this.#wrote(key, text, value)
      // Known at once, so that a repeated request is answered from what the other copy wrote.
      if (outcome === 'other') this.#apply(key, value === '' ? undefined : value)
      if (outcome === 'other') throw conflict
    })
  }

  /** Rejects with AppError REDIS_UNREACHABLE or REDIS_REFUSED. */
  remove(key: string): Promise<void> {
    const { redis, kind } = this.#options
    return this.#inTurn(async () => {
      const args = [key, changesChannel, kind]
      const version = (await redis.run(removeScript, this.#keys, args)) as number
      this.#wrote(key, undefined, version)
    })
  }

  /** Drops an entry from memory alone. */
  forget(key: string): void {
    this.#apply(key, undefined)
  }

  /** A notice of this kind arrived. */
  async noticed(version: number, key: string): Promise<void> {
    const isGap = await this.#inTurn(async () => {
      if (version <= this.#version) return false
      if (version > this.#version + 1) return true
      const text = (await this.#options.redis.call('HGET', this.#keys[0], key)) as string | null
      this.#apply(key, text ?? undefined)
      this.#version = version
      return false
    })
    if (isGap) await this.scan()
  }

  /** Reads all of it again if anything changed since it was last read. */
  async rescan(): Promise<void> {
    const version = Number(await this.#options.redis.call('GET', this.#keys[1]))
    if (version !== this.#version) await this.scan()
  }

  /** Reads all of it again. */
  scan(): Promise<void> {
    // One that has not begun yet will see what this one would.
    this.#scanning ??= this.#inTurn(async () => {
      this.#scanning = undefined
      const { redis, kind, logger } = this.#options
      const answer = (await redis.run(scanScript, this.#keys, [])) as [string, string[]]
      const version = Number(answer[0])
      if (version < this.#version) logger.warn('redis came back with an older registry', { kind })
      this.#version = version
      const texts = pairs(answer[1])
      for (const key of new Set([...texts.keys(), ...this.#texts.keys()])) {
        this.#apply(key, texts.get(key))
      }
    })
    return this.#scanning
  }

  /** Resolves when what is under way has ended. */
  async close(): Promise<void> {
    await this.#last
  }

  #wrote(key: string, text: string | undefined, version: number): void {
    // With a gap, the notices in between are on their way.
    if (version === this.#version + 1) this.#version = version
    this.#apply(key, text)
  }

  #apply(key: string, text: string | undefined): void {
    if (this.#texts.get(key) === text) return
    if (text === undefined) {
      this.#texts.delete(key)
      this.#problems.delete(key)
      if (this.#entries.delete(key)) this.#options.changed(key)
      return
    }
    this.#texts.set(key, text)
    const parsed = parseEntry(this.#options.format, key, text)
    if ('reason' in parsed) return this.#corrupt(key, parsed.reason)
    this.#problems.delete(key)
    this.#entries.set(key, parsed.entry)
    this.#options.changed(key)
  }

  // It stays as it is for someone to look at; the last good entry, if any, stays in force.
  #corrupt(key: string, reason: string): void {
    const file = `${this.#keys[0]} ${key}`
    const error = new AppError('REGISTRY_CORRUPT', { file, reason })
    this.#problems.set(key, error.message)
    this.#options.logger.error('registry entry passed over', {
      code: error.code,
      reason: reasonOf(error),
    })
  }

  #inTurn<R>(work: () => Promise<R>): Promise<R> {
    const result = this.#last.then(work)
    this.#last = result.catch(() => {
      // Whoever asked for the work hears of its failure; the next in line starts regardless.
    })
    return result
  }
}

/** As `expected`, for entries whose last word wins: no JSON text reads so. */
const anything = '*'

// KEYS: hash, its version, the parent's hash. ARGV: key, text, expected, is child, channel, kind.
const putScript = redisScript(`
if ARGV[4] == '1' and redis.call('HEXISTS', KEYS[3], ARGV[1]) == 0 then return {'orphan'} end
local current = redis.call('HGET', KEYS[1], ARGV[1]) or ''
if ARGV[3] ~= '*' and current ~= ARGV[3] then return {'other', current} end
redis.call('HSET', KEYS[1], ARGV[1], ARGV[2])
local version = redis.call('INCR', KEYS[2])
redis.call('PUBLISH', ARGV[5], ARGV[6] .. ' ' .. version .. ' ' .. ARGV[1])
return {'put', version}
`)

// KEYS: as above. ARGV: key, channel, kind. Removing what is not there changes nothing.
const removeScript = redisScript(`
if redis.call('HDEL', KEYS[1], ARGV[1]) == 0 then return tonumber(redis.call('GET', KEYS[2]) or 0) end
local version = redis.call('INCR', KEYS[2])
redis.call('PUBLISH', ARGV[2], ARGV[3] .. ' ' .. version .. ' ' .. ARGV[1])
return version
`)

// Both of one moment: a version without its entries would hide a change for ever.
const scanScript = redisScript(`
return {redis.call('GET', KEYS[2]) or '0', redis.call('HGETALL', KEYS[1])}
`)

function revisionOf(entry: object): number {
  assert(
    'revision' in entry && typeof entry.revision === 'number',
    'guarded entries have revisions',
  )
  return entry.revision
}

function pairs(flat: readonly string[]): ReadonlyMap<string, string> {
  const map = new Map<string, string>()
  for (let i = 0; i + 1 < flat.length; i += 2) map.set(flat[i] ?? '', flat[i + 1] ?? '')
  return map
}
