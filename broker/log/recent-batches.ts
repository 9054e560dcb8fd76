// Keeps batches that were just written to segments, for readers at the end of the log: no file is read for them.
import type { Clock, Timer } from '../../common/clock.ts'
import type { ReadAhead } from './read-ahead.ts'
import { Tail, type PlacedBatch } from './tail.ts'

export interface RecentBatchesOptions {
  readonly clock: Clock
  /** Of all partitions together, with what else lies in the frames that the batches came in. */
  readonly maxBytes: number
  readonly maxAgeMs: number
  /** Tells which partitions are read: nothing is kept of others. */
  readonly readers: Pick<ReadAhead, 'isRead'>
}

/** Batches of a partition that were written together: those kept longest of it when their turn comes. */
interface Run {
  readonly owner: object
  readonly batches: readonly PlacedBatch[]
  readonly sinceMs: number
}

/** What a batch takes beside its bytes. */
const batchOverheadBytes = 256

/** What is kept of one partition. */
interface Recent {
  readonly batches: Tail
  readonly exchanges: number
}

/**
 * Invariant: what is kept is committed and in segments, without a gap, so that it changes only where compaction exchanges
 * those: what was kept before is not read then. Frames together take `heldBytes`, at most `maxBytes`.
 */
export class RecentBatches {
  readonly #options: RecentBatchesOptions
  readonly #byOwner = new Map<object, Recent>()
  /** The oldest first. */
  readonly #runs = new Set<Run>()
  /** How many batches of each are kept. */
  readonly #frames = new Map<ArrayBufferLike, number>()
  #heldBytes = 0
  #timer: Timer | undefined
  #isClosed = false

  constructor(options: RecentBatchesOptions) {
    this.#options = options
  }

  get heldBytes(): number {
    return this.#heldBytes
  }

  /** Takes note of batches of a partition that segments have now. */
  keep(owner: object, batches: readonly PlacedBatch[], exchanges: number): void {
    if (this.#isClosed || batches.length === 0 || !this.#options.readers.isRead(owner)) return
    const recent = this.#continued(owner, batches, exchanges)
    this.#runs.add({ owner, batches, sinceMs: this.#options.clock.now() })
    for (const batch of batches) {
      recent.batches.push(batch)
      this.#count(batch.bytes.buffer)
    }
    this.#dropWhile(() => this.#heldBytes > this.#options.maxBytes)
    this.#wait()
  }

  /** What is kept of a partition, where that has `offset`. */
  holding(owner: object, offset: number, exchanges: number): Tail | undefined {
    const recent = this.#byOwner.get(owner)
    if (recent === undefined || recent.exchanges !== exchanges) return undefined
    const { firstOffset = Infinity, endOffset = -1 } = recent.batches
    return offset >= firstOffset && offset < endOffset ? recent.batches : undefined
  }

  /** Lets go of all that is kept of a partition. */
  drop(owner: object): void {
    if (!this.#byOwner.has(owner)) return
    for (const run of this.#runs) if (run.owner === owner) this.#drop(run)
  }

  close(): void {
    this.#isClosed = true
    this.#timer?.cancel()
    this.#dropWhile(() => true)
  }

  /** What `batches` go on from; what does not lead to them is of no use any more. */
  #continued(owner: object, batches: readonly PlacedBatch[], exchanges: number): Recent {
    const recent = this.#byOwner.get(owner)
    const end = recent?.batches.endOffset
    if (recent?.exchanges === exchanges && end === batches[0]?.baseOffset) return recent
    this.drop(owner)
    const begun = { batches: new Tail(), exchanges }
    this.#byOwner.set(owner, begun)
    return begun
  }

  #dropWhile(isDue: (run: Run) => boolean): void {
    for (const run of this.#runs) {
      if (!isDue(run)) break
      this.#drop(run)
    }
  }

  #drop(run: Run): void {
    const { owner, batches } = run
    this.#runs.delete(run)
    const recent = this.#byOwner.get(owner)
    recent?.batches.dropBefore((batches.at(-1)?.lastOffset ?? -1) + 1)
    if (recent?.batches.length === 0) this.#byOwner.delete(owner)
    for (const { bytes } of batches) this.#discount(bytes.buffer)
  }

  #count(frame: ArrayBufferLike): void {
    const batches = this.#frames.get(frame) ?? 0
    this.#frames.set(frame, batches + 1)
    this.#heldBytes += batchOverheadBytes + (batches === 0 ? frame.byteLength : 0)
  }

  #discount(frame: ArrayBufferLike): void {
    const batches = (this.#frames.get(frame) ?? 0) - 1
    if (batches > 0) this.#frames.set(frame, batches)
    else this.#frames.delete(frame)
    this.#heldBytes -= batchOverheadBytes + (batches > 0 ? 0 : frame.byteLength)
  }

  #wait(): void {
    const [oldest] = this.#runs
    if (oldest === undefined || this.#timer !== undefined || this.#isClosed) return
    const { clock, maxAgeMs } = this.#options
    this.#timer = clock.after(oldest.sinceMs + maxAgeMs - clock.now(), () => {
      this.#timer = undefined
      this.#dropWhile(({ sinceMs }) => sinceMs + maxAgeMs <= clock.now())
      this.#wait()
    })
  }
}
