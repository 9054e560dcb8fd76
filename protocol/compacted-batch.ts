// Rewrites a stored batch without the records that compaction drops; what stays is copied byte by byte.
import assert from 'node:assert/strict'
import {
  attributesAt,
  baseOffsetAt,
  baseTimestampAt,
  batchPrefixBytes,
  codecOf,
  crcStart,
  deleteHorizonBit,
  lastOffsetDeltaAt,
  logAppendTimeBit,
  maxTimestampAt,
  recordBatchHeaderBytes,
  recordCountAt,
  writeInt64At,
} from './batch-header.ts'
import { compress, decompress } from './compression.ts'
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

/** A record as compaction looks at it. The key is a view. */
export interface KeyedRecord {
  readonly offset: number
  readonly key: Buffer | null
  /** It has a key and no value: what came before it under that key is deleted. */
  readonly isTombstone: boolean
}

export interface CompactionRules {
  /** Whether no later record takes this one's place. */
  keeps(record: KeyedRecord): boolean
  readonly nowMs: number
  /** Kafka's delete.retention.ms: so long a tombstone stays after the first compaction that met it (KIP-534). */
  readonly deleteRetentionMs: number
}

export interface CompactedBatch {
  /** The same buffer where nothing changed. Without records it is a header alone. */
  readonly bytes: Buffer
  readonly records: number
  /** When the tombstones in it may go; undefined where it has none. */
  readonly deleteHorizonMs: number | undefined
}

interface RawRecord extends KeyedRecord {
  readonly timestamp: number
  /** From behind the timestamp's delta to the record's end: copied as it is. */
  readonly rest: Buffer
}

/**
 * `batch` is one whole, validated batch. Offsets, sequence numbers and codec stay as they were. Throws
 * DecodeError where the records are not what the header says.
 */
export function compactBatch(batch: Buffer, rules: CompactionRules): CompactedBatch {
  const records = [...rawRecords(batch)]
  const horizonMs = deleteHorizonOf(batch)
  const isPastHorizon = horizonMs !== undefined && horizonMs <= rules.nowMs
  const kept = records.filter(
    (record) => rules.keeps(record) && !(record.isTombstone && isPastHorizon),
  )
  const hasTombstones = kept.some(({ isTombstone }) => isTombstone)
  const deleteHorizonMs = hasTombstones
    ? (horizonMs ?? rules.nowMs + rules.deleteRetentionMs)
    : undefined
  const isSame = kept.length === records.length && deleteHorizonMs === horizonMs
  const bytes = isSame ? batch : rewrite(batch, kept, deleteHorizonMs)
  return { bytes, records: kept.length, deleteHorizonMs }
}

/** The batch without any of its records, which are not even looked at. */
export function emptiedBatch(batch: Buffer): CompactedBatch {
  const isEmpty = recordCountAt(batch, 0) === 0
  const bytes = isEmpty ? batch : rewrite(batch, [], undefined)
  return { bytes, records: 0, deleteHorizonMs: undefined }
}

/** What compaction has to know of the records of a batch. Throws DecodeError. */
export function* keyedRecords(batch: Buffer): Iterable<KeyedRecord> {
  yield* rawRecords(batch)
}

/** A header without records, which says that nothing is left of the offsets it spans. */
export function emptyBatch(baseOffset: number, lastOffset: number): Buffer {
  const header = Buffer.alloc(recordBatchHeaderBytes)
  writeInt64At(header, 0, baseOffset)
  header.writeInt32BE(recordBatchHeaderBytes - batchPrefixBytes, 8)
  header.writeInt8(2, 16)
  header.writeInt32BE(lastOffset - baseOffset, 23)
  for (const start of [27, 35, 43]) writeInt64At(header, start, -1)
  header.writeInt16BE(-1, 51)
  header.writeInt32BE(-1, 53)
  header.writeUInt32BE(crc32c(header.subarray(crcStart)), 17)
  return header
}

/** Kafka, KIP-534: with bit 6 of the attributes the base timestamp is when tombstones may go. */
function deleteHorizonOf(batch: Buffer): number | undefined {
  const has = (attributesAt(batch, 0) & deleteHorizonBit) !== 0
  return has ? baseTimestampAt(batch, 0) : undefined
}

