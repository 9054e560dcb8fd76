// The segments of one partition: which holds an offset, when the next begins, which are dropped.
import assert from 'node:assert/strict'
import { dirname } from 'node:path'
import type { SegmentsPoint } from './checkpoint-file.ts'
import { isMissing } from './file-system.ts'
import { expiredBySize, expiredByTime } from './retention.ts'
import { Segment, type SegmentFiles } from './segment.ts'
import { lastAtMost } from './sparse-index.ts'
import type { PlacedBatch } from './tail.ts'
import type { TopicConfig } from './topic-config.ts'

/** Kafka: indexes hold offsets relative to the segment's base in 32 bits. */
const relativeOffsetMax = 2 ** 31 - 1

export interface SegmentListFacts {
  readonly directory: string
  /** Sorted, without gaps, at least one: the last one is the active segment. */
  readonly segments: readonly Segment[]
  readonly startOffset: number
  /** Up to where all is known to be flushed. */
  readonly flushed: SegmentsPoint
}

/**
 * Invariant: each segment begins where the one before it ends, and only the last one is written to.
 * Whatever changes the list runs inside of `exclusively`.
 */
export class SegmentList {
  readonly #shared: SegmentFiles & { readonly clock: { now(): number } }
  readonly #directory: string
  readonly #segments: Segment[]
  #bases: number[] = []
  #startOffset: number
  #flushed: SegmentsPoint
  #hasNewNames: boolean
  #isForgotten = false
  #last: Promise<unknown> = Promise.resolve()

  constructor(
    shared: SegmentFiles & { readonly clock: { now(): number } },
    facts: SegmentListFacts,
  ) {
    assert(facts.segments.length > 0, 'there is always an active segment')
    this.#shared = shared
    this.#directory = facts.directory
    this.#segments = [...facts.segments]
    this.#startOffset = facts.startOffset
    this.#flushed = facts.flushed
    this.#hasNewNames = facts.segments.some(({ isDirty }) => isDirty)
    this.#setBases()
  }

  get list(): readonly Segment[] {
    return this.#segments
  }

