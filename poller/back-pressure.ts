// Decides which lanes stop and go on reading, so that a mapping's buffers stay bounded.
import type { Lane } from './lane.ts'

/**
 * A lane whose batch is out stops at its share of the buffer, so that a blocked one cannot fill it; any
 * lane that holds something stops once the whole is full; both go on at half of it. A lane that
 * holds nothing always reads on, else lanes that are blocked and full would starve those that are
 * not. What is held therefore stays below the bound plus one fetch per partition.
 */
export class BackPressure {
  readonly #maxBytes: number

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes
  }

  /** Sets `paused` of the lanes and returns those whose state changed. */
  apply(lanes: ReadonlyMap<number, Lane>): { paused: number[]; resumed: number[] } {
    const changes = { paused: [] as number[], resumed: [] as number[] }
    const share = this.#maxBytes / Math.max(1, lanes.size)
    let total = 0
    for (const lane of lanes.values()) total += lane.bytes
    for (const lane of lanes.values()) {
      if (!lane.assigned) continue
      if (!lane.paused && mustPause(lane, share, total >= this.#maxBytes)) {
        lane.paused = true
        changes.paused.push(lane.partition)
      } else if (lane.paused && mayResume(lane, share, total <= this.#maxBytes / 2)) {
        lane.paused = false
        changes.resumed.push(lane.partition)
      }
    }
    return changes
  }
}

function mustPause(lane: Lane, share: number, isFull: boolean): boolean {
  return (lane.isInFlight && lane.bytes >= share) || (isFull && lane.bytes > 0)
}

function mayResume(lane: Lane, share: number, isHalfEmpty: boolean): boolean {
  const isBelowShare = !lane.isInFlight || lane.bytes <= share / 2
  return lane.bytes === 0 || (isBelowShare && isHalfEmpty)
}