function* rawRecords(batch: Buffer): Iterable<RawRecord> {
  const codec = codecOf(attributesAt(batch, 0))
  assert(codec !== undefined, 'the batch was validated')
  const bytes = decompress(codec, batch.subarray(recordBatchHeaderBytes))
  const cursor: Cursor = { buffer: bytes, position: 0, end: bytes.length }
  const base = { offset: baseOffsetAt(batch, 0), timestamp: baseTimestampAt(batch, 0) }
  for (let left = recordCountAt(batch, 0); left > 0; left--) yield readRaw(cursor, base)
  if (cursor.position !== cursor.end) {
    throw new DecodeError('bytes are left after the last record', cursor.position)
  }
}

/** The layout of a record is said in batch-records.ts. */
function readRaw(
  cursor: Cursor,
  base: { readonly offset: number; readonly timestamp: number },
): RawRecord {
  const length = readVarint(cursor)
  const end = cursor.position + length
  if (length < 1 || end > cursor.end) {
    throw new DecodeError(`record length is ${length}`, cursor.position)
  }
  cursor.position += 1
  const timestamp = base.timestamp + readVarlong(cursor)
  const rest = cursor.buffer.subarray(cursor.position, end)
  const inner = { buffer: rest, position: 0, end: rest.length }
  const offset = base.offset + readVarint(inner)
  const keyLength = readVarint(inner)
  const keyStart = inner.position
  if (keyLength < -1 || keyStart + keyLength > inner.end) {
    throw new DecodeError(`key length is ${keyLength}`, cursor.position)
  }
  inner.position += Math.max(0, keyLength)
  const key = keyLength === -1 ? null : rest.subarray(keyStart, inner.position)
  const isTombstone = key !== null && readVarint(inner) === -1
  cursor.position = end
  return { timestamp, offset, key, isTombstone, rest }
}

function rewrite(
  batch: Buffer,
  records: readonly RawRecord[],
  deleteHorizonMs: number | undefined,
): Buffer {
  const before = attributesAt(batch, 0)
  const codec = codecOf(before)
  assert(codec !== undefined, 'the batch was validated')
  const originalBase = deleteHorizonOf(batch) === undefined ? baseTimestampAt(batch, 0) : undefined
  const baseTimestamp = deleteHorizonMs ?? originalBase ?? records[0]?.timestamp ?? -1
  const body = records.length === 0 ? Buffer.alloc(0) : writeRecords(records, baseTimestamp)
  const header = Buffer.from(batch.subarray(0, recordBatchHeaderBytes))
  const packed = body.length === 0 ? body : compress(codec, body)
  const horizon = deleteHorizonMs === undefined ? 0 : deleteHorizonBit
  header.writeInt32BE(recordBatchHeaderBytes - batchPrefixBytes + packed.length, 8)
  header.writeInt16BE((before & ~deleteHorizonBit) | horizon, crcStart)
  writeInt64At(header, 27, baseTimestamp)
  writeInt64At(header, 35, largestTimestamp(batch, records))
  header.writeInt32BE(records.length, 57)
  assert(lastOffsetDeltaAt(header, 0) === lastOffsetDeltaAt(batch, 0), 'offsets stay')
  const bytes = Buffer.concat([header, packed])
  bytes.writeUInt32BE(crc32c(bytes.subarray(crcStart)), 17)
  return bytes
}

/** With LogAppendTime it is every record's own, so it stays; without records there is none. */
function largestTimestamp(batch: Buffer, records: readonly RawRecord[]): number {
  if (records.length === 0) return -1
  if ((attributesAt(batch, 0) & logAppendTimeBit) !== 0) return maxTimestampAt(batch, 0)
  return records.reduce((max, { timestamp }) => Math.max(max, timestamp), -1)
}

function writeRecords(records: readonly RawRecord[], baseTimestamp: number): Buffer {
  const sizes = records.map(({ timestamp, rest }) => {
    const delta = zigzag(timestamp - baseTimestamp)
    return { delta, bytes: 1 + unsignedVarintBytes(delta) + rest.length }
  })
  const total = sizes.reduce(
    (sum, { bytes }) => sum + unsignedVarintBytes(zigzag(bytes)) + bytes,
    0,
  )
  const buffer = Buffer.allocUnsafe(total)
  let position = 0
  for (const [index, { delta, bytes }] of sizes.entries()) {
    position = writeUnsignedVarint(buffer, position, zigzag(bytes))
    position = buffer.writeInt8(0, position)
    position = writeUnsignedVarint(buffer, position, delta)
    position += records[index]?.rest.copy(buffer, position) ?? 0
  }
  assert(position === total, 'records are as long as they were measured')
  return buffer
}
