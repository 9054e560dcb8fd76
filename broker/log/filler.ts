// Fills segments behind the commits: soon when much has gathered, otherwise after a moment.
import type { Clock, Timer } from '../../common/clock.ts'
import type { AppError } from '../../common/errors.ts'
import { isStorageError } from './file-system.ts'
import type { LogLimits } from './log-limits.ts'
import type { QueuedPartition } from './append-queue.ts'

export interface FillerOptions {
  readonly clock: Clock
  readonly limits: LogLimits
  /** Committed bytes in memory, of all partitions. */
  tailBytes(): number
  failed(error: unknown): void
}

/**
 * Invariant: a partition with committed batches in memory is either waiting or due, and while any is
 * waiting a timer runs. A fill that fails loses nothing: its partition waits for the next one.
 */
export class Filler {
  readonly #options: FillerOptions
  readonly #waiting = new Set<QueuedPartition>()
  readonly #due = new Set<QueuedPartition>()
  #running: Promise<void> | undefined
  #timer: Timer | undefined
  #flushing: Promise<void> | undefined
  #failure: AppError | undefined

  constructor(options: FillerOptions) {
    this.#options = options
  }

  /** Why the last fill failed; undefined when it did not. */
  get problem(): string | undefined {
    return this.#failure?.message
  }

  /** Takes note of partitions that have more committed now. */
  note(partitions: Iterable<QueuedPartition>): void {
    const { segmentFillBytes } = this.#options.limits
    for (const partition of partitions) {
      if (partition.tailBytes < segmentFillBytes) this.#waiting.add(partition)
      else this.#makeDue(partition)
    }
    if (this.#due.size > 0) void this.#start()
    this.#wait()
  }

  /** Fills until memory is below the limit; rejects with AppError STORAGE_FAILED. */
  async makeRoom(): Promise<void> {
    if (this.#options.tailBytes() > this.#options.limits.tailMaxBytes) await this.fillAll()
  }

  /** Fills everything that is committed now; rejects with AppError STORAGE_FAILED. */
  async fillAll(): Promise<void> {
    while (this.#running !== undefined) await this.#running
    for (const partition of this.#waiting) this.#makeDue(partition)
    await this.#start()
    if (this.#failure !== undefined) throw this.#failure
  }

  async close(): Promise<void> {
    this.#timer?.cancel()
    this.#timer = undefined
    await this.#flushing
  }

  #makeDue(partition: QueuedPartition): void {
    this.#waiting.delete(partition)
    this.#due.add(partition)
  }

  #wait(): void {
    if (this.#waiting.size === 0 || this.#timer !== undefined) return
    this.#timer = this.#options.clock.after(this.#options.limits.segmentFillDelayMs, () => {
      this.#timer = undefined
      for (const partition of this.#waiting) this.#makeDue(partition)
      void this.#start()
    })
  }

  #start(): Promise<void> {
    this.#running ??= this.#fillDue().finally(() => {
      this.#running = undefined
    })
    return this.#running
  }

  /** Beside the fills, in pieces: a checkpoint that had all to flush at once would keep commits from the disk. */
  #flushIfDue(partition: QueuedPartition): void {
    const isDue = partition.writer.unflushedBytes >= this.#options.limits.fillFlushBytes
    if (!isDue || this.#flushing !== undefined) return
    this.#flushing = this.#flush(partition).finally(() => {
      this.#flushing = undefined
    })
  }

  /** One that fails loses nothing: who needs it flushed does so again. */
  async #flush(partition: QueuedPartition): Promise<void> {
    try {
      await partition.flushSegments()
    } catch (error) {
      if (!isStorageError(error)) throw error
      this.#options.failed(error)
    }
  }

  async #fillDue(): Promise<void> {
    for (const partition of this.#due) {
      this.#due.delete(partition)
      try {
        await partition.fill()
        this.#failure = undefined
        this.#flushIfDue(partition)
      } catch (error) {
        if (!isStorageError(error)) throw error
        this.#failure = error
        for (const other of [partition, ...this.#due]) this.#waiting.add(other)
        this.#due.clear()
        this.#wait()
        this.#options.failed(error)
      }
    }
  }
}
