// Reads one partition's log: batches by offset from segments and tail, records by time.
import { baseOffsetAt, emptyBatch, totalBytesAt } from '../../protocol/record-batch.ts'
import { firstRecordAtOrAfter, timestampOfBatch, type OffsetAndTimestamp } from './batch-times.ts'
import { isMissing, isStorageError } from './file-system.ts'
import { isCorrupt } from './segment.ts'
import type { SegmentList } from './segment-list.ts'
import type { Tail } from './tail.ts'

export interface ReadLimits {
  readonly maxBytes: number
  /** Whether the first batch comes even if it alone is above `maxBytes` (Kafka, KIP-74). */
  readonly minOneBatch: boolean
  /** A batch's base offset from which on nothing is read, for the last stable offset. */
  readonly below?: number
}

export type ReadResult =
  | { readonly ok: true; readonly chunks: readonly Buffer[]; readonly bytes: number }
  | { readonly ok: false; readonly error: 'OFFSET_OUT_OF_RANGE' | 'KAFKA_STORAGE_ERROR' }

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

  /** Whole batches, the first of which holds `offset`; no chunks where that is the high watermark or above. */
  async read(offset: number, limits: ReadLimits): Promise<ReadResult> {
    const { segments, tail } = this.#log
    const end = Math.min(this.#log.highWatermark(), limits.below ?? Infinity)
    if (offset < segments.startOffset || offset > this.#log.logEndOffset()) {
      return { ok: false, error: 'OFFSET_OUT_OF_RANGE' }
    }
    if (offset >= end) return { ok: true, chunks: [], bytes: 0 }
    if (offset >= segments.endOffset) return resultOf(tail.read(offset, end, limits))
    try {
      const read = await segments.read(offset, limits)
      if (read !== undefined) {
        const chunk = end < segments.endOffset ? batchesBelow(read, end) : read
        return resultOf(chunk.length === 0 ? [] : [chunk])
      }
      // Compaction left no record in the segments from there on.
      const rest = tail.read(segments.endOffset, end, limits)
      return resultOf(rest.length > 0 ? rest : [emptyBatch(offset, segments.endOffset - 1)])
    } catch (error) {
      if (!isStorageError(error) && !isCorrupt(error)) throw error
      // Retention may have removed the segment between the look at it and the read.
      const isGone = isMissing(error) && offset < segments.startOffset
      return { ok: false, error: isGone ? 'OFFSET_OUT_OF_RANGE' : 'KAFKA_STORAGE_ERROR' }
    }
  }

  /** About how many bytes lie between `offset` and the high watermark, or `below`; none only where nothing does. */
  availableBytes(offset: number, below = Infinity): number {
    const { segments, tail } = this.#log
    const end = Math.min(this.#log.highWatermark(), below)
    if (offset >= end) return 0
    const beyond = end < segments.endOffset ? segments.bytesFrom(end) : 0
    const filled = segments.bytesFrom(Math.max(offset, segments.startOffset)) - beyond
    return Math.max(1, filled + tail.bytesBetween(offset, end))
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
      if (found !== undefined) return found
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

function resultOf(chunks: readonly Buffer[]): ReadResult {
  return { ok: true, chunks, bytes: chunks.reduce((sum, { length }) => sum + length, 0) }
}

/** The batches of a chunk that lie before offset `end`, where one begins. */
function batchesBelow(chunk: Buffer, end: number): Buffer {
  let at = 0
  while (at < chunk.length && baseOffsetAt(chunk, at) < end) at += totalBytesAt(chunk, at)
  return chunk.subarray(0, at)
}
