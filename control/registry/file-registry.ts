// The registry of one machine: six folders of small files, shared by its processes.
import { join } from 'node:path'
import type { Clock, Timer } from '../../common/clock.ts'
import { reasonOf } from '../../common/errors.ts'
import type { Logger } from '../../common/logger.ts'
import { EntryFolder } from './entry-folder.ts'
import {
  EntryRegistry,
  writesOf,
  type EntryListeners,
  type RegistryWriter,
} from './entry-registry.ts'
import { entryFormats, type EntryKinds } from './registry-entry.ts'

export interface FileRegistryOptions {
  /** Holds `functions/`, `versions/`, `mappings/`, `status/`, `checkpoints/` and `provisioned/`; created where needed. */
  readonly dir: string
  readonly writer: RegistryWriter
  readonly logger: Logger
  readonly clock: Clock
}

/** A change that the watch missed (a network file system, a full queue) is seen after this long. */
const rescanMs = 5_000

type Folders = { readonly [Kind in keyof EntryKinds]: EntryFolder<EntryKinds[Kind]> }

/**
 * Changes of another process arrive through the file system's watch, with a slow re-read behind it.
 * The folders that this process writes are read once, at the start.
 */
export class FileRegistry extends EntryRegistry<Folders> {
  readonly #options: FileRegistryOptions
  #timer: Timer | undefined
  #lastRefresh: Promise<void> = Promise.resolve()
  #nextRefresh: Promise<void> | undefined

  /** Rejects with AppError STORAGE_FAILED when the folders cannot be created or read. */
  static async open(options: FileRegistryOptions): Promise<FileRegistry> {
    const registry = new FileRegistry(options)
    await registry.#open()
    return registry
  }

  private constructor(options: FileRegistryOptions) {
    super((changed) => foldersOf(options, changed))
    this.#options = options
  }

  async refresh(): Promise<void> {
    if (writesOf(this.#options.writer).records) return
    // One that has not begun yet will see what is there now.
    this.#nextRefresh ??= this.#lastRefresh.then(() => {
      this.#nextRefresh = undefined
      this.#lastRefresh = this.#scanFunctions().catch((error: unknown) => {
        this.#options.logger.error('registry not re-read', { reason: reasonOf(error) })
      })
      return this.#lastRefresh
    })
    await this.#nextRefresh
  }

  override async close(): Promise<void> {
    this.#timer?.cancel()
    await super.close()
  }

  async #open(): Promise<void> {
    const { functions, versions, mappings, status, checkpoints, provisioned } = this.entries
    const folders = [functions, versions, mappings, status, checkpoints, provisioned]
    for (const folder of folders) await folder.open()
    const writes = writesOf(this.#options.writer)
    if (writes.records) await this.#sweep()
    if (!(writes.records && writes.status && writes.workers)) this.#rescanLater()
  }

  // What the poller wrote a moment after a mapping was removed is left of it.
  async #sweep(): Promise<void> {
    const { mappings, status, checkpoints } = this.entries
    for (const kind of [status, checkpoints]) {
      for (const { uuid } of kind.values()) {
        if (mappings.get(uuid) === undefined) await kind.remove(uuid)
      }
    }
  }

  #rescanLater(): void {
    this.#timer = this.#options.clock.after(rescanMs, () => {
      this.#rescan()
        .catch((error: unknown) => {
          this.#options.logger.error('registry not re-read', { reason: reasonOf(error) })
        })
        .finally(() => {
          if (!this.isClosed) this.#rescanLater()
        })
    })
  }

  async #rescan(): Promise<void> {
    const writes = writesOf(this.#options.writer)
    if (!writes.records) {
      await this.#scanFunctions()
      await this.entries.mappings.scan()
    }
    if (!writes.status) {
      await this.entries.status.scan()
      await this.entries.checkpoints.scan()
    }
    if (!writes.workers) await this.entries.provisioned.scan()
  }

  // Versions first: whoever hears of an alias can look up what it stands for.
  async #scanFunctions(): Promise<void> {
    await this.entries.versions.scan()
    await this.entries.functions.scan()
  }
}

function foldersOf({ dir, logger, writer }: FileRegistryOptions, changed: EntryListeners): Folders {
  const { records, status, workers } = writesOf(writer)
  const folder = <Kind extends keyof EntryKinds>(
    kind: Kind,
    writable: boolean,
  ): EntryFolder<EntryKinds[Kind]> =>
    new EntryFolder({
      directory: join(dir, kind),
      format: entryFormats[kind],
      writable,
      logger,
      changed: changed[kind],
    })
  return {
    functions: folder('functions', records),
    versions: folder('versions', records),
    mappings: folder('mappings', records),
    status: folder('status', status),
    checkpoints: folder('checkpoints', status),
    provisioned: folder('provisioned', workers),
  }
}
