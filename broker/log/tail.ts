// The end of a partition's log in memory: batches in order, the first of which may be in a segment already.
import assert from 'node:assert/strict'
import { hold, letGo } from '../../common/buffer-pool.ts'

/** One batch with its place in the log. `bytes` is a view of the frame it came in. */
export interface PlacedBatch {
  readonly bytes: Buffer
  readonly baseOffset: number
  readonly lastOffset: number
  readonly maxTimestamp: number
}

/** Invariant: each batch starts at the offset after the one before it. */
export class Tail {
  readonly #batches: PlacedBatch[] = []
  #bytes = 0

  get sizeBytes(): number {
    return this.#bytes
  }

  get length(): number {
    return this.#batches.length
  }

  /** The first batch's base offset; undefined where there is none. */
  get firstOffset(): number | undefined {
    return this.#batches[0]?.baseOffset
  }

  /** The offset behind the last batch; undefined where there is none. */
  get endOffset(): number | undefined {
    const last = this.#batches.at(-1)
    return last && last.lastOffset + 1
  }

  push(batch: PlacedBatch): void {
    const last = this.#batches.at(-1)
    assert(last === undefined || last.lastOffset + 1 === batch.baseOffset, 'offsets leave no gap')
    hold(batch.bytes)
    this.#batches.push(batch)
    this.#bytes += batch.bytes.length
  }

  /** The batches from offset `from` to before `end`, as many as fit into `maxBytes`, at least one. */
  between(from: number, end: number, maxBytes: number): readonly PlacedBatch[] {
    let bytes = 0
    const first = this.#find(from)
    let index = first
    for (; index < this.#batches.length; index++) {
      const batch = this.#at(index)
      if (batch.lastOffset >= end) break
      bytes += batch.bytes.length
      if (bytes > maxBytes && index > first) break
    }
    return this.#batches.slice(first, index)
  }

  /** Forgets the batches before offset `end`, which are in a segment now; returns how many bytes those were. */
  dropBefore(end: number): number {
    let dropped = 0
    for (const { bytes } of this.#batches.splice(0, this.#find(end))) {
      dropped += bytes.length
      letGo(bytes)
    }
    this.#bytes -= dropped
    return dropped
  }

  /**
   * Takes back the batches at or above `offset`; returns how many bytes those were. Their memory is left to the
   * garbage collector: a write that failed, or one for a topic that was deleted, may still be reading it.
   */
  truncate(offset: number): number {
    let bytes = 0
    for (let last = this.#batches.at(-1); last !== undefined; last = this.#batches.at(-1)) {
      if (last.baseOffset < offset) break
      this.#batches.pop()
      bytes += last.bytes.length
    }
    this.#bytes -= bytes
    return bytes
  }

  /** The batch that holds `offset`. */
  holding(offset: number): PlacedBatch | undefined {
    return this.#batches[this.#find(offset)]
  }

  /** Whole batches from the one that holds `offset`, below `end`, `maxBytes` of them; each held for the caller. */
  read(offset: number, end: number, limits: { maxBytes: number; minOneBatch: boolean }): Buffer[] {
    const chunks: Buffer[] = []
    let bytes = 0
    for (let index = this.#find(offset); index < this.#batches.length; index++) {
      const batch = this.#at(index)
      if (batch.lastOffset >= end) break
      bytes += batch.bytes.length
      const isFirstAllowed = chunks.length === 0 && limits.minOneBatch
      if (bytes > limits.maxBytes && !isFirstAllowed) break
      hold(batch.bytes)
      chunks.push(batch.bytes)
    }
    return chunks
  }

  /** Bytes of the batches from the one that holds `offset` to `end`. */
  bytesBetween(offset: number, end: number): number {
    let bytes = 0
    for (let index = this.#find(offset); index < this.#batches.length; index++) {
      const batch = this.#at(index)
      if (batch.lastOffset >= end) break
      bytes += batch.bytes.length
    }
    return bytes
  }

  get batches(): readonly PlacedBatch[] {
    return this.#batches
  }

  /** The index of the first batch whose last offset is not below `offset`. */
  #find(offset: number): number {
    let low = 0
    let high = this.#batches.length
    while (low < high) {
      const middle = (low + high) >>> 1
      if (this.#at(middle).lastOffset < offset) low = middle + 1
      else high = middle
    }
    return low
  }

  #at(index: number): PlacedBatch {
    const batch = this.#batches[index]
    assert(batch !== undefined, 'the index is inside of the tail')
    return batch
  }
}
