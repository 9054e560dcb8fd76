// One segment of a partition: a log file of whole batches, and its index.
import assert from 'node:assert/strict'
import { join } from 'node:path'
import { AppError } from '../../common/errors.ts'
import { scanBatches, type ScannedBatch } from './batch-scan.ts'
import type { OpenFile } from './file-system.ts'
import { rewrite } from './rewrite.ts'
import type { SegmentFacts, SegmentFiles } from './segment-facts.ts'
import { SegmentIndex } from './segment-index.ts'
import { SegmentReader, type ReadBounds } from './segment-reader.ts'
import type { SparseIndex } from './sparse-index.ts'
import type { PlacedBatch } from './tail.ts'
import { Turns } from './turns.ts'

type Flushed = { readonly position: number; readonly offset: number }

/** Kafka: twenty digits, so that the names sort as the offsets do. */
export function segmentName(baseOffset: number): string {
  return String(baseOffset).padStart(20, '0')
}

/**
 * Holds the offsets from `baseOffset` to `endOffset` (exclusive). Invariant: the first `sizeBytes` of the file are whole
 * batches without a gap between their offsets; what may lie behind them was never part of the log.
 */
export class Segment {
  readonly baseOffset: number
  readonly #shared: SegmentFiles
  readonly #path: string
  readonly #index: SegmentIndex
  #reader: SegmentReader | undefined
  #endOffset: number
  #sizeBytes: number
  /** What was written through the system's cache, of what is known: files of an earlier process may be in it or not. */
  #cachedBytes = 0
  #modifiedMs: number
  #startedMs: number
  #exists: boolean
  #isDirty: boolean
  #isNameNew: boolean
  /**
   * Something may lie behind the end that was never part of the log: a write failed, or the life before cut that off and
   * could not flush the cut.
   */
  #isTorn: boolean
  /** A flush failed: what it was for may not be on its way to the disk any more. */
  #isForgotten: boolean
  #isRemoved = false
  readonly #flushesAndCuts = new Turns()

  constructor(shared: SegmentFiles, facts: SegmentFacts) {
    this.#shared = shared
    this.baseOffset = facts.baseOffset
    this.#path = join(facts.directory, segmentName(facts.baseOffset))
    this.#endOffset = facts.endOffset
    this.#sizeBytes = facts.sizeBytes
    this.#modifiedMs = facts.modifiedMs
    this.#startedMs = facts.modifiedMs
    this.#exists = facts.exists
    this.#isDirty = facts.isDirty
    this.#isNameNew = facts.isDirty
    this.#isForgotten = facts.isForgotten === true
    this.#isTorn = facts.exists
    this.#index = new SegmentIndex(shared, this.#path, this)
  }

  get endOffset(): number {
    return this.#endOffset
  }

  get sizeBytes(): number {
    return this.#sizeBytes
  }

  /** Whether most of it is not in the system's cache, as far as is known, and all that may be read is on the disk. */
  get isUncached(): boolean {
    return this.#cachedBytes < this.#sizeBytes / 2 && !this.#isForgotten
  }

  get modifiedMs(): number {
    return this.#modifiedMs
  }

  get exists(): boolean {
    return this.#exists
  }

  get isRemoved(): boolean {
    return this.#isRemoved
  }

  /** When the first batch was written; after a restart, the last. */
  get startedMs(): number {
    return this.#startedMs
  }

  /** Whether anything of it may be lost with the power, or is just being flushed. */
  get isDirty(): boolean {
    return this.#isDirty || this.#flushesAndCuts.isBusy
  }

  get isNameNew(): boolean {
    return this.#isNameNew
  }

  /** Adds batches at the end; `isDirect` is for those that are flushed at once. When it rejects nothing was added. */
  async write(batches: readonly PlacedBatch[], nowMs: number, isDirect = false): Promise<void> {
    const mode = this.#exists ? 'update' : 'create'
    const buffers = batches.map(({ bytes }) => bytes)
    const at = this.#sizeBytes
    let uncachedBytes = 0
    await this.#shared.pool.use(this.#logPath, mode, async (file) => {
      if (!this.#exists) this.#isNameNew = true
      this.#exists = true
      this.#isDirty = true
      if (this.#isTorn) await this.#flushesAndCuts.take(() => this.#cutTorn(file))
      this.#isTorn = true
      if (isDirect) uncachedBytes = await this.#shared.blocks.write(file, buffers, at)
      else await file.write(buffers, at)
      this.#isTorn = false
    })
    if (this.#sizeBytes === 0) this.#startedMs = nowMs
    for (const batch of batches) this.#add(batch)
    this.#cachedBytes += this.#sizeBytes - at - uncachedBytes
    // A flush that ran meanwhile may have missed it.
    this.#isDirty = true
    this.#modifiedMs = nowMs
    this.#index.touch()
  }

  async cutTorn(): Promise<void> {
    if (this.#isTorn)
      await this.#flushesAndCuts.take(() => this.#use((file) => this.#cutTorn(file)))
  }

  /**
   * Takes the last `bytes` back, from `offset` on: in memory at once; in the file they are cut like what a failed
   * write left. The caller sees to it that no index file of before is believed.
   */
  shrink(offset: number, bytes: number): void {
    assert(offset >= this.baseOffset && bytes <= this.#sizeBytes, 'what is taken back is here')
    this.#endOffset = offset
    this.#sizeBytes -= bytes
    this.#isTorn = true
    this.#isDirty = true
    this.#index.shrunk()
  }

  /** Made when it is needed: most segments of many partitions are never read. */
  get #reading(): SegmentReader {
    const { buffers, blockReads } = this.#shared
    const use = <T>(work: (file: OpenFile) => Promise<T>): Promise<T> => this.#use(work)
    this.#reader ??= new SegmentReader({
      segment: this,
      index: this.#index,
      buffers,
      blockReads,
      use,
    })
    return this.#reader
  }

