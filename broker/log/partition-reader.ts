// Reads one partition's log: batches by offset from segments and tail, records by time.
import { baseOffsetAt, emptyBatch, totalBytesAt } from '../../protocol/record-batch.ts'
import { firstRecordAtOrAfter, timestampOfBatch, type OffsetAndTimestamp } from './batch-times.ts'
import { isMissing, isStorageError } from './file-system.ts'
import { isCorrupt } from './segment.ts'
import { offsetBehind } from './stored-batches.ts'
import type { SegmentList } from './segment-list.ts'
import type { Tail } from './tail.ts'

export interface ReadLimits {
  readonly maxBytes: number
  /** Whether the first batch comes even if it alone is above `maxBytes` (Kafka, KIP-74). */
  readonly minOneBatch: boolean
  /** A batch's base offset from which on nothing is read, for the last stable offset. */
  readonly below?: number
}

type ReadError = 'OFFSET_OUT_OF_RANGE' | 'KAFKA_STORAGE_ERROR'

export type ReadResult =
  | { readonly ok: true; readonly chunks: readonly Buffer[]; readonly bytes: number }
  | { readonly ok: false; readonly error: ReadError }

/** Batches that lie behind each other, the offset behind them, and whether there is room for no more. */
interface Piece {
  readonly chunks: readonly Buffer[]
  readonly next: number
  readonly isAll: boolean
}

/** What is read from: the partition answers for how far its log goes at the moment. */
export interface ReadableLog {
  readonly segments: SegmentList
  readonly tail: Tail
  highWatermark(): number
  logEndOffset(): number
}

/** Nothing at or above the high watermark is ever read. */
export class PartitionReader {
  readonly #log: ReadableLog

  constructor(log: ReadableLog) {
    this.#log = log
  }

  /**
   * Whole batches, the first of which holds `offset` or, where compaction took that one, lies behind it; no chunks
   * where `offset` is the high watermark or above. Goes on from segment to segment and into the tail. Each chunk is
   * held for the caller.
   */
  async read(offset: number, limits: ReadLimits): Promise<ReadResult> {
    const { segments, tail } = this.#log
    const end = Math.min(this.#log.highWatermark(), limits.below ?? Infinity)
    if (offset < segments.startOffset || offset > this.#log.logEndOffset()) {
      return { ok: false, error: 'OFFSET_OUT_OF_RANGE' }
    }
    const chunks: Buffer[] = []
    let bytes = 0
    let next = offset
    while (next < end) {
      const left = {
        maxBytes: limits.maxBytes - bytes,
        minOneBatch: limits.minOneBatch && bytes === 0,
      }
      const isInTail = next >= (tail.firstOffset ?? segments.endOffset)
      const piece = isInTail ? tailPiece(tail, { next, end }, left) : await this.#piece(next, left)
      // An error behind what was read is left to whoever reads there next.
      if (typeof piece === 'string' && bytes === 0) return { ok: false, error: piece }
      if (typeof piece === 'string') break
      for (const chunk of piece.chunks) {
        const below = piece.next > end ? batchesBelow(chunk, end) : chunk
        if (below.length > 0) chunks.push(below)
        bytes += below.length
      }
      next = piece.next
      if (piece.isAll) break
    }
    if (bytes > 0 || next === offset) return { ok: true, chunks, bytes }
    // Nothing is left of what was asked for, and nothing follows yet: the client can only be told to go on.
    const header = emptyBatch(offset, Math.min(next, end) - 1)
    return { ok: true, chunks: [header], bytes: header.length }
  }

  /** What one segment has from `next` on. */
  async #piece(next: number, limits: ReadLimits): Promise<Piece | ReadError> {
    const { segments } = this.#log
    try {
      return await segments.reads.consistently(async () => {
        // Retention may have removed it while the one before it was read.
        if (next < segments.startOffset) return 'OFFSET_OUT_OF_RANGE'
        const segment = segments.holding(next)
        const chunk = await segment.read(next, limits)
        if (chunk === undefined) return { chunks: [], next: segment.endOffset, isAll: false }
        if (chunk.length === 0) return { chunks: [], next, isAll: true }
        const behind = offsetBehind(chunk)
        // Where it ends before its segment does, the next batch had no room.
        return { chunks: [chunk], next: behind, isAll: behind < segment.endOffset }
      })
    } catch (error) {
      if (!isStorageError(error) && !isCorrupt(error)) throw error
      // Retention may have removed the segment between the look at it and the read.
      const isGone = isMissing(error) && next < segments.startOffset
      return isGone ? 'OFFSET_OUT_OF_RANGE' : 'KAFKA_STORAGE_ERROR'
    }
  }

