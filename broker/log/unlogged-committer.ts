// Commits without a flush: appends are written straight to their segments, and count as soon as they are.
import assert from 'node:assert/strict'
import type { AppError } from '../../common/errors.ts'
import type { AppendQueue, QueuedPartition } from './append-queue.ts'
import { AppendRun, type QueuedAppend } from './append-run.ts'
import type { CommitAccount } from './commit-account.ts'
import { isStorageError } from './file-system.ts'

export interface UnloggedCommitterOptions {
  readonly account: CommitAccount
  /** One write takes no more, but for an append that is larger alone. */
  readonly commitMaxBytes: number
  /** Awaited before each write: resolves when there is room for what it leaves behind. */
  room(): Promise<void>
  committed(run: AppendRun): void
  failed(error: unknown): void
}

/** Writes of different partitions at once: the system's threads copy while this one goes on. */
const writeWidth = 3

/**
 * One write at a time for each partition; what it appends meanwhile is its next. Partitions take turns in the order in
 * which they began to wait. Invariant: a partition waits, is written, or has nothing to write.
 */
export class UnloggedCommitter implements AppendQueue {
  readonly #options: UnloggedCommitterOptions
  readonly #waiting = new Map<QueuedPartition, AppendRun[]>()
  readonly #written = new Set<QueuedPartition>()
  #isStarting = false
  #idle: () => void = () => {}

  constructor(options: UnloggedCommitterOptions) {
    this.#options = options
  }

  refusal(sizeBytes: number): string | undefined {
    return this.#options.account.refusal(sizeBytes)
  }

  enqueue(partition: QueuedPartition, append: QueuedAppend): Promise<void> {
    const { account, commitMaxBytes } = this.#options
    assert(!account.isClosed, 'the log is open')
    const runs = this.#waiting.get(partition) ?? []
    this.#waiting.set(partition, runs)
    let run = runs.at(-1)
    if (run === undefined || run.sizeBytes + append.batches.length > commitMaxBytes) {
      run = new AppendRun(partition, append.baseOffset)
      runs.push(run)
    }
    run.add(append)
    account.queued(append.batches.length)
    this.#startSoon()
    return run.outcome.promise
  }

  /** Commits what waits; afterwards nothing can be queued. */
  async close(): Promise<void> {
    this.#options.account.close()
    while (this.#waiting.size > 0 || this.#written.size > 0) {
      await new Promise<void>((resolve) => (this.#idle = resolve))
    }
  }

  /** All sockets that are readable now append before the first write begins. */
  #startSoon(): void {
    if (this.#isStarting || this.#written.size >= writeWidth) return
    this.#isStarting = true
    setImmediate(() => {
      this.#isStarting = false
      this.#start()
    })
  }

  #start(): void {
    for (const [partition, runs] of this.#waiting) {
      if (this.#written.size >= writeWidth) return
      if (this.#written.has(partition)) continue
      const run = runs.shift()
      assert(run !== undefined, 'who waits has something to write')
      // Behind the others: the map's order is that of the turns.
      this.#waiting.delete(partition)
      if (runs.length > 0) this.#waiting.set(partition, runs)
      this.#written.add(partition)
      void this.#write(run).finally(() => {
        this.#written.delete(partition)
        this.#start()
        if (this.#waiting.size === 0 && this.#written.size === 0) this.#idle()
      })
    }
  }

  async #write(run: AppendRun): Promise<void> {
    try {
      await this.#options.room()
      await run.partition.writer.writeThrough(run.endOffset)
    } catch (error) {
      if (!isStorageError(error)) throw error
      return this.#fail(run, error)
    }
    this.#options.account.committed([run])
    this.#options.committed(run)
  }

  /** What the partition has queued behind it goes along: its offsets would be in the air. */
  #fail(run: AppendRun, error: AppError): void {
    const behind = this.#waiting.get(run.partition) ?? []
    this.#waiting.delete(run.partition)
    this.#options.account.failed([run, ...behind], error)
    this.#options.failed(error)
  }
}