  /** As `SegmentReader` does. */
  read(offset: number, bounds: ReadBounds): Promise<Buffer | undefined> {
    return this.#reading.read(offset, bounds)
  }

  /** As `SegmentReader` does. */
  foretell(offset: number, maxBytes: number): ReturnType<SegmentReader['foretell']> {
    return this.#reading.foretell(offset, maxBytes)
  }

  /** The first batch at or after offset `from` with a timestamp of `timestampMs` or above. */
  findTimestamp(timestampMs: number, from: number): Promise<Buffer | undefined> {
    return this.#reading.findTimestamp(timestampMs, from)
  }

  /** -1 where no record has a timestamp. */
  maxTimestamp(): Promise<number> {
    return this.#index.maxTimestamp()
  }

  /**
   * Flushes what was written behind `flushed`. A flush that failed may have made the system forget what it was for: what
   * still reads as it was written is written again, and where it does not, the flush goes on failing.
   */
  sync(flushed: Flushed): Promise<void> {
    return this.#flushesAndCuts.take(() => this.#sync(flushed))
  }

  /** Makes the disk forget what lies behind the end, while nothing is written. */
  settle(flushed: Flushed): Promise<void> {
    return this.#flushesAndCuts.take(async () => {
      // Once more even if it was done: the flush that failed may have been for that.
      await this.#use((file) => file.truncate(this.#sizeBytes))
      this.#isTorn = false
      this.#isDirty = true
      await this.#sync(flushed)
    })
  }

  async #sync(flushed: Flushed): Promise<void> {
    // The one before may have taken it along.
    if (!this.#isDirty) return
    this.#isDirty = false
    try {
      await this.#use(async (file) => {
        if (this.#isForgotten) await rewrite(file, flushed, this.#sizeBytes)
        await file.sync()
      })
      this.#isForgotten = false
    } catch (error) {
      this.#isDirty = true
      this.#isForgotten = true
      throw error
    }
  }

  nameFlushed(): void {
    this.#isNameNew = false
  }

  /** Of a segment that is complete, or when the store closes. What a crash leaves of it is recognised: no flush. */
  writeIndex(): Promise<void> {
    return this.#index.write()
  }

  /** Its log file becomes the one at `path`; nobody may read meanwhile. When it rejects the log is as it was. */
  async becomeFile(path: string): Promise<void> {
    await this.#index.removeFiles()
    await this.#shared.files.rename(path, this.#logPath)
  }

  /** When it rejects the log file is still there, and the segment as good as before. */
  async remove(): Promise<void> {
    this.#isRemoved = true
    try {
      await this.#shared.files.remove(this.#logPath)
    } catch (error) {
      this.#isRemoved = false
      throw error
    }
    this.forget()
  }

  /**
   * Removes the index files: of a segment that was `removed`, all of them, and what stays is swept by the next start;
   * of one that was `cut`, those that may tell of what is gone.
   */
  removeIndex(of: 'removed' | 'cut'): Promise<void> {
    return of === 'cut' ? this.#index.removeOutdatedFiles() : this.#index.removeFiles()
  }

  forget(): void {
    this.#isRemoved = true
    this.#index.forget()
    this.#shared.pool.forget(this.#logPath)
  }

  /** Walks its batches from a position on; resolves with where it stopped. */
  scanFrom(from: number, visit: (batch: ScannedBatch) => boolean): Promise<number> {
    const to = this.#sizeBytes
    if (from >= to) return Promise.resolve(to)
    return this.#use((file) => scanBatches(file, { from, to }, visit))
  }

  /** Walks the batches from the one that holds `offset`, or some before it. */
  async scanFromOffset(offset: number, visit: (batch: ScannedBatch) => boolean): Promise<number> {
    const from = Math.max(0, offset - this.baseOffset)
    return this.scanFrom((await this.#index.load()).positionBefore(from), visit)
  }

  index(): Promise<SparseIndex> {
    return this.#index.load()
  }

  get #logPath(): string {
    return `${this.#path}.log`
  }

  #use<T>(work: (file: OpenFile) => Promise<T>): Promise<T> {
    return this.#shared.pool.use(this.#logPath, 'update', work)
  }

  async #cutTorn(file: OpenFile): Promise<void> {
    if (!this.#isTorn) return
    await file.truncate(this.#sizeBytes)
    this.#isTorn = false
    this.#isDirty = true
  }

  #add({ bytes, baseOffset, lastOffset, maxTimestamp }: PlacedBatch): void {
    assert(baseOffset === this.#endOffset, 'offsets leave no gap')
    this.#index.add({ baseOffset, sizeBytes: bytes.length, maxTimestamp })
    this.#sizeBytes += bytes.length
    this.#endOffset = lastOffset + 1
  }

  /** What a reader rejects with where the log does not go on as it should. */
  corrupt(position: number, reason = 'the batch that is due does not lie there'): AppError {
    return new AppError('LOG_CORRUPT', { file: this.#logPath, position, reason })
  }
}
