// Keeps how far a partition is read and finished, over the lanes that its records are spread on.
import assert from 'node:assert'
import { Lane, type LaneRecord } from './lane.ts'
import type { RecordRun } from './sources/source.ts'
import { WindowHolds } from './window-holds.ts'

/**
 * Each lane gives its records up in their order, so what is finished of all of them needs no list: it ends before the
 * oldest record that any of them still has.
 *
 * Invariant: `checkpoint` is the lowest offset that is not finished, or whose window is not.
 */
export class Partition {
  readonly partition: number
  /** One by slot. */
  readonly lanes: readonly Lane[]
  /** The only lane: most partitions have one, and some of what follows is asked of each at every step. */
  readonly #only: Lane | undefined
  /** The offset after the partition's last record, as of the last fetch of it. */
  endOffset: number | undefined = undefined
  /** What the group has as this partition's offset, as far as known. */
  committedOffset: number | undefined = undefined
  /** Whether others may have committed since: then only what is read next shows where the group is. */
  committedIsOld = false
  /** Whether nothing follows what was read of it. */
  ended = false
  /** The time of the newest record that was read of it. */
  latestMs = 0
  readonly #windowHolds = new WindowHolds()
  #assigned = true
  #paused = false
  #nextOffset: number | undefined

  constructor(partition: number, slots = 1) {
    this.partition = partition
    const holds = this.#windowHolds
    this.lanes = Array.from({ length: slots }, (_, slot) => new Lane(partition, slot, holds))
    this.#only = slots === 1 ? this.lanes[0] : undefined
  }

  /** False once the partition is another member's; what is still in flight then counts for nothing. */
  get assigned(): boolean {
    return this.#assigned
  }

  set assigned(assigned: boolean) {
    this.#assigned = assigned
    for (const lane of this.lanes) lane.assigned = assigned
  }

  get paused(): boolean {
    return this.#paused
  }

  set paused(paused: boolean) {
    this.#paused = paused
    for (const lane of this.lanes) lane.paused = paused
  }

  /** The lane of a slot. */
  lane(slot: number): Lane {
    const lane = this.lanes[slot]
    assert(lane !== undefined)
    return lane
  }

  /** The offset that is read next; undefined before the first record. */
  get nextOffset(): number | undefined {
    return this.#nextOffset
  }

  get waiting(): number {
    return this.#only?.waiting ?? sumOver(this.lanes, (lane) => lane.waiting)
  }

  get waitingBytes(): number {
    return this.#only?.waitingBytes ?? sumOver(this.lanes, (lane) => lane.waitingBytes)
  }

  /** All that it holds, waiting and in flight. */
  get bytes(): number {
    return this.#only?.bytes ?? sumOver(this.lanes, (lane) => lane.bytes)
  }

  get records(): number {
    return this.#only?.records ?? sumOver(this.lanes, (lane) => lane.records)
  }

  /** Whether a batch of any of its lanes is out. */
  get isInFlight(): boolean {
    return this.#only?.isInFlight ?? this.lanes.some((lane) => lane.isInFlight)
  }

  get hasWindow(): boolean {
    return this.lanes.some(({ window }) => window !== undefined)
  }

  /** The lowest unfinished offset. */
  get finishedUpTo(): number | undefined {
    return this.oldest?.offset ?? this.#nextOffset
  }

  /** What may be committed: the lowest unfinished offset, or the first of a window that has not ended. */
  get checkpoint(): number | undefined {
    const { finishedUpTo } = this
    const held = this.#windowHolds.lowest(this.lanes)
    return finishedUpTo === undefined ? undefined : Math.min(finishedUpTo, held ?? finishedUpTo)
  }

  /** How many offsets lie between the checkpoint and what is read next. */
  get spread(): number {
    const { checkpoint } = this
    return checkpoint === undefined ? 0 : (this.#nextOffset ?? checkpoint) - checkpoint
  }

  /** The checkpoint where that is above what the group has, for all that is known. */
  get committable(): number | undefined {
    const { checkpoint } = this
    if (!this.#assigned || this.committedIsOld || checkpoint === undefined) return undefined
    return checkpoint > (this.committedOffset ?? -1) ? checkpoint : undefined
  }

  /** The oldest unfinished record. */
  get oldest(): LaneRecord | undefined {
    if (this.#only !== undefined) return this.#only.oldest
    let oldest: LaneRecord | undefined
    for (let slot = 0; slot < this.lanes.length; slot++) {
      const other = this.lanes[slot]?.oldest
      if (other !== undefined && other.offset < (oldest?.offset ?? Infinity)) oldest = other
    }
    return oldest
  }

  /** A read has begun with the record at `first`, where it had any. */
  found(
    first: number | undefined,
    run: Pick<RecordRun, 'nextOffset' | 'endOffset' | 'ended'>,
  ): void {
    this.committedOffset ??= first
    if (this.committedIsOld) {
      this.committedOffset = first ?? run.nextOffset
      this.committedIsOld = false
    }
    this.endOffset = run.endOffset
    if (run.ended === true) this.ended = true
  }

  /** Everything below `nextOffset` was seen; what of it is in no lane is finished. */
  advance(nextOffset: number): void {
    this.committedOffset ??= nextOffset
    if (this.#nextOffset === undefined || nextOffset > this.#nextOffset) {
      this.#nextOffset = nextOffset
    }
  }

  /** Forgets what waits; it will be read again. */
  reset(): void {
    const nextOffset = this.#nextOffset
    if (nextOffset === undefined) return
    for (const lane of this.lanes) lane.reset(nextOffset)
    this.#nextOffset = Math.min(...this.lanes.map((lane) => lane.knownBelow))
  }

  /** Asserts the invariants of its lanes, and that they hold nothing that was not read. */
  check(): void {
    // What is in flight may have been read before the rest was forgotten.
    const end = Math.max(this.#nextOffset ?? 0, ...this.lanes.map((lane) => lane.knownBelow))
    for (const lane of this.lanes) lane.check(end)
  }
}

function sumOver(lanes: readonly Lane[], of: (lane: Lane) => number): number {
  let total = 0
  for (const lane of lanes) total += of(lane)
  return total
}

export function* lanesOf(partitions: Iterable<Partition>): Iterable<Lane> {
  for (const { lanes } of partitions) yield* lanes
}
