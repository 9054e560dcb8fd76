// Measures how far a mapping is behind the ends of its partitions.
import type { Holdup } from './holdups.ts'
import type { LaneLook } from './lag-cause.ts'
import type { Lane } from './lane.ts'
import type { Partition } from './partition.ts'

/** In records, of the partitions that this member has. */
export interface Lag {
  readonly partitions: number
  /** The end of each partition less what is finished: AWS's offset lag. */
  readonly sum: number
  readonly max: number
  /** The same without what is in flight. */
  readonly waiting: number
  readonly waitingBytes: number
}

export function lagOf(partitions: Iterable<Partition>): Lag {
  const lag = { partitions: 0, sum: 0, max: 0, waiting: 0, waitingBytes: 0 }
  for (const partition of partitions) {
    if (!partition.assigned) continue
    const { finishedUpTo = 0, endOffset = 0, nextOffset = 0 } = partition
    const behind = Math.max(0, endOffset - finishedUpTo)
    lag.partitions += 1
    lag.sum += behind
    lag.max = Math.max(lag.max, behind)
    lag.waiting += partition.waiting + Math.max(0, endOffset - nextOffset)
    lag.waitingBytes += partition.waitingBytes
  }
  return lag
}

export function sumOver<T>(items: Iterable<T>, of: (item: T) => number): number {
  let total = 0
  for (const item of items) total += of(item)
  return total
}

/** The record time of the oldest unfinished record; undefined when all are finished. */
export function oldestOf(partitions: Iterable<Partition>): number | undefined {
  let oldest: number | undefined
  for (const partition of partitions) {
    const timestampMs = partition.assigned ? partition.oldest?.timestampMs : undefined
    if (timestampMs !== undefined && timestampMs < (oldest ?? Infinity)) oldest = timestampMs
  }
  return oldest
}

/** The partitions that are behind, for whoever wants to know why. */
export function lanesBehind(
  partitions: Iterable<Partition>,
  holdups: ReadonlyMap<Lane, Holdup>,
  nowMs: number,
): readonly LaneLook[] {
  const looks: LaneLook[] = []
  for (const each of partitions) {
    const { finishedUpTo = 0, endOffset = 0, assigned, oldest, partition, isInFlight, lanes } = each
    const records = assigned ? endOffset - finishedUpTo : 0
    if (records <= 0) continue
    const ageMs = oldest === undefined ? undefined : Math.max(0, nowMs - oldest.timestampMs)
    const held = lanes.map((lane) => holdups.get(lane)).filter((holdup) => holdup !== undefined)
    looks.push({
      partition,
      offset: finishedUpTo,
      records,
      ageMs,
      isInFlight,
      failures: Math.max(0, ...held.map(({ failures }) => failures)),
      isThrottled: held.some(({ isThrottled }) => isThrottled),
      isUndelivered: held.some(({ isUndelivered }) => isUndelivered),
    })
  }
  return looks
}

/** Says by how many offsets partitions have moved on since it was last asked. */
export class ProgressMeter {
  #before = new Map<Partition, number>()

  take(partitions: Iterable<Partition>): number {
    const now = new Map<Partition, number>()
    let progress = 0
    for (const partition of partitions) {
      const { finishedUpTo } = partition
      if (finishedUpTo === undefined) continue
      now.set(partition, finishedUpTo)
      progress += Math.max(0, finishedUpTo - (this.#before.get(partition) ?? finishedUpTo))
    }
    this.#before = now
    return progress
  }
}
