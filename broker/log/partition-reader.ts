// Reads one partition's log: batches by offset from segments and tail, records by time.
import { letGo } from '../../common/buffer-pool.ts'
import { readAheadPieceMaxBytes } from '../../common/limits.ts'
import { baseOffsetAt, emptyBatch, totalBytesAt } from '../../protocol/record-batch.ts'
import { firstRecordAtOrAfter, timestampOfBatch, type OffsetAndTimestamp } from './batch-times.ts'
import { isMissing, isStorageError } from './file-system.ts'
import type { ReadAhead, ReadPiece } from './read-ahead.ts'
import type { RecentBatches } from './recent-batches.ts'
import { isCorrupt } from './segment-reader.ts'
import { offsetBehind } from './stored-batches.ts'
import type { SegmentList } from './segment-list.ts'
import type { PlacedBatch, Tail } from './tail.ts'

export interface ReadLimits {
  readonly maxBytes: number
  /** Whether the first batch comes even if it alone is above `maxBytes` (Kafka, KIP-74). */
  readonly minOneBatch: boolean
  /** A batch's base offset from which on nothing is read, for the last stable offset. */
  readonly below?: number
  /** How much the reader will want next, for one that goes on where it ends; nothing is read ahead unless given. */
  readonly aheadBytes?: number
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

interface OffsetRange {
  readonly next: number
  /** Where it stops, exclusive. */
  readonly end: number
}

interface SegmentPiece extends Piece {
  /** How many exchanges of segments there had been. */
  readonly exchanges: number
}

const nothing = Buffer.alloc(0)

/** What is read from: the partition answers for how far its log goes at the moment. */
export interface ReadableLog {
  readonly segments: SegmentList
  readonly tail: Tail
  highWatermark(): number
  logEndOffset(): number
  readonly environment: { readonly ahead: ReadAhead; readonly recent: RecentBatches }
}

/** Nothing at or above the high watermark is ever read. */
export class PartitionReader {
  readonly #log: ReadableLog
  #isClosed = false

  constructor(log: ReadableLog) {
    this.#log = log
  }

  /**
   * Whole batches, the first of which holds `offset` or, where compaction took that one, lies behind it; no chunks
   * where `offset` is the high watermark or above. Goes on from segment to segment and into the tail. Each chunk is
   * held for the caller. Where there is no room for any, a read ahead is all that is done.
   */
  async read(offset: number, limits: ReadLimits): Promise<ReadResult> {
    const { segments } = this.#log
    const end = Math.min(this.#log.highWatermark(), limits.below ?? Infinity)
    if (offset < segments.startOffset || offset > this.#log.logEndOffset()) {
      return { ok: false, error: 'OFFSET_OUT_OF_RANGE' }
    }
    const isInOrder = limits.aheadBytes !== undefined && this.#isInOrder(offset)
    if (limits.maxBytes === 0 && !limits.minOneBatch) {
      if (isInOrder) this.#readAhead(offset, limits.aheadBytes ?? 0, true)
      return { ok: true, chunks: [], bytes: 0 }
    }
    const chunks: Buffer[] = []
    let bytes = 0
    let next = offset
    let isAll = false
    while (next < end && !isAll) {
      const left = {
        maxBytes: limits.maxBytes - bytes,
        minOneBatch: limits.minOneBatch && bytes === 0,
      }
      const piece = await this.#next({ next, end }, left)
      // An error behind what was read is left to whoever reads there next.
      if (typeof piece === 'string' && bytes === 0) return { ok: false, error: piece }
      if (typeof piece === 'string') break
      for (const chunk of piece.chunks) {
        const below = piece.next > end ? batchesBelow(chunk, end) : chunk
        if (below.length > 0) chunks.push(below)
        bytes += below.length
      }
      next = piece.next
      isAll = piece.isAll
    }
    if (limits.aheadBytes !== undefined && next > offset) {
      this.#readAhead(next, limits.aheadBytes, isInOrder)
    }
    if (bytes > 0 || next === offset) return { ok: true, chunks, bytes }
    // Nothing is left of what was asked for, and nothing follows yet: the client can only be told to go on.
    const header = emptyBatch(offset, Math.min(next, end) - 1)
    return { ok: true, chunks: [header], bytes: header.length }
  }

  /** Nobody reads any more. */
  close(): void {
    this.#isClosed = true
    this.#log.environment.ahead.drop(this)
    this.#log.environment.recent.drop(this)
  }

  /** Segments have these batches, and the tail is about to let go of them. */
  leaving(batches: readonly PlacedBatch[]): void {
    this.#log.environment.recent.keep(this, batches, this.#log.segments.reads.exchanges)
  }

  #next(range: OffsetRange, limits: ReadLimits): Piece | Promise<Piece | ReadError> {
    const { next } = range
    const { tail } = this.#log
    if (this.#isInTail(next)) return { ...memoryPiece(tail, range, limits), isAll: true }
    const kept = this.#recent(next)
    return kept ? memoryPiece(kept, range, limits) : this.#segmentPiece(next, limits)
  }

  /** What is in both is read from memory. */
  #isInTail(offset: number): boolean {
    const { segments, tail } = this.#log
    return offset >= (tail.firstOffset ?? segments.endOffset)
  }

