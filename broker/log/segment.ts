// One segment of a partition: a log file of whole batches, and its two sparse indexes.
import assert from 'node:assert/strict'
import { join } from 'node:path'
import { AppError } from '../../common/errors.ts'
import { indexIntervalBytes } from '../../common/limits.ts'
import {
  lastOffsetDeltaAt,
  baseOffsetAt,
  maxTimestampAt,
  recordBatchHeaderBytes,
  totalBytesAt,
} from '../../protocol/record-batch.ts'
import { readAt, scanBatches, wholeBatchBytes, type ScannedBatch } from './batch-scan.ts'
import type { FilePool } from './file-pool.ts'
import { isMissing, type FileSystem, type OpenFile } from './file-system.ts'
import type { IndexCache } from './index-cache.ts'
import { SparseIndex } from './sparse-index.ts'
import type { PlacedBatch } from './tail.ts'

/** What segments share. */
export interface SegmentFiles {
  readonly files: FileSystem
  readonly pool: FilePool
  readonly indexes: IndexCache
}

/** What is known of a segment when it is opened or begun. */
export interface SegmentFacts {
  readonly directory: string
  readonly baseOffset: number
  readonly endOffset: number
  readonly sizeBytes: number
  /** When it was last written to; for a new one, now. */
  readonly modifiedMs: number
  readonly exists: boolean
  /** Whether it may hold what was never flushed. */
  readonly isDirty: boolean
}

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
  #endOffset: number
  #sizeBytes: number
  #modifiedMs: number
  #startedMs: number
  #exists: boolean
  #isDirty: boolean
  #isIndexWritten = false
  #isRemoved = false
  #index: SparseIndex | undefined
  #loading: Promise<SparseIndex> | undefined
  /** Known once an index was in memory, even when that has been let go. */
  #maxTimestamp: number | undefined

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
    if (facts.sizeBytes > 0) return
    this.#index = new SparseIndex()
    this.#maxTimestamp = -1
  }

  get endOffset(): number {
    return this.#endOffset
  }

  get sizeBytes(): number {
    return this.#sizeBytes
  }

  get modifiedMs(): number {
    return this.#modifiedMs
  }

  /** Whether its log file has been made. */
  get exists(): boolean {
    return this.#exists
  }

  /** Whether it was dropped; who holds it still reads what the pool has open. */
  get isRemoved(): boolean {
    return this.#isRemoved
  }

  /** When the first batch was written; after a restart, when the last one was. */
  get startedMs(): number {
    return this.#startedMs
  }

  /** Whether anything of it may be lost with the power. */
  get isDirty(): boolean {
    return this.#isDirty
  }

  /** Adds batches at the end. When it rejects nothing was added. */
  async write(batches: readonly PlacedBatch[], nowMs: number): Promise<void> {
    const mode = this.#exists ? 'update' : 'create'
    const buffers = batches.map(({ bytes }) => bytes)
    await this.#shared.pool.use(this.#logPath, mode, async (file) => {
      this.#exists = true
      this.#isDirty = true
      await file.write(buffers, this.#sizeBytes)
    })
    if (this.#sizeBytes === 0) this.#startedMs = nowMs
    for (const batch of batches) this.#add(batch)
    // A flush that ran meanwhile may have missed it.
    this.#isDirty = true
    this.#modifiedMs = nowMs
    this.#isIndexWritten = false
    this.#touchIndex()
  }

  /** Whole batches from the one that holds `offset`; empty only where `minOneBatch` is false. */
  async read(
    offset: number,
    limits: { readonly maxBytes: number; readonly minOneBatch: boolean },
  ): Promise<Buffer> {
    assert(offset >= this.baseOffset && offset < this.#endOffset, 'the offset is in the segment')
    const end = this.#sizeBytes
    let position = (await this.#loadIndex()).positionBefore(offset - this.baseOffset)
    return this.#use(async (file) => {
      while (position < end) {
        const wanted = Math.max(limits.maxBytes, recordBatchHeaderBytes) + indexIntervalBytes
        const chunk = await readAt(file, position, Math.min(wanted, end - position))
        const at = skipTo(chunk, offset)
        if (at + recordBatchHeaderBytes > chunk.length) {
          position += at
          continue
        }
        const bytes = wholeBatchBytes(chunk, at, limits.maxBytes)
        if (bytes > 0 || !limits.minOneBatch) return chunk.subarray(at, at + bytes)
        const whole = totalBytesAt(chunk, at)
        if (at + whole <= chunk.length) return chunk.subarray(at, at + whole)
        return readAt(file, position + at, whole)
      }
      throw this.#corrupt(position)
    })
  }

  /** The first batch at or after offset `from` with a timestamp of `timestampMs` or above. */
  async findTimestamp(timestampMs: number, from: number): Promise<Buffer | undefined> {
    const index = await this.#loadIndex()
    let found: Buffer | undefined
    await this.#scan(index.positionBeforeTimestamp(timestampMs), (batch) => {
      const { chunk, at, lastOffset, sizeBytes } = batch
      if (lastOffset < from || maxTimestampAt(chunk, at) < timestampMs) return true
      found = chunk.subarray(at, at + sizeBytes)
      return false
    })
    return found
  }

  /** The largest timestamp of its records; -1 where none has one. */
  async maxTimestamp(): Promise<number> {
    this.#maxTimestamp ??= (await this.#loadIndex()).maxTimestamp
    return this.#maxTimestamp
  }

  /** Flushes what was written since the last time. */
  async sync(): Promise<void> {
    if (!this.#isDirty) return
    this.#isDirty = false
    try {
      await this.#use((file) => file.sync())
    } catch (error) {
      this.#isDirty = true
      throw error
    }
  }

  /**
   * Writes both index files; for a segment that is complete, or when the store closes. They need no
   * flush: what a crash leaves of them is recognised, and what they lack is read from the log.
   */
  async writeIndex(): Promise<void> {
    const index = this.#index
    if (index === undefined || index.isTrivial || this.#isIndexWritten) return
    const { offsets, times } = index.encode()
    await this.#writeFile('index', offsets)
    await this.#writeFile('timeindex', times)
    this.#isIndexWritten = true
  }

  async remove(): Promise<void> {
    this.forget()
    for (const suffix of ['log', 'index', 'timeindex']) {
      await this.#shared.files.remove(`${this.#path}.${suffix}`)
    }
  }

  /** Lets go of file and index: the segment is removed, or its directory is about to be. */
  forget(): void {
    this.#isRemoved = true
    this.#shared.indexes.drop(this)
    this.#shared.pool.forget(this.#logPath)
  }

  releaseIndex(): void {
    this.#index = undefined
  }

  /** Walks all batches from the segment's beginning. */
  scan(visit: (batch: ScannedBatch) => boolean): Promise<number> {
    return this.#scan(0, visit)
  }

  /** Walks the batches from the one that holds `offset`, or some before it. */
  async scanFrom(offset: number, visit: (batch: ScannedBatch) => boolean): Promise<number> {
    const from = Math.max(0, offset - this.baseOffset)
    return this.#scan((await this.#loadIndex()).positionBefore(from), visit)
  }

  /** What is wrong with the index, in words; `batches` are all of the segment's. */
  async checkIndex(
    batches: readonly { readonly baseOffset: number; readonly position: number }[],
  ): Promise<readonly string[]> {
    const index = await this.#loadIndex()
    const positions = new Set(batches.map(({ position }) => position))
    return batches.flatMap(({ baseOffset, position }) => {
      const before = index.positionBefore(baseOffset - this.baseOffset)
      if (before <= position && positions.has(before)) return []
      return [`the index has position ${before} for offset ${baseOffset} at ${position}`]
    })
  }

  get #logPath(): string {
    return `${this.#path}.log`
  }

  #use<T>(work: (file: OpenFile) => Promise<T>): Promise<T> {
    return this.#shared.pool.use(this.#logPath, 'update', work)
  }

  #scan(from: number, visit: (batch: ScannedBatch) => boolean): Promise<number> {
    const to = this.#sizeBytes
    if (from >= to) return Promise.resolve(to)
    return this.#use((file) => scanBatches(file, { from, to }, visit))
  }

  async #writeFile(suffix: string, content: Buffer): Promise<void> {
    const file = await this.#shared.files.open(`${this.#path}.${suffix}`, 'create')
    try {
      await file.write([content], 0)
    } finally {
      await file.close()
    }
  }

  #add({ bytes, baseOffset, lastOffset, maxTimestamp }: PlacedBatch): void {
    assert(baseOffset === this.#endOffset, 'offsets leave no gap')
    const relativeOffset = baseOffset - this.baseOffset
    const sizeBytes = bytes.length
    // An index that is not in memory finds the batch in the log when it is loaded.
    this.#index?.add({ relativeOffset, position: this.#sizeBytes, sizeBytes, maxTimestamp })
    if (this.#maxTimestamp !== undefined && maxTimestamp > this.#maxTimestamp) {
      this.#maxTimestamp = maxTimestamp
    }
    this.#sizeBytes += sizeBytes
    this.#endOffset = lastOffset + 1
  }

  async #loadIndex(): Promise<SparseIndex> {
    if (this.#index === undefined) {
      this.#loading ??= this.#completeIndex().finally(() => (this.#loading = undefined))
      return this.#loading
    }
    this.#touchIndex()
    return this.#index
  }

  /** What the index files lack, which may be all, is read from the log. */
  async #completeIndex(): Promise<SparseIndex> {
    const index = await this.#readIndex()
    let position = index.resumePosition
    // The log may grow meanwhile; when the loop ends, nothing is missing.
    while (position < this.#sizeBytes) {
      const reached = await this.#scan(position, (batch) => {
        const relativeOffset = batch.baseOffset - this.baseOffset
        index.add({ ...batch, relativeOffset, maxTimestamp: maxTimestampAt(batch.chunk, batch.at) })
        return true
      })
      if (reached === position) throw this.#corrupt(position)
      position = reached
    }
    this.#index = index
    this.#maxTimestamp = index.maxTimestamp
    this.#touchIndex()
    return index
  }

  #corrupt(position: number): AppError {
    const reason = 'what lies there is not a batch'
    return new AppError('LOG_CORRUPT', { file: this.#logPath, position, reason })
  }

  async #readIndex(): Promise<SparseIndex> {
    try {
      const offsets = await this.#shared.files.readFile(`${this.#path}.index`)
      const times = await this.#shared.files.readFile(`${this.#path}.timeindex`)
      return SparseIndex.decode(offsets, times, this.#sizeBytes) ?? new SparseIndex()
    } catch (error) {
      if (isMissing(error)) return new SparseIndex()
      throw error
    }
  }

  #touchIndex(): void {
    if (this.#index !== undefined) this.#shared.indexes.touch(this, this.#index.sizeBytes)
  }
}

/** Where the first batch starts that ends at or after `offset`, or where to read on. */
function skipTo(chunk: Buffer, offset: number): number {
  let at = 0
  while (at + recordBatchHeaderBytes <= chunk.length) {
    if (baseOffsetAt(chunk, at) + lastOffsetDeltaAt(chunk, at) >= offset) return at
    at += totalBytesAt(chunk, at)
  }
  return at
}
