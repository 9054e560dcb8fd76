// What a start does before the first append: reads the checkpoint and replays the write-ahead log.
import { join } from 'node:path'
import type { Logger } from '../../common/logger.ts'
import { validateBatches } from '../../protocol/record-batch.ts'
import { parseCheckpoint, type Checkpoint } from './checkpoint-file.ts'
import { isMissing, type FileSystem } from './file-system.ts'
import type { PartitionLog } from './partition-log.ts'
import { planReplay, replayFile, type ReplayPlan } from './replay.ts'
import type { WalEntry } from './wal-format.ts'
import { walPath } from './write-ahead-log.ts'

/** Undefined where there is none, or none that can be believed: then all segments are scanned. */
export async function readCheckpoint(
  files: FileSystem,
  path: string,
  logger: Logger,
): Promise<Checkpoint | undefined> {
  try {
    const checkpoint = parseCheckpoint((await files.readFile(path)).toString())
    if (checkpoint === undefined) logger.warn('the checkpoint is damaged; all segments are scanned')
    return checkpoint
  } catch (error) {
    if (isMissing(error)) return undefined
    throw error
  }
}

/** The write-ahead files that a start finds. */
export class WalRemains {
  readonly #files: FileSystem
  readonly #directory: string
  readonly #plan: ReplayPlan

  private constructor(files: FileSystem, directory: string, plan: ReplayPlan) {
    this.#files = files
    this.#directory = directory
    this.#plan = plan
  }

  static async find(files: FileSystem, dir: string): Promise<WalRemains> {
    const directory = join(dir, 'wal')
    await files.makeDirectory(directory)
    return new WalRemains(files, directory, await planReplay(files, directory))
  }

  get nextSequence(): number {
    return (this.#plan.present.at(-1) ?? 0) + 1
  }

  get isEmpty(): boolean {
    return this.#plan.present.length === 0
  }

  /**
   * Gives every entry to its partition; those of topics that are gone are skipped. Stops at the first that
   * is not whole: what was written after it was not acknowledged, or not flushed by the operator's choice.
   */
  async replay(
    partitions: {
      find(topicId: string, partition: number): PartitionLog | undefined
      /** Brings what was replayed into segments, so that memory holds one file's worth at most. */
      settle(): Promise<void>
    },
    logger: Logger,
  ): Promise<void> {
    const visit = (entry: WalEntry): boolean => {
      const validation = validateBatches(entry.batches, { allowControl: true })
      if (!validation.ok || validation.batches[0]?.baseOffset !== entry.baseOffset) return false
      partitions.find(entry.topicId, entry.partition)?.restore(entry.batches, validation.batches)
      return true
    }
    for (const { sequence, ...limit } of this.#plan.files) {
      const path = walPath(this.#directory, sequence)
      const replayed = await replayFile(this.#files, { path, ...limit }, visit)
      await partitions.settle()
      if (limit.to === undefined || replayed >= limit.to) continue
      logger.error('the write-ahead log is damaged: what came after is lost', { path, replayed })
      return
    }
  }

  async remove(): Promise<void> {
    for (const sequence of this.#plan.present) {
      await this.#files.remove(walPath(this.#directory, sequence))
    }
  }
}
