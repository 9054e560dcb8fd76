// The bytes of a producer snapshot: what a partition knows of its producers up to an offset.
import { crc32c } from '../../protocol/record-batch.ts'
import type { ProducerBatch, ProducerState } from './producer-state.ts'
import type { ProducerImage } from './producer-table.ts'

/*
 * snapshot  magic u32 | crc u32 over the rest | offset i64 | producers u32 | producers × producer
 * producer  id i64 | epoch i16 | last sequence i32 | seen i64 | transaction i64 | batches u8 | batches × batch
 * batch     first sequence i32 | last sequence i32 | base offset i64 | last offset i64 | timestamp i64
 */
const magic = 0x4d505232
const headerBytes = 20
const producerBytes = 31
const batchBytes = 32

export function encodeSnapshot({ offset, states }: ProducerImage): Buffer {
  const batches = states.reduce((count, state) => count + state.batches.length, 0)
  const sizeBytes = headerBytes + states.length * producerBytes + batches * batchBytes
  const bytes = Buffer.allocUnsafe(sizeBytes)
  bytes.writeUInt32BE(magic, 0)
  bytes.writeBigInt64BE(BigInt(offset), 8)
  bytes.writeUInt32BE(states.length, 16)
  let at = headerBytes
  for (const state of states) at = writeProducer(bytes, at, state)
  bytes.writeUInt32BE(crc32c(bytes.subarray(8)), 4)
  return bytes
}

/** Undefined where the bytes are not a whole snapshot. */
export function parseSnapshot(bytes: Buffer): ProducerImage | undefined {
  if (bytes.length < headerBytes || bytes.readUInt32BE(0) !== magic) return undefined
  // The checksum vouches for all that follows: whoever wrote it wrote whole producers.
  if (crc32c(bytes.subarray(8)) !== bytes.readUInt32BE(4)) return undefined
  const states: ProducerState[] = []
  let at = headerBytes
  for (let left = bytes.readUInt32BE(16); left > 0; left--) {
    const state = readProducer(bytes, at)
    states.push(state)
    at += producerBytes + state.batches.length * batchBytes
  }
  return { offset: int64(bytes, 8), states }
}

function writeProducer(bytes: Buffer, start: number, state: ProducerState): number {
  bytes.writeBigInt64BE(BigInt(state.producerId), start)
  bytes.writeInt16BE(state.epoch, start + 8)
  bytes.writeInt32BE(state.lastSequence, start + 10)
  bytes.writeBigInt64BE(BigInt(state.seenMs), start + 14)
  bytes.writeBigInt64BE(BigInt(state.transactionStart), start + 22)
  bytes.writeUInt8(state.batches.length, start + 30)
  let at = start + producerBytes
  for (const batch of state.batches) {
    bytes.writeInt32BE(batch.firstSequence, at)
    bytes.writeInt32BE(batch.lastSequence, at + 4)
    bytes.writeBigInt64BE(BigInt(batch.baseOffset), at + 8)
    bytes.writeBigInt64BE(BigInt(batch.lastOffset), at + 16)
    bytes.writeBigInt64BE(BigInt(batch.timestamp), at + 24)
    at += batchBytes
  }
  return at
}

function readProducer(bytes: Buffer, start: number): ProducerState {
  const count = bytes.readUInt8(start + 30)
  const batches = Array.from({ length: count }, (_, index) =>
    readBatch(bytes, start + producerBytes + index * batchBytes),
  )
  return {
    producerId: int64(bytes, start),
    epoch: bytes.readInt16BE(start + 8),
    batches,
    lastSequence: bytes.readInt32BE(start + 10),
    seenMs: int64(bytes, start + 14),
    transactionStart: int64(bytes, start + 22),
  }
}

function readBatch(bytes: Buffer, at: number): ProducerBatch {
  return {
    firstSequence: bytes.readInt32BE(at),
    lastSequence: bytes.readInt32BE(at + 4),
    baseOffset: int64(bytes, at + 8),
    lastOffset: int64(bytes, at + 16),
    timestamp: int64(bytes, at + 24),
  }
}

function int64(bytes: Buffer, at: number): number {
  return Number(bytes.readBigInt64BE(at))
}
