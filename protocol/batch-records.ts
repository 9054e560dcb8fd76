// Encodes records into a RecordBatch v2 and decodes them back, for the few who look inside one.
import assert from 'node:assert/strict'
import {
  attributesAt,
  baseOffsetAt,
  baseTimestampAt,
  codecOf,
  crcStart,
  logAppendTimeBit,
  maxTimestampAt,
  recordBatchHeaderBytes,
  recordCountAt,
  totalBytesAt,
  writeInt64At,
} from './batch-header.ts'
import { decompress } from './compression.ts'
import { crc32c } from './crc32c.ts'
import { DecodeError } from './decode-error.ts'
import {
  readVarint,
  readVarlong,
  unsignedVarintBytes,
  writeUnsignedVarint,
  zigzag,
  type Cursor,
} from './varint.ts'

export interface RecordHeader {
  readonly key: string
  readonly value: Buffer | null
}

export interface RecordToEncode {
  readonly key: Buffer | null
  readonly value: Buffer | null
  readonly headers?: readonly RecordHeader[]
  /** Milliseconds since the epoch. */
  readonly timestamp: number
}

/** The fields of an idempotent producer are -1 unless given, the base offset 0. */
export interface BatchToEncode {
  readonly records: readonly RecordToEncode[]
  readonly baseOffset?: number
  readonly leaderEpoch?: number
  readonly producerId?: number
  readonly producerEpoch?: number
  readonly baseSequence?: number
  /** 0 unless given. */
  readonly attributes?: number
}

/** Keys and values are views of the batch (or of its unpacked bytes), not copies. */
export interface DecodedRecord {
  readonly offset: number
  readonly timestamp: number
  readonly key: Buffer | null
  readonly value: Buffer | null
  readonly headers: readonly RecordHeader[]
}

/** An uncompressed batch of at least one record, with offsets that follow each other. */
export function encodeBatch(batch: BatchToEncode): Buffer {
  const { records } = batch
  const first = records[0]
  assert(first !== undefined, 'a batch has at least one record')
  const bodyBytes = records.map((record, index) => measureRecord(record, index, first.timestamp))
  const sizeBytes = bodyBytes.reduce(
    (sum, bytes) => sum + unsignedVarintBytes(zigzag(bytes)) + bytes,
    recordBatchHeaderBytes,
  )
  const buffer = Buffer.allocUnsafe(sizeBytes)
  let position = recordBatchHeaderBytes
  for (const [index, record] of records.entries()) {
    position = writeSigned(buffer, position, bodyBytes[index] ?? 0)
    position = writeRecord(buffer, position, { record, index, baseTimestamp: first.timestamp })
  }
  assert(position === sizeBytes, 'records are as long as they were measured')
  const maxTimestamp = records.reduce((max, { timestamp }) => Math.max(max, timestamp), -Infinity)
  const times = { baseTimestamp: first.timestamp, maxTimestamp }
  writeBatchHeader(buffer, { ...batch, ...times, count: records.length })
  return buffer
}

/**
 * The records of the batch at `position`, which must have been validated. Throws DecodeError where
 * the records are not what the header says, or do not unpack.
 */
export function decodeRecords(buffer: Buffer, position: number): DecodedRecord[] {
  const attributes = attributesAt(buffer, position)
  const codec = codecOf(attributes)
  if (codec === undefined) throw new DecodeError('the compression codec is unknown', position)
  const end = position + totalBytesAt(buffer, position)
  const packed = buffer.subarray(position + recordBatchHeaderBytes, end)
  const bytes = decompress(codec, packed)
  const cursor = { buffer: bytes, position: 0, end: bytes.length }
  const base = {
    offset: baseOffsetAt(buffer, position),
    timestamp: baseTimestampAt(buffer, position),
    appendTime:
      (attributes & logAppendTimeBit) === 0 ? undefined : maxTimestampAt(buffer, position),
  }
  const records: DecodedRecord[] = []
  // Each record takes at least a byte, so a count that lies runs into the end of the bytes.
  for (let left = recordCountAt(buffer, position); left > 0; left--) {
    records.push(readRecord(cursor, base))
  }
  if (cursor.position !== cursor.end) {
    throw new DecodeError('bytes are left after the last record', cursor.position)
  }
  return records
}

interface Base {
  readonly offset: number
  readonly timestamp: number
  readonly appendTime: number | undefined
}

/*
 * Kafka, a record of v2: length, attributes i8 (unused), timestampDelta, offsetDelta, key, value,
 * headers; all but attributes are zigzag varints, and a length of -1 stands for null.
 */
