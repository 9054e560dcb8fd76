// Keeps a partition's producers across restarts: a snapshot beside the segments, and the log behind it.
import { dirname, join } from 'node:path'
import { AbortedTransactions } from './aborted-transactions.ts'
import type { ProducersPoint } from './checkpoint-file.ts'
import { isMissing, replaceFile, type FileSystem } from './file-system.ts'
import type { IndexCache } from './index-cache.ts'
import type { ProducerBudget } from './producer-budget.ts'
import { replayProducers } from './producer-replay.ts'
import { encodeSnapshot, parseSnapshot } from './producer-snapshot.ts'
import { ProducerTable, type ProducerImage } from './producer-table.ts'
import type { SegmentList } from './segment-list.ts'

interface Shared {
  readonly files: FileSystem
  readonly clock: { now(): number }
  readonly producers: ProducerBudget
  readonly indexes: IndexCache
}

/** What a start found of a partition. */
export interface FoundProducers {
  readonly segments: SegmentList
  /** Base offsets of segments with an index of aborted transactions. */
  readonly indexed: Iterable<number>
  readonly point: ProducersPoint | undefined
}

/** An image with the table's version that it shows. */
interface Capture extends ProducerImage {
  readonly version: number
}

const nobody: ProducersPoint = { producersTo: 0, producersAt: 0 }

/**
 * Invariant: `point` is true of what is on the disk. A snapshot is taken when the segments hold all that is committed,
 * and written after they were flushed, so it is never ahead of what a crash leaves of them. One that is torn, or is of a
 * log that went on differently, is not believed: then the headers of all batches are read.
 */
export class ProducerFile {
  readonly table: ProducerTable
  readonly aborted: AbortedTransactions
  readonly #files: FileSystem
  readonly #path: string
  #captured: Capture | undefined
  #due: Capture | undefined
  #savedVersion = 0
  #point = nobody

  private constructor(shared: Shared, directory: string, found: FoundProducers) {
    this.aborted = new AbortedTransactions(shared, directory, found)
    this.table = new ProducerTable({
      budget: shared.producers,
      aborted: (transaction) => this.aborted.add(transaction),
    })
    this.#files = shared.files
    this.#path = join(directory, 'producers.snapshot')
  }

  /** Brings back what was known of the producers of everything in the segments. */
  static async open(
    shared: Shared,
    directory: string,
    found: FoundProducers,
  ): Promise<ProducerFile> {
    const { segments, point } = found
    const file = new ProducerFile(shared, directory, found)
    const from = await file.#load(point, segments.endOffset)
    await file.aborted.trim(from)
    await replayProducers(segments.list, file.table, { from, seenMs: shared.clock.now() })
    return file
  }

  get point(): ProducersPoint {
    return this.#point
  }

  /** To be called when the segments hold everything below `offset`, and that is all that is committed. */
  capture(offset: number): void {
    const { version } = this.table
    if (this.#captured?.version === version) this.#captured = { ...this.#captured, offset }
    else this.#captured = { ...this.table.imageAt(offset), version }
  }

  /** Runs `flush` of the segments; what was captured before may be written down then. */
  async flushed(flush: () => Promise<void>): Promise<void> {
    const captured = this.#captured
    await flush()
    this.#due = captured
  }

  /** Rejects with AppError STORAGE_FAILED. */
  async save(): Promise<void> {
    const due = this.#due
    if (due === undefined) return
    const { offset: producersTo, states, version } = due
    await this.aborted.save(producersTo)
    let { producersAt } = this.#point
    if (version !== this.#savedVersion) {
      producersAt = states.length > 0 ? producersTo : 0
      if (producersAt > 0) await replaceFile(this.#files, this.#path, encodeSnapshot(due))
    }
    this.#savedVersion = version
    this.#point = { producersTo, producersAt }
  }

  /** Fills the table from the snapshot; resolves with the offset from which on the log has to be read. */
  async #load(point: ProducersPoint | undefined, endOffset: number): Promise<number> {
    if (point === undefined) return this.#distrust()
    const snapshot = await this.#read()
    if (snapshot !== undefined && snapshot.offset > endOffset) return this.#distrust()
    if (point.producersTo > endOffset) return this.#distrust()
    // It is newer than the point where the checkpoint could not be written any more.
    const isNewer = snapshot !== undefined && snapshot.offset > point.producersTo
    if (!isNewer && point.producersAt !== (snapshot?.offset ?? 0) && point.producersAt > 0) {
      return this.#distrust()
    }
    const { producersTo, producersAt } = point
    this.#point = isNewer
      ? { producersTo: snapshot.offset, producersAt: snapshot.offset }
      : { producersTo, producersAt }
    if (this.#point.producersAt > 0) {
      for (const state of snapshot?.states ?? []) this.table.put(state)
    }
    this.#savedVersion = this.table.version
    return this.#point.producersTo
  }

  /** From the beginning then; what lies there must not be taken for this log's later. */
  async #distrust(): Promise<number> {
    if ((await this.#files.facts(this.#path)) !== undefined) {
      await this.#files.remove(this.#path)
      await this.#files.syncDirectory(dirname(this.#path))
    }
    return 0
  }

  async #read(): Promise<ProducerImage | undefined> {
    try {
      return parseSnapshot(await this.#files.readFile(this.#path))
    } catch (error) {
      if (isMissing(error)) return undefined
      throw error
    }
  }
}
