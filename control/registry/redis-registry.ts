// The registry that copies of a role share: six hashes in Redis, followed by every process.
import { type Clock, type Timer } from '../../common/clock.ts'
import { AppError, reasonOf } from '../../common/errors.ts'
import { registryRereadMs } from '../../common/redis-limits.ts'
import type { Logger } from '../../common/logger.ts'
import type { RedisConnection } from '../../common/redis.ts'
import {
  EntryRegistry,
  writesOf,
  type EntryListeners,
  type RegistryWriter,
} from './entry-registry.ts'
import { changesChannel, RedisEntries, type RedisEntriesOptions } from './redis-entries.ts'
import { entryFormats, type EntryKinds } from './registry-entry.ts'

export interface RedisRegistryOptions {
  /** Its owner closes it, after the registry. */
  readonly redis: RedisConnection
  readonly writer: RegistryWriter
  readonly logger: Logger
  readonly clock: Clock
}

type Hashes = { readonly [Kind in keyof EntryKinds]: RedisEntries<EntryKinds[Kind]> }

/**
 * Changes of other processes arrive as notices, with a slow look at the versions behind them, and a
 * re-read of everything after each reconnection. While Redis is away reads go on from memory and
 * writes reject with AppError REDIS_UNREACHABLE.
 */
export class RedisRegistry extends EntryRegistry<Hashes> {
  readonly #options: RedisRegistryOptions
  #timer: Timer | undefined

  /** Rejects with AppError REDIS_UNREACHABLE or REDIS_REFUSED. */
  static async open(options: RedisRegistryOptions): Promise<RedisRegistry> {
    const registry = new RedisRegistry(options)
    await registry.#open()
    return registry
  }

  private constructor(options: RedisRegistryOptions) {
    super((changed) => hashesOf(options, changed))
    this.#options = options
  }

  override problems(): readonly string[] {
    const away = this.#options.redis.problem
    return away === undefined ? super.problems() : [away, ...super.problems()]
  }

  async refresh(): Promise<void> {
    try {
      await this.entries.versions.rescan()
      await this.entries.functions.rescan()
    } catch (error) {
      if (!(error instanceof AppError)) throw error
      this.#options.logger.warn('registry not re-read', { reason: reasonOf(error) })
    }
  }

  override async close(): Promise<void> {
    this.#timer?.cancel()
    await super.close()
  }

  async #open(): Promise<void> {
    const { redis } = this.#options
    await this.#scan()
    const scan = (): void => this.#unlessAway(this.#scan())
    redis.subscribe(changesChannel, {
      message: (text) => this.#noticed(text),
      subscribed: scan,
    })
    redis.onUp(scan)
    this.#rescanLater()
  }

  async #scan(): Promise<void> {
    // In this order: whoever hears of an alias or a mapping can look up what it leads to.
    await this.entries.versions.scan()
    await this.entries.functions.scan()
    await this.entries.mappings.scan()
    await this.entries.status.scan()
    await this.entries.checkpoints.scan()
    await this.entries.provisioned.scan()
  }

  #noticed(text: string): void {
    const [kind = '', version, key = ''] = text.split(' ')
    if (!Object.hasOwn(this.entries, kind)) return
    const followed: Followed = this.entries[kind as keyof Hashes]
    this.#unlessAway(followed.noticed(Number(version), key))
  }

  #rescanLater(): void {
    this.#timer = this.#options.clock.after(registryRereadMs, () => {
      const rescans = Object.values<Followed>({ ...this.entries }).map((kind) => kind.rescan())
      this.#unlessAway(Promise.all(rescans))
      if (!this.isClosed) this.#rescanLater()
    })
  }

  /** What cannot be read now is read when Redis is back. */
  #unlessAway(work: Promise<unknown>): void {
    work.catch((error: unknown) => {
      if (!(error instanceof AppError)) throw error
      if (error.code === 'REDIS_UNREACHABLE') return
      this.#options.logger.error('registry not re-read', { reason: reasonOf(error) })
    })
  }
}

/** What the registry does with a kind of entry whatever it is. */
type Followed = Pick<RedisEntries<object>, 'noticed' | 'rescan'>

function hashesOf(options: RedisRegistryOptions, changed: EntryListeners): Hashes {
  const writes = writesOf(options.writer)
  const records = { guarded: true, writable: writes.records }
  const ofMappings = { parent: 'mappings', guarded: false, writable: writes.status }
  const hash = <Kind extends keyof EntryKinds>(
    kind: Kind,
    rules: Pick<RedisEntriesOptions<EntryKinds[Kind]>, 'parent' | 'guarded' | 'writable'>,
  ): RedisEntries<EntryKinds[Kind]> =>
    new RedisEntries({
      ...options,
      ...rules,
      kind,
      format: entryFormats[kind],
      changed: changed[kind],
    })
  return {
    functions: hash('functions', records),
    versions: hash('versions', records),
    mappings: hash('mappings', records),
    status: hash('status', ofMappings),
    checkpoints: hash('checkpoints', ofMappings),
    provisioned: hash('provisioned', { guarded: false, writable: writes.workers }),
  }
}