function readRecord(cursor: Cursor, base: Base): DecodedRecord {
  const length = readVarint(cursor)
  const end = cursor.position + length
  if (length < 1 || end > cursor.end) {
    throw new DecodeError(`record length is ${length}`, cursor.position)
  }
  cursor.position += 1
  const timestamp = base.timestamp + readVarlong(cursor)
  const offset = base.offset + readVarint(cursor)
  const key = readNullable(cursor)
  const value = readNullable(cursor)
  const headers = readHeaders(cursor)
  if (cursor.position !== end) {
    throw new DecodeError('record is not as long as it says', cursor.position)
  }
  return { offset, timestamp: base.appendTime ?? timestamp, key, value, headers }
}

const noHeaders: readonly RecordHeader[] = Object.freeze([])

function readHeaders(cursor: Cursor): readonly RecordHeader[] {
  const count = readVarint(cursor)
  if (count === 0) return noHeaders
  if (count < 0) throw new DecodeError(`header count is ${count}`, cursor.position)
  const headers: RecordHeader[] = []
  for (let left = count; left > 0; left--) {
    const key = readNullable(cursor)
    if (key === null) throw new DecodeError('header key is null', cursor.position)
    headers.push({ key: key.toString('utf8'), value: readNullable(cursor) })
  }
  return headers
}

function readNullable(cursor: Cursor): Buffer | null {
  const length = readVarint(cursor)
  if (length === -1) return null
  const start = cursor.position
  if (length < 0 || start + length > cursor.end) {
    throw new DecodeError(`length is ${length}`, start)
  }
  cursor.position = start + length
  return cursor.buffer.subarray(start, cursor.position)
}

function measureRecord(record: RecordToEncode, index: number, baseTimestamp: number): number {
  const headers = record.headers ?? []
  let bytes = 1 + signedBytes(record.timestamp - baseTimestamp) + signedBytes(index)
  bytes += nullableBytes(record.key) + nullableBytes(record.value) + signedBytes(headers.length)
  for (const { key, value } of headers) {
    const keyBytes = Buffer.byteLength(key)
    bytes += signedBytes(keyBytes) + keyBytes + nullableBytes(value)
  }
  return bytes
}

function writeRecord(
  buffer: Buffer,
  start: number,
  entry: { record: RecordToEncode; index: number; baseTimestamp: number },
): number {
  const { record, index, baseTimestamp } = entry
  const headers = record.headers ?? []
  let position = buffer.writeInt8(0, start)
  position = writeSigned(buffer, position, record.timestamp - baseTimestamp)
  position = writeSigned(buffer, position, index)
  position = writeNullable(buffer, position, record.key)
  position = writeNullable(buffer, position, record.value)
  position = writeSigned(buffer, position, headers.length)
  for (const { key, value } of headers) {
    position = writeNullable(buffer, position, Buffer.from(key))
    position = writeNullable(buffer, position, value)
  }
  return position
}

/** What a batch's header says beside its records. */
interface BatchHeader extends Omit<BatchToEncode, 'records'> {
  readonly count: number
  readonly baseTimestamp: number
  readonly maxTimestamp: number
}

/** Of an uncompressed batch that fills the buffer, whose records are there already: the checksum covers them. */
export function writeBatchHeader(buffer: Buffer, batch: BatchHeader): void {
  const { count, baseTimestamp, maxTimestamp } = batch
  writeInt64At(buffer, 0, batch.baseOffset ?? 0)
  buffer.writeInt32BE(buffer.length - 12, 8)
  buffer.writeInt32BE(batch.leaderEpoch ?? -1, 12)
  buffer.writeInt8(2, 16)
  buffer.writeInt16BE(batch.attributes ?? 0, 21)
  buffer.writeInt32BE(count - 1, 23)
  writeInt64At(buffer, 27, baseTimestamp)
  writeInt64At(buffer, 35, maxTimestamp)
  writeInt64At(buffer, 43, batch.producerId ?? -1)
  buffer.writeInt16BE(batch.producerEpoch ?? -1, 51)
  buffer.writeInt32BE(batch.baseSequence ?? -1, 53)
  buffer.writeInt32BE(count, 57)
  buffer.writeUInt32BE(crc32c(buffer.subarray(crcStart)), 17)
}

function signedBytes(value: number): number {
  return unsignedVarintBytes(zigzag(value))
}

function nullableBytes(bytes: Buffer | null): number {
  return bytes === null ? signedBytes(-1) : signedBytes(bytes.length) + bytes.length
}

function writeSigned(buffer: Buffer, position: number, value: number): number {
  return writeUnsignedVarint(buffer, position, zigzag(value))
}

function writeNullable(buffer: Buffer, start: number, bytes: Buffer | null): number {
  if (bytes === null) return writeSigned(buffer, start, -1)
  const position = writeSigned(buffer, start, bytes.length)
  return position + bytes.copy(buffer, position)
}
