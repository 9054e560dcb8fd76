// The bytes of a write-ahead file: a header that vouches for older files, then one entry per append.
import assert from 'node:assert/strict'
import { crc32c, recordBatchHeaderBytes, totalBytesAt } from '../../protocol/record-batch.ts'

/*
 * header  magic u32 | crc u32 over the rest | size u32 | sequence u64 | count u32 | count × (sequence u64, length u64)
 * entry   crc u32 | size u32 of batches | topic id 16 | partition u32 | base offset u64 | batches
 *
 * A file is written over when it is needed no more, so what lies behind its end, or under a write that a power cut tore, is
 * from an earlier life, sound as it was then. An entry's checksum therefore covers the file's sequence number, which no two
 * lives share, then the 32 bytes behind it, then the header of each batch: the batches' own checksums lie in those, so
 * what is not the very batch is found.
 */
const magic = 0x4d524c32
/** Of files that were written once: an entry's checksum covers the 32 bytes alone. */
const writtenOnceMagic = 0x4d524c31
const headerFixedBytes = 24
const olderFileBytes = 16
export const entryHeaderBytes = 36

/** A write-ahead file that is complete: what lies behind `validBytes` was never committed. */
export interface OlderFile {
  readonly sequence: number
  readonly validBytes: number
}

export interface WalHeader {
  readonly sequence: number
  /** Files that replay reads before this one; any other file with a lower number is void. */
  readonly older: readonly OlderFile[]
  readonly sizeBytes: number
  /** What its entries' checksums begin with; undefined where they cover nothing but themselves. */
  readonly entrySeed: number | undefined
}

/** Batches of one partition that follow each other, as they are written down. */
export interface WalAppend {
  /** 16 bytes. */
  readonly topicId: Buffer
  readonly partition: number
  readonly baseOffset: number
  /** Each is whole batches. */
  readonly buffers: readonly Buffer[]
  readonly sizeBytes: number
}

export interface WalEntry {
  /** 16 bytes as text in hexadecimal digits. */
  readonly topicId: string
  readonly partition: number
  readonly baseOffset: number
  readonly batches: Buffer
}

export function encodeWalHeader(sequence: number, older: readonly OlderFile[]): Buffer {
  const header = Buffer.allocUnsafe(headerFixedBytes + older.length * olderFileBytes)
  header.writeUInt32BE(magic, 0)
  header.writeUInt32BE(header.length, 8)
  writeUint64(header, sequence, 12)
  header.writeUInt32BE(older.length, 20)
  for (const [index, file] of older.entries()) {
    const at = headerFixedBytes + index * olderFileBytes
    writeUint64(header, file.sequence, at)
    writeUint64(header, file.validBytes, at + 8)
  }
  header.writeUInt32BE(crc32c(header.subarray(8)), 4)
  return header
}

/** Undefined where the file does not begin with a whole header. */
export function parseWalHeader(file: Buffer): WalHeader | undefined {
  if (file.length < headerFixedBytes) return undefined
  const format = file.readUInt32BE(0)
  if (format !== magic && format !== writtenOnceMagic) return undefined
  const sizeBytes = file.readUInt32BE(8)
  if (sizeBytes < headerFixedBytes || sizeBytes > file.length) return undefined
  if (crc32c(file.subarray(8, sizeBytes)) !== file.readUInt32BE(4)) return undefined
  const count = file.readUInt32BE(20)
  assert(sizeBytes === headerFixedBytes + count * olderFileBytes, 'the header has its own size')
  const older = Array.from({ length: count }, (_, index) => {
    const at = headerFixedBytes + index * olderFileBytes
    return { sequence: readUint64(file, at), validBytes: readUint64(file, at + 8) }
  })
  const sequence = readUint64(file, 12)
  const entrySeed = format === magic ? entrySeedOf(sequence) : undefined
  return { sequence, older, sizeBytes, entrySeed }
}

/** What the checksums of a file's entries begin with. */
export function entrySeedOf(sequence: number): number {
  const bytes = Buffer.allocUnsafe(8)
  writeUint64(bytes, sequence, 0)
  return crc32c(bytes)
}

/** What goes before an append's batches. */
export function encodeEntryHeader(append: WalAppend, entrySeed: number): Buffer {
  const header = Buffer.allocUnsafe(entryHeaderBytes)
  header.writeUInt32BE(append.sizeBytes, 4)
  append.topicId.copy(header, 8)
  header.writeUInt32BE(append.partition, 24)
  writeUint64(header, append.baseOffset, 28)
  const own = crc32c(header.subarray(4), entrySeed)
  header.writeUInt32BE(append.buffers.reduce(withBatchHeaders, own), 0)
  return header
}

/**
 * The entry at `position` of a file with that seed, or undefined where none of this life lies there whole; records are not
 * looked at.
 */
export function parseEntry(
  file: Buffer,
  position: number,
  entrySeed: number | undefined,
): WalEntry | undefined {
  const start = position + entryHeaderBytes
  if (start > file.length) return undefined
  const end = start + file.readUInt32BE(position + 4)
  if (end > file.length || end === start) return undefined
  const own = crc32c(file.subarray(position + 4, start), entrySeed)
  const crc = entrySeed === undefined ? own : withBatchHeaders(own, file.subarray(start, end))
  if (crc !== file.readUInt32BE(position)) return undefined
  return {
    topicId: file.toString('hex', position + 8, position + 24),
    partition: file.readUInt32BE(position + 24),
    baseOffset: readUint64(file, position + 28),
    batches: file.subarray(start, end),
  }
}

function withBatchHeaders(before: number, batches: Buffer): number {
  let crc = before
  for (let at = 0; at < batches.length;) {
    crc = crc32c(batches.subarray(at, at + recordBatchHeaderBytes), crc)
    const isHeader = at + recordBatchHeaderBytes <= batches.length
    // What is no batch, and says so with a size of any kind, is found by its checksum.
    at += isHeader ? Math.max(recordBatchHeaderBytes, totalBytesAt(batches, at)) : batches.length
  }
  return crc
}

function writeUint64(buffer: Buffer, value: number, at: number): void {
  assert(Number.isSafeInteger(value) && value >= 0, `${value} is not a safe integer`)
  buffer.writeUInt32BE(Math.floor(value / 2 ** 32), at)
  buffer.writeUInt32BE(value % 2 ** 32, at + 4)
}

function readUint64(buffer: Buffer, at: number): number {
  return buffer.readUInt32BE(at) * 2 ** 32 + buffer.readUInt32BE(at + 4)
}
