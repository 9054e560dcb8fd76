// Reads whole batches of one segment, each of which it has checked.
import assert from 'node:assert/strict'
import { type BufferPool, letGo } from '../../common/buffer-pool.ts'
import { AppError } from '../../common/errors.ts'
import { indexIntervalBytes } from '../../common/limits.ts'
import { recordBatchHeaderBytes, totalBytesAt } from '../../protocol/record-batch.ts'
import { readAt } from './batch-scan.ts'
import type { BlockReader } from './block-reader.ts'
import type { OpenFile } from './file-system.ts'
import { timestampOf, type IndexedLog, type SegmentIndex } from './segment-index.ts'
import { skipTo, soundBytes, type Place } from './stored-batches.ts'

export interface ReadBounds {
  readonly maxBytes: number
  readonly minOneBatch: boolean
}

/** The segment as it is at the moment. */
export interface ReadableSegment extends IndexedLog {
  readonly endOffset: number
  /** Whether most of it is to be read past the system's cache. */
  readonly isUncached: boolean
  /** What a reader rejects with where the log does not go on as it should. */
  corrupt(position: number, reason?: string): AppError
}

interface SegmentReaderOptions {
  readonly segment: ReadableSegment
  readonly index: SegmentIndex
  readonly buffers: BufferPool
  readonly blockReads: BlockReader
  use<T>(work: (file: OpenFile) => Promise<T>): Promise<T>
}

const nothing = Buffer.alloc(0)

export class SegmentReader {
  readonly #options: SegmentReaderOptions

  constructor(options: SegmentReaderOptions) {
    this.#options = options
  }

  /**
   * Whole batches from the first that has records at or after `offset`, held for the caller: empty only where
   * `minOneBatch` is false, undefined where no record is left. All were checked; rejects with AppError LOG_CORRUPT
   * where the first is not sound.
   */
  async read(offset: number, limits: ReadBounds): Promise<Buffer | undefined> {
    const { segment, index } = this.#options
    assert(
      offset >= segment.baseOffset && offset < segment.endOffset,
      'the offset is in the segment',
    )
    const isDirect = segment.isUncached
    try {
      return await this.#read(offset, limits, isDirect)
    } catch (error) {
      if (!isCorrupt(error) || !(index.isFromFiles || isDirect)) throw error
      // Perhaps the index is wrong and not the log, or the cache alone has what was written.
      if (index.isFromFiles) index.distrustFiles()
      return this.#read(offset, limits, false)
    }
  }

  /**
   * What a read of `maxBytes` from `offset` on will find, as far as can be told without it: how many bytes, and the offset
   * behind them. Undefined where nothing can, as at the log's end.
   */
  foretell(offset: number, maxBytes: number): { bytes: number; next: number } | undefined {
    const { segment, index } = this.#options
    const relativeOffset = offset - segment.baseOffset
    const from = index.loaded?.placeBefore(relativeOffset)
    if (from?.relativeOffset !== relativeOffset) return undefined
    if (from.position + maxBytes >= segment.sizeBytes) return undefined
    const to = index.loaded?.entryAt(from.position + maxBytes)
    if (to === undefined || to.position <= from.position) return undefined
    return { bytes: to.position - from.position, next: segment.baseOffset + to.relativeOffset }
  }

  /** The first batch at or after offset `from` with a timestamp of `timestampMs` or above. */
  async findTimestamp(timestampMs: number, from: number): Promise<Buffer | undefined> {
    const { segment } = this.#options
    const index = await this.#options.index.load()
    let found: Buffer | undefined
    const start = index.positionBeforeTimestamp(timestampMs)
    const end = await segment.scanFrom(start, (batch) => {
      const { chunk, at, lastOffset, sizeBytes, baseOffset } = batch
      if (lastOffset < from || timestampOf(batch) < timestampMs) return true
      const { bytes } = soundBytes(chunk, { at, offset: baseOffset }, sizeBytes)
      if (bytes > 0) found = chunk.subarray(at, at + bytes)
      return false
    })
    if (found === undefined && end < segment.sizeBytes) throw segment.corrupt(end)
    return found
  }

  async #read(offset: number, limits: ReadBounds, isDirect: boolean): Promise<Buffer | undefined> {
    const { segment, index, buffers, blockReads } = this.#options
    const [end, endOffset] = [segment.sizeBytes, segment.endOffset]
    const places = await index.load()
    const entry = places.placeBefore(offset - segment.baseOffset)
    let { position } = entry
    let due = segment.baseOffset + entry.relativeOffset
    return this.#options.use(async (file) => {
      while (position < end) {
        // A batch that has no room is not read: it may be as large as all that has.
        const most = position + limits.maxBytes + indexIntervalBytes
        const stop = most < end ? places.stopFor(most) : end
        const length = Math.max(stop, Math.min(end, position + recordBatchHeaderBytes)) - position
        const blocks = isDirect ? await blockReads.read(file, position, length) : undefined
        const chunk = blocks ?? (await readAt(file, position, length, buffers))
        const found = skipTo(chunk, { at: 0, offset: due }, offset)
        position += found.at
        due = found.offset
        if (found.isDamaged) throw segment.corrupt(position)
        const rest = chunk.subarray(found.at)
        if (rest.length >= recordBatchHeaderBytes) {
          return this.#take(file, rest, { at: position, offset: due }, limits)
        }
        letGo(chunk)
        if (found.at === 0) throw segment.corrupt(position)
      }
      if (position !== end || due !== endOffset) throw segment.corrupt(position)
      return undefined
    })
  }

  /** The batches at the beginning of `rest`, which lies at `place` in the file, as `read` hands them out. */
  async #take(file: OpenFile, rest: Buffer, place: Place, limits: ReadBounds): Promise<Buffer> {
    const { segment, buffers } = this.#options
    const from = { at: 0, offset: place.offset }
    const found = soundBytes(rest, from, limits.maxBytes)
    if (found.bytes > 0) return rest.subarray(0, found.bytes)
    const whole = totalBytesAt(rest, 0)
    const isWhole = found.reason === undefined && place.at + whole <= segment.sizeBytes
    if (!isWhole) throw segment.corrupt(place.at, found.reason)
    if (!limits.minOneBatch) {
      letGo(rest)
      return nothing
    }
    const isHere = whole <= rest.length
    if (!isHere) letGo(rest)
    const batch = isHere ? rest : await readAt(file, place.at, whole, buffers)
    const { bytes, reason } = soundBytes(batch, from, whole)
    if (bytes === 0) throw segment.corrupt(place.at, reason)
    return batch.subarray(0, bytes)
  }
}

/** Whether it says that what lies on the disk is not what was written. */
export function isCorrupt(thrown: unknown): boolean {
  return thrown instanceof AppError && thrown.code === 'LOG_CORRUPT'
}