  #recent(offset: number): Tail | undefined {
    const { environment, segments } = this.#log
    return environment.recent.holding(this, offset, segments.reads.exchanges)
  }

  async #segmentPiece(next: number, limits: ReadLimits): Promise<Piece | ReadError> {
    return (await this.#pieceAhead(next, limits)) ?? (await this.#piece(next, limits))
  }

  /** What was read ahead, as much of it as there is room for. */
  async #pieceAhead(next: number, limits: ReadLimits): Promise<Piece | undefined> {
    const found = await this.#log.environment.ahead.find(this, next)
    if (found === undefined) return undefined
    const { reads, startOffset } = this.#log.segments
    const { chunk, isCut, exchanges } = found.piece
    if (exchanges !== reads.exchanges || next < startOffset) {
      found.drop()
      return undefined
    }
    const bytes = fitting(chunk, limits)
    if (bytes === 0) return { chunks: [], next, isAll: true }
    if (!found.take()) return undefined
    if (bytes === chunk.length) return { chunks: [chunk], next: found.piece.next, isAll: isCut }
    const batches = chunk.subarray(0, bytes)
    return { chunks: [batches], next: offsetBehind(batches), isAll: true }
  }

  /** Whether one who asks from `offset` on will go on where the answer ends. */
  #isInOrder(offset: number): boolean {
    const { environment, segments } = this.#log
    return offset === segments.startOffset || environment.ahead.isExpected(this, offset)
  }

  #readAhead(next: number, wantedBytes: number, isInOrder: boolean, number = 0): void {
    const { ahead } = this.#log.environment
    const end = this.#log.highWatermark()
    if (this.#isClosed) return
    if (!isInOrder || next >= end || this.#isInTail(next) || this.#recent(next)) {
      return ahead.expect(this, next)
    }
    const mostBytes = Math.min(wantedBytes, readAheadPieceMaxBytes)
    const { segments } = this.#log
    const told =
      next < segments.startOffset ? undefined : segments.holding(next).foretell(next, mostBytes)
    // What is not committed yet may be gone by the time.
    const isTold = told !== undefined && told.next <= end
    const bytes = isTold ? told.bytes : mostBytes
    ahead.start(
      { owner: this, offset: next, bytes, number, next: isTold ? told.next : undefined },
      () => this.#readPiece({ next, end }, bytes, mostBytes === wantedBytes),
      (behind, count) => this.#readAhead(behind, wantedBytes, true, count),
    )
  }

  async #readPiece(
    { next, end }: OffsetRange,
    maxBytes: number,
    isAsWanted: boolean,
  ): Promise<ReadPiece | undefined> {
    const piece = await this.#piece(next, { maxBytes, minOneBatch: false })
    if (typeof piece === 'string') return undefined
    const [chunk = nothing] = piece.chunks
    // Nothing that was not committed when the read began: it may be taken back, and other batches come in its place.
    const below = piece.next > end ? batchesBelow(chunk, end) : chunk
    if (below.length === 0) {
      letGo(chunk)
      return undefined
    }
    const isCut = piece.isAll && below === chunk && isAsWanted
    return { chunk: below, next: offsetBehind(below), isCut, exchanges: piece.exchanges }
  }

  /** What one segment has from `next` on. */
  async #piece(next: number, limits: ReadLimits): Promise<SegmentPiece | ReadError> {
    const { segments } = this.#log
    try {
      return await segments.reads.consistently(async () => {
        const { exchanges } = segments.reads
        // Retention may have removed it while the one before it was read.
        if (next < segments.startOffset) return 'OFFSET_OUT_OF_RANGE'
        const segment = segments.holding(next)
        const chunk = await segment.read(next, limits)
        if (chunk === undefined) {
          return { chunks: [], next: segment.endOffset, isAll: false, exchanges }
        }
        if (chunk.length === 0) return { chunks: [], next, isAll: true, exchanges }
        const behind = offsetBehind(chunk)
        // Where it ends before its segment does, the next batch had no room.
        return { chunks: [chunk], next: behind, isAll: behind < segment.endOffset, exchanges }
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

function memoryPiece(tail: Tail, { next, end }: OffsetRange, limits: ReadLimits): Piece {
  const chunks = tail.read(next, end, limits)
  const last = chunks.at(-1)
  const behind = last === undefined ? next : offsetBehind(last)
  return { chunks, next: behind, isAll: behind < Math.min(end, tail.endOffset ?? next) }
}

/** The batches of a chunk that lie before offset `end`, where one begins. */
function batchesBelow(chunk: Buffer, end: number): Buffer {
  let at = 0
  while (at < chunk.length && baseOffsetAt(chunk, at) < end) at += totalBytesAt(chunk, at)
  return chunk.subarray(0, at)
}

/** How many bytes of whole batches there is room for. */
function fitting(chunk: Buffer, { maxBytes, minOneBatch }: ReadLimits): number {
  if (chunk.length <= maxBytes) return chunk.length
  let at = 0
  for (let end = totalBytesAt(chunk, 0); end <= maxBytes; end = at + totalBytesAt(chunk, at))
    at = end
  return at === 0 && minOneBatch ? totalBytesAt(chunk, 0) : at
}
