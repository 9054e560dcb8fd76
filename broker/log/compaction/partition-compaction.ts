// Compacts one partition when its log is due.
import { isStorageError, type FileSystem } from '../file-system.ts'
import type { Segment } from '../segment.ts'
import type { SegmentList } from '../segment-list.ts'
import { Compactor, type CompactionResult, type ProducerRules } from './compactor.ts'
import type { OffsetMap } from './offset-map.ts'
import { cleanable, isDue, type CompactionConfig } from './plan.ts'
import { readProgress, settleCompaction } from './progress-file.ts'

export interface CompactedPartition {
  readonly files: FileSystem
  readonly directory: string
  readonly segments: SegmentList
  /** As things stand now. */
  producerRules(): Promise<ProducerRules>
  /** Records at and above this offset may still change their meaning: a transaction is open. */
  lastStableOffset(): number
  /** Flushes all segments and writes down that they need no recovery. */
  settle(): Promise<void>
  /** Whether the topic was deleted: then there is nothing to do, and nothing that fails matters. */
  isGone(): boolean
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

  constructor(partition: CompactedPartition) {
    this.#partition = partition
  }

  /**
   * Undefined where nothing was due, or the topic is not compacted. Rejects with AppError STORAGE_FAILED or
   * LOG_CORRUPT.
   */
  async run(
    config: CompactionConfig | undefined,
    round: CompactionRound,
  ): Promise<CompactionResult | undefined> {
    if (config === undefined || this.#partition.isGone()) return undefined
    try {
      return await this.#run(config, round)
    } catch (error) {
      if (this.#partition.isGone() && isStorageError(error)) return undefined
      throw error
    }
  }

  async #run(
    config: CompactionConfig,
    { nowMs, map, signal }: CompactionRound,
  ): Promise<CompactionResult | undefined> {
    const { files, directory, segments } = this.#partition
    if (segments.list.length === 1 && segments.sizeBytes === 0) return undefined
    if (this.#isActiveOverdue(config, nowMs)) await segments.roll()
    // Read anew each time: a pass that failed may have left a merge to be finished.
    const progress = await readProgress(files, directory)
    if (!(await isDue(await this.#cleanable(config, nowMs), progress, { nowMs, config }))) {
      return undefined
    }
    // A start trusts segments up to its recovery point by their size, which compaction changes.
    await this.#partition.settle()
    const flushed = segments.recoveryPoint.segment
    const heads = (await this.#cleanable(config, nowMs)).filter(
      ({ endOffset }) => endOffset <= flushed,
    )
    const producers = await this.#partition.producerRules()
    const options = { files, directory, segments, producers, config, nowMs, signal }
    await settleCompaction(files, directory, await files.list(directory))
    return new Compactor(options, progress).run(heads, map())
  }

  #cleanable(config: CompactionConfig, nowMs: number): ReturnType<typeof cleanable<Segment>> {
    const { segments, lastStableOffset } = this.#partition
    return cleanable(segments.list.slice(0, -1), { upTo: lastStableOffset(), nowMs }, config)
  }

  /** Only what is in a closed segment is compacted, so one that is filled too slowly is closed early. */
  #isActiveOverdue({ maxCompactionLagMs }: CompactionConfig, nowMs: number): boolean {
    const active = this.#partition.segments.list.at(-1)
    if (active === undefined || active.sizeBytes === 0) return false
    return nowMs - active.startedMs > maxCompactionLagMs
  }
}
