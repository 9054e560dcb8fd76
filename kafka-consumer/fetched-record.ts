// A record as it lies in the bytes of a fetch: where its parts are; they are cut out when asked for.
import { readVarint } from '../protocol/varint.ts'

export interface FetchedHeader {
  readonly name: string
  readonly value: Buffer
}

/** What the records of one batch have in common. */
export interface FetchedBatch {
  readonly topic: string
  readonly partition: number
  readonly timestampType: 'CREATE_TIME' | 'LOG_APPEND_TIME'
  /** What the records' deltas are added to. */
  readonly baseTimestampMs: number
  /** The fetch's bytes, or what the batch unpacked to. */
  readonly bytes: Buffer
}

const noHeaders: readonly FetchedHeader[] = Object.freeze([])

/**
 * Positions are in `batch.bytes`; a length of -1 is a null. Keys, values and headers are views of these
 * bytes, made anew by each access, so that a record whose bytes are handed on as they are costs
 * this object alone, from the fetch to its end in a lane: what a second one takes to make, and the collector to
 * move, was a tenth of a mapping's main thread. The walk has checked that headers are what they say.
 */
export class FetchedRecord {
  readonly batch: FetchedBatch
  readonly offset: number
  readonly keyStart: number
  readonly keyBytes: number
  readonly valueStart: number
  readonly valueBytes: number
  readonly headerCount: number
  /** Its place for whoever keeps it and counts another size: of its event text, in a lane. */
  sizeBytes = 0
  /** Small, where the time itself would be an object of its own. */
  readonly timestampDelta: number

  constructor(batch: FetchedBatch, offset: number, timestampDelta: number, at: Positions) {
    this.batch = batch
    this.offset = offset
    this.timestampDelta = timestampDelta
    this.keyStart = at.keyStart
    this.keyBytes = at.keyBytes
    this.valueStart = at.valueStart
    this.valueBytes = at.valueBytes
    this.headerCount = at.headerCount
  }

  get timestampMs(): number {
    return this.batch.baseTimestampMs + this.timestampDelta
  }

  /** Itself: it is what a lane keeps of it, too. */
  get content(): this {
    return this
  }

  /** What the positions are in. */
  get bytes(): Buffer {
    return this.batch.bytes
  }

  get topic(): string {
    return this.batch.topic
  }

  get partition(): number {
    return this.batch.partition
  }

  get timestampType(): FetchedBatch['timestampType'] {
    return this.batch.timestampType
  }

  get key(): Buffer | null {
    if (this.keyBytes < 0) return null
    return this.batch.bytes.subarray(this.keyStart, this.keyStart + this.keyBytes)
  }

  get value(): Buffer | null {
    if (this.valueBytes < 0) return null
    return this.batch.bytes.subarray(this.valueStart, this.valueStart + this.valueBytes)
  }

  /** In their order; a null value is an empty one, as kafkajs has it. */
  get headers(): readonly FetchedHeader[] {
    if (this.headerCount === 0) return noHeaders
    const { bytes } = this.batch
    // Behind the value is their count.
    const position = this.valueStart + Math.max(0, this.valueBytes)
    const cursor = { buffer: bytes, position, end: bytes.length }
    readVarint(cursor)
    const headers: FetchedHeader[] = []
    for (let left = this.headerCount; left > 0; left--) {
      const nameBytes = readVarint(cursor)
      const nameStart = cursor.position
      cursor.position += nameBytes
      const valueBytes = Math.max(0, readVarint(cursor))
      const valueStart = cursor.position
      cursor.position += valueBytes
      headers.push({
        name: bytes.toString('utf8', nameStart, nameStart + nameBytes),
        value: bytes.subarray(valueStart, cursor.position),
      })
    }
    return headers
  }
}

/** Filled anew for each record by the walk. */
export interface Positions {
  keyStart: number
  keyBytes: number
  valueStart: number
  valueBytes: number
  headerCount: number
}

/** Consecutive records of one partition; none where all were left out. */
export interface FetchedRun {
  readonly partition: number
  readonly records: readonly FetchedRecord[]
  /** The offset behind the run. */
  readonly nextOffset: number
  /** The high watermark at that time. */
  readonly endOffset: number
  /** What the records lie in, held once for the run: who lets go of it uses none of them any more. */
  readonly memory: Buffer
}

/** Hears of what a reader reads. None of these may wait; what they throw ends the reader as `failed`. */
export interface ReaderListener {
  run(run: FetchedRun): void
  /** What follows starts below what was read: the log was cut, or is another. */
  rewound(partition: number): void
  /** Why partitions cannot be read for some time already; undefined when they can again. */
  trouble(reason: string | undefined): void
  /** The reader has stopped. */
  failed(error: unknown): void
}
