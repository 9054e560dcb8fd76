// The commit loop: gathers the appends of all partitions and writes them down together.
import assert from 'node:assert/strict'
import type { AppError } from '../../common/errors.ts'
import type { AppendQueue, QueuedPartition } from './append-queue.ts'
import { AppendRun, type QueuedAppend } from './append-run.ts'
import type { CommitAccount } from './commit-account.ts'
import { isStorageError } from './file-system.ts'
import { encodeEntryHeader, entryHeaderBytes } from './wal-format.ts'
import type { WriteAheadLog } from './write-ahead-log.ts'

export interface CommitterOptions {
  readonly wal: WriteAheadLog
  readonly account: CommitAccount
  readonly commitMaxBytes: number
  /** Awaited before each commit: resolves when there is memory for what it leaves behind. */
  room(): Promise<void>
  committed(partitions: Iterable<QueuedPartition>): void
  failed(error: unknown): void
}

/** Runs that are committed together. */
interface Group {
  readonly runs: Map<QueuedPartition, AppendRun>
  /** Of batches. */
  sizeBytes: number
}

/** While a flush runs, less than this is not worth a write of its own. */
const writeOnMinBytes = 64 * 1024

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
  #waiting: Group[] = []
  /** Written since the flush began that runs. */
  #written: Group[] = []
  #flushing: Promise<void> | undefined
  /** A flush that failed, with the groups that it was for: until they have failed too, nothing is written. */
  #broken: { readonly error: AppError; readonly groups: readonly Group[] } | undefined
  #wake: () => void = () => {}
  #running: Promise<void> | undefined

  constructor(options: CommitterOptions) {
    this.#options = options
  }

  refusal(sizeBytes: number): string | undefined {
    return this.#options.account.refusal(sizeBytes)
  }

  enqueue(partition: QueuedPartition, append: QueuedAppend): Promise<void> {
    const { account } = this.#options
    assert(!account.isClosed, 'the log is open')
    const sizeBytes = append.batches.length
    const group = this.#groupFor(sizeBytes)
    const run = group.runs.get(partition) ?? new AppendRun(partition, append.baseOffset)
    group.runs.set(partition, run)
    group.sizeBytes += sizeBytes
    run.add(append)
    account.queued(sizeBytes)
    this.#running ??= this.#run()
    this.#wake()
    return run.outcome.promise
  }

  /** Commits what waits; afterwards nothing can be queued. */
  async close(): Promise<void> {
    this.#options.account.close()
    while (this.#running !== undefined) await this.#running
  }

  #groupFor(sizeBytes: number): Group {
    const last = this.#waiting.at(-1)
    const isRoom = last !== undefined && last.sizeBytes + sizeBytes <= this.#options.commitMaxBytes
    if (isRoom) return last
    const group: Group = { runs: new Map(), sizeBytes: 0 }
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
      if (group !== undefined && (isIdle || group.sizeBytes >= writeOnMinBytes)) {
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
    const { wal, room } = this.#options
    await room()
    if (wal.isFull) await this.#flushed()
    const entries = [...group.runs.values()].flatMap(entryOf)
    await wal.write(entries, group.sizeBytes + group.runs.size * entryHeaderBytes)
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
    this.#options.account.flushed(startedAt)
    for (const { runs } of groups) {
      this.#options.account.committed(runs.values())
      this.#options.committed(runs.keys())
    }
  }

  /**
   * After a failed flush, or the failed write of `group`. What was written before a failed write may still be
   * flushed and succeed; whatever is not flushed then has failed, and so has all that waits behind it.
   */
  async #giveUp(error: AppError, group?: Group): Promise<void> {
    const { wal, account, failed } = this.#options
    while (this.#flushing !== undefined) await this.#flushing
    await wal.endDamaged()
    const unflushed = [...(this.#broken?.groups ?? []), ...this.#written]
    const groups = [...unflushed, ...(group === undefined ? [] : [group]), ...this.#waiting]
    this.#broken = undefined
    this.#written = []
    this.#waiting = []
    for (const { runs } of groups) account.failed(runs.values(), error)
    failed(error)
  }
}

function entryOf({ partition, baseOffset, buffers, sizeBytes }: AppendRun): readonly Buffer[] {
  const { topicId, index } = partition.identity
  return [encodeEntryHeader(topicId, { partition: index, baseOffset, sizeBytes }), ...buffers]
}
