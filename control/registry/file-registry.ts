// The registry of one machine: three folders of small files, shared by its processes.
import { join } from 'node:path'
import type { Clock, Timer } from '../../common/clock.ts'
import { reasonOf } from '../../common/errors.ts'
import type { Logger } from '../../common/logger.ts'
import { EntryFolder } from './entry-folder.ts'
import { functionFormat, mappingFormat, statusFormat } from './registry-entry.ts'
import type {
  FunctionRecord,
  MappingRecord,
  MappingStatus,
  Registry,
  RegistryChange,
} from './registry.ts'

/** Which entries this process writes: functions and mappings, status, all of them, or none. */
export type RegistryWriter = 'control' | 'poller' | 'both' | 'reader'

export interface FileRegistryOptions {
  /** Holds `functions/`, `mappings/` and `status/`; created where needed. */
  readonly dir: string
  readonly writer: RegistryWriter
  readonly logger: Logger
  readonly clock: Clock
}

/** A change that the watch missed (a network file system, a full queue) is seen after this long. */
const rescanMs = 5_000

/**
 * Changes of another process arrive through the file system's watch, with a slow re-read behind it.
 * The folders that this process writes are read once, at the start.
 */
export class FileRegistry implements Registry {
  readonly #options: FileRegistryOptions
  readonly #functions: EntryFolder<FunctionRecord>
  readonly #mappings: EntryFolder<MappingRecord>
  readonly #status: EntryFolder<MappingStatus>
  readonly #listeners = new Set<(change: RegistryChange) => void>()
  readonly #writesRecords: boolean
  readonly #writesStatus: boolean
  #timer: Timer | undefined
  #closed = false

  /** Rejects with AppError STORAGE_FAILED when the folders cannot be created or read. */
  static async open(options: FileRegistryOptions): Promise<FileRegistry> {
    const registry = new FileRegistry(options)
    await registry.#open()
    return registry
  }

  private constructor(options: FileRegistryOptions) {
    this.#options = options
    const { dir, logger, writer } = options
    this.#writesRecords = writer === 'control' || writer === 'both'
    this.#writesStatus = writer === 'poller' || writer === 'both'
    this.#functions = new EntryFolder({
      directory: join(dir, 'functions'),
      format: functionFormat,
      writable: this.#writesRecords,
      logger,
      changed: (name) => this.#emit({ kind: 'function', name }),
    })
    this.#mappings = new EntryFolder({
      directory: join(dir, 'mappings'),
      format: mappingFormat,
      writable: this.#writesRecords,
      logger,
      changed: (uuid) => this.#mappingChanged(uuid),
    })
    this.#status = new EntryFolder({
      directory: join(dir, 'status'),
      format: statusFormat,
      writable: this.#writesStatus,
      logger,
      changed: (uuid) => this.#emit({ kind: 'status', uuid }),
    })
  }

  async #open(): Promise<void> {
    for (const folder of this.#folders()) await folder.open()
    if (this.#writesRecords) await this.#sweepStatus()
    if (!this.#writesRecords || !this.#writesStatus) this.#rescanLater()
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
    return this.#folders().flatMap((folder) => folder.problems())
  }

  async close(): Promise<void> {
    this.#closed = true
    this.#timer?.cancel()
    this.#listeners.clear()
    await Promise.all(this.#folders().map((folder) => folder.close()))
  }

  #folders(): readonly Pick<EntryFolder<object>, 'open' | 'problems' | 'close'>[] {
    return [this.#functions, this.#mappings, this.#status]
  }

  // A status can outlive its mapping when the poller wrote it a moment after the removal.
  async #sweepStatus(): Promise<void> {
    for (const { uuid } of this.#status.values()) {
      if (this.#mappings.get(uuid) === undefined) await this.#status.remove(uuid)
    }
  }

  #mappingChanged(uuid: string): void {
    // The status went with its mapping; its writer does not follow the folder, so it is told here.
    if (this.#mappings.get(uuid) === undefined) this.#status.forget(uuid)
    this.#emit({ kind: 'mapping', uuid })
  }

  #rescanLater(): void {
    this.#timer = this.#options.clock.after(rescanMs, () => {
      this.#rescan()
        .catch((error: unknown) => {
          this.#options.logger.error('registry not re-read', { reason: reasonOf(error) })
        })
        .finally(() => {
          if (!this.#closed) this.#rescanLater()
        })
    })
  }

  async #rescan(): Promise<void> {
    if (!this.#writesRecords) {
      await this.#functions.scan()
      await this.#mappings.scan()
    }
    if (!this.#writesStatus) await this.#status.scan()
  }

  #emit(change: RegistryChange): void {
    if (this.#closed) return
    for (const listener of this.#listeners) listener(change)
  }
}
