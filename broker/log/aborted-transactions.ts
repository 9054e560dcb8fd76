// Keeps a partition's aborted transactions: in an index file beside each segment, the newest in memory.
import { join } from 'node:path'
import { encodeAborted, parseAborted, type AbortedTransaction } from './aborted-index.ts'
import { isMissing, replaceFile, type FileSystem } from './file-system.ts'
import type { IndexCache, IndexOwner } from './index-cache.ts'
import { ProducerBudget } from './producer-budget.ts'
import { replayProducers } from './producer-replay.ts'
import { ProducerTable } from './producer-table.ts'
import type { SegmentList } from './segment-list.ts'
import { segmentName, type Segment } from './segment.ts'

interface Shared {
  readonly files: FileSystem
  readonly indexes: IndexCache
}

/** A segment's index; its entries are read when they are needed. */
class Held implements IndexOwner {
  entries: readonly AbortedTransaction[] | undefined
  reading: Promise<readonly AbortedTransaction[]> | undefined

  releaseIndex(): void {
    this.entries = undefined
  }
}

/**
 * Invariant: a transaction is in the index of the segment that holds its marker, or in memory; both only while it is
 * being written. An index that is damaged is made again from the log.
 */
export class AbortedTransactions {
  readonly #shared: Shared
  readonly #directory: string
  readonly #segments: SegmentList
  readonly #held = new Map<number, Held>()
  /** In the order of their markers. */
  #recent: AbortedTransaction[] = []

  /** `indexed` are the base offsets of segments that have an index. */
  constructor(
    shared: Shared,
    directory: string,
    log: { readonly segments: SegmentList; readonly indexed: Iterable<number> },
  ) {
    this.#shared = shared
    this.#directory = directory
    this.#segments = log.segments
    for (const base of log.indexed) this.#held.set(base, new Held())
  }

  add(transaction: AbortedTransaction): void {
    this.#recent.push(transaction)
  }

  /** Those with offsets from `from` to below `end`, by their first offset. */
  async find(from: number, end: number): Promise<readonly AbortedTransaction[]> {
    const recent = this.#recent
    if (this.#held.size === 0 && recent.length === 0) return []
    const found = new Map<number, AbortedTransaction>()
    const look = (transactions: readonly AbortedTransaction[]): boolean =>
      transactions.some((transaction) => {
        const { firstOffset, lastOffset, lastStableOffset } = transaction
        if (lastOffset >= from && firstOffset < end) found.set(lastOffset, transaction)
        return lastStableOffset >= end
      })
    const indexed = this.#segments.list.filter(
      ({ baseOffset, endOffset }) => endOffset > from && this.#held.has(baseOffset),
    )
    let isOver = false
    for (const segment of indexed) isOver ||= look(await this.#entriesOf(segment))
    if (!isOver) look(recent)
    return [...found.values()].toSorted((a, b) => a.firstOffset - b.firstOffset)
  }

  /** Writes down those that ended before offset `to`. Rejects with AppError STORAGE_FAILED. */
  async save(to: number): Promise<void> {
    const start = this.#segments.list[0]?.baseOffset ?? 0
    const due = this.#recent.filter(({ lastOffset }) => lastOffset < to && lastOffset >= start)
    const bySegment = Map.groupBy(due, ({ lastOffset }) => this.#segments.holding(lastOffset))
    for (const [segment, transactions] of bySegment) await this.#extend(segment, transactions)
    this.#recent = this.#recent.filter(({ lastOffset }) => lastOffset >= to)
    const bases = new Set(this.#segments.list.map(({ baseOffset }) => baseOffset))
    for (const [base, held] of this.#held) {
      if (bases.has(base)) continue
      this.#held.delete(base)
      this.#shared.indexes.drop(held)
    }
  }

  /** Forgets those that ended at or after offset `from`: they are about to be read from the log again. */
  async trim(from: number): Promise<void> {
    for (const segment of this.#segments.list) {
      const { baseOffset, endOffset } = segment
      if (endOffset < from || !this.#held.has(baseOffset)) continue
      // What an index says of a log that is not believed is not even read.
      const entries = from > baseOffset ? await this.#entriesOf(segment) : undefined
      const kept = (entries ?? []).filter(({ lastOffset }) => lastOffset < from)
      if (kept.length !== entries?.length) await this.#write(baseOffset, kept)
    }
  }

  async #extend(segment: Segment, transactions: readonly AbortedTransaction[]): Promise<void> {
    const { baseOffset } = segment
    const first = transactions[0]?.lastOffset ?? Infinity
    const before = this.#held.has(baseOffset) ? await this.#entriesOf(segment) : []
    const kept = before.filter(({ lastOffset }) => lastOffset < first)
    await this.#write(baseOffset, [...kept, ...transactions])
  }

  async #write(baseOffset: number, entries: readonly AbortedTransaction[]): Promise<void> {
    await replaceFile(this.#shared.files, this.#path(baseOffset), encodeAborted(entries))
    const held = this.#held.get(baseOffset) ?? new Held()
    this.#held.set(baseOffset, held)
    this.#hold(held, entries)
  }

  async #entriesOf(segment: Segment): Promise<readonly AbortedTransaction[]> {
    const held = this.#held.get(segment.baseOffset)
    if (held === undefined) return []
    if (held.entries === undefined) {
      held.reading ??= this.#read(segment).finally(() => (held.reading = undefined))
      const read = await held.reading
      // What was written meanwhile is newer than what was read.
      this.#hold(held, held.entries ?? read)
    }
    return held.entries ?? []
  }

  #hold(held: Held, entries: readonly AbortedTransaction[]): void {
    held.entries = entries
    this.#shared.indexes.touch(held, entries.length * bytesInMemory)
  }

  async #read(segment: Segment): Promise<readonly AbortedTransaction[]> {
    try {
      const bytes = await this.#shared.files.readFile(this.#path(segment.baseOffset))
      return parseAborted(bytes) ?? (await this.#madeAgain(segment))
    } catch (error) {
      if (!isMissing(error)) throw error
      // Retention may have removed the segment.
      return segment.isRemoved ? [] : this.#madeAgain(segment)
    }
  }

  /** A marker does not say where its transaction began, so all of the log before it is read. */
  async #madeAgain({ baseOffset, endOffset }: Segment): Promise<readonly AbortedTransaction[]> {
    const found: AbortedTransaction[] = []
    const budget = new ProducerBudget(Infinity)
    const table = new ProducerTable({ budget, aborted: (transaction) => found.push(transaction) })
    const before = this.#segments.list.filter((segment) => segment.baseOffset < endOffset)
    await replayProducers(before, table, { from: 0, seenMs: 0 })
    return found.filter(({ lastOffset }) => lastOffset >= baseOffset && lastOffset < endOffset)
  }

  #path(baseOffset: number): string {
    return join(this.#directory, `${segmentName(baseOffset)}.txnindex`)
  }
}

/** An object of four numbers, and its place in a list. */
const bytesInMemory = 72