  /** About how many bytes lie between `offset` and the high watermark, or `below`; none only where nothing does. */
  availableBytes(offset: number, below = Infinity): number {
    const { segments, tail } = this.#log
    const end = Math.min(this.#log.highWatermark(), below)
    if (offset >= end) return 0
    const inMemory = tail.firstOffset ?? segments.endOffset
    if (offset >= inMemory) return Math.max(1, tail.bytesBetween(offset, end))
    const filledEnd = Math.min(end, inMemory)
    const beyond = filledEnd < segments.endOffset ? segments.bytesFrom(filledEnd) : 0
    const filled = segments.bytesFrom(Math.max(offset, segments.startOffset)) - beyond
    return Math.max(1, filled + (end > inMemory ? tail.bytesBetween(inMemory, end) : 0))
  }

  /**
   * The first record with a timestamp of `timestampMs` or above. Where its batch is packed with a codec
   * that cannot be read here, the batch's base offset.
   */
  offsetForTimestamp(timestampMs: number): Promise<OffsetAndTimestamp | undefined> {
    return this.#log.segments.reads.consistently(() => this.#offsetForTimestamp(timestampMs))
  }

  async #offsetForTimestamp(timestampMs: number): Promise<OffsetAndTimestamp | undefined> {
    const { segments, tail } = this.#log
    const start = segments.startOffset
    for (const segment of segments.list) {
      if (segment.endOffset <= start || (await segment.maxTimestamp()) < timestampMs) continue
      const batch = await segment.findTimestamp(timestampMs, start)
      if (batch === undefined) continue
      const found = firstRecordAtOrAfter(batch, timestampMs, start)
      // Segments may go on behind what is committed.
      if (found !== undefined) return found.offset < this.#log.highWatermark() ? found : undefined
    }
    for (const { bytes, lastOffset, maxTimestamp } of tail.batches) {
      if (lastOffset >= this.#log.highWatermark()) return undefined
      if (maxTimestamp < timestampMs) continue
      const found = firstRecordAtOrAfter(bytes, timestampMs, start)
      if (found !== undefined) return found
    }
    return undefined
  }

  /** The timestamp of the record at `offset`, as its batch's header has it. */
  async timestampAt(offset: number): Promise<number | undefined> {
    const read = await this.read(offset, { maxBytes: 0, minOneBatch: true })
    const batch = read.ok ? read.chunks[0] : undefined
    return batch && timestampOfBatch(batch, offset)
  }
}

/** The tail is the end of the log: there is nothing behind what it has room for. */
function tailPiece(
  tail: Tail,
  { next, end }: { readonly next: number; readonly end: number },
  limits: ReadLimits,
): Piece {
  const chunks = tail.read(next, end, limits)
  return { chunks, next, isAll: true }
}

/** The batches of a chunk that lie before offset `end`, where one begins. */
function batchesBelow(chunk: Buffer, end: number): Buffer {
  let at = 0
  while (at < chunk.length && baseOffsetAt(chunk, at) < end) at += totalBytesAt(chunk, at)
  return chunk.subarray(0, at)
}
