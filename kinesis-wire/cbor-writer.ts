// Writes CBOR as AWS's protocol has it, item by item, into pieces of memory; large byte strings are only referred to.
import assert from 'node:assert/strict'
import { cborBytesReferredMin } from '../common/kinesis-wire-limits.ts'

/** Pieces grow to so much: what is small takes little memory, and what is large is in few. */
const pieceMaxBytes = 256 * 1024
const firstPieceBytes = 1024
/** An item's head: its kind and a number of eight bytes. */
const headMaxBytes = 9
/** No character of UTF-16 takes more in UTF-8. */
const utf8MaxBytes = 3

export const kinds = {
  unsigned: 0,
  negative: 1,
  bytes: 2,
  text: 3,
  list: 4,
  map: 5,
  tag: 6,
  simple: 7,
} as const

/** Lists and maps are announced with their number of elements or members; whoever calls writes as many. */
export class CborWriter {
  readonly #done: Uint8Array[] = []
  #pieceBytes = firstPieceBytes
  #buffer: Buffer = Buffer.allocUnsafe(firstPieceBytes)
  #start = 0
  #end = 0

  /** A safe integer, or a bigint of 64 bits. */
  integer(value: number | bigint): this {
    if (value >= 0) this.#head(kinds.unsigned, value)
    else this.#head(kinds.negative, typeof value === 'bigint' ? -1n - value : -1 - value)
    return this
  }

  double(value: number): this {
    this.#room(headMaxBytes)
    this.#buffer[this.#end] = 0xfb
    this.#end = this.#buffer.writeDoubleBE(value, this.#end + 1)
    return this
  }

  text(value: string): this {
    // One byte of head as a rule, so that what is short is written where it stays.
    if (value.length * utf8MaxBytes < 24) {
      this.#room(24)
      const bytes = this.#buffer.write(value, this.#end + 1, 'utf8')
      this.#buffer[this.#end] = (kinds.text << 5) | bytes
      this.#end += 1 + bytes
      return this
    }
    const bytes = Buffer.byteLength(value)
    this.#head(kinds.text, bytes)
    this.#room(bytes)
    this.#end += this.#buffer.write(value, this.#end, 'utf8')
    return this
  }

  /** Is not copied where it is large, and must not change then. */
  bytes(value: Uint8Array): this {
    this.#head(kinds.bytes, value.length)
    if (value.length >= cborBytesReferredMin) {
      this.#close()
      this.#done.push(value)
      return this
    }
    this.#room(value.length)
    this.#buffer.set(value, this.#end)
    this.#end += value.length
    return this
  }

  list(elements: number): this {
    this.#head(kinds.list, elements)
    return this
  }

  map(members: number): this {
    this.#head(kinds.map, members)
    return this
  }

  /** AWS: whole milliseconds, where the tag by RFC 8949 would say seconds. */
  time(milliseconds: number): this {
    this.#head(kinds.tag, 1)
    return this.integer(Math.round(milliseconds))
  }

  flag(value: boolean): this {
    return this.#simple(value ? 21 : 20)
  }

  nothing(): this {
    return this.#simple(22)
  }

  /** All that was written, once. */
  take(): readonly Uint8Array[] {
    this.#close()
    return this.#done.splice(0)
  }

  #simple(value: number): this {
    this.#head(kinds.simple, value)
    return this
  }

  #head(kind: number, value: number | bigint): void {
    this.#room(headMaxBytes)
    const first = kind << 5
    const buffer = this.#buffer
    if (value < 24) this.#end = buffer.writeUInt8(first | Number(value), this.#end)
    else if (value <= 0xff) {
      buffer[this.#end] = first | 24
      this.#end = buffer.writeUInt8(Number(value), this.#end + 1)
    } else if (value <= 0xffff) {
      buffer[this.#end] = first | 25
      this.#end = buffer.writeUInt16BE(Number(value), this.#end + 1)
    } else if (value <= 0xffffffff) {
      buffer[this.#end] = first | 26
      this.#end = buffer.writeUInt32BE(Number(value), this.#end + 1)
    } else {
      assert(typeof value === 'bigint' ? value < 1n << 64n : Number.isSafeInteger(value))
      buffer[this.#end] = first | 27
      this.#end = buffer.writeBigUInt64BE(BigInt(value), this.#end + 1)
    }
  }

  #room(bytes: number): void {
    if (this.#end + bytes <= this.#buffer.length) return
    this.#close()
    this.#pieceBytes = Math.min(4 * this.#pieceBytes, pieceMaxBytes)
    this.#buffer = Buffer.allocUnsafe(Math.max(bytes, this.#pieceBytes))
    this.#start = 0
    this.#end = 0
  }

  #close(): void {
    if (this.#end > this.#start) this.#done.push(this.#buffer.subarray(this.#start, this.#end))
    this.#start = this.#end
  }
}
