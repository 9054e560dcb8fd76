// Decides whether a partition's log is due for compaction, and which segments become one; does no I/O.

/** Of Kafka's topic configuration, what compaction goes by. */
export interface CompactionConfig {
  readonly segmentBytes: number
  /** min.cleanable.dirty.ratio: how much of the log must be new for a pass to be worth it. */
  readonly minCleanableDirtyRatio: number
  /** min.compaction.lag.ms: records younger than this stay as they are. */
  readonly minCompactionLagMs: number
  /** max.compaction.lag.ms: none waits longer than this, whatever the ratio says. */
  readonly maxCompactionLagMs: number
  /** delete.retention.ms */
  readonly deleteRetentionMs: number
}

/** What is remembered between passes. */
export interface CompactionProgress {
  /** Below this offset each key was left with its last record. */
  readonly compactedTo: number
  /** When the first tombstone that is left may go; undefined where none waits. */
  readonly deleteHorizonMs: number | undefined
}

/** What the decision needs to know of a segment. */
export interface ClosedSegment {
  readonly baseOffset: number
  readonly endOffset: number
  readonly sizeBytes: number
  readonly modifiedMs: number
  maxTimestamp(): Promise<number>
}

/** The longest head of `closed` that may be compacted: ends at or below `upTo`, and is old enough. */
export async function cleanable<S extends ClosedSegment>(
  closed: readonly S[],
  { upTo, nowMs }: { readonly upTo: number; readonly nowMs: number },
  { minCompactionLagMs }: CompactionConfig,
): Promise<readonly S[]> {
  let count = 0
  for (const segment of closed) {
    if (segment.endOffset > upTo) break
    if (minCompactionLagMs > 0 && nowMs - (await newestMs(segment)) < minCompactionLagMs) break
    count += 1
  }
  return closed.slice(0, count)
}

/** Whether a pass over `segments`, which are cleanable, is worth its work. */
export async function isDue(
  segments: readonly ClosedSegment[],
  { compactedTo, deleteHorizonMs }: CompactionProgress,
  { nowMs, config }: { readonly nowMs: number; readonly config: CompactionConfig },
): Promise<boolean> {
  if (segments.length === 0) return false
  if (deleteHorizonMs !== undefined && deleteHorizonMs <= nowMs) return true
  const dirty = segments.filter(({ endOffset }) => endOffset > compactedTo)
  const oldest = dirty[0]
  if (oldest === undefined) return false
  if (bytesOf(dirty) >= config.minCleanableDirtyRatio * bytesOf(segments)) return true
  return nowMs - (await newestMs(oldest)) > config.maxCompactionLagMs
}

/**
 * Whether what is left of `segment` may follow in one file on `sizeBytes` that begin at `baseOffset`: together they are
 * no larger than a segment, and a segment's offsets are relative to its base in 32 bits.
 */
export function fitsBehind(
  { baseOffset, sizeBytes }: { readonly baseOffset: number; readonly sizeBytes: number },
  segment: Pick<ClosedSegment, 'endOffset' | 'sizeBytes'>,
  { segmentBytes }: Pick<CompactionConfig, 'segmentBytes'>,
): boolean {
  return segment.endOffset - baseOffset < 2 ** 31 && sizeBytes + segment.sizeBytes <= segmentBytes
}

async function newestMs(segment: ClosedSegment): Promise<number> {
  const maxTimestamp = await segment.maxTimestamp()
  return maxTimestamp >= 0 ? maxTimestamp : segment.modifiedMs
}

function bytesOf(segments: readonly ClosedSegment[]): number {
  return segments.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0)
}
