// Moves one partition's batches from memory to its segments: behind the commits, or as a part of one.
import type { DirectWriter, LogEnvironment } from './append-queue.ts'
import type { SegmentsPoint } from './checkpoint-file.ts'
import type { SegmentList } from './segment-list.ts'
import type { PlacedBatch, Tail } from './tail.ts'
import type { TopicConfig } from './topic-config.ts'

/** The partition that is written: how far its log counts at the moment. */
export interface WrittenLog {
  readonly environment: LogEnvironment
  readonly segments: SegmentList
  readonly tail: Tail
  config(): TopicConfig
  highWatermark(): number
  isDeleted(): boolean
}

/**
 * Invariant: memory begins at or before the end of the segments, and holds all that is not committed; what it shares with
 * them is let go of by the next fill. While `isUnsettled`, files may hold what was taken back.
 */
export class PartitionWriter implements DirectWriter {
  readonly #log: WrittenLog
  readonly #leaving: (batches: readonly PlacedBatch[]) => void
  #isUnsettled = false
  #unflushedBytes = 0

  /** `leaving` is called with committed batches that segments have, when memory is about to let go of them. */
  constructor(log: WrittenLog, leaving: (batches: readonly PlacedBatch[]) => void) {
    this.#log = log
    this.#leaving = leaving
  }

  /** Whether a start might take what was taken back for a part of the log: nothing may be committed before `settle`. */
  get isUnsettled(): boolean {
    return this.#isUnsettled
  }

  get unflushedBytes(): number {
    return this.#unflushedBytes
  }

  /** In memory and in no segment. */
  get bytesOutside(): number {
    const { segments, tail } = this.#log
    return tail.bytesBetween(segments.endOffset, Infinity)
  }

  /** Whether segments hold what is not committed. */
  get isAhead(): boolean {
    return this.#log.segments.endOffset > this.#log.highWatermark()
  }

  /** Bytes before `endOffset` that are not committed. */
  uncommittedBytes(endOffset: number): number {
    return this.#bytesBetween(this.#log.highWatermark(), endOffset)
  }

  bytesBehind(endOffset: number): number {
    const { segments } = this.#log
    const unwritten = this.#bytesBetween(segments.endOffset, this.#log.highWatermark())
    return this.#unflushedBytes + (endOffset > segments.endOffset ? unwritten : 0)
  }

  /** Where the committed log ends in the segments, or as far as they have it. */
  get committedPlace(): SegmentsPoint {
    const { segments } = this.#log
    const offset = Math.min(this.#log.highWatermark(), segments.endOffset)
    const { baseOffset, endOffset, sizeBytes } = segments.ending(offset)
    const position = sizeBytes - this.#bytesBetween(offset, endOffset)
    return { ...segments.recoveryPoint, offset, segment: baseOffset, position }
  }

  /** Writes what is committed; `done` is called when segments hold all of that. */
  fill(done: (endOffset: number) => void): Promise<void> {
    const { segments } = this.#log
    return segments.exclusively(async () => {
      for (;;) {
        const end = this.#log.highWatermark()
        const from = segments.endOffset
        const batches = this.#next(end)
        if (this.#log.isDeleted()) return
        this.#drop(Math.min(end, segments.endOffset))
        if (batches.length === 0) return done(end)
        await segments.write(batches, this.#log.config())
        this.#unflushedBytes += this.#bytesBetween(from, segments.endOffset)
      }
    })
  }

  /** Writes everything before `endOffset`, which is to be committed by that. When it rejects, some may be written. */
  writeThrough(endOffset: number): Promise<void> {
    const { segments } = this.#log
    return segments.exclusively(async () => {
      await this.#settle()
      try {
        for (;;) {
          const batches = this.#next(endOffset)
          if (this.#log.isDeleted() || batches.length === 0) return
          await segments.write(batches, this.#log.config(), true)
        }
      } catch (error) {
        this.#isUnsettled = true
        throw error
      }
    })
  }

  /** Flushes what segments held when it was called; rejects with AppError STORAGE_FAILED. */
  async flush(): Promise<void> {
    const unflushedBytes = this.#unflushedBytes
    await this.#log.segments.flush(this.committedPlace)
    // Two flushes at once may have begun with the same.
    this.#unflushedBytes = Math.max(0, this.#unflushedBytes - unflushedBytes)
  }

  /** Takes back what is not committed. No `writeThrough` is under way. */
  rollBack(): number {
    const { segments, tail } = this.#log
    const committed = this.#log.highWatermark()
    if (this.#log.isDeleted()) return 0
    if (this.isAhead) {
      segments.shrink(committed, (from, end) => this.#bytesBetween(from, end))
      this.#isUnsettled = true
    }
    const bytes = tail.truncate(committed)
    this.#log.environment.memory.bytes -= bytes
    return bytes
  }

  /** Makes the disk forget what was taken back; rejects with AppError STORAGE_FAILED. */
  settle(): Promise<void> {
    return this.#log.segments.exclusively(() => this.#settle())
  }

  async #settle(): Promise<void> {
    if (!this.#isUnsettled || this.#log.isDeleted()) return
    await this.#log.segments.settleShrink()
    this.#isUnsettled = false
  }

  /** What segments lack before `end`, as much as one write takes. */
  #next(end: number): readonly PlacedBatch[] {
    const { segments, tail, environment } = this.#log
    return tail.between(segments.endOffset, end, environment.limits.commitMaxBytes)
  }

  #drop(end: number): void {
    const { tail, environment } = this.#log
    this.#leaving(tail.between(0, end, Infinity))
    environment.memory.bytes -= tail.dropBefore(end)
  }

  #bytesBetween(from: number, end: number): number {
    return this.#log.tail.bytesBetween(from, end)
  }
}
