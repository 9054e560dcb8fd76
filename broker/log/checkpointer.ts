// Flushes the segments and writes the checkpoint, so that old write-ahead files can go.
import { isStorageError, replaceFile, type FileSystem } from './file-system.ts'
import { encodeCheckpoint, type RecoveryPoint } from './checkpoint-file.ts'
import { concurrently } from './concurrently.ts'
import type { PartitionLog } from './partition-log.ts'
import type { WriteAheadLog } from './write-ahead-log.ts'

export interface CheckpointedTopic {
  readonly id: string
  readonly partitions: readonly PartitionLog[]
}

export interface CheckpointerOptions {
  readonly files: FileSystem
  readonly path: string
  readonly wal: WriteAheadLog
  topics(): Iterable<CheckpointedTopic>
  /** Resolves when topics that are not among them will not be there after a crash either. */
  flushNames(): Promise<void>
  /** So many bytes may be in segments that neither a checkpoint nor the write-ahead log knows of. */
  readonly unloggedMaxBytes: number
  failed(error: unknown): void
}

/** A checkpoint is begun at this part of what may be unlogged: there is time to take it before writes wait for it. */
const dueShare = 1 / 4

/** Two flushes at once keep the disk busy and leave threads of the pool to the commits. */
const flushWidth = 2

/**
 * Invariant: the write-ahead log holds everything that lies behind the recovery points of the checkpoint
 * file. A segment whose flush failed has no new recovery point until all of it is written and flushed again,
 * so until then no checkpoint is taken.
 */
export class Checkpointer {
  readonly #options: CheckpointerOptions
  #running: Promise<void> | undefined
  #saving: Promise<void> = Promise.resolve()
  #problem: string | undefined
  /** Since what the last checkpoint holds. */
  #unloggedBytes = 0
  #dueBytes: number

  constructor(options: CheckpointerOptions) {
    this.#options = options
    this.#dueBytes = options.unloggedMaxBytes * dueShare
  }

  get problem(): string | undefined {
    return this.#problem
  }

  /** Whether so much is unlogged that a checkpoint has to come first. */
  get isBehind(): boolean {
    return this.#unloggedBytes >= this.#options.unloggedMaxBytes
  }

  /** So much was written straight to segments. */
  noteUnlogged(bytes: number): void {
    this.#unloggedBytes += bytes
    if (this.#unloggedBytes < this.#dueBytes) return
    // One that fails is not tried again with every write.
    this.#dueBytes = this.#unloggedBytes + this.#options.unloggedMaxBytes * dueShare
    this.request()
  }

  /** Starts a checkpoint unless one runs. */
  request(): void {
    this.run().catch((error: unknown) => {
      if (!isStorageError(error)) throw error
    })
  }

  /** Makes the write-ahead files that are complete now needless and removes them. */
  run(): Promise<void> {
    this.#running ??= this.#run().finally(() => {
      this.#running = undefined
    })
    return this.#running
  }

  /** Waits for a checkpoint that runs, then takes one of everything there is. */
  async runAfresh(): Promise<void> {
    if (this.#running !== undefined) await this.#running.catch(() => {})
    await this.run()
  }

  /** Writes down start offsets and the recovery points as they are. */
  save(): Promise<void> {
    const saved = this.#saving.then(() => this.#save())
    this.#saving = saved.catch(() => {})
    return saved
  }

  async #run(): Promise<void> {
    const covered = this.#options.wal.older
    const unloggedBytes = this.#unloggedBytes
    try {
      await this.#options.flushNames()
      await concurrently(this.#partitions(), flushWidth, (partition) => this.#flush(partition))
      await this.save()
      this.#unloggedBytes -= unloggedBytes
      this.#dueBytes = this.#options.unloggedMaxBytes * dueShare
      await this.#options.wal.remove(covered)
      this.#problem = undefined
    } catch (error) {
      if (isStorageError(error)) {
        this.#problem = `no checkpoint: ${error.message}`
        this.#options.failed(error)
      }
      throw error
    }
  }

  /** Everything that was committed when this began is flushed when it resolves. */
  async #flush(partition: PartitionLog): Promise<void> {
    await partition.fill('checkpoint')
    await partition.flush()
    await partition.saveProducers()
  }

  #partitions(): readonly PartitionLog[] {
    return [...this.#options.topics()].flatMap((topic) => topic.partitions)
  }

  async #save(): Promise<void> {
    const points = new Map<string, readonly RecoveryPoint[]>()
    for (const { id, partitions } of this.#options.topics()) {
      points.set(
        id,
        partitions.map(({ recoveryPoint }) => recoveryPoint),
      )
    }
    // A topic that is not among them and came back would begin anew, with what was deleted of it.
    await this.#options.flushNames()
    await replaceFile(this.#options.files, this.#options.path, encodeCheckpoint(points))
  }
}
