// What the log counts, as plain numbers that a metrics table can read.
import type { HistogramValue } from '../../common/metrics.ts'

export interface PartitionStats {
  readonly topic: string
  readonly partition: number
  readonly internal: boolean
  readonly logStartOffset: number
  readonly logEndOffset: number
  readonly highWatermark: number
  readonly sizeBytes: number
  readonly segments: number
  /** Since the store was opened; appends that were refused or failed do not count. */
  readonly recordsAppended: number
  readonly bytesAppended: number
}

/** One commit is one write, to the write-ahead log or to a segment, for however many appends. */
export interface CommitCounters {
  readonly commits: number
  readonly appends: number
  readonly bytes: number
  readonly failures: number
  readonly flushes: number
  readonly flushSeconds: HistogramValue
}

/** A pass is one look at one partition's closed segments that rewrote what was worth it. */
export interface CompactionCounters {
  readonly passes: number
  readonly failures: number
  /** Of the segments that were looked at, and of what is left of them. */
  readonly bytesBefore: number
  readonly bytesAfter: number
}

export interface LogStats {
  readonly partitions: readonly PartitionStats[]
  readonly commits: CommitCounters
  readonly compaction: CompactionCounters
  /** Appended and not committed. */
  readonly queuedBytes: number
  /** Committed and not in a segment yet. */
  readonly tailBytes: number
  readonly walBytes: number
  readonly walFiles: number
  readonly openFiles: number
  /** Empty when all is well; otherwise a sentence per problem. */
  readonly problems: readonly string[]
}
