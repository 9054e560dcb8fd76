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

/** While a flush runs, less than this is not worth a write of its own. */
const writeOnMinBytes = 64 * 1024

/** A flush on this machine's kind of disk takes 0.3 ms; a full device queue takes seconds. */
const flushBoundsSeconds = [
  0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 5,
]

/**
 * One write is in flight at a time, and one flush; while a flush runs the next groups are written, and each is
 * acknowledged when a flush has ended that began after its write had. Invariant: appends are committed in the
 * order of their offsets, so when one fails, all that were written or wait behind it fail as well.
 *
 * ```
 * waiting ─▶ [write] ─▶ written ─▶ [flush] ─▶ committed
 * ```
 */
export class Committer implements AppendQueue {
  readonly #options: CommitterOptions
  readonly #flushSeconds = new Histogram(flushBoundsSeconds)
  #waiting: Group[] = []
  /** Written since the flush began that runs. */
  #written: Group[] = []
  #flushing: Promise<void> | undefined
  /** A flush that failed, with the groups that it was for: until they have failed too, nothing is written. */
  #broken: { readonly error: AppError; readonly groups: readonly Group[] } | undefined
  #wake: () => void = () => {}
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
    this.#wake()
    return group.outcome.promise
  }

  /** Commits what waits; afterwards nothing can be queued. */
  async close(): Promise<void> {
    this.#isClosed = true
    while (this.#running !== undefined) await this.#running
  }

  /** Flushes what was written, beside the writes that go on; for when commits do not include it. */
  async flush(): Promise<void> {
    const { wal } = this.#options
    if (wal.isFlushed) return
    const startedAt = performance.now()
    await wal.flush()
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
    for (let group = await this.#next(); group !== undefined; group = await this.#next()) {
      try {
        await this.#write(group)
      } catch (error) {
        if (!isStorageError(error)) throw error
        await this.#giveUp(error, group)
      }
    }
  }

  /** The next group to write; undefined when there is nothing left to do, and then the loop has ended. */
  async #next(): Promise<Group | undefined> {
    for (;;) {
      if (this.#broken !== undefined) await this.#giveUp(this.#broken.error)
      const [group] = this.#waiting
      const isIdle = this.#flushing === undefined
      // A small group grows until the flush ends: one flush more would not be sooner for it.
      if (group !== undefined && (isIdle || group.bytes >= writeOnMinBytes)) {
        return this.#waiting.shift()
      }
      if (group === undefined && isIdle) {
        // At once: whoever queues an append from now on starts the next loop.
        this.#running = undefined
        return undefined
      }
      await new Promise<void>((resolve) => (this.#wake = resolve))
    }
  }

  async #write(group: Group): Promise<void> {
    const { wal, flushes, room } = this.#options
    await room()
    if (wal.isFull) await this.#flushed()
    await wal.write(group.buffers, group.bytes)
    if (!flushes) return this.#succeed(group)
    this.#written.push(group)
    this.#flushWritten()
  }

  /** Resolves when everything that was written is flushed; rejects with what a flush failed with. */
  async #flushed(): Promise<void> {
    while (this.#flushing !== undefined) await this.#flushing
    if (this.#broken !== undefined) throw this.#broken.error
  }

  #flushWritten(): void {
    if (this.#flushing !== undefined || this.#broken !== undefined) return
    const groups = this.#written
    if (groups.length === 0) return
    this.#written = []
    this.#flushing = this.#flush(groups).finally(() => {
      this.#flushing = undefined
      this.#flushWritten()
      this.#wake()
    })
  }

  /** Never rejects with a storage error: what a failure means is decided where nothing is being written. */
  async #flush(groups: readonly Group[]): Promise<void> {
    const startedAt = performance.now()
    try {
      await this.#options.wal.flush()
    } catch (error) {
      if (!isStorageError(error)) throw error
      this.#broken = { error, groups }
      return
    }
    this.#observeFlush(startedAt)
    for (const group of groups) this.#succeed(group)
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

  /**
   * After a failed flush, or the failed write of `group`. What was written before a failed write may still be
   * flushed and succeed; whatever is not flushed then has failed, and so has all that waits behind it.
   */
  async #giveUp(error: AppError, group?: Group): Promise<void> {
    const { wal, flushes, failed } = this.#options
    while (this.#flushing !== undefined) await this.#flushing
    await wal.endDamaged(flushes ? 'flushed' : 'written')
    const unflushed = [...(this.#broken?.groups ?? []), ...this.#written]
    const groups = [...unflushed, ...(group === undefined ? [] : [group]), ...this.#waiting]
    this.#broken = undefined
    this.#written = []
    this.#waiting = []
    this.#problem = error.message
    for (const { ends, batchBytes, outcome } of groups) {
      this.#failures += 1
      this.#queuedBytes -= batchBytes
      for (const partition of ends.keys()) partition.rollBack()
      outcome.reject(error)
    }
    failed(error)
  }
}
