// Measures how far the lanes of a mapping are behind the ends of their partitions.
import type { LaneLook } from './lag-cause.ts'
import type { Lane } from './lane.ts'

/** In records, of the partitions that this member has. */
export interface Lag {
  readonly partitions: number
  /** The end of each partition less its checkpoint: AWS's offset lag. */
  readonly sum: number
  readonly max: number
  /** The same without what is in flight. */
  readonly waiting: number
  readonly waitingBytes: number
}

export function lagOf(lanes: Iterable<Lane>): Lag {
  const lag = { partitions: 0, sum: 0, max: 0, waiting: 0, waitingBytes: 0 }
  for (const lane of lanes) {
    if (!lane.assigned) continue
    const { checkpoint = 0, endOffset = 0, nextOffset = 0 } = lane
    const behind = Math.max(0, endOffset - checkpoint)
    lag.partitions += 1
    lag.sum += behind
    lag.max = Math.max(lag.max, behind)
    lag.waiting += lane.waiting + Math.max(0, endOffset - nextOffset)
    lag.waitingBytes += lane.waitingBytes
  }
  return lag
}

export function sumOver(lanes: Iterable<Lane>, of: (lane: Lane) => number): number {
  let total = 0
  for (const lane of lanes) total += of(lane)
  return total
}

/** The record time of the oldest unfinished record; undefined when all are finished. */
export function oldestOf(lanes: Iterable<Lane>): number | undefined {
  let oldest: number | undefined
  for (const lane of lanes) {
    const timestampMs = lane.assigned ? lane.oldest?.timestampMs : undefined
    if (timestampMs !== undefined && timestampMs < (oldest ?? Infinity)) oldest = timestampMs
  }
  return oldest
}

/** The lanes that are behind, for whoever wants to know why. */
export function lanesBehind(
  lanes: Iterable<Lane>,
  failures: ReadonlyMap<Lane, number>,
  nowMs: number,
): readonly LaneLook[] {
  const looks: LaneLook[] = []
  for (const lane of lanes) {
    const { checkpoint = 0, endOffset = 0, assigned, oldest, partition, isInFlight } = lane
    const records = assigned ? endOffset - checkpoint : 0
    if (records <= 0) continue
    const ageMs = oldest === undefined ? undefined : Math.max(0, nowMs - oldest.timestampMs)
    looks.push({ partition, records, ageMs, isInFlight, failures: failures.get(lane) ?? 0 })
  }
  return looks
}

/** Says by how many offsets lanes have moved on since it was last asked. */
export class ProgressMeter {
  #before = new Map<Lane, number>()

  take(lanes: Iterable<Lane>): number {
    const now = new Map<Lane, number>()
    let progress = 0
    for (const lane of lanes) {
      const { checkpoint } = lane
      if (checkpoint === undefined) continue
      now.set(lane, checkpoint)
      progress += Math.max(0, checkpoint - (this.#before.get(lane) ?? checkpoint))
    }
    this.#before = now
    return progress
  }
}
