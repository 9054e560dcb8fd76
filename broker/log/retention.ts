// Decides which segments retention drops: whole ones, the oldest first.
import type { TopicConfig } from './topic-config.ts'

/** What the decision needs to know of a segment. */
export interface RetainedSegment {
  readonly sizeBytes: number
  readonly modifiedMs: number
  /** The largest of its records; -1 where none has a timestamp. */
  maxTimestamp(): Promise<number>
}

/** What of the log is not in segments yet, and how far it counts. */
export interface RetainedTail {
  readonly bytes: number
  committedOffset(): number
}

/**
 * How many segments, counted from the oldest, are past `retention.ms`: all of their records are older.
 * The last one counts as well; it has to be rolled before it can go.
 */
export async function expiredByTime(
  segments: readonly RetainedSegment[],
  { retentionMs }: Pick<TopicConfig, 'retentionMs'>,
  nowMs: number,
): Promise<number> {
  if (retentionMs < 0) return 0
  let expired = 0
  for (const segment of segments) {
    if (segment.sizeBytes === 0) break
    const maxTimestamp = await segment.maxTimestamp()
    const newestMs = maxTimestamp >= 0 ? maxTimestamp : segment.modifiedMs
    if (nowMs - newestMs <= retentionMs) break
    expired += 1
  }
  return expired
}

/**
 * How many segments, counted from the oldest, can go with `retention.bytes` still kept. Never the last.
 * `tailBytes` are the partition's bytes that are not in a segment yet.
 */
export function expiredBySize(
  segments: readonly Pick<RetainedSegment, 'sizeBytes'>[],
  { retentionBytes }: Pick<TopicConfig, 'retentionBytes'>,
  tailBytes: number,
): number {
  if (retentionBytes < 0) return 0
  let excess = segments.reduce((sum, { sizeBytes }) => sum + sizeBytes, tailBytes) - retentionBytes
  let expired = 0
  for (const { sizeBytes } of segments.slice(0, -1)) {
    excess -= sizeBytes
    if (excess < 0) break
    expired += 1
  }
  return expired
}
