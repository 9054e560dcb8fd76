// Holds the records of one slot of a partition in their order, from arrival until they are finished.
import assert from 'node:assert'
import type { RawRecord } from '../events/raw-record.ts'
import type { LaneWindow } from './tumbling-windows.ts'
import { WindowHolds } from './window-holds.ts'

/**
 * A record that passed the filters, as it was read. Where records are counted and not made, one stands for
 * a run of them that are alike.
 */
export interface LaneRecord {
  readonly offset: number
  readonly timestampMs: number
  readonly content: RawRecord
  /** Of its JSON text. */
  readonly sizeBytes: number
  /** Of a record that no event can hold: its size. `content` is then without value and headers. */
  readonly oversizedBytes?: number
  /** How many records of consecutive offsets it stands for; `offset` is the first's, the size each one's. */
  readonly count?: number
}

/** Below this many dead entries at the front, moving the rest down costs more than it frees. */
const compactFrom = 1024

/**
 * The unit of order: at most one run of its records is in flight, and it is always the oldest. Records
 * of the run may be finished one by one. A partition has one lane, or several by its records' keys.
 *
 * Invariant: offsets grow strictly from the records in flight over those that wait.
 */
export class Lane {
  readonly partition: number
  readonly slot: number
  readonly windowHolds: WindowHolds
  /** As of its partition. */
  assigned = true
  paused = false
  /** When the oldest record that waits could first have been sent. */
  readySinceMs = 0
  /** Which of the mapping's event pollers it is with. */
  poller = 0
  /** Records below it were here before, though its partition be read from a lower offset on. */
  knownBelow = 0
  /** The tumbling window it is in. */
  window: LaneWindow | undefined = undefined
  #isClosing = false
  #waiting: LaneRecord[] = []
  #head = 0
  #waitingRecords = 0
  #waitingBytes = 0
  #inFlight: readonly LaneRecord[] = []
  #inFlightRecords = 0
  #inFlightBytes = 0
  /** The offset after the run that is in flight. */
  #inFlightEnd = 0

  /** `holds` are those of its partition. */
  constructor(partition: number, slot = 0, holds = new WindowHolds()) {
    this.partition = partition
    this.slot = slot
    this.windowHolds = holds
  }

  get waiting(): number {
    return this.#waitingRecords
  }

  get waitingBytes(): number {
    return this.#waitingBytes
  }

  /** All that it holds, waiting and in flight. */
  get bytes(): number {
    return this.#waitingBytes + this.#inFlightBytes
  }

  get records(): number {
    return this.#waitingRecords + this.#inFlightRecords
  }

  get isInFlight(): boolean {
    return this.#inFlightRecords > 0 || this.#isClosing
  }

  /** The oldest that waits. */
  get nextWaiting(): LaneRecord | undefined {
    return this.#waiting[this.#head]
  }

  /** The oldest unfinished record. */
  get oldest(): LaneRecord | undefined {
    return this.#inFlight[0] ?? this.#waiting[this.#head]
  }

  push(record: LaneRecord): void {
    const count = countOf(record)
    this.#waiting.push(record)
    this.#waitingRecords += count
    this.#waitingBytes += record.sizeBytes * count
  }

  /** How many of those that wait, `most` at most and of before `endMs`, have room in `roomBytes`, with a comma each. */
  fitting(
    most: number,
    roomBytes: number,
    endMs = Infinity,
  ): { readonly records: number; readonly bytes: number } {
    let records = 0
    let bytes = 0
    for (let index = this.#head; records < most; index++) {
      const record = this.#waiting[index]
      if (record === undefined || record.timestampMs >= endMs) break
      const each = record.sizeBytes + 1
      const count = Math.min(countOf(record), most - records)
      const fit = Math.min(count, Math.floor((roomBytes - bytes) / each))
      if (fit <= 0) break
      records += fit
      bytes += fit * each
      if (fit < count) break
    }
    return { records, bytes }
  }

