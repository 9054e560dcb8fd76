// A segment's index as it comes and goes in memory: read from its files, completed from the log, written.
import { safeMaxTimestampAt } from '../../protocol/record-batch.ts'
import type { ScannedBatch } from './batch-scan.ts'
import { isMissing, type FileSystem } from './file-system.ts'
import type { IndexCache } from './index-cache.ts'
import { openIndex, sealIndex } from './index-file.ts'
import { SparseIndex } from './sparse-index.ts'

/** The log file that is indexed. */
export interface IndexedLog {
  readonly baseOffset: number
  readonly sizeBytes: number
  readonly modifiedMs: number
  /** Walks its batches from a position on; resolves with where it stopped. */
  scanFrom(position: number, visit: (batch: ScannedBatch) => boolean): Promise<number>
}

interface Shared {
  readonly files: FileSystem
  readonly indexes: IndexCache
}

/** Invariant: what is in memory covers the whole log, or all of it before the damage that was found. */
export class SegmentIndex {
  readonly #shared: Shared
  /** Of its files, without their suffixes. */
  readonly #path: string
  readonly #log: IndexedLog
  #index: SparseIndex | undefined
  #loading: Promise<SparseIndex> | undefined
  /** Known once an index was in memory, even when that has been let go. */
  #maxTimestamp: number | undefined
  #isWritten = false
  /** No index file that is believed covers more of the log. */
  #coveredMaxBytes: number
  #isDamaged = false
  #isFromFiles = false
  /** How often the log was cut: what was read from it before does not count. */
  #cuts = 0

  constructor(shared: Shared, path: string, log: IndexedLog) {
    this.#shared = shared
    this.#path = path
    this.#log = log
    this.#coveredMaxBytes = log.sizeBytes
    if (log.sizeBytes > 0) return
    this.#index = new SparseIndex()
    this.#maxTimestamp = -1
  }

  /** What is in memory at the moment, if anything is. */
  get loaded(): SparseIndex | undefined {
    return this.#index
  }

  /** Whether what is in memory, or was last, was read from the index files. */
  get isFromFiles(): boolean {
    return this.#isFromFiles
  }

  /** From now on all is read from the log. */
  distrustFiles(): void {
    this.#coveredMaxBytes = -1
    this.#isFromFiles = false
    this.#isWritten = false
    this.#index = undefined
    this.#maxTimestamp = undefined
  }

  /** The log was cut at its end. */
  shrunk(): void {
    this.#cuts += 1
    this.distrustFiles()
    if (this.#log.sizeBytes > 0) return
    this.#index = new SparseIndex()
    this.#maxTimestamp = -1
  }

  /** Takes note of a batch that is added to the log at its end. */
  add(batch: { baseOffset: number; sizeBytes: number; maxTimestamp: number }): void {
    const { baseOffset, sizeBytes, maxTimestamp } = batch
    const relativeOffset = baseOffset - this.#log.baseOffset
    const position = this.#log.sizeBytes
    this.#isWritten = false
    // An index that is not in memory finds the batch in the log when it is loaded.
    this.#index?.add({ relativeOffset, position, sizeBytes, maxTimestamp })
    if (this.#maxTimestamp !== undefined && maxTimestamp > this.#maxTimestamp) {
      this.#maxTimestamp = maxTimestamp
    }
  }

  async load(): Promise<SparseIndex> {
    if (this.#index === undefined) {
      this.#loading ??= this.#complete().finally(() => (this.#loading = undefined))
      return this.#loading
    }
    this.touch()
    return this.#index
  }

  /** The largest timestamp of the log's records; -1 where none has one. */
  async maxTimestamp(): Promise<number> {
    this.#maxTimestamp ??= (await this.load()).maxTimestamp
    // What the damage hides may be as young as the file.
    return this.#isDamaged ? Math.max(this.#maxTimestamp, this.#log.modifiedMs) : this.#maxTimestamp
  }

  /** Writes both files, unless they would say nothing that the log does not say at once. */
  async write(): Promise<void> {
    const index = this.#index
    if (index === undefined || index.isTrivial || this.#isWritten || this.#isDamaged) return
    const { sizeBytes } = this.#log
    const { offsets, times } = index.encode()
    await this.#writeFile('index', sealIndex(offsets, sizeBytes))
    await this.#writeFile('timeindex', sealIndex(times, sizeBytes))
    this.#coveredMaxBytes = sizeBytes
    this.#isWritten = true
  }

  async removeFiles(): Promise<void> {
    await this.removeOutdatedFiles()
    await this.#shared.files.remove(`${this.#path}.txnindex`)
  }

  async removeOutdatedFiles(): Promise<void> {
    for (const suffix of ['index', 'timeindex']) {
      await this.#shared.files.remove(`${this.#path}.${suffix}`)
    }
  }

  /** Says that it is in use. */
  touch(): void {
    if (this.#index !== undefined) this.#shared.indexes.touch(this, this.#index.sizeBytes)
  }

  forget(): void {
    this.#shared.indexes.drop(this)
  }

  releaseIndex(): void {
    this.#index = undefined
  }

  /** What the index files lack, which may be all, is read from the log. */
  async #complete(): Promise<SparseIndex> {
    const cuts = this.#cuts
    const index = await this.#read()
    let position = index.resumePosition
    let due = this.#log.baseOffset + index.resumeOffset
    // The log may grow meanwhile; when the loop ends, nothing is missing but what lies behind damage.
    while (position < this.#log.sizeBytes) {
      const reached = await this.#log.scanFrom(position, (batch) => {
        if (batch.baseOffset !== due || batch.lastOffset < due) return false
        const relativeOffset = due - this.#log.baseOffset
        index.add({ ...batch, relativeOffset, maxTimestamp: timestampOf(batch) })
        due = batch.lastOffset + 1
        return true
      })
      this.#isDamaged = reached === position
      if (this.#isDamaged) break
      position = reached
    }
    if (cuts !== this.#cuts) return this.#complete()
    this.#index = index
    this.#maxTimestamp = index.maxTimestamp
    this.touch()
    return index
  }

  async #read(): Promise<SparseIndex> {
    try {
      const offsets = await this.#entriesOf('index')
      const times = await this.#entriesOf('timeindex')
      const index = offsets && times && SparseIndex.decode(offsets, times, this.#log.sizeBytes)
      this.#isFromFiles = index !== undefined
      return index ?? new SparseIndex()
    } catch (error) {
      if (isMissing(error)) return new SparseIndex()
      throw error
    }
  }

  async #entriesOf(suffix: string): Promise<Buffer | undefined> {
    const file = await this.#shared.files.readFile(`${this.#path}.${suffix}`)
    return openIndex(file, this.#coveredMaxBytes)
  }

  async #writeFile(suffix: string, content: Buffer): Promise<void> {
    const file = await this.#shared.files.open(`${this.#path}.${suffix}`, 'create')
    try {
      await file.write([content], 0)
    } finally {
      await file.close()
    }
  }
}

/** A batch's largest timestamp; -1 where damage has left a number that is none. */
export function timestampOf({ chunk, at }: ScannedBatch): number {
  return safeMaxTimestampAt(chunk, at) ?? -1
}
