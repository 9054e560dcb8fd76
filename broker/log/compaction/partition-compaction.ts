// Compacts one partition when its log is due.
import type { AbortedTransaction } from '../aborted-index.ts'
import { isStorageError, type FileSystem } from '../file-system.ts'
import type { ProducerTable } from '../producer-table.ts'
import type { Segment } from '../segment.ts'
import type { SegmentList } from '../segment-list.ts'
import { Compactor, type CompactionResult } from './compactor.ts'
import type { OffsetMap } from './offset-map.ts'
import { cleanable, isDue, type CompactionConfig } from './plan.ts'
import { producerRules } from './producer-rules.ts'
import { readProgress, settleCompaction } from './progress-file.ts'

/** The partition, as far as compaction asks it. */
export interface CompactedPartition {
  readonly identity: { readonly directory: string }
  /** Records at and above it may still change their meaning: a transaction is open. */
  readonly lastStableOffset: number
  readonly isDeleted: boolean
  abortedBetween(from: number, end: number): Promise<readonly AbortedTransaction[]>
}

interface Shared {
  readonly environment: {
    readonly files: FileSystem
    /** Flushes all segments and writes down that they need no recovery. */
    checkpoint(): Promise<void>
  }
  readonly segments: SegmentList
  readonly producers: ProducerTable
}

/** What one round of compaction over many partitions shares. */
export interface CompactionRound {
  readonly nowMs: number
  /** Made when the first partition is due, since it is large. */
  map(): OffsetMap
  /** Aborted when the store closes: a pass then rejects with the signal's reason at its next step. */
  readonly signal: AbortSignal
}

/** Passes run one after another; it is for the caller to wait. */
export class PartitionCompaction {
  readonly #partition: CompactedPartition
  readonly #shared: Shared

  constructor(partition: CompactedPartition, shared: Shared) {
    this.#partition = partition
    this.#shared = shared
  }

  /**
   * Undefined where nothing was due, or the topic is not compacted. Rejects with AppError STORAGE_FAILED or
   * LOG_CORRUPT.
   */
  async run(
    config: CompactionConfig | undefined,
    round: CompactionRound,
  ): Promise<CompactionResult | undefined> {
    if (config === undefined || this.#partition.isDeleted) return undefined
    try {
      return await this.#run(config, round)
    } catch (error) {
      if (this.#partition.isDeleted && isStorageError(error)) return undefined
      throw error
    }
  }

  async #run(
    config: CompactionConfig,
    { nowMs, map, signal }: CompactionRound,
  ): Promise<CompactionResult | undefined> {
    const { environment, segments } = this.#shared
    const { files } = environment
    const { directory } = this.#partition.identity
    if (segments.list.length === 1 && segments.sizeBytes === 0) return undefined
    if (this.#isActiveOverdue(config, nowMs)) await segments.roll()
    // Read anew each time: a pass that failed may have left a merge to be finished.
    const progress = await readProgress(files, directory)
    if (!(await isDue(await this.#cleanable(config, nowMs), progress, { nowMs, config }))) {
      return undefined
    }
    // A start trusts segments up to its recovery point by their size, which compaction changes.
    await environment.checkpoint()
    const flushed = segments.recoveryPoint.segment
    const heads = (await this.#cleanable(config, nowMs)).filter(
      ({ endOffset }) => endOffset <= flushed,
    )
    const aborted = await this.#partition.abortedBetween(0, heads.at(-1)?.endOffset ?? 0)
    const producers = producerRules(this.#shared.producers, aborted)
    const options = { files, directory, segments, producers, config, nowMs, signal }
    await settleCompaction(files, directory, await files.list(directory))
    return new Compactor(options, progress).run(heads, map())
  }

  #cleanable(config: CompactionConfig, nowMs: number): ReturnType<typeof cleanable<Segment>> {
    const closed = this.#shared.segments.list.slice(0, -1)
    return cleanable(closed, { upTo: this.#partition.lastStableOffset, nowMs }, config)
  }

  /** Only what is in a closed segment is compacted, so one that is filled too slowly is closed early. */
  #isActiveOverdue({ maxCompactionLagMs }: CompactionConfig, nowMs: number): boolean {
    const active = this.#shared.segments.list.at(-1)
    if (active === undefined || active.sizeBytes === 0) return false
    return nowMs - active.startedMs > maxCompactionLagMs
  }
}