  /** Puts the first `count` waiting records in flight. */
  take(count: number): readonly LaneRecord[] {
    assert(!this.isInFlight && count > 0 && count <= this.#waitingRecords)
    let end = this.#head
    let bytes = 0
    let left = count
    let rest: LaneRecord | undefined
    let last: LaneRecord | undefined
    for (; left > 0; end++) {
      const record = this.#waiting[end]
      assert(record !== undefined)
      const taken = Math.min(countOf(record), left)
      bytes += taken * record.sizeBytes
      left -= taken
      last = record
      if (taken < countOf(record)) [last, rest] = split(record, taken)
    }
    const inFlight = this.#waiting.slice(this.#head, end)
    if (rest !== undefined && last !== undefined) {
      inFlight[inFlight.length - 1] = last
      end -= 1
      this.#waiting[end] = rest
    }
    this.#inFlight = inFlight
    this.#inFlightRecords = count
    this.#inFlightBytes = bytes
    this.#inFlightEnd = last === undefined ? 0 : last.offset + countOf(last)
    this.#waitingRecords -= count
    this.#waitingBytes -= bytes
    this.#drop(end)
    return this.#inFlight
  }

  /** Its window's final invocation is in flight. */
  beginClosing(): void {
    assert(!this.isInFlight && this.window !== undefined)
    this.#isClosing = true
  }

  /** These records, which were in flight, are finished; with the final invocation its window is. */
  finish(records: readonly LaneRecord[]): void {
    if (this.#isClosing) {
      this.#isClosing = false
      this.window = undefined
      return
    }
    const finished = sumOf(records)
    if (finished === this.#inFlightRecords) {
      this.#inFlight = []
      this.#inFlightRecords = 0
      this.#inFlightBytes = 0
      return
    }
    this.#inFlight = without(this.#inFlight, records)
    this.#inFlightRecords -= finished
    for (const record of records) this.#inFlightBytes -= record.sizeBytes * countOf(record)
  }

  /**
   * Forgets what waits; it will be read again. What is in flight, or finished, will not be taken twice.
   * `nextOffset` is up to where its partition was read.
   */
  reset(nextOffset: number): void {
    this.knownBelow = this.isInFlight ? this.#inFlightEnd : (this.oldest?.offset ?? nextOffset)
    this.#waiting = []
    this.#head = 0
    this.#waitingRecords = 0
    this.#waitingBytes = 0
  }

  /** Asserts the invariant; no record is at `end` or above. */
  check(end = Infinity): void {
    let previous = -1
    let bytes = 0
    for (const record of [...this.#inFlight, ...this.#waiting.slice(this.#head)]) {
      assert(record.offset > previous)
      previous = record.offset + countOf(record) - 1
      bytes += record.sizeBytes * countOf(record)
    }
    assert(previous < end)
    assert.equal(bytes, this.bytes)
    assert.equal(sumOf(this.#inFlight), this.#inFlightRecords)
    assert.equal(sumOf(this.#waiting.slice(this.#head)), this.#waitingRecords)
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

/** How many records it stands for. */
export function countOf({ count = 1 }: LaneRecord): number {
  return count
}

export function sumOf(records: readonly LaneRecord[]): number {
  let sum = 0
  for (const { count = 1 } of records) sum += count
  return sum
}

/** The first `count` records of several, and the others. */
export function split(record: LaneRecord, count: number): readonly [LaneRecord, LaneRecord] {
  const rest = { ...record, offset: record.offset + count, count: countOf(record) - count }
  return [{ ...record, count }, rest]
}

/** `records` less `finished`, both in the order of their offsets. */
function without(
  records: readonly LaneRecord[],
  finished: readonly LaneRecord[],
): readonly LaneRecord[] {
  const left: LaneRecord[] = []
  let index = 0
  for (const record of records) {
    const end = record.offset + countOf(record)
    let from = record.offset
    for (; index < finished.length; index++) {
      const gone = finished[index]
      if (gone === undefined || gone.offset >= end) break
      if (gone.offset > from) left.push(part(record, from, gone.offset))
      from = Math.max(from, gone.offset + countOf(gone))
      if (from > end) break
    }
    if (from < end) left.push(part(record, from, end))
  }
  return left
}

/** What of it lies from one offset to before another. */
function part(record: LaneRecord, from: number, end: number): LaneRecord {
  const count = end - from
  if (from === record.offset && count === countOf(record)) return record
  return { ...record, offset: from, count }
}
