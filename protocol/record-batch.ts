// RecordBatch v2 as opaque bytes: validates, places and stamps batches; all that the log needs of them.
import { crc32c } from './crc32c.ts'
import {
  attributesAt,
  baseSequenceAt,
  batchLengthAt,
  batchPrefixBytes,
  codecOf,
  controlBit,
  crcAt,
  crcStart,
  lastOffsetDeltaAt,
  logAppendTimeBit,
  magicAt,
  producerEpochAt,
  recordBatchHeaderBytes,
  recordCountAt,
  safeInt64At,
  totalBytesAt,
  writeInt64At,
  type Codec,
} from './batch-header.ts'

// The log may import this file alone, so what it needs of its neighbours passes through here.
export {
  attributesAt,
  baseOffsetAt,
  baseSequenceAt,
  baseTimestampAt,
  batchLengthAt,
  codecOf,
  controlBit,
  crcAt,
  lastOffsetDeltaAt,
  leaderEpochAt,
  magicAt,
  maxTimestampAt,
  producerEpochAt,
  producerIdAt,
  recordBatchHeaderBytes,
  recordCountAt,
  safeMaxTimestampAt,
  safeProducerIdAt,
  totalBytesAt,
  transactionalBit,
  type Codec,
} from './batch-header.ts'
export { decodeRecords, encodeBatch } from './batch-records.ts'
export { compactBatch, emptiedBatch, emptyBatch, keyedRecords } from './compacted-batch.ts'
export type { CompactedBatch, CompactionRules, KeyedRecord } from './compacted-batch.ts'
export type { BatchToEncode, DecodedRecord, RecordHeader, RecordToEncode } from './batch-records.ts'
export { encodeMarker, isControl, isTransactional, markerAt, type Marker } from './control-batch.ts'
export { crc32c } from './crc32c.ts'
export { DecodeError } from './decode-error.ts'

/** A batch found sound, by where it lies. Timestamps are in milliseconds since the epoch. */
export interface BatchInfo {
  readonly position: number
  readonly sizeBytes: number
  readonly baseOffset: number
  readonly lastOffsetDelta: number
  readonly recordCount: number
  readonly attributes: number
  readonly codec: Codec
  readonly baseTimestamp: number
  readonly maxTimestamp: number
  /** -1 where the producer is not idempotent; so are epoch and sequence. */
  readonly producerId: number
  readonly producerEpoch: number
  readonly baseSequence: number
}

/** Why a batch is refused, by the name of Kafka's error. */
export interface BatchRefusal {
  readonly ok: false
  readonly error: 'CORRUPT_MESSAGE' | 'UNSUPPORTED_FOR_MESSAGE_FORMAT' | 'INVALID_RECORD'
  readonly reason: string
}

export type BatchValidation = { readonly ok: true; readonly batch: BatchInfo } | BatchRefusal
export type BatchesValidation =
  | { readonly ok: true; readonly batches: readonly BatchInfo[] }
  | BatchRefusal

export interface ValidationOptions {
  /** In the log itself, control batches and what compaction left of a batch are sound. */
  readonly isStored?: boolean
}

/** Checks batches that lie back to back and fill `buffer`; there must be at least one. */
export function validateBatches(
  buffer: Buffer,
  options: ValidationOptions = {},
): BatchesValidation {
  if (buffer.length === 0) return refuse('INVALID_RECORD', 'there is no batch')
  const batches: BatchInfo[] = []
  let position = 0
  while (position < buffer.length) {
    const validation = validateBatch(buffer, position, options)
    if (!validation.ok) return validation
    batches.push(validation.batch)
    position += validation.batch.sizeBytes
  }
  return { ok: true, batches }
}

