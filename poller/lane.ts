// Holds one partition's records in their order, from arrival until they are finished.
import assert from 'node:assert'

/** A record that passed the filters, as the text that goes into the event. */
export interface LaneRecord {
  readonly offset: number
  readonly timestampMs: number
  readonly json: string
  readonly sizeBytes: number
  /** Of a record that no event can hold: its size. `json` is then without its content. */
  readonly oversizedBytes?: number
}

/** Below this many dead entries at the front, moving the rest down costs more than it frees. */
const compactFrom = 1024

/**
 * The unit of order: at most one run of its records is in flight, and it is always the oldest. Records
 * of the run may be finished one by one.
 *
 * Invariant: offsets grow strictly from the records in flight over those that wait to `nextOffset`,
 * and `checkpoint` is the lowest offset that is not finished.
 */
export class Lane {
  readonly partition: number
  /** False once the partition is another member's; what is still in flight then counts for nothing. */
  assigned = true
  paused = false
  /** When the oldest record that waits could first have been sent. */
  readySinceMs = 0
  /** Which of the mapping's event pollers it is with. */
  poller = 0
  /** The offset after the partition's last record, as of the last fetch of it. */
  endOffset: number | undefined = undefined
  /** What the group has as this partition's offset, as far as known. */
  committedOffset: number | undefined = undefined
  #waiting: LaneRecord[] = []
  #head = 0
  #waitingBytes = 0
  #inFlight: readonly LaneRecord[] = []
  #inFlightBytes = 0
  /** The offset after the run that is in flight. */
  #inFlightEnd = 0
  #nextOffset: number | undefined

  constructor(partition: number) {
    this.partition = partition
  }

  /** The offset that is read next; undefined before the first record. Lower ones were here before. */
  get nextOffset(): number | undefined {
    return this.#nextOffset
  }

  get waiting(): number {
    return this.#waiting.length - this.#head
  }

  get waitingBytes(): number {
    return this.#waitingBytes
  }

  /** All that it holds, waiting and in flight. */
  get bytes(): number {
    return this.#waitingBytes + this.#inFlightBytes
  }

  get records(): number {
    return this.waiting + this.#inFlight.length
  }

  get isInFlight(): boolean {
    return this.#inFlight.length > 0
  }

  /** The lowest unfinished offset: what may be committed. */
  get checkpoint(): number | undefined {
    return this.oldest?.offset ?? this.#nextOffset
  }

  /** The oldest unfinished record. */
  get oldest(): LaneRecord | undefined {
    return this.#inFlight[0] ?? this.#waiting[this.#head]
  }

  push(record: LaneRecord): void {
    this.#waiting.push(record)
    this.#waitingBytes += record.sizeBytes
    this.#nextOffset = record.offset + 1
  }

  /** Everything below `nextOffset` was seen; what was not pushed of it is finished. */
  advance(nextOffset: number): void {
    this.committedOffset ??= nextOffset
    if (this.#nextOffset === undefined || nextOffset > this.#nextOffset) {
      this.#nextOffset = nextOffset
    }
  }

  /** The `index`th record that waits. */
  peek(index: number): LaneRecord | undefined {
    return this.#waiting[this.#head + index]
  }

  /** Puts the first `count` waiting records in flight. */
  take(count: number): readonly LaneRecord[] {
    assert(!this.isInFlight && count > 0 && count <= this.waiting)
    const end = this.#head + count
    this.#inFlight = this.#waiting.slice(this.#head, end)
    for (const { sizeBytes } of this.#inFlight) this.#inFlightBytes += sizeBytes
    this.#inFlightEnd = (this.#inFlight.at(-1)?.offset ?? 0) + 1
    this.#waitingBytes -= this.#inFlightBytes
    this.#drop(end)
    return this.#inFlight
  }

  /** These records, which were in flight, are finished. */
  finish(records: readonly LaneRecord[]): void {
    if (records.length === this.#inFlight.length) {
      this.#inFlight = []
      this.#inFlightBytes = 0
      return
    }
    const finished = new Set(records)
    this.#inFlight = this.#inFlight.filter((record) => !finished.has(record))
    for (const { sizeBytes } of finished) this.#inFlightBytes -= sizeBytes
  }

  /** Forgets what waits; it will be read again. What is in flight, or finished, will not be taken twice. */
  reset(): void {
    this.#nextOffset = this.isInFlight ? this.#inFlightEnd : this.checkpoint
    this.#waiting = []
    this.#head = 0
    this.#waitingBytes = 0
  }

  /** Asserts the invariant. */
  check(): void {
    let previous = -1
    let bytes = 0
    for (const { offset, sizeBytes } of [...this.#inFlight, ...this.#waiting.slice(this.#head)]) {
      assert(offset > previous)
      previous = offset
      bytes += sizeBytes
    }
    assert.equal(bytes, this.bytes)
    if (this.records > 0) assert(this.#nextOffset !== undefined && this.#nextOffset > previous)
  }

  // The array is cut now and then: shifting each record would cost a move of all the others.
  #drop(end: number): void {
    this.#head = end
    if (this.#head === this.#waiting.length) {
      this.#waiting = []
      this.#head = 0
    } else if (this.#head >= compactFrom && this.#head * 2 >= this.#waiting.length) {
      this.#waiting = this.#waiting.slice(this.#head)
      this.#head = 0
    }
  }
}
