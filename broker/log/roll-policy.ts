// Decides how many batches still belong into the active segment, and so when the next one begins.
import type { PlacedBatch } from './tail.ts'
import type { TopicConfig } from './topic-config.ts'

/** Kafka: indexes hold offsets relative to the segment's base in 32 bits. */
const relativeOffsetMax = 2 ** 31 - 1

/** The segment that is written to. */
export interface ActiveSegment {
  readonly baseOffset: number
  readonly sizeBytes: number
  /** When its first batch was written. */
  readonly startedMs: number
}

/** None where a new segment is due: the active one is full, old, or its offsets span too far. */
export function countFitting(
  active: ActiveSegment,
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
