// The header of a RecordBatch v2: where its fields lie, and how to read each in place.
import assert from 'node:assert/strict'

/*
 * Kafka, RecordBatch v2, big-endian:
 *   0 baseOffset i64 | 8 batchLength i32 | 12 partitionLeaderEpoch i32 | 16 magic i8 | 17 crc u32 |
 *  21 attributes i16 | 23 lastOffsetDelta i32 | 27 baseTimestamp i64 | 35 maxTimestamp i64 |
 *  43 producerId i64 | 51 producerEpoch i16 | 53 baseSequence i32 | 57 recordCount i32 | 61 records
 * batchLength counts the bytes after itself; the CRC covers everything from attributes on.
 */
export const recordBatchHeaderBytes = 61
/** What must be there before the size of a batch is known. */
export const batchPrefixBytes = 12
export const crcStart = 21

export const codecs = ['none', 'gzip', 'snappy', 'lz4', 'zstd'] as const
export type Codec = (typeof codecs)[number]

const codecMask = 0x07
export const logAppendTimeBit = 0x08
export const transactionalBit = 0x10
export const controlBit = 0x20
/** The base timestamp is the time from which on tombstones may go (KIP-534). */
export const deleteHorizonBit = 0x40

export const baseOffsetAt = (buffer: Buffer, position: number): number => int64At(buffer, position)

export const batchLengthAt = (buffer: Buffer, position: number): number =>
  buffer.readInt32BE(position + 8)

/** The whole batch, header included. */
export const totalBytesAt = (buffer: Buffer, position: number): number =>
  batchPrefixBytes + batchLengthAt(buffer, position)

export const leaderEpochAt = (buffer: Buffer, position: number): number =>
  buffer.readInt32BE(position + 12)

export const magicAt = (buffer: Buffer, position: number): number => buffer.readInt8(position + 16)

export const crcAt = (buffer: Buffer, position: number): number =>
  buffer.readUInt32BE(position + 17)

export const attributesAt = (buffer: Buffer, position: number): number =>
  buffer.readInt16BE(position + 21)

export const lastOffsetDeltaAt = (buffer: Buffer, position: number): number =>
  buffer.readInt32BE(position + 23)

export const baseTimestampAt = (buffer: Buffer, position: number): number =>
  int64At(buffer, position + 27)

export const maxTimestampAt = (buffer: Buffer, position: number): number =>
  int64At(buffer, position + 35)

/** Undefined where the bytes are no timestamp that a number holds: those of no sound batch. */
export const safeMaxTimestampAt = (buffer: Buffer, position: number): number | undefined =>
  safeInt64At(buffer, position + 35)

export const producerIdAt = (buffer: Buffer, position: number): number =>
  int64At(buffer, position + 43)

/** Of a batch that was not validated yet: undefined where it is beyond what a number holds. */
export const safeProducerIdAt = (buffer: Buffer, position: number): number | undefined =>
  safeInt64At(buffer, position + 43)

export const producerEpochAt = (buffer: Buffer, position: number): number =>
  buffer.readInt16BE(position + 51)

export const baseSequenceAt = (buffer: Buffer, position: number): number =>
  buffer.readInt32BE(position + 53)

export const recordCountAt = (buffer: Buffer, position: number): number =>
  buffer.readInt32BE(position + 57)

/** The codec that attributes name; undefined for the three numbers that name none. */
export function codecOf(attributes: number): Codec | undefined {
  return codecs[attributes & codecMask]
}

/** An int64 that may be beyond what a number holds exactly; undefined where it is. */
export function safeInt64At(buffer: Buffer, position: number): number | undefined {
  const value = buffer.readInt32BE(position) * 2 ** 32 + buffer.readUInt32BE(position + 4)
  return Number.isSafeInteger(value) ? value : undefined
}

/** Writes a safe integer as an int64. */
export function writeInt64At(buffer: Buffer, position: number, value: number): void {
  assert(Number.isSafeInteger(value), `${value} is not a safe integer`)
  buffer.writeInt32BE(Math.floor(value / 2 ** 32), position)
  buffer.writeUInt32BE(value - Math.floor(value / 2 ** 32) * 2 ** 32, position + 4)
}

// Validation has refused batches with unsafe numbers, so one here is a broken invariant.
function int64At(buffer: Buffer, position: number): number {
  const value = safeInt64At(buffer, position)
  assert(value !== undefined, `int64 at position ${position} is not a safe integer`)
  return value
}