/** Checks the one batch at `position`; what lies behind it does not matter. */
export function validateBatch(
  buffer: Buffer,
  position: number,
  options: ValidationOptions = {},
): BatchValidation {
  const flaw = findFrameFlaw(buffer, position) ?? findFieldFlaw(buffer, position, options)
  if (flaw !== undefined) return flaw
  const [baseOffset, baseTimestamp, maxTimestamp, producerId] = int64Starts.map((start) =>
    safeInt64At(buffer, position + start),
  )
  const codec = codecOf(attributesAt(buffer, position))
  if (
    baseOffset === undefined ||
    baseTimestamp === undefined ||
    maxTimestamp === undefined ||
    producerId === undefined
  ) {
    return refuse('INVALID_RECORD', 'an offset, timestamp or producer id is beyond 2^53')
  }
  if (codec === undefined) return refuse('INVALID_RECORD', 'the compression codec is unknown')
  const batch = {
    position,
    sizeBytes: totalBytesAt(buffer, position),
    baseOffset,
    lastOffsetDelta: lastOffsetDeltaAt(buffer, position),
    recordCount: recordCountAt(buffer, position),
    attributes: attributesAt(buffer, position),
    codec,
    baseTimestamp,
    maxTimestamp,
    producerId,
    producerEpoch: producerEpochAt(buffer, position),
    baseSequence: baseSequenceAt(buffer, position),
  }
  return { ok: true, batch }
}

/** Gives a batch its place in the log. Both fields lie outside of the CRC. */
export function patchBatch(
  buffer: Buffer,
  position: number,
  place: { readonly baseOffset: number; readonly leaderEpoch: number },
): void {
  writeInt64At(buffer, position, place.baseOffset)
  buffer.writeInt32BE(place.leaderEpoch, position + 12)
}

/** Stamps a batch with the time of its append (LogAppendTime), which every record then has. */
export function rewriteTimestamps(buffer: Buffer, position: number, appendTimeMs: number): void {
  buffer.writeInt16BE(attributesAt(buffer, position) | logAppendTimeBit, position + crcStart)
  writeInt64At(buffer, position + 35, appendTimeMs)
  const end = position + totalBytesAt(buffer, position)
  buffer.writeUInt32BE(crc32c(buffer.subarray(position + crcStart, end)), position + 17)
}

const int64Starts = [0, 27, 35, 43]

/** What can be wrong before the fields can be believed: size, magic, checksum. */
function findFrameFlaw(buffer: Buffer, position: number): BatchRefusal | undefined {
  const present = buffer.length - position
  // The magic byte lies at 16 in the older message sets as well.
  if (present < 17) return refuse('CORRUPT_MESSAGE', `${present} bytes cannot hold a batch`)
  const magic = magicAt(buffer, position)
  if (magic === 0 || magic === 1) {
    return refuse('UNSUPPORTED_FOR_MESSAGE_FORMAT', `message format v${magic}; only v2 is taken`)
  }
  if (magic !== 2) return refuse('CORRUPT_MESSAGE', `magic is ${magic}, not 2`)
  const length = batchLengthAt(buffer, position)
  if (length < recordBatchHeaderBytes - batchPrefixBytes || length > present - batchPrefixBytes) {
    return refuse('CORRUPT_MESSAGE', `batch length is ${length} where ${present} bytes are left`)
  }
  const end = position + totalBytesAt(buffer, position)
  const actual = crc32c(buffer.subarray(position + crcStart, end))
  const stated = crcAt(buffer, position)
  if (actual !== stated) {
    return refuse('CORRUPT_MESSAGE', `CRC-32C is ${actual}, the header says ${stated}`)
  }
  return undefined
}

function findFieldFlaw(
  buffer: Buffer,
  position: number,
  options: ValidationOptions,
): BatchRefusal | undefined {
  const count = recordCountAt(buffer, position)
  const lastOffsetDelta = lastOffsetDeltaAt(buffer, position)
  const most = lastOffsetDelta + 1
  const isSound = options.isStored === true ? count >= 0 && count <= most : count === most
  if (lastOffsetDelta < 0 || !isSound) {
    const reason = `record count is ${count} but the last offset delta is ${lastOffsetDelta}`
    return refuse('INVALID_RECORD', reason)
  }
  const isControl = (attributesAt(buffer, position) & controlBit) !== 0
  if (isControl && options.isStored !== true) {
    return refuse('INVALID_RECORD', 'clients must not write control batches')
  }
  return undefined
}

function refuse(error: BatchRefusal['error'], reason: string): BatchRefusal {
  return { ok: false, error, reason }
}
