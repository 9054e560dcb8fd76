// Reads, measures and writes Kafka's variable-length integers: seven bits a byte, least significant first.
import { DecodeError } from './decode-error.ts'

/** Where a decoder stands in a buffer; `end` is the first position it must not read. */
export interface Cursor {
  readonly buffer: Buffer
  readonly end: number
  position: number
}

const bytesMax32 = 5
const bytesMax64 = 10

/** An unsigned 32-bit integer, as lengths and tags of flexible versions are. */
export function readUnsignedVarint(cursor: Cursor): number {
  const first = nextByte(cursor)
  if (first < 0x80) return first
  let value = first & 0x7f
  for (let index = 1; index < bytesMax32; index++) {
    const byte = nextByte(cursor)
    value += (byte & 0x7f) * 2 ** (7 * index)
    if (byte >= 0x80) continue
    if (value > 0xffff_ffff) break
    return value
  }
  throw new DecodeError('varint is longer than 32 bits', cursor.position)
}

/** A zigzag 32-bit integer, as lengths inside a record are. */
export function readVarint(cursor: Cursor): number {
  const value = readUnsignedVarint(cursor)
  return (value >>> 1) ^ -(value & 1)
}

/**
 * A zigzag 64-bit integer, as timestamp deltas are. What does not fit in 53 bits before the zigzag
 * is taken off is a DecodeError: no clock is 140,000 years ahead.
 */
export function readVarlong(cursor: Cursor): number {
  let value = 0
  for (let index = 0; index < bytesMax64; index++) {
    const byte = nextByte(cursor)
    value += (byte & 0x7f) * 2 ** (7 * index)
    if (byte >= 0x80) continue
    if (value > Number.MAX_SAFE_INTEGER) break
    return value % 2 === 0 ? value / 2 : -(value + 1) / 2
  }
  throw new DecodeError('varlong is out of range', cursor.position)
}

/** Bytes of an unsigned varint of any safe size. */
export function unsignedVarintBytes(value: number): number {
  let bytes = 1
  for (let rest = value; rest >= 0x80; rest = Math.floor(rest / 0x80)) bytes += 1
  return bytes
}

/** Writes an unsigned varint of any safe size; returns the position behind it. */
export function writeUnsignedVarint(buffer: Buffer, start: number, value: number): number {
  let position = start
  let rest = value
  for (; rest >= 0x80; rest = Math.floor(rest / 0x80)) buffer[position++] = (rest % 0x80) | 0x80
  buffer[position++] = rest
  return position
}

/** The unsigned number that stands for a signed one: 0, -1, 1, -2 become 0, 1, 2, 3. */
export function zigzag(value: number): number {
  return value < 0 ? -value * 2 - 1 : value * 2
}

function nextByte(cursor: Cursor): number {
  if (cursor.position >= cursor.end) throw new DecodeError('varint is cut off', cursor.position)
  // The check above keeps the index inside the buffer.
  return cursor.buffer[cursor.position++] as number
}
