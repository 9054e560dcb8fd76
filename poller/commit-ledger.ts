// Decides when which offsets are committed: one commit at a time, and not more often than is useful.
import type { Partition } from './partition.ts'

/**
 * Partitions whose checkpoint may have moved past what the group knows. A commit takes all of them at
 * once; those that move while it is under way wait for the next.
 */
export class CommitLedger {
  readonly #intervalMs: number
  readonly #retryMs: number
  #moved = new Set<Partition>()
  #underWay: ReadonlyMap<Partition, number> | undefined
  #notBeforeMs = 0

  constructor(options: { readonly intervalMs: number; readonly retryMs: number }) {
    this.#intervalMs = options.intervalMs
    this.#retryMs = options.retryMs
  }

  /** Takes note of a partition whose checkpoint may have moved. */
  note(partition: Partition): void {
    this.#moved.add(partition)
  }

  get isUnderWay(): boolean {
    return this.#underWay !== undefined
  }

  /** When there is something to commit; undefined where there is not, or a commit is under way. */
  get dueMs(): number | undefined {
    if (this.#underWay !== undefined || this.#moved.size === 0) return undefined
    return this.#notBeforeMs
  }

  /** Offsets by partition to commit now; undefined where none are due. */
  next(nowMs: number): ReadonlyMap<number, number> | undefined {
    if (this.dueMs === undefined || nowMs < this.dueMs) return undefined
    const offsets = new Map<Partition, number>()
    for (const partition of this.#moved) {
      const { committable } = partition
      if (committable !== undefined) offsets.set(partition, committable)
    }
    this.#moved = new Set()
    if (offsets.size === 0) return undefined
    this.#underWay = offsets
    this.#notBeforeMs = nowMs + this.#intervalMs
    return new Map([...offsets].map(([{ partition }, offset]) => [partition, offset]))
  }

  /** Returns by how many offsets the group moved on. */
  succeeded(): number {
    let moved = 0
    for (const [partition, offset] of this.#underWay ?? []) {
      moved += offset - (partition.committedOffset ?? offset)
      partition.committedOffset = offset
    }
    this.#underWay = undefined
    return moved
  }

  failed(nowMs: number): void {
    for (const partition of this.#underWay?.keys() ?? []) this.#moved.add(partition)
    this.#underWay = undefined
    this.#notBeforeMs = nowMs + this.#retryMs
  }

  /** The last commit of a mapping does not wait for its turn. */
  hurry(): void {
    this.#notBeforeMs = 0
  }
}

/** What of partitions is finished and above what the group has, by partition. */
export function checkpointsOf(partitions: Iterable<Partition>): ReadonlyMap<number, number> {
  const offsets = new Map<number, number>()
  for (const { partition, committable } of partitions) {
    if (committable !== undefined) offsets.set(partition, committable)
  }
  return offsets
}
