// Says which committed offsets are past their retention (Kafka: offsets.retention.minutes, KIP-211).
import type { GroupState } from './membership.ts'
import type { OffsetRecord } from './offset-record.ts'

/** Whoever offsets belong to, as retention sees it. */
export interface OffsetHolder {
  readonly state: GroupState
  /** What its members read; undefined where that is not known, and then nothing is dropped. */
  readonly subscribedTopics: ReadonlySet<string> | undefined
  /** When its last member left, or the latest time at which it may have had one. */
  readonly emptySinceMs: number
}

/**
 * Without members all offsets go together, the retention after the last member left and the last offset
 * was committed. A stable group loses those of topics that nobody subscribes to, each the retention after
 * its commit. `latestMs` is the retention before now.
 */
export function expiredOffsets(
  records: readonly OffsetRecord[],
  { state, subscribedTopics, emptySinceMs }: OffsetHolder,
  latestMs: number,
): readonly OffsetRecord[] {
  const isOld = ({ committed }: OffsetRecord): boolean =>
    committed !== null && committed.commitTimestampMs <= latestMs
  if (state === 'Empty') return emptySinceMs <= latestMs && records.every(isOld) ? records : []
  if (state !== 'Stable' || subscribedTopics === undefined) return []
  return records.filter((record) => isOld(record) && !subscribedTopics.has(record.key.topic))
}
