// Encodes records that arrived together, with a key and without headers, straight into the memory of one batch.
import type { Base64Place } from './base64-place.ts'
import { recordBatchHeaderBytes } from './batch-header.ts'
import { writeBatchHeader } from './batch-records.ts'
import { unsignedVarintBytes, writeUnsignedVarint, zigzag } from './varint.ts'

export interface KeyedRecordToEncode {
  /** Null for none. */
  readonly key: string | null
  /** Of the key in UTF-8. */
  readonly keyBytes: number
  /** Bytes, or the Base64 of them, which is decoded in place. */
  readonly value: Uint8Array | string | Base64Place
  readonly valueBytes: number
}

/** Attributes, timestamp delta and header count, of a byte each. */
const fixedBytes = 3

/**
 * An uncompressed batch of at least one record, all of the time `timestamp`; undefined where a value is not the Base64 of as
 * many bytes as it says.
 */
export function encodeKeyedBatch(
  records: readonly KeyedRecordToEncode[],
  timestamp: number,
): Buffer | undefined {
  let sizeBytes = recordBatchHeaderBytes
  for (const [index, record] of records.entries()) {
    const bytes = bodyBytes(record, index)
    sizeBytes += unsignedVarintBytes(zigzag(bytes)) + bytes
  }
  const buffer = Buffer.allocUnsafe(sizeBytes)
  let position = recordBatchHeaderBytes
  for (const [index, record] of records.entries()) {
    const { key, keyBytes, value, valueBytes } = record
    position = writeSigned(buffer, position, bodyBytes(record, index))
    buffer[position] = 0
    buffer[position + 1] = 0
    position = writeSigned(buffer, position + 2, index)
    position = writeSigned(buffer, position, key === null ? -1 : keyBytes)
    if (key !== null) position += buffer.write(key, position)
    position = writeSigned(buffer, position, valueBytes)
    if (value instanceof Uint8Array) buffer.set(value, position)
    else if (writeBase64(buffer, position, value) !== valueBytes) return undefined
    position += valueBytes
    buffer[position] = 0
    position += 1
  }
  const times = { baseTimestamp: timestamp, maxTimestamp: timestamp }
  writeBatchHeader(buffer, { ...times, count: records.length })
  return buffer
}

/**
 * How many bytes a text in Base64 stands for, judged by its length and end; undefined where that alone shows that it is none.
 * Whether all of it is, decoding shows.
 */
export function base64Bytes(text: string | Base64Place): number | undefined {
  const isText = typeof text === 'string'
  if (text.length % 4 !== 0 || (isText && hasOtherLetters(text))) return undefined
  const end = isText ? text.slice(-2) : text.ends(2)
  const padding = end === '==' ? 2 : end.endsWith('=') ? 1 : 0
  return (text.length / 4) * 3 - padding
}

/** How many bytes were written; -1 where it is none. */
function writeBase64(buffer: Buffer, position: number, value: string | Base64Place): number {
  if (typeof value === 'string') return buffer.write(value, position, 'base64')
  const text = value.toString()
  return hasOtherLetters(text) ? -1 : buffer.write(text, position, 'base64')
}

/** Node's decoder takes the letters of URLs as well, AWS does not. */
function hasOtherLetters(text: string): boolean {
  return text.includes('-') || text.includes('_')
}

function bodyBytes({ key, keyBytes, valueBytes }: KeyedRecordToEncode, index: number): number {
  const keyed = key === null ? 1 : unsignedVarintBytes(zigzag(keyBytes)) + keyBytes
  const valued = unsignedVarintBytes(zigzag(valueBytes)) + valueBytes
  return fixedBytes + unsignedVarintBytes(zigzag(index)) + keyed + valued
}

function writeSigned(buffer: Buffer, position: number, value: number): number {
  return writeUnsignedVarint(buffer, position, zigzag(value))
}
