// One kind of registry entry: a folder of small JSON files and the view of it in memory.
import { strict as assert } from 'node:assert'
import { watch, type FSWatcher } from 'node:fs'
import { mkdir, readdir, readFile, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { AppError, reasonOf, systemCode } from '../../common/errors.ts'
import type { Logger } from '../../common/logger.ts'
import { removeDurably, storageFailed, temporaryPrefix, writeDurably } from './durable-file.ts'
import { formatEntry, parseEntry, type EntryFormat } from './registry-entry.ts'

const suffix = '.json'

export interface EntryFolderOptions<T> {
  readonly directory: string
  readonly format: EntryFormat<T>
  /** A writer's view in memory is the truth; everyone else follows the files. */
  readonly writable: boolean
  readonly logger: Logger
  readonly changed: (key: string) => void
}

/**
 * Invariant: what `get` answers is durable. Reads are of memory; writes and re-reads of the folder
 * run one after the other, so that an old file never overtakes a newer entry.
 */
export class EntryFolder<T extends object> {
  readonly #options: EntryFolderOptions<T>
  readonly #entries = new Map<string, T>()
  /** What a file looked like when it was last read: every write is a new inode. */
  readonly #signatures = new Map<string, string>()
  readonly #problems = new Map<string, string>()
  #last: Promise<unknown> = Promise.resolve()
  #watcher: FSWatcher | undefined

  constructor(options: EntryFolderOptions<T>) {
    this.#options = options
  }

  /** Creates the folder where needed and reads it. Rejects with AppError STORAGE_FAILED. */
  async open(): Promise<void> {
    const { directory, writable } = this.#options
    try {
      await mkdir(directory, { recursive: true })
    } catch (error) {
      throw storageFailed('create', directory, error)
    }
    if (!writable) this.#watch()
    await this.scan()
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

  put(entry: T): Promise<void> {
    const key = this.#options.format.keyOf(entry)
    assert(this.#options.writable, 'an entry has one writer')
    assert(/^[A-Za-z0-9_@-]{1,128}$/.test(key), 'a key is a file name')
    return this.#inTurn(async () => {
      const source = formatEntry(entry)
      const current = this.#entries.get(key)
      if (current !== undefined && formatEntry(current) === source) return
      await writeDurably(this.#fileOf(key), source)
      this.#problems.delete(key)
      this.#entries.set(key, entry)
      this.#options.changed(key)
    })
  }

  remove(key: string): Promise<void> {
    return this.#inTurn(async () => {
      await removeDurably(this.#fileOf(key))
      this.forget(key)
    })
  }

  /** Drops an entry from memory alone. */
  forget(key: string): void {
    this.#signatures.delete(key)
    this.#problems.delete(key)
    if (this.#entries.delete(key)) this.#options.changed(key)
  }

  /** Reads again what changed in the folder. */
  scan(): Promise<void> {
    return this.#inTurn(async () => {
      const names = await this.#names()
      const keys = new Set(names.filter((n) => n.endsWith(suffix)).map((n) => n.slice(0, -5)))
      const known = [...this.#entries.keys(), ...this.#problems.keys()]
      for (const key of new Set([...keys, ...known])) await this.#read(key)
      if (!this.#options.writable) return
      for (const name of names.filter((n) => n.startsWith(temporaryPrefix))) {
        await rm(join(this.#options.directory, name), { force: true })
      }
    })
  }

  async close(): Promise<void> {
    this.#watcher?.close()
    await this.#last
  }

  #watch(): void {
    const { directory, logger } = this.#options
    const failed = (error: unknown): void => {
      logger.warn('folder not watched, only re-read', { directory, reason: reasonOf(error) })
      this.#watcher?.close()
    }
    try {
      this.#watcher = watch(directory, (_, name) => this.#noticed(name))
      this.#watcher.on('error', failed)
    } catch (error) {
      // A machine may be out of watches (inotify's limits): re-reading still finds every change.
      if (systemCode(error) === undefined) throw error
      failed(error)
    }
  }

  #noticed(name: string | null): void {
    if (name !== null && !name.endsWith(suffix)) return
    const read = name === null ? this.scan() : this.#inTurn(() => this.#read(name.slice(0, -5)))
    read.catch((error: unknown) => {
      this.#options.logger.error('registry not re-read', { reason: reasonOf(error) })
    })
  }

  async #names(): Promise<readonly string[]> {
    try {
      return await readdir(this.#options.directory)
    } catch (error) {
      throw storageFailed('read', this.#options.directory, error)
    }
  }

  async #read(key: string): Promise<void> {
    const file = this.#fileOf(key)
    let source: string
    try {
      const { ino, mtimeMs, size } = await stat(file)
      const signature = `${ino} ${mtimeMs} ${size}`
      if (this.#signatures.get(key) === signature) return
      source = await readFile(file, 'utf8')
      this.#signatures.set(key, signature)
    } catch (error) {
      if (systemCode(error) === 'ENOENT') return this.forget(key)
      throw storageFailed('read', file, error)
    }
    const parsed = parseEntry(this.#options.format, key, source)
    if ('reason' in parsed) return this.#corrupt(key, parsed.reason)
    this.#problems.delete(key)
    const current = this.#entries.get(key)
    if (current !== undefined && formatEntry(current) === formatEntry(parsed.entry)) return
    this.#entries.set(key, parsed.entry)
    this.#options.changed(key)
  }

  // The file stays as it is for someone to look at; the last good entry, if any, stays in force.
  #corrupt(key: string, reason: string): void {
    const error = new AppError('REGISTRY_CORRUPT', { file: this.#fileOf(key), reason })
    this.#problems.set(key, error.message)
    this.#options.logger.error('registry entry passed over', {
      code: error.code,
      reason: error.message,
    })
  }

  #fileOf(key: string): string {
    return join(this.#options.directory, `${key}${suffix}`)
  }

  #inTurn<R>(work: () => Promise<R>): Promise<R> {
    const result = this.#last.then(work)
    this.#last = result.catch(() => {
      // Whoever asked for the work hears of its failure; the next in line starts regardless.
    })
    return result
  }
}
