// The segments of one partition: which holds an offset, when the next begins, which are dropped.
import assert from 'node:assert/strict'
import { dirname } from 'node:path'
import type { SegmentsPoint } from './checkpoint-file.ts'
import { unlessFailed, unlessGone } from './file-system.ts'
import { ReadGate } from './read-gate.ts'
import { Removals } from './removals.ts'
import { expiredBySize, expiredByTime, type RetainedTail } from './retention.ts'
import { countFitting } from './roll-policy.ts'
import type { SegmentFiles } from './segment-facts.ts'
import { Segment } from './segment.ts'
import { lastAtMost } from './sparse-index.ts'
import type { PlacedBatch } from './tail.ts'
import type { TopicConfig } from './topic-config.ts'
import { Turns } from './turns.ts'

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
  readonly #removals: Removals
  #isForgotten = false
  readonly #turns = new Turns()
  /** Taken out of the list by a shrink, with files that may be there still. */
  #abandoned: Segment[] = []
  /** What reads segments goes through it. */
  readonly reads = new ReadGate()

  constructor(
    shared: SegmentFiles & { readonly clock: { now(): number } },
    facts: SegmentListFacts,
  ) {
    assert(facts.segments.length > 0, 'there is always an active segment')
    this.#shared = shared
    this.#directory = facts.directory
    this.#segments = [...facts.segments]
    this.#startOffset = facts.startOffset
    this.#removals = new Removals(() => shared.files.syncDirectory(facts.directory))
    this.#flushed = facts.flushed
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

  /** The segment in which the log would end if it ended at `offset`. */
  ending(offset: number): Segment {
    return offset >= this.endOffset ? this.#active : this.holding(offset)
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

  /** Runs `work` after all earlier work of this partition. */
  exclusively<T>(work: () => Promise<T>): Promise<T> {
    return this.#turns.take(work)
  }

  hold(): Promise<() => void> {
    return this.#turns.hold()
  }

  /** Writes the first of `batches` that belong into one segment, as `Segment.write` does. */
  async write(
    batches: readonly PlacedBatch[],
    config: TopicConfig,
    isDirect = false,
  ): Promise<void> {
    const nowMs = this.#shared.clock.now()
    const fitting = (): number => countFitting(this.#active, batches, config, nowMs)
    if (fitting() === 0) await this.#roll()
    const count = fitting()
    if (!this.#active.exists) await this.#shared.files.makeDirectory(this.#directory)
    await this.#active.write(batches.slice(0, count), nowMs, isDirect)
  }

  /**
   * Takes back what lies at or behind `offset`, in memory, at once; `bytesBetween` knows how much that is. The files
   * follow with `settleShrink`, before which nothing may be written in its place.
   */
  shrink(offset: number, bytesBetween: (from: number, end: number) => number): void {
    while (this.#active.baseOffset > offset) this.#abandoned.push(...this.#segments.splice(-1))
    this.#setBases()
    const active = this.#active
    if (active.endOffset > offset) active.shrink(offset, bytesBetween(offset, active.endOffset))
  }

  /**
   * Durably gone is, when it resolves, what a shrink took back or a failed write left: a start would take it for a part
   * of the log. Inside of `exclusively`.
   */
  async settleShrink(): Promise<void> {
    for (const abandoned of this.#abandoned) {
      await abandoned.remove()
      await abandoned.removeIndex('removed')
    }
    if (this.#abandoned.length > 0) await this.#shared.files.syncDirectory(this.#directory)
    this.#abandoned = []
    if (!this.#active.exists) return
    await this.#active.removeIndex('cut')
    await this.#active.settle(this.#flushedOf(this.#active))
  }

  /** Flushes every segment that was written to; the recovery point is then `committed`, the end of what counted. */
  async flush(committed: SegmentsPoint): Promise<void> {
    for (const dirty of this.#segments.filter(({ isDirty }) => isDirty)) {
      await unlessGone(dirty.sync(this.#flushedOf(dirty)), () => dirty.isRemoved)
    }
    await this.#flushNames()
    // What comes back behind the recovery point would be taken for the log's end.
    await unlessGone(this.#removals.flush(), () => this.#isForgotten)
    if (committed.offset >= this.#flushed.offset) this.#flushed = committed
  }

  /** Its file is there after a power cut. */
  async #makeSure(segment: Segment): Promise<void> {
    if (!segment.exists) {
      await this.#shared.files.makeDirectory(this.#directory)
      await segment.write([], this.#shared.clock.now())
    }
    await this.#flushNames()
  }

  async #flushNames(): Promise<void> {
    const created = this.#segments.filter(({ isNameNew }) => isNameNew)
    if (created.length === 0) return
    for (const directory of [this.#directory, dirname(this.#directory)]) {
      await unlessGone(this.#shared.files.syncDirectory(directory), () => this.#isForgotten)
    }
    for (const segment of created) segment.nameFlushed()
  }

  #flushedOf({ baseOffset }: Segment): { readonly position: number; readonly offset: number } {
    const isPoint = baseOffset === this.#flushed.segment
    return isPoint ? this.#flushed : { position: 0, offset: baseOffset }
  }

  writeIndexes(): Promise<void> {
    return this.#active.writeIndex()
  }

  /** Makes `offset` the first that can be read, and removes what lies below it as a whole. */
  raiseStart(offset: number, persist: () => Promise<void>): Promise<void> {
    return this.exclusively(async () => {
      const before = this.#startOffset
      // What retention has dropped may be back after a crash; what was deleted may not.
      if (offset <= before) return
      this.#startOffset = offset
      try {
        await persist()
      } catch (error) {
        this.#startOffset = before
        throw error
      }
      if (this.#isForgotten) return
      if (this.#active.endOffset <= offset && this.#active.sizeBytes > 0) await this.#roll()
      await this.#dropOldest(this.#segments.filter((s) => s.endOffset <= offset).length)
    })
  }

  /**
   * After a crash that took more than had been deleted (with no flush at commits): goes on where the log was
   * to start, so that no offset is given out twice.
   */
  reachStart(): Promise<void> {
    return this.exclusively(async () => {
      if (this.endOffset >= this.#startOffset) return
      this.#begin(this.#startOffset)
      await this.#dropOldest(this.#segments.length - 1)
    })
  }

  applyRetention(config: TopicConfig, nowMs: number, tail: RetainedTail): Promise<number> {
    return this.exclusively(async () => {
      if (this.#isForgotten) return 0
      const before = this.#segments.length
      // What is not committed may be taken back, so segments with any of it stay.
      const committed = this.#segments.filter((s) => s.endOffset <= tail.committedOffset())
      const byTime = await expiredByTime(committed, config, nowMs)
      // The last one waits, so that a roll which fails does not keep the others.
      await this.#dropOldest(Math.min(byTime, before - 1))
      if (byTime === before) {
        await this.#roll()
        await this.#dropOldest(1)
      }
      const most = committed.length - byTime
      const bySize = Math.min(most, expiredBySize(this.#segments, config, tail.bytes))
      await this.#dropOldest(bySize)
      return byTime + bySize
    })
  }

  /** Begins a new segment if the active one holds anything. */
  roll(): Promise<void> {
    return this.exclusively(async () => {
      if (!this.#isForgotten && this.#active.sizeBytes > 0) await this.#roll()
    })
  }

  /**
   * Puts a flushed file, which holds what is left of neighbouring segments, in their place: all at once, so that a
   * crash leaves the first segment's file old or new. False where the segments are no longer there.
   */
  replace(
    old: readonly [Segment, ...Segment[]],
    { path, sizeBytes }: { readonly path: string; readonly sizeBytes: number },
  ): Promise<boolean> {
    return this.exclusively(async () => {
      if (this.#isForgotten || old.some(({ isRemoved }) => isRemoved)) return false
      const [first, ...others] = old
      const { baseOffset } = first
      const { endOffset } = old.at(-1) ?? first
      const modifiedMs = Math.max(...old.map((segment) => segment.modifiedMs))
      const facts = { directory: this.#directory, baseOffset, endOffset, sizeBytes, modifiedMs }
      const segment = new Segment(this.#shared, { ...facts, exists: true, isDirty: false })
      await this.reads.exchange(async () => {
        await first.becomeFile(path)
        this.#segments.splice(this.#segments.indexOf(first), old.length, segment)
        this.#setBases()
        for (const gone of old) gone.forget()
      })
      // Only then may the others go: until the name is on the disk they are what is there.
      await this.#shared.files.syncDirectory(this.#directory)
      for (const other of others) {
        await other.remove()
        await unlessFailed(other.removeIndex('removed'))
      }
      return true
    })
  }

  /** The partition's directory is about to be removed: nothing more is done with its files. */
  forget(): void {
    this.#isForgotten = true
    for (const segment of this.#segments) segment.forget()
  }

  async #roll(): Promise<void> {
    // Names reach the disk in any order: of a log whose first segment's has not, a start would take the next for all.
    await this.#flushNames()
    await this.#active.cutTorn()
    // Whatever keeps an index from being written, it is made again when it is needed.
    await unlessFailed(this.#active.writeIndex())
    this.#begin(this.endOffset)
  }

  #begin(baseOffset: number): void {
    const modifiedMs = this.#shared.clock.now()
    const facts = { directory: this.#directory, baseOffset, endOffset: baseOffset, modifiedMs }
    this.#segments.push(
      new Segment(this.#shared, { ...facts, sizeBytes: 0, exists: false, isDirty: false }),
    )
    this.#setBases()
  }

  /**
   * The removal of one segment is on the disk before that of the next begins: whatever a crash leaves, a
   * gap between segments is never retention's work. One that cannot be removed stays.
   */
  async #dropOldest(count: number): Promise<void> {
    for (let left = Math.min(count, this.#segments.length - 1); left > 0; left--) {
      // No file would tell where the log ends, and a start would give its offsets out again.
      if (this.#segments.length === 2) await this.#makeSure(this.#active)
      if (this.#segments[0]?.exists === true) await this.#removals.begin()
      const [oldest] = this.#segments.splice(0, 1)
      assert(oldest !== undefined, 'the active segment stays')
      this.#setBases()
      try {
        await oldest.remove()
      } catch (error) {
        this.#segments.unshift(oldest)
        this.#setBases()
        throw error
      } finally {
        if (oldest.exists) this.#removals.made()
      }
      await unlessFailed(oldest.removeIndex('removed'))
    }
  }

  #setBases(): void {
    this.#bases = this.#segments.map(({ baseOffset }) => baseOffset)
  }
}
