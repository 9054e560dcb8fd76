// The commit loop: gathers the appends of all partitions and writes them down together.
import assert from 'node:assert/strict'
import type { AppError } from '../../common/errors.ts'
import type { AppendQueue, QueuedPartition } from './append-queue.ts'
import { AppendRun, type QueuedAppend } from './append-run.ts'
import type { CommitAccount } from './commit-account.ts'
import { allOver } from './concurrently.ts'
import { isStorageError } from './file-system.ts'
import type { LogLimits } from './log-limits.ts'
import type { WalAppend } from './wal-format.ts'
import type { WalPlace, WriteAheadLog } from './write-ahead-log.ts'

export interface CommitterOptions {
  readonly wal: WriteAheadLog
  readonly account: CommitAccount
  readonly limits: Pick<
    LogLimits,
    | 'commitMaxBytes'
    | 'directAheadMaxBytes'
    | 'directBehindMax'
    | 'directMinBytes'
    | 'directPartitionsMax'
  >
  /** Awaited before each commit: resolves when there is memory for what it leaves behind. */
  room(): Promise<void>
  /** Of the bytes that were committed, `directBytes` are in segments and not in the write-ahead log. */
  committed(partitions: Iterable<QueuedPartition>, directBytes: number): void
  failed(error: unknown): void
}

/** Runs that are committed together. */
interface Group {
  readonly runs: Map<QueuedPartition, AppendRun>
  /** Of batches. */
  sizeBytes: number
  /** Those that went straight to their segments, once the group is written. */
  direct: readonly AppendRun[]
  /** Where the others end in the write-ahead log; undefined where there are none. */
  logEnd: WalPlace | undefined
}

/** Which runs of a group go where. */
interface Parted {
  readonly direct: AppendRun[]
  readonly logged: AppendRun[]
}

/** While a flush runs, less than this is not worth a write of its own. */
const writeOnMinBytes = 64 * 1024

/**
 * One group is written at a time, and one flush runs beside; each group is acknowledged when a flush has ended that began
 * after it was written. Large runs go straight to their segments, behind all of the partition that is only in the
 * write-ahead log so far; the others go there. Invariants: appends are committed in the order of their offsets, so when
 * one fails, all that were written or wait behind it fail as well; an entry of the write-ahead log is written when all
 * before it is durable or in the same log.
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
    const isRoom =
      last !== undefined && last.sizeBytes + sizeBytes <= this.#options.limits.commitMaxBytes
    if (isRoom) return last
    const group: Group = { runs: new Map(), sizeBytes: 0, direct: [], logEnd: undefined }
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
    await this.#settle(group)
    if (group.runs.size === 0) return
    const { direct, logged } = await this.#part(group)
    if (logged.length > 0 && wal.isFull) await this.#flushed()
    // What is replayed by mistake must not meet other records in the segment.
    if (direct.length > 0 && wal.isUnsettled) await wal.settle()
    const begun = direct.map(({ partition, endOffset }) => partition.writer.writeThrough(endOffset))
    if (logged.length > 0) begun.push(wal.write(logged.map(appendOf)))
    await allOver(begun)
    group.direct = direct
    group.logEnd = logged.length > 0 ? wal.end : undefined
    this.#written.push(group)
    this.#flushWritten()
  }

  /** A partition whose files cannot be settled fails alone: it would keep all others from their commits. */
  async #settle(group: Group): Promise<void> {
    for (const partition of group.runs.keys()) {
      if (!partition.writer.isUnsettled) continue
      try {
        await partition.writer.settle()
      } catch (error) {
        if (!isStorageError(error)) throw error
        this.#takeOut(partition, error, group)
      }
    }
  }

  #takeOut(partition: QueuedPartition, error: AppError, group: Group): void {
    const runs: AppendRun[] = []
    for (const { runs: all } of [group, ...this.#waiting]) {
      const run = all.get(partition)
      if (run !== undefined) runs.push(run)
      all.delete(partition)
    }
    this.#options.account.failed(runs, error)
    this.#options.failed(error)
  }

  async #part(group: Group): Promise<Parted> {
    const parted = this.#tryPart(group)
    if (parted !== undefined) return parted
    // No partition is ahead when all is flushed.
    await this.#flushed()
    const again = this.#tryPart(group)
    assert(again !== undefined, 'who is not ahead has a choice')
    return again
  }

  /** Undefined where a partition that is ahead, and so has to go on in its segment, would be too far ahead. */
  #tryPart(group: Group): Parted | undefined {
    const { directAheadMaxBytes, directBehindMax, directMinBytes, directPartitionsMax } =
      this.#options.limits
    const flushed = new Set(this.#written.flatMap(directPartitions))
    const parted: Parted = { direct: [], logged: [] }
    for (const run of group.runs.values()) {
      const { partition, sizeBytes, endOffset } = run
      // Its segments are written no more: were its topic to come back, the write-ahead log would go on behind a gap.
      if (partition.isDeleted) continue
      const { isAhead } = partition.writer
      const isNear = partition.writer.uncommittedBytes(endOffset) <= directAheadMaxBytes
      if (isAhead && !isNear) return undefined
      const isOneMore = !flushed.has(partition)
      const behind = partition.writer.bytesBehind(endOffset)
      const isLarge = sizeBytes >= Math.max(directMinBytes, behind / directBehindMax)
      const isCheap = isLarge && flushed.size + Number(isOneMore) <= directPartitionsMax
      const isDirect = isAhead || (isNear && isCheap)
      if (isDirect) flushed.add(partition)
      parted[isDirect ? 'direct' : 'logged'].push(run)
    }
    return parted
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
    const { wal, account } = this.#options
    const startedAt = performance.now()
    const partitions = new Set(groups.flatMap(directPartitions))
    const flushes = [...partitions].map((partition) => partition.flushSegments())
    if (groups.some(({ logEnd }) => logEnd !== undefined)) flushes.push(wal.flush())
    try {
      await allOver(flushes)
    } catch (error) {
      if (!isStorageError(error)) throw error
      this.#broken = { error, groups }
      return
    }
    account.flushed(startedAt)
    for (const { runs, direct, logEnd } of groups) {
      if (logEnd !== undefined) wal.keep(logEnd)
      account.committed(runs.values())
      this.#options.committed(
        runs.keys(),
        direct.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0),
      )
    }
  }

  /**
   * After a failed flush, or the failed write of `group`. What was written before a failed write may still be
   * flushed and succeed; whatever is not flushed then has failed, and so has all that waits behind it.
   */
  async #giveUp(error: AppError, group?: Group): Promise<void> {
    const { wal, account, failed } = this.#options
    while (this.#flushing !== undefined) await this.#flushing
    await wal.rollBack()
    const unflushed = [...(this.#broken?.groups ?? []), ...this.#written]
    const groups = [...unflushed, ...(group === undefined ? [] : [group]), ...this.#waiting]
    this.#broken = undefined
    this.#written = []
    this.#waiting = []
    for (const { runs } of groups) account.failed(runs.values(), error)
    failed(error)
  }
}

function directPartitions({ direct }: Group): readonly QueuedPartition[] {
  return direct.map(({ partition }) => partition)
}

function appendOf({ partition, baseOffset, buffers, sizeBytes }: AppendRun): WalAppend {
  const { topicId, index } = partition.identity
  return { topicId, partition: index, baseOffset, buffers, sizeBytes }
}
