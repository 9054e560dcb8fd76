// Keeps count of appends that wait for their commit and of what became of them.
import type { AppError } from '../../common/errors.ts'
import { Histogram } from '../../common/metrics.ts'
import type { QueuedPartition } from './append-queue.ts'
import type { AppendRun } from './append-run.ts'
import { storageError } from './file-system.ts'
import type { CommitCounters } from './log-stats.ts'

/** A flush on this machine's kind of disk takes 0.3 ms; a full device queue takes seconds. */
const flushBoundsSeconds = [
  0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 5,
]

export class CommitAccount {
  readonly #queueMaxBytes: number
  readonly #flushSeconds = new Histogram(flushBoundsSeconds)
  #queuedBytes = 0
  #isClosed = false
  #problem: string | undefined
  #commits = 0
  #appends = 0
  #bytes = 0
  #failures = 0
  #flushes = 0

  constructor(queueMaxBytes: number) {
    this.#queueMaxBytes = queueMaxBytes
  }

  /** Why the last commit failed; undefined when it did not. */
  get problem(): string | undefined {
    return this.#problem
  }

  get queuedBytes(): number {
    return this.#queuedBytes
  }

  get isClosed(): boolean {
    return this.#isClosed
  }

  get counters(): CommitCounters {
    return {
      commits: this.#commits,
      appends: this.#appends,
      bytes: this.#bytes,
      failures: this.#failures,
      flushes: this.#flushes,
      flushSeconds: this.#flushSeconds.read(),
    }
  }

  /** Why nothing of this size can be queued now; undefined when it can. */
  refusal(sizeBytes: number): string | undefined {
    if (this.#isClosed) return 'the log is closed'
    const isFull = this.#queuedBytes + sizeBytes > this.#queueMaxBytes && this.#queuedBytes > 0
    return isFull ? `more than ${this.#queueMaxBytes} bytes wait for the disk` : undefined
  }

  queued(sizeBytes: number): void {
    this.#queuedBytes += sizeBytes
  }

  close(): void {
    this.#isClosed = true
  }

  /**
   * `runs` were committed in one; who waits for them is told. What a topic that was deleted meanwhile was to get may be in
   * no file, and where the disk loses the deletion the topic is there again: so that is not acknowledged.
   */
  committed(runs: Iterable<AppendRun>): void {
    this.#problem = undefined
    this.#commits += 1
    for (const { partition, sizeBytes, appends, endOffset, outcome } of runs) {
      this.#appends += appends
      this.#bytes += sizeBytes
      this.#queuedBytes -= sizeBytes
      partition.advance(endOffset)
      if (partition.isDeleted) outcome.reject(deletedError(partition))
      else outcome.resolve()
    }
  }

  /** `runs` were to be committed in one and were not; who waits for them is told. */
  failed(runs: Iterable<AppendRun>, error: AppError): void {
    this.#problem = error.message
    this.#failures += 1
    for (const { partition, sizeBytes, outcome } of runs) {
      this.#queuedBytes -= sizeBytes
      partition.rollBack()
      outcome.reject(error)
    }
  }

  flushed(startedAt: number): void {
    this.#flushes += 1
    this.#flushSeconds.observe((performance.now() - startedAt) / 1000)
  }
}

function deletedError({ identity }: QueuedPartition): AppError {
  return storageError('append to', identity.directory, new Error('the topic was deleted'))
}
