// What a partition and the commit loop know of each other, and what all partitions share.
import type { Clock } from '../../common/clock.ts'
import type { QueuedAppend } from './append-run.ts'
import type { LogLimits } from './log-limits.ts'
import type { ProducerBudget } from './producer-budget.ts'
import type { ReadAhead } from './read-ahead.ts'
import type { RecentBatches } from './recent-batches.ts'
import type { SegmentFiles } from './segment-facts.ts'
import type { TopicConfig } from './topic-config.ts'

/** Which partition of which topic; `config` is read at each append, so a change holds at once. */
export interface PartitionIdentity {
  readonly topic: string
  readonly topicId: Buffer
  readonly index: number
  readonly internal: boolean
  readonly directory: string
  readonly config: () => TopicConfig
}

/** A partition as those see it who commit its appends and fill its segments. */
export interface QueuedPartition {
  readonly identity: PartitionIdentity
  /** Bytes in memory, committed or not. */
  readonly tailBytes: number
  readonly isDeleted: boolean
  /** Everything up to `endOffset` is committed now. */
  advance(endOffset: number): void
  /** A commit failed: whatever is not committed was never appended. Nothing of it is being written any more. */
  rollBack(): void
  /** Writes what is committed from memory to segments, and lets go of it; rejects with AppError STORAGE_FAILED. */
  fill(): Promise<void>
  /** Flushes what its segments held when it was called; rejects likewise. */
  flushSegments(): Promise<void>
  readonly writer: DirectWriter
}

/** A partition's segments for those who commit straight to them. */
export interface DirectWriter {
  /** Writes everything before `endOffset`, to be committed by that; rejects with AppError STORAGE_FAILED. */
  writeThrough(endOffset: number): Promise<void>
  /** Filled in since the last flush began: what a flush would have to write. */
  readonly unflushedBytes: number
  /** Whether segments hold what is not committed. */
  readonly isAhead: boolean
  /** What a flush would have to write beside what is not committed, were all before `endOffset` in segments. */
  bytesBehind(endOffset: number): number
  /** Bytes before `endOffset` that are not committed. */
  uncommittedBytes(endOffset: number): number
  /** Whether files may hold what a failed commit took back: nothing is committed before that is settled. */
  readonly isUnsettled: boolean
  settle(): Promise<void>
}

/** Where appends wait for their commit. */
export interface AppendQueue {
  /** Why nothing can be queued now; undefined when it can. */
  refusal(sizeBytes: number): string | undefined
  /** Resolves when committed; rejects with AppError STORAGE_FAILED. */
  enqueue(partition: QueuedPartition, append: QueuedAppend): Promise<void>
}

/** What all partitions of a store share. */
export interface LogEnvironment extends SegmentFiles {
  readonly clock: Clock
  readonly limits: LogLimits
  readonly queue: AppendQueue
  /** Bytes in the tails of all partitions: queued, or committed and not in a segment yet. */
  readonly memory: { bytes: number }
  readonly producers: ProducerBudget
  readonly ahead: ReadAhead
  readonly recent: RecentBatches
  /** Makes the start offsets of all partitions durable. */
  persistStarts(): Promise<void>
  /** Flushes all segments and writes down that the next start may trust them. */
  checkpoint(): Promise<void>
}
