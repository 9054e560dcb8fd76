// Walks the records of one batch without copying any of them.
import {
  attributesAt,
  baseOffsetAt,
  baseTimestampAt,
  logAppendTimeBit,
  maxTimestampAt,
  recordBatchHeaderBytes,
  recordCountAt,
  totalBytesAt,
} from '../protocol/batch-header.ts'
import { codecOf } from '../protocol/batch-header.ts'
import { decompress } from '../protocol/compression.ts'
import { DecodeError } from '../protocol/decode-error.ts'
import { readVarint, readVarlong, type Cursor } from '../protocol/varint.ts'
import { FetchedRecord, type FetchedBatch, type Positions } from './fetched-record.ts'

export interface WalkOptions {
  readonly topic: string
  readonly partition: number
  /** Records below it are left out: a fetch may begin amid a batch. */
  readonly fromOffset: number
}

/**
 * Adds the records of the validated batch at `position` to `into`. Throws DecodeError where they are
 * not what the header says, or do not unpack.
 */
export function walkBatch(
  buffer: Buffer,
  position: number,
  options: WalkOptions,
  into: FetchedRecord[],
): void {
  const attributes = attributesAt(buffer, position)
  const isAppendTime = (attributes & logAppendTimeBit) !== 0
  const end = position + totalBytesAt(buffer, position)
  const codec = codecOf(attributes)
  if (codec === undefined) throw new DecodeError('the compression codec is unknown', position)
  const start = position + recordBatchHeaderBytes
  const isPacked = codec !== 'none'
  const bytes = isPacked ? decompress(codec, buffer.subarray(start, end)) : buffer
  const baseTimestampMs = isAppendTime
    ? maxTimestampAt(buffer, position)
    : baseTimestampAt(buffer, position)
  const batch: FetchedBatch = {
    topic: options.topic,
    partition: options.partition,
    timestampType: isAppendTime ? 'LOG_APPEND_TIME' : 'CREATE_TIME',
    baseTimestampMs,
    bytes,
  }
  const walk = new Walk(batch, isPacked ? 0 : start, isPacked ? bytes.length : end)
  walk.records(
    {
      offset: baseOffsetAt(buffer, position),
      isAppendTime,
      count: recordCountAt(buffer, position),
      fromOffset: options.fromOffset,
    },
    into,
  )
}

interface Base {
  readonly offset: number
  readonly isAppendTime: boolean
  readonly count: number
  readonly fromOffset: number
}

/*
 * Kafka, a record of v2: length, attributes i8 (unused), timestampDelta, offsetDelta, key, value,
 * headers; all but attributes are zigzag varints, and a length of -1 stands for null.
 *
 * Almost all of these varints take one byte or two, which are read here without a loop.
 */
class Walk implements Cursor {
  readonly buffer: Buffer
  readonly end: number
  position: number
  readonly #batch: FetchedBatch
  readonly #at: Positions = {
    keyStart: 0,
    keyBytes: 0,
    valueStart: 0,
    valueBytes: 0,
    headerCount: 0,
  }

  constructor(batch: FetchedBatch, start: number, end: number) {
    this.#batch = batch
    this.buffer = batch.bytes
    this.position = start
    this.end = end
  }

  records(base: Base, into: FetchedRecord[]): void {
    const at = this.#at
    // Each record takes at least a byte, so a count that lies runs into the end of the bytes.
    for (let left = base.count; left > 0; left--) {
      const length = this.#varint()
      const end = this.position + length
      if (length < 1 || end > this.end) {
        throw new DecodeError(`record length is ${length}`, this.position)
      }
      this.position += 1
      const delta = this.#varlong()
      const offset = base.offset + this.#varint()
      at.keyBytes = this.#length(end)
      at.keyStart = this.position
      if (at.keyBytes > 0) this.position += at.keyBytes
      at.valueBytes = this.#length(end)
      at.valueStart = this.position
      if (at.valueBytes > 0) this.position += at.valueBytes
      at.headerCount = this.#varint()
      if (at.headerCount !== 0) this.#skipHeaders(at.headerCount, end)
      if (this.position !== end) {
        throw new DecodeError('record is not as long as it says', this.position)
      }
      if (offset < base.fromOffset) continue
      into.push(new FetchedRecord(this.#batch, offset, base.isAppendTime ? 0 : delta, at))
    }
    if (this.position !== this.end) {
      throw new DecodeError('bytes are left after the last record', this.position)
    }
  }

  /** A length of what must end within the record. */
  #length(end: number): number {
    const length = this.#varint()
    if (length < -1 || this.position + length > end) {
      throw new DecodeError(`length is ${length}`, this.position)
    }
    return length
  }

  #skipHeaders(count: number, end: number): void {
    if (count < 0) throw new DecodeError(`header count is ${count}`, this.position)
    for (let left = count; left > 0; left--) {
      const nameBytes = this.#length(end)
      if (nameBytes < 0) throw new DecodeError('header key is null', this.position)
      this.position += nameBytes
      const valueBytes = this.#length(end)
      if (valueBytes > 0) this.position += valueBytes
    }
  }

  // Two bytes and more left, else the slow way, which knows where the bytes end.
  #varint(): number {
    const { buffer, position } = this
    if (position + 2 > this.end) return readVarint(this)
    const first = buffer[position] as number
    if (first < 0x80) {
      this.position = position + 1
      return (first >>> 1) ^ -(first & 1)
    }
    const second = buffer[position + 1] as number
    if (second >= 0x80) return readVarint(this)
    this.position = position + 2
    const value = (first & 0x7f) | (second << 7)
    return (value >>> 1) ^ -(value & 1)
  }

  #varlong(): number {
    const first = this.position < this.end ? (this.buffer[this.position] as number) : 0x80
    if (first >= 0x80) return readVarlong(this)
    this.position += 1
    return (first >>> 1) ^ -(first & 1)
  }
}
