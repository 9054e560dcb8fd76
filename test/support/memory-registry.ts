// A registry in memory, for tests of those who read it; and records to fill it with.
import type {
  FunctionRecord,
  MappingCheckpoint,
  MappingRecord,
  MappingStatus,
  Registry,
  RegistryChange,
  VersionRecord,
  WorkersStatus,
} from '../../control/registry/registry.ts'

export class MemoryRegistry implements Registry {
  readonly #functions = new Map<string, FunctionRecord>()
  readonly #versions = new Map<string, VersionRecord>()
  readonly #mappings = new Map<string, MappingRecord>()
  readonly #statuses = new Map<string, MappingStatus>()
  readonly #checkpoints = new Map<string, MappingCheckpoint>()
  readonly #workers = new Map<string, WorkersStatus>()
  readonly #listeners = new Set<(change: RegistryChange) => void>()

  functions(): readonly FunctionRecord[] {
    return [...this.#functions.values()]
  }

  function(name: string): FunctionRecord | undefined {
    return this.#functions.get(name)
  }

  async putFunction(record: FunctionRecord): Promise<void> {
    this.#functions.set(record.name, record)
    this.#tell({ kind: 'function', name: record.name })
  }

  async removeFunction(name: string): Promise<void> {
    this.#functions.delete(name)
    this.#tell({ kind: 'function', name })
  }

  versions(): readonly VersionRecord[] {
    return [...this.#versions.values()]
  }

  version(name: string, version: string): VersionRecord | undefined {
    return this.#versions.get(`${name}@${version}`)
  }

  async putVersion(record: VersionRecord): Promise<void> {
    const { name, version } = record
    this.#versions.set(`${name}@${version}`, record)
    this.#tell({ kind: 'version', name, version })
  }

  async removeVersion(name: string, version: string): Promise<void> {
    this.#versions.delete(`${name}@${version}`)
    this.#tell({ kind: 'version', name, version })
  }

  async refresh(): Promise<void> {
    // Whoever writes here is heard of at once.
  }

  mappings(): readonly MappingRecord[] {
    return [...this.#mappings.values()]
  }

  mapping(uuid: string): MappingRecord | undefined {
    return this.#mappings.get(uuid)
  }

  async putMapping(record: MappingRecord): Promise<void> {
    this.#mappings.set(record.uuid, record)
    this.#tell({ kind: 'mapping', uuid: record.uuid })
  }

  async removeMapping(uuid: string): Promise<void> {
    this.#mappings.delete(uuid)
    this.#statuses.delete(uuid)
    this.#checkpoints.delete(uuid)
    this.#tell({ kind: 'mapping', uuid })
  }

  checkpoint(uuid: string): MappingCheckpoint | undefined {
    return this.#checkpoints.get(uuid)
  }

  async putCheckpoint(checkpoint: MappingCheckpoint): Promise<void> {
    this.#checkpoints.set(checkpoint.uuid, checkpoint)
  }

  status(uuid: string): MappingStatus | undefined {
    return this.#statuses.get(uuid)
  }

  async putStatus(status: MappingStatus): Promise<void> {
    this.#statuses.set(status.uuid, status)
    this.#tell({ kind: 'status', uuid: status.uuid })
  }

  workers(): readonly WorkersStatus[] {
    return [...this.#workers.values()]
  }

  async putWorkers(status: WorkersStatus): Promise<void> {
    this.#workers.set(status.copy, status)
    this.#tell({ kind: 'workers', copy: status.copy })
  }

  async removeWorkers(copy: string): Promise<void> {
    this.#workers.delete(copy)
    this.#tell({ kind: 'workers', copy })
  }

  watch(listener: (change: RegistryChange) => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  async close(): Promise<void> {
    this.#listeners.clear()
  }

  #tell(change: RegistryChange): void {
    for (const listener of this.#listeners) listener(change)
  }
}

/** A function of `index.handler` in `directory`, with Lambda's defaults; `changes` win. */
export function functionRecord(
  name: string,
  directory: string,
  changes: Partial<FunctionRecord> = {},
): FunctionRecord {
  return {
    name,
    arn: `arn:aws:lambda:us-east-1:000000000000:function:${name}`,
    revision: 1,
    revisionId: '00000000-0000-4000-8000-000000000001',
    lastModifiedMs: 1_000_000,
    code: { kind: 'zip', directory, sha256: '', sizeBytes: 0 },
    runtime: 'nodejs22.x',
    handler: 'index.handler',
    role: 'arn:aws:iam::000000000000:role/test',
    description: '',
    memorySizeMb: 128,
    timeoutSeconds: 3,
    ephemeralStorageMb: 512,
    architectures: ['x86_64'],
    environment: {},
    ...changes,
  }
}
