// Flushes segments that were written to, every now and then and beside the writes.
import type { Clock, Timer } from '../../common/clock.ts'
import { concurrently } from './concurrently.ts'
import { isStorageError } from './file-system.ts'

export interface FlushedPartition {
  /** Flushes what its segments held when it was called; rejects with AppError STORAGE_FAILED. */
  flushSegments(): Promise<void>
}

export interface IntervalFlusherOptions {
  readonly clock: Clock
  readonly intervalMs: number
  flushed(startedAt: number): void
  failed(error: unknown): void
}

/** As checkpoints do: enough to keep the disk busy. */
const flushWidth = 2

/** Invariant: a partition that was written to since its last flush began is noted; while any is, a timer or a flush runs. */
export class IntervalFlusher {
  readonly #options: IntervalFlusherOptions
  readonly #noted = new Set<FlushedPartition>()
  #timer: Timer | undefined
  #running: Promise<void> | undefined
  #isClosed = false
  #problem: string | undefined

  constructor(options: IntervalFlusherOptions) {
    this.#options = options
  }

  /** Why the last flush failed; undefined when it did not. */
  get problem(): string | undefined {
    return this.#problem
  }

  note(partition: FlushedPartition): void {
    this.#noted.add(partition)
    this.#wait()
  }

  /** Begins no more flushes; resolves when none runs. */
  async close(): Promise<void> {
    this.#isClosed = true
    this.#timer?.cancel()
    await this.#running
  }

  #wait(): void {
    const isWaiting = this.#timer !== undefined || this.#running !== undefined
    if (isWaiting || this.#isClosed || this.#noted.size === 0) return
    this.#timer = this.#options.clock.after(this.#options.intervalMs, () => {
      this.#timer = undefined
      this.#running = this.#run().finally(() => {
        this.#running = undefined
        this.#wait()
      })
    })
  }

  async #run(): Promise<void> {
    const startedAt = performance.now()
    const partitions = [...this.#noted]
    this.#noted.clear()
    try {
      await concurrently(partitions, flushWidth, (partition) => partition.flushSegments())
      this.#problem = undefined
      this.#options.flushed(startedAt)
    } catch (error) {
      if (!isStorageError(error)) throw error
      this.#problem = `segments cannot be flushed: ${error.message}`
      for (const partition of partitions) this.#noted.add(partition)
      this.#options.failed(error)
    }
  }
}
