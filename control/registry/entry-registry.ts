// Answers as a registry from six kinds of entries, wherever those are kept.
import { versionKey, type EntryKinds } from './registry-entry.ts'
import type {
  FunctionRecord,
  MappingCheckpoint,
  MappingRecord,
  MappingStatus,
  Registry,
  RegistryChange,
  VersionRecord,
  WorkersStatus,
} from './registry.ts'

/** Which entries a process writes: functions, versions and mappings, status and checkpoints, what workers say, all of them, or none. */
export type RegistryWriter = 'control' | 'poller' | 'workers' | 'both' | 'reader'

/** One kind of entry by its key: a view in memory, and durable writes. */
export interface Entries<T> {
  values(): readonly T[]
  get(key: string): T | undefined
  put(entry: T): Promise<void>
  remove(key: string): Promise<void>
  /** Drops an entry from the view alone. */
  forget(key: string): void
  problems(): readonly string[]
  close(): Promise<void>
}

export type RegistryEntries = { readonly [Kind in keyof EntryKinds]: Entries<EntryKinds[Kind]> }

/** What each kind of entries calls with the key of what has changed. */
export type EntryListeners = Readonly<Record<keyof EntryKinds, (key: string) => void>>

/** The part of a registry that does not depend on where the entries are. */
export abstract class EntryRegistry<Kept extends RegistryEntries> implements Registry {
  protected readonly entries: Kept
  protected isClosed = false
  readonly #listeners = new Set<(change: RegistryChange) => void>()

  protected constructor(keep: (changed: EntryListeners) => Kept) {
    this.entries = keep({
      functions: (name) => this.#emit({ kind: 'function', name }),
      versions: (key) => {
        const [name = '', version = ''] = key.split('@')
        this.#emit({ kind: 'version', name, version })
      },
      mappings: (uuid) => this.#mappingChanged(uuid),
      status: (uuid) => this.#emit({ kind: 'status', uuid }),
      // Whoever reads a checkpoint does so when it begins.
      checkpoints: () => {},
      provisioned: (copy) => this.#emit({ kind: 'workers', copy }),
    })
  }

  functions(): readonly FunctionRecord[] {
    return this.entries.functions.values()
  }

  function(name: string): FunctionRecord | undefined {
    return this.entries.functions.get(name)
  }

  putFunction(record: FunctionRecord): Promise<void> {
    return this.entries.functions.put(record)
  }

  removeFunction(name: string): Promise<void> {
    return this.entries.functions.remove(name)
  }

  versions(): readonly VersionRecord[] {
    return this.entries.versions.values()
  }

  version(name: string, version: string): VersionRecord | undefined {
    return this.entries.versions.get(versionKey(name, version))
  }

  putVersion(record: VersionRecord): Promise<void> {
    return this.entries.versions.put(record)
  }

  removeVersion(name: string, version: string): Promise<void> {
    return this.entries.versions.remove(versionKey(name, version))
  }

  mappings(): readonly MappingRecord[] {
    return this.entries.mappings.values()
  }

  mapping(uuid: string): MappingRecord | undefined {
    return this.entries.mappings.get(uuid)
  }

  putMapping(record: MappingRecord): Promise<void> {
    return this.entries.mappings.put(record)
  }

  /** The mapping goes first: from then on nobody can put a status or a checkpoint for it. */
  async removeMapping(uuid: string): Promise<void> {
    await this.entries.mappings.remove(uuid)
    await this.entries.status.remove(uuid)
    await this.entries.checkpoints.remove(uuid)
  }

  status(uuid: string): MappingStatus | undefined {
    return this.entries.status.get(uuid)
  }

  putStatus(status: MappingStatus): Promise<void> {
    return this.entries.status.put(status)
  }

  checkpoint(uuid: string): MappingCheckpoint | undefined {
    return this.entries.checkpoints.get(uuid)
  }

  putCheckpoint(checkpoint: MappingCheckpoint): Promise<void> {
    return this.entries.checkpoints.put(checkpoint)
  }

  workers(): readonly WorkersStatus[] {
    return this.entries.provisioned.values()
  }

  putWorkers(status: WorkersStatus): Promise<void> {
    return this.entries.provisioned.put(status)
  }

  removeWorkers(copy: string): Promise<void> {
    return this.entries.provisioned.remove(copy)
  }

  abstract refresh(): Promise<void>

  watch(listener: (change: RegistryChange) => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  problems(): readonly string[] {
    return this.#kinds().flatMap((kind) => kind.problems())
  }

  async close(): Promise<void> {
    this.isClosed = true
    this.#listeners.clear()
    await Promise.all(this.#kinds().map((kind) => kind.close()))
  }

  #kinds(): readonly Pick<Entries<unknown>, 'problems' | 'close'>[] {
    const { functions, versions, mappings, status, checkpoints, provisioned } = this.entries
    return [functions, versions, mappings, status, checkpoints, provisioned]
  }

  #mappingChanged(uuid: string): void {
    // What the poller wrote of it went as well; the poller does not follow others' changes of that, so it is told here.
    if (this.entries.mappings.get(uuid) === undefined) {
      this.entries.status.forget(uuid)
      this.entries.checkpoints.forget(uuid)
    }
    this.#emit({ kind: 'mapping', uuid })
  }

  #emit(change: RegistryChange): void {
    if (this.isClosed) return
    for (const listener of this.#listeners) listener(change)
  }
}

/** Whether a writer writes functions, versions and mappings; status of mappings and checkpoints; what workers say. */
export function writesOf(writer: RegistryWriter): {
  readonly records: boolean
  readonly status: boolean
  readonly workers: boolean
} {
  return {
    records: writer === 'control' || writer === 'both',
    status: writer === 'poller' || writer === 'both',
    workers: writer === 'workers' || writer === 'both',
  }
}
