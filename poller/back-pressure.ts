// Decides which partitions stop and go on being read, so that what a mapping holds stays bounded.
import type { Partition } from './partition.ts'

/**
 * One with a batch out stops at its share of the buffer, so that a blocked one cannot fill it; any
 * that holds something stops once the whole is full; both go on at half of it. One that
 * holds nothing is always read on, else those that are blocked and full would starve those that are
 * not. What is held therefore stays below the bound plus one fetch per partition.
 *
 * Where a partition has several lanes, one that hangs holds little, but all that the others finish meanwhile stays
 * uncommitted: at `spreadMax` offsets behind what is read the partition waits for it.
 */
export class BackPressure {
  readonly #maxBytes: number

  readonly #spreadMax: number

  constructor(maxBytes: number, spreadMax = Infinity) {
    this.#maxBytes = maxBytes
    this.#spreadMax = spreadMax
  }

  /** Sets `paused` of the partitions and returns those whose state changed. */
  apply(partitions: ReadonlyMap<number, Partition>): { paused: number[]; resumed: number[] } {
    const changes = { paused: [] as number[], resumed: [] as number[] }
    const share = this.#maxBytes / Math.max(1, partitions.size)
    let total = 0
    for (const { bytes } of partitions.values()) total += bytes
    for (const partition of partitions.values()) {
      if (!partition.assigned) continue
      const spread = this.#spreadMax === Infinity ? 0 : partition.spread
      if (!partition.paused) {
        const isAhead = spread >= this.#spreadMax
        if (!isAhead && !mustPause(partition, share, total >= this.#maxBytes)) continue
        partition.paused = true
        changes.paused.push(partition.partition)
      } else if (
        spread <= this.#spreadMax / 2 &&
        mayResume(partition, share, total <= this.#maxBytes / 2)
      ) {
        partition.paused = false
        changes.resumed.push(partition.partition)
      }
    }
    return changes
  }
}

function mustPause(partition: Partition, share: number, isFull: boolean): boolean {
  const { bytes } = partition
  return (bytes >= share && partition.isInFlight) || (isFull && bytes > 0)
}

function mayResume(partition: Partition, share: number, isHalfEmpty: boolean): boolean {
  const { bytes } = partition
  const isBelowShare = bytes <= share / 2 || !partition.isInFlight
  return bytes === 0 || (isBelowShare && isHalfEmpty)
}
