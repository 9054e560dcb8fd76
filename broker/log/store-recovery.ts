// What a start does before the first append: reads the checkpoint and replays the write-ahead log.
import { dirname, join } from 'node:path'
import { AppError } from '../../common/errors.ts'
import type { Logger } from '../../common/logger.ts'
import { validateBatches, type BatchInfo } from '../../protocol/record-batch.ts'
import { parseCheckpoint, type Checkpoint } from './checkpoint-file.ts'
import { isMissing, type FileSystem } from './file-system.ts'
import type { PartitionLog } from './partition-log.ts'
import { planReplay, replayFile, type ReplayFile, type ReplayPlan } from './replay.ts'
import type { WalEntry } from './wal-format.ts'
import { walPath } from './write-ahead-log.ts'

/** A file is as durable as the names on the way to it. */
export async function makeDirectories(files: FileSystem, dir: string): Promise<void> {
  for (const name of ['wal', 'topics', 'deleted']) await files.makeDirectory(join(dir, name))
  await files.syncDirectory(dir)
  await files.syncDirectory(dirname(dir))
}

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

/** Offsets of a partition that follow each other in the write-ahead log, the last of them excluded. */
interface Run {
  readonly from: number
  readonly to: number
}

/** The write-ahead files that a start finds. */
export class WalRemains {
  readonly #files: FileSystem
  readonly #directory: string
  readonly #plan: ReplayPlan
  #runs: Promise<ReadonlyMap<string, Run>> | undefined

  private constructor(files: FileSystem, directory: string, plan: ReplayPlan) {
    this.#files = files
    this.#directory = directory
    this.#plan = plan
  }

  static async find(files: FileSystem, dir: string): Promise<WalRemains> {
    const directory = join(dir, 'wal')
    return new WalRemains(files, directory, await planReplay(files, directory))
  }

  get plan(): ReplayPlan {
    return this.#plan
  }

  get nextSequence(): number {
    return (this.#plan.present.at(-1) ?? 0) + 1
  }

  get isEmpty(): boolean {
    return this.#plan.present.length === 0
  }

  /** The offsets that it ends with of a partition, without a gap; `topicId` is in hexadecimal. */
  async runOf(topicId: string, partition: number): Promise<Run | undefined> {
    // Asked where a log file is torn alone: it reads the files once more.
    this.#runs ??= this.#findRuns()
    return (await this.#runs).get(`${topicId} ${partition}`)
  }

  /**
   * Gives every entry to its partition; those of topics that are gone are skipped. Stops at the first that
   * is not whole: what was written after it was not acknowledged. Rejects with AppError LOG_CORRUPT where it was,
   * `isStrict` says that files were flushed one after another.
   */
  async replay(
    partitions: {
      find(topicId: string, partition: number): PartitionLog | undefined
      /** Brings what was replayed into segments, so that memory holds one file's worth at most. */
      settle(): Promise<void>
    },
    { isStrict, logger }: { readonly isStrict: boolean; readonly logger: Logger },
  ): Promise<void> {
    const visit = (entry: WalEntry, batches: readonly BatchInfo[]): void =>
      partitions.find(entry.topicId, entry.partition)?.restore(entry.batches, batches)
    for (const file of this.#plan.files) {
      const replayed = await this.walk(file, visit)
      await partitions.settle()
      if (file.to === undefined || replayed >= file.to) continue
      const path = walPath(this.#directory, file.sequence)
      const reason = `entries up to position ${file.to} had been committed`
      if (isStrict) throw new AppError('LOG_CORRUPT', { file: path, position: replayed, reason })
      logger.error('the write-ahead log is damaged: what came after is lost', { path, replayed })
      return
    }
  }

  /** What a life before this one kept to write over: it alone knew which numbers the entries in there have had. */
  async removeSpare(): Promise<void> {
    for (const path of this.#plan.spare) await this.#files.remove(path)
  }

  async remove(): Promise<void> {
    const { present, files } = this.#plan
    const voiding = files.at(-1)?.sequence
    for (const sequence of present) {
      if (sequence !== voiding) await this.#files.remove(walPath(this.#directory, sequence))
    }
    if (voiding === undefined) return
    // Its header says how far the others count: none of their names may be back without it, nor those that the life before
    // has removed.
    await this.#files.syncDirectory(this.#directory)
    await this.#files.remove(walPath(this.#directory, voiding))
  }

  /** Calls `visit` for each sound entry of a file; resolves with the position behind the last. */
  walk(
    file: ReplayFile,
    visit: (entry: WalEntry, batches: readonly BatchInfo[]) => void,
  ): Promise<number> {
    return replayFile(this.#files, this.#directory, file, (entry) => {
      const validation = validateBatches(entry.batches, { isStored: true })
      if (!validation.ok || validation.batches[0]?.baseOffset !== entry.baseOffset) return false
      visit(entry, validation.batches)
      return true
    })
  }

  async #findRuns(): Promise<ReadonlyMap<string, Run>> {
    const runs = new Map<string, Run>()
    for (const file of this.#plan.files) {
      const replayed = await this.walk(file, ({ topicId, partition, baseOffset }, batches) => {
        const key = `${topicId} ${partition}`
        const run = runs.get(key)
        // What was committed twice (its file was to be removed) begins no run of its own.
        const goesOn = run !== undefined && run.from <= baseOffset && baseOffset <= run.to
        const last = batches.at(-1)
        const end = last === undefined ? baseOffset : last.baseOffset + last.lastOffsetDelta + 1
        runs.set(key, { from: goesOn ? run.from : baseOffset, to: end })
      })
      if (file.to !== undefined && replayed < file.to) break
    }
    return runs
  }
}
