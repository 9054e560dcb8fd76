// The bytes of a write-ahead file: a header that vouches for older files, then one entry per append.
import assert from 'node:assert/strict'
import { crc32c } from '../../protocol/record-batch.ts'

/*
 * header  magic u32 | crc u32 over the rest | size u32 | sequence u64 | count u32 | count × (sequence u64, length u64)
 * entry   crc u32 over the next 32 bytes | size u32 of batches | topic id 16 | partition u32 | base offset u64 | batches
 *
 * Batches carry checksums of their own, so an entry's covers only what says where they belong.
 */
const magic = 0x4d524c31
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
  if (file.length < headerFixedBytes || file.readUInt32BE(0) !== magic) return undefined
  const sizeBytes = file.readUInt32BE(8)
  if (sizeBytes < headerFixedBytes || sizeBytes > file.length) return undefined
  if (crc32c(file.subarray(8, sizeBytes)) !== file.readUInt32BE(4)) return undefined
  const count = file.readUInt32BE(20)
  assert(sizeBytes === headerFixedBytes + count * olderFileBytes, 'the header has its own size')
  const older = Array.from({ length: count }, (_, index) => {
    const at = headerFixedBytes + index * olderFileBytes
    return { sequence: readUint64(file, at), validBytes: readUint64(file, at + 8) }
  })
  return { sequence: readUint64(file, 12), older, sizeBytes }
}

/** What goes before an append's batches. */
export function encodeEntryHeader(
  topicId: Buffer,
  append: { readonly partition: number; readonly baseOffset: number; readonly sizeBytes: number },
): Buffer {
  const header = Buffer.allocUnsafe(entryHeaderBytes)
  header.writeUInt32BE(append.sizeBytes, 4)
  topicId.copy(header, 8)
  header.writeUInt32BE(append.partition, 24)
  writeUint64(header, append.baseOffset, 28)
  header.writeUInt32BE(crc32c(header.subarray(4)), 0)
  return header
}

/** The entry at `position`, or undefined where no whole entry lies there; batches are not looked at. */
export function parseEntry(file: Buffer, position: number): WalEntry | undefined {
  const start = position + entryHeaderBytes
  if (start > file.length) return undefined
  if (crc32c(file.subarray(position + 4, start)) !== file.readUInt32BE(position)) return undefined
  const end = start + file.readUInt32BE(position + 4)
  if (end > file.length || end === start) return undefined
  return {
    topicId: file.toString('hex', position + 8, position + 24),
    partition: file.readUInt32BE(position + 24),
    baseOffset: readUint64(file, position + 28),
    batches: file.subarray(start, end),
  }
}

function writeUint64(buffer: Buffer, value: number, at: number): void {
  assert(Number.isSafeInteger(value) && value >= 0, `${value} is not a safe integer`)
  buffer.writeUInt32BE(Math.floor(value / 2 ** 32), at)
  buffer.writeUInt32BE(value % 2 ** 32, at + 4)
}

function readUint64(buffer: Buffer, at: number): number {
  return buffer.readUInt32BE(at) * 2 ** 32 + buffer.readUInt32BE(at + 4)
}