  get startOffset(): number {
    return Math.max(this.#startOffset, this.#bases[0] ?? 0)
  }

  get endOffset(): number {
    return this.#active.endOffset
  }

  get sizeBytes(): number {
    let bytes = 0
    for (const segment of this.#segments) bytes += segment.sizeBytes
    return bytes
  }

  /** What the next start may trust: the log up to here is flushed. */
  get recoveryPoint(): SegmentsPoint {
    return { ...this.#flushed, start: this.#startOffset }
  }

  get #active(): Segment {
    const active = this.#segments.at(-1)
    assert(active !== undefined, 'there is always an active segment')
    return active
  }

  /** The segment that holds `offset`, which must be between start and end. */
  holding(offset: number): Segment {
    const segment = this.#segments[lastAtMost(this.#bases, offset)]
    assert(segment !== undefined && offset < segment.endOffset, 'the offset is in a segment')
    return segment
  }

  /** About how many bytes lie at or after `offset`: exact at a segment's ends. */
  bytesFrom(offset: number): number {
    let bytes = 0
    for (const { baseOffset, endOffset, sizeBytes } of this.#segments) {
      if (endOffset <= offset) continue
      const part = baseOffset >= offset ? 1 : (endOffset - offset) / (endOffset - baseOffset)
      bytes += sizeBytes * part
    }
    return Math.ceil(bytes)
  }

  /** Runs `work` after all earlier work of this partition is done, whatever became of that. */
  exclusively<T>(work: () => Promise<T>): Promise<T> {
    const run = this.#last.then(work)
    this.#last = run.then(ignore, ignore)
    return run
  }

  /** Writes the first of `batches` that belong into one segment; returns how many those were. */
  async write(batches: readonly PlacedBatch[], config: TopicConfig): Promise<number> {
    const nowMs = this.#shared.clock.now()
    let count = countFitting(this.#active, batches, config, nowMs)
    if (count === 0) {
      await this.#roll()
      count = countFitting(this.#active, batches, config, nowMs)
    }
    const active = this.#active
    if (!active.exists) {
      await this.#shared.files.makeDirectory(this.#directory)
      this.#hasNewNames = true
    }
    await active.write(batches.slice(0, count), nowMs)
    return count
  }

  /** Flushes every segment that was written to, and moves the recovery point behind them. */
  async flush(): Promise<void> {
    const active = this.#active
    const { endOffset: offset, baseOffset: segment, sizeBytes: position } = active
    for (const dirty of this.#segments.filter(({ isDirty }) => isDirty)) {
      await unlessGone(dirty.sync(), () => dirty.isRemoved)
    }
    if (this.#hasNewNames) {
      this.#hasNewNames = false
      for (const directory of [this.#directory, dirname(this.#directory)]) {
        await unlessGone(this.#shared.files.syncDirectory(directory), () => this.#isForgotten)
      }
    }
    this.#flushed = { start: this.#startOffset, offset, segment, position }
  }

  async writeIndexes(): Promise<void> {
    await this.#active.writeIndex()
  }

  /** Makes `offset` the first that can be read, and removes what lies below it as a whole. */
  raiseStart(offset: number, persist: () => Promise<void>): Promise<void> {
    return this.exclusively(async () => {
      const before = this.#startOffset
      if (offset <= this.startOffset) return
      this.#startOffset = offset
      try {
        await persist()
      } catch (error) {
        this.#startOffset = before
        throw error
      }
      if (this.#active.endOffset <= offset && this.#active.sizeBytes > 0) await this.#roll()
      await this.#dropOldest(this.#segments.filter((s) => s.endOffset <= offset).length)
    })
  }

  /** Returns how many segments were dropped. */
  applyRetention(config: TopicConfig, nowMs: number, tailBytes: number): Promise<number> {
    return this.exclusively(async () => {
      if (this.#isForgotten) return 0
      const byTime = await expiredByTime(this.#segments, config, nowMs)
      if (byTime === this.#segments.length) await this.#roll()
      await this.#dropOldest(byTime)
      const bySize = expiredBySize(this.#segments, config, tailBytes)
      await this.#dropOldest(bySize)
      return byTime + bySize
    })
  }

  /** The partition's directory is about to be removed: nothing more is done with its files. */
  forget(): void {
    this.#isForgotten = true
    for (const segment of this.#segments) segment.forget()
  }

  async #roll(): Promise<void> {
    const { endOffset } = this.#active
    await this.#active.writeIndex()
    const modifiedMs = this.#shared.clock.now()
    const facts = { directory: this.#directory, baseOffset: endOffset, endOffset, modifiedMs }
    this.#segments.push(
      new Segment(this.#shared, { ...facts, sizeBytes: 0, exists: false, isDirty: false }),
    )
    this.#setBases()
  }

  async #dropOldest(count: number): Promise<void> {
    const dropped = this.#segments.splice(0, Math.min(count, this.#segments.length - 1))
    this.#setBases()
    for (const segment of dropped) await segment.remove()
  }

  #setBases(): void {
    this.#bases = this.#segments.map(({ baseOffset }) => baseOffset)
  }
}

function ignore(): void {}

/** A file may be removed while it is being flushed; then there is nothing left to flush. */
async function unlessGone(work: Promise<void>, isGone: () => boolean): Promise<void> {
  try {
    await work
  } catch (error) {
    if (!isMissing(error) || !isGone()) throw error
  }
}

/** None where a new segment is due: the active one is full, old, or its offsets span too far. */
function countFitting(
  active: Segment,
  batches: readonly PlacedBatch[],
  config: TopicConfig,
  nowMs: number,
): number {
  if (active.sizeBytes > 0 && nowMs - active.startedMs >= config.segmentMs) return 0
  let sizeBytes = active.sizeBytes
  let count = 0
  for (const { bytes, lastOffset } of batches) {
    sizeBytes += bytes.length
    const isOver =
      sizeBytes > config.segmentBytes || lastOffset - active.baseOffset > relativeOffsetMax
    // A batch larger than a segment has one to itself.
    if (isOver && sizeBytes > bytes.length) break
    count += 1
  }
  return count
}
