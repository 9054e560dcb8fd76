// The registry that copies of a role share: three hashes in Redis, followed by every process.
import { type Clock, type Timer } from '../../common/clock.ts'
import { AppError, reasonOf } from '../../common/errors.ts'
import { registryRereadMs } from '../../common/limits.ts'
import type { Logger } from '../../common/logger.ts'
import type { RedisConnection } from '../../common/redis.ts'
import type { RegistryWriter } from './file-registry.ts'
import { changesChannel, RedisEntries } from './redis-entries.ts'
import { functionFormat, mappingFormat, statusFormat } from './registry-entry.ts'
import type {
  FunctionRecord,
  MappingRecord,
  MappingStatus,
  Registry,
  RegistryChange,
} from './registry.ts'

export interface RedisRegistryOptions {
  /** Its owner closes it, after the registry. */
  readonly redis: RedisConnection
  readonly writer: RegistryWriter
  readonly logger: Logger
  readonly clock: Clock
}

type Kind = 'functions' | 'mappings' | 'status'

/**
 * Changes of other processes arrive as notices, with a slow look at the versions behind them, and a
 * re-read of everything after each reconnection. While Redis is away reads go on from memory and
 * writes reject with AppError REDIS_UNREACHABLE.
 */
export class RedisRegistry implements Registry {
  readonly #options: RedisRegistryOptions
  readonly #functions: RedisEntries<FunctionRecord>
  readonly #mappings: RedisEntries<MappingRecord>
  readonly #status: RedisEntries<MappingStatus>
  readonly #kinds: Readonly<Record<Kind, Followed>>
  readonly #listeners = new Set<(change: RegistryChange) => void>()
  #timer: Timer | undefined
  #isClosed = false

  /** Rejects with AppError REDIS_UNREACHABLE or REDIS_REFUSED. */
  static async open(options: RedisRegistryOptions): Promise<RedisRegistry> {
    const registry = new RedisRegistry(options)
    await registry.#open()
    return registry
  }

  private constructor(options: RedisRegistryOptions) {
    this.#options = options
    const { writer } = options
    const records = {
      ...options,
      guarded: true,
      writable: writer === 'control' || writer === 'both',
    }
    this.#functions = new RedisEntries({
      ...records,
      kind: 'functions',
      format: functionFormat,
      changed: (name) => this.#emit({ kind: 'function', name }),
    })
    this.#mappings = new RedisEntries({
      ...records,
      kind: 'mappings',
      format: mappingFormat,
      changed: (uuid) => this.#mappingChanged(uuid),
    })
    this.#status = new RedisEntries({
      ...options,
      kind: 'status',
      parent: 'mappings',
      guarded: false,
      writable: writer === 'poller' || writer === 'both',
      format: statusFormat,
      changed: (uuid) => this.#emit({ kind: 'status', uuid }),
    })
    this.#kinds = { functions: this.#functions, mappings: this.#mappings, status: this.#status }
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

  functions(): readonly FunctionRecord[] {
    return this.#functions.values()
  }

  function(name: string): FunctionRecord | undefined {
    return this.#functions.get(name)
  }

  putFunction(record: FunctionRecord): Promise<void> {
    return this.#functions.put(record)
  }

  removeFunction(name: string): Promise<void> {
    return this.#functions.remove(name)
  }

  mappings(): readonly MappingRecord[] {
    return this.#mappings.values()
  }

  mapping(uuid: string): MappingRecord | undefined {
    return this.#mappings.get(uuid)
  }

  putMapping(record: MappingRecord): Promise<void> {
    return this.#mappings.put(record)
  }

  /** The mapping goes first: from then on nobody can put a status for it. */
  async removeMapping(uuid: string): Promise<void> {
    await this.#mappings.remove(uuid)
    await this.#status.remove(uuid)
  }

  status(uuid: string): MappingStatus | undefined {
    return this.#status.get(uuid)
  }

  putStatus(status: MappingStatus): Promise<void> {
    return this.#status.put(status)
  }

  watch(listener: (change: RegistryChange) => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  problems(): readonly string[] {
    const away = this.#options.redis.problem
    const corrupt = Object.values(this.#kinds).flatMap((kind) => kind.problems())
    return away === undefined ? corrupt : [away, ...corrupt]
  }

  async close(): Promise<void> {
    this.#isClosed = true
    this.#timer?.cancel()
    this.#listeners.clear()
    await Promise.all(Object.values(this.#kinds).map((kind) => kind.close()))
  }

  async #scan(): Promise<void> {
    // In this order: whoever hears of a mapping can look up its function.
    await this.#functions.scan()
    await this.#mappings.scan()
    await this.#status.scan()
  }

  #noticed(text: string): void {
    const [kind = '', version, key = ''] = text.split(' ')
    if (!Object.hasOwn(this.#kinds, kind)) return
    this.#unlessAway(this.#kinds[kind as Kind].noticed(Number(version), key))
  }

  #rescanLater(): void {
    this.#timer = this.#options.clock.after(registryRereadMs, () => {
      const rescans = Object.values(this.#kinds).map((kind) => kind.rescan())
      this.#unlessAway(Promise.all(rescans))
      if (!this.#isClosed) this.#rescanLater()
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

  #mappingChanged(uuid: string): void {
    if (this.#mappings.get(uuid) === undefined) this.#status.forget(uuid)
    this.#emit({ kind: 'mapping', uuid })
  }

  #emit(change: RegistryChange): void {
    if (this.#isClosed) return
    for (const listener of this.#listeners) listener(change)
  }
}

/** What the registry does with a kind of entry whatever it is. */
type Followed = Pick<RedisEntries<object>, 'noticed' | 'rescan' | 'scan' | 'problems' | 'close'>
