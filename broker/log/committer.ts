// The commit loop: gathers the appends of all partitions and writes them down together.
import assert from 'node:assert/strict'
import type { AppError } from '../../common/errors.ts'
import { Histogram } from '../../common/metrics.ts'
import { isStorageError } from './file-system.ts'
import type { CommitCounters } from './log-stats.ts'
import type { AppendQueue, QueuedPartition } from './append-queue.ts'
import { encodeEntryHeader, entryHeaderBytes } from './wal-format.ts'
import type { WriteAheadLog } from './write-ahead-log.ts'

export interface CommitterOptions {
  readonly wal: WriteAheadLog
  /** Whether a commit includes a flush. */
  readonly flushes: boolean
  readonly commitMaxBytes: number
  readonly queueMaxBytes: number
  /** Awaited before each commit: resolves when there is memory for what it leaves behind. */
  room(): Promise<void>
  committed(partitions: Iterable<QueuedPartition>): void
  failed(error: unknown): void
}

/** Appends that are committed together: they have one promise, and one fate. */
interface Group {
  readonly buffers: Buffer[]
  bytes: number
  /** Bytes of batches, which is what the queue's limit counts. */
  batchBytes: number
  appends: number
  /** Where each partition's log ends with this group. */
  readonly ends: Map<QueuedPartition, number>
  readonly outcome: PromiseWithResolvers<void>
}

/** A flush on this machine's kind of disk takes 0.3 ms; a full device queue takes seconds. */
const flushBoundsSeconds = [
  0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 5,
]

/**
 * One commit is in flight at a time; what is appended meanwhile waits for the next. Invariant: appends
 * are committed in the order of their offsets, so when one fails, all that wait behind it fail as well.
 */
export class Committer implements AppendQueue {
  readonly #options: CommitterOptions
  readonly #flushSeconds = new Histogram(flushBoundsSeconds)
  #waiting: Group[] = []
  #queuedBytes = 0
  #running: Promise<void> | undefined
  #isClosed = false
  #problem: string | undefined
  #commits = 0
  #appends = 0
  #bytes = 0
  #failures = 0
  #flushes = 0

  constructor(options: CommitterOptions) {
    this.#options = options
  }

  /** Why the last commit failed; undefined when it did not. */
  get problem(): string | undefined {
    return this.#problem
  }

  get queuedBytes(): number {
    return this.#queuedBytes
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

  refusal(sizeBytes: number): string | undefined {
    if (this.#isClosed) return 'the log is closed'
    const { queueMaxBytes } = this.#options
    const isFull = this.#queuedBytes + sizeBytes > queueMaxBytes && this.#queuedBytes > 0
    return isFull ? `more than ${queueMaxBytes} bytes wait for the disk` : undefined
  }

  enqueue(
    partition: QueuedPartition,
    append: { readonly baseOffset: number; readonly endOffset: number; readonly batches: Buffer },
  ): Promise<void> {
    assert(!this.#isClosed, 'the log is open')
    const { baseOffset, endOffset, batches } = append
    const group = this.#groupFor(batches.length)
    const { topicId, index } = partition.identity
    const sizeBytes = batches.length
    group.buffers.push(
      encodeEntryHeader(topicId, { partition: index, baseOffset, sizeBytes }),
      batches,
    )
    group.bytes += entryHeaderBytes + sizeBytes
    group.batchBytes += sizeBytes
    group.appends += 1
    group.ends.set(partition, endOffset)
    this.#queuedBytes += sizeBytes
    this.#running ??= this.#run()
    return group.outcome.promise
  }

  /** Runs `work` while no commit does; the next commit waits for it. */
  async between<T>(work: () => Promise<T>): Promise<T> {
    while (this.#running !== undefined) await this.#running
    const done = Promise.withResolvers<void>()
    this.#running = done.promise
    try {
      return await work()
    } finally {
      this.#running = this.#waiting.length > 0 ? this.#run() : undefined
      done.resolve()
    }
  }

  /** Commits what waits; afterwards nothing can be queued. */
  async close(): Promise<void> {
    this.#isClosed = true
    while (this.#running !== undefined) await this.#running
  }

  async flush(): Promise<void> {
    const { wal } = this.#options
    if (wal.isFlushed) return
    const startedAt = performance.now()
    await wal.flush(wal.currentBytes)
    this.#observeFlush(startedAt)
  }

  #groupFor(sizeBytes: number): Group {
    const last = this.#waiting.at(-1)
    if (last !== undefined && last.bytes + sizeBytes <= this.#options.commitMaxBytes) return last
    const outcome = Promise.withResolvers<void>()
    // Nobody may be waiting (acks=0); whoever does still sees the rejection.
    outcome.promise.catch(() => {})
    const group: Group = {
      buffers: [],
      bytes: 0,
      batchBytes: 0,
      appends: 0,
      ends: new Map(),
      outcome,
    }
    this.#waiting.push(group)
    return group
  }

  async #run(): Promise<void> {
    // All sockets that are readable now append before the first commit starts.
    await new Promise<void>((resolve) => setImmediate(resolve))
    for (let group = this.#waiting.shift(); group !== undefined; group = this.#waiting.shift()) {
      try {
        await this.#options.room()
        await this.#write(group)
      } catch (error) {
        if (!isStorageError(error)) throw error
        this.#fail(group, error)
        continue
      }
      this.#succeed(group)
    }
    this.#running = undefined
  }

  async #write(group: Group): Promise<void> {
    const { wal, flushes } = this.#options
    await wal.write(group.buffers, group.bytes)
    if (!flushes) return
    const startedAt = performance.now()
    await wal.flush(wal.currentBytes - group.bytes)
    this.#observeFlush(startedAt)
  }

  #observeFlush(startedAt: number): void {
    this.#flushes += 1
    this.#flushSeconds.observe((performance.now() - startedAt) / 1000)
  }

  #succeed(group: Group): void {
    this.#problem = undefined
    this.#commits += 1
    this.#appends += group.appends
    this.#bytes += group.batchBytes
    this.#queuedBytes -= group.batchBytes
    for (const [partition, endOffset] of group.ends) partition.advance(endOffset)
    group.outcome.resolve()
    this.#options.committed(group.ends.keys())
  }

  #fail(first: Group, error: AppError): void {
    this.#problem = error.message
    const groups = [first, ...this.#waiting]
    this.#waiting = []
    for (const { ends, batchBytes, outcome } of groups) {
      this.#failures += 1
      this.#queuedBytes -= batchBytes
      for (const partition of ends.keys()) partition.rollBack()
      outcome.reject(error)
    }
    this.#options.failed(error)
  }
}
