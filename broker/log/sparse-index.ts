// A segment's sparse index: from offsets to positions and from timestamps to offsets; does no I/O.
import { indexIntervalBytes } from '../../common/limits.ts'

/** Kafka: relative offset u32, position u32; and timestamp i64, relative offset u32. */
const offsetEntryBytes = 8
const timeEntryBytes = 12

/** What the index needs to know of a batch; `relativeOffset` counts from the segment's base. */
export interface IndexedBatch {
  readonly relativeOffset: number
  readonly position: number
  readonly sizeBytes: number
  readonly maxTimestamp: number
}

/**
 * Invariant: offsets and positions grow from entry to entry, and so do timestamps; no record that
 * lies before the batch of a time entry has a timestamp above the entry's.
 */
export class SparseIndex {
  readonly #offsets: number[] = []
  readonly #positions: number[] = []
  readonly #times: number[] = []
  readonly #timeOffsets: number[] = []
  #bytesSinceEntry = 0
  #maxTimestamp = -1
  #maxTimestampOffset = 0

  /** -1 where no batch has a timestamp. */
  get maxTimestamp(): number {
    return this.#maxTimestamp
  }

  get sizeBytes(): number {
    return this.#offsets.length * offsetEntryBytes + this.#times.length * timeEntryBytes
  }

  /** Whether it says no more than that the log begins at its beginning. */
  get isTrivial(): boolean {
    return this.#offsets.length === 0
  }

  /** Where a scan goes on that adds what an index read from a file lacks. */
  get resumePosition(): number {
    return this.#positions.at(-1) ?? 0
  }

  /** The relative offset of the batch that begins there. */
  get resumeOffset(): number {
    return this.#offsets.at(-1) ?? 0
  }

  /** Takes note of the next batch of the segment; every 4096 bytes one becomes an entry. */
  add(batch: IndexedBatch): void {
    if (batch.maxTimestamp > this.#maxTimestamp) {
      this.#maxTimestamp = batch.maxTimestamp
      this.#maxTimestampOffset = batch.relativeOffset
    }
    const isNew = this.#offsets.length === 0 || batch.position > this.resumePosition
    if (this.#bytesSinceEntry >= indexIntervalBytes && isNew) {
      this.#offsets.push(batch.relativeOffset)
      this.#positions.push(batch.position)
      this.#addTime()
      this.#bytesSinceEntry = 0
    }
    this.#bytesSinceEntry += batch.sizeBytes
  }

  /** A position at or before that of the batch which holds the offset. */
  positionBefore(relativeOffset: number): number {
    return this.placeBefore(relativeOffset).position
  }

  /** The same, with the offset of the batch that begins there. */
  placeBefore(relativeOffset: number): { relativeOffset: number; position: number } {
    const entry = lastAtMost(this.#offsets, relativeOffset)
    return { relativeOffset: this.#offsets[entry] ?? 0, position: this.#positions[entry] ?? 0 }
  }

  /** The last batch with an entry that begins at or before `position`. */
  entryAt(position: number): { relativeOffset: number; position: number } {
    const entry = lastAtMost(this.#positions, position)
    return { relativeOffset: this.#offsets[entry] ?? 0, position: this.#positions[entry] ?? 0 }
  }

  /** Where to stop reading for all whole batches that end at or before `position`: behind the last entry lie only small ones. */
  stopFor(position: number): number {
    return Math.min(position, this.entryAt(position).position + indexIntervalBytes)
  }

  /** A position that no record with a timestamp of `timestampMs` or above lies before. */
  positionBeforeTimestamp(timestampMs: number): number {
    // Timestamps are whole milliseconds: "below" is "at most one less".
    const entry = lastAtMost(this.#times, timestampMs - 1)
    return entry < 0 ? 0 : this.positionBefore(this.#timeOffsets[entry] ?? 0)
  }

  encode(): { readonly offsets: Buffer; readonly times: Buffer } {
    this.#addTime()
    const offsets = Buffer.allocUnsafe(this.#offsets.length * offsetEntryBytes)
    for (const [entry, offset] of this.#offsets.entries()) {
      offsets.writeUInt32BE(offset, entry * offsetEntryBytes)
      offsets.writeUInt32BE(this.#positions[entry] ?? 0, entry * offsetEntryBytes + 4)
    }
    const times = Buffer.allocUnsafe(this.#times.length * timeEntryBytes)
    for (const [entry, time] of this.#times.entries()) {
      times.writeBigInt64BE(BigInt(time), entry * timeEntryBytes)
      times.writeUInt32BE(this.#timeOffsets[entry] ?? 0, entry * timeEntryBytes + 8)
    }
    return { offsets, times }
  }

  /**
   * Undefined where the bytes cannot be the index of a log of `logBytes`: indexes have no checksum, and
   * what a crash left of one must not be believed.
   */
  static decode(offsets: Buffer, times: Buffer, logBytes: number): SparseIndex | undefined {
    if (offsets.length % offsetEntryBytes !== 0 || times.length % timeEntryBytes !== 0)
      return undefined
    const index = new SparseIndex()
    for (let at = 0; at < offsets.length; at += offsetEntryBytes) {
      const offset = offsets.readUInt32BE(at)
      const position = offsets.readUInt32BE(at + 4)
      if (offset <= (index.#offsets.at(-1) ?? 0) || position <= index.resumePosition)
        return undefined
      if (position >= logBytes) return undefined
      index.#offsets.push(offset)
      index.#positions.push(position)
    }
    for (let at = 0; at < times.length; at += timeEntryBytes) {
      const time = Number(times.readBigInt64BE(at))
      const offset = times.readUInt32BE(at + 8)
      if (time <= index.#maxTimestamp || offset < index.#maxTimestampOffset) return undefined
      index.#times.push(time)
      index.#timeOffsets.push(offset)
      index.#maxTimestamp = time
      index.#maxTimestampOffset = offset
    }
    return index
  }

  #addTime(): void {
    if (this.#maxTimestamp <= (this.#times.at(-1) ?? -1)) return
    this.#times.push(this.#maxTimestamp)
    this.#timeOffsets.push(this.#maxTimestampOffset)
  }
}

/** The last entry of an ascending list that is at most `value`; -1 where there is none. */
export function lastAtMost(ascending: readonly number[], value: number): number {
  let low = 0
  let high = ascending.length
  while (low < high) {
    const middle = (low + high) >>> 1
    if ((ascending[middle] ?? 0) <= value) low = middle + 1
    else high = middle
  }
  return low - 1
}
