// Writes the primitive types of Kafka's messages, gathering big byte fields without copying them.
import assert from 'node:assert/strict'
import { stringMaxBytes } from '../common/limits.ts'
import { writeInt64At } from './batch-header.ts'
import { unsignedVarintBytes, writeUnsignedVarint } from './varint.ts'

/** Below this a copy is cheaper than one more buffer for the kernel to gather. */
const gatherMinBytes = 4096
const firstPieceBytes = 512
const pieceMaxBytes = 64 * 1024

/** `flexible` chooses the compact forms. What `done` returns are the bytes in order, in pieces fit for `writev`. */
export class Writer {
  flexible: boolean
  readonly #pieces: Buffer[] = []
  #piece = Buffer.allocUnsafe(firstPieceBytes)
  #used = 0
  #finishedBytes = 0

  constructor(options: { flexible?: boolean } = {}) {
    this.flexible = options.flexible ?? false
  }

  get sizeBytes(): number {
    return this.#finishedBytes + this.#used
  }

  int8(value: number): void {
    const position = this.#advance(1)
    this.#piece.writeInt8(value, position)
  }

  int16(value: number): void {
    const position = this.#advance(2)
    this.#piece.writeInt16BE(value, position)
  }

  uint16(value: number): void {
    const position = this.#advance(2)
    this.#piece.writeUInt16BE(value, position)
  }

  int32(value: number): void {
    const position = this.#advance(4)
    this.#piece.writeInt32BE(value, position)
  }

  int64(value: number): void {
    const position = this.#advance(8)
    writeInt64At(this.#piece, position, value)
  }

  bool(value: boolean): void {
    this.int8(value ? 1 : 0)
  }

  unsignedVarint(value: number): void {
    const position = this.#advance(unsignedVarintBytes(value))
    writeUnsignedVarint(this.#piece, position, value)
  }

  /** Takes the form that `Reader.uuid` gives. */
  uuid(value: string): void {
    const hex = value.replaceAll('-', '')
    assert(/^[0-9a-f]{32}$/i.test(hex), `${value} is not a uuid`)
    const position = this.#advance(16)
    this.#piece.write(hex, position, 'hex')
  }

  /** A text that no reader takes is cut: what came from a client fits, so it is a sentence about that. */
  nullableString(value: string | null): void {
    if (value === null) return this.#length(-1, true)
    const bytes = Math.min(Buffer.byteLength(value), stringMaxBytes)
    const whole = bytes < stringMaxBytes ? bytes : wholeCharacters(value, bytes)
    this.#length(whole, true)
    const position = this.#advance(whole)
    this.#piece.write(value, position, whole, 'utf8')
  }

  nullableBytes(value: Buffer | null): void {
    if (value === null) return this.#length(-1, false)
    this.#length(value.length, false)
    this.append(value)
  }

  /** One byte field whose bytes lie in several buffers. */
  gathered(parts: readonly Buffer[]): void {
    let bytes = 0
    for (const { length } of parts) bytes += length
    this.#length(bytes, false)
    for (const part of parts) this.append(part)
  }

  arrayLength(length: number): void {
    this.#length(length, false)
  }

  /** Adds bytes as they are; from 4 KB on, the buffer itself, which must not change any more. */
  append(bytes: Buffer): void {
    if (bytes.length < gatherMinBytes) {
      const position = this.#advance(bytes.length)
      bytes.copy(this.#piece, position)
      return
    }
    this.#finishPiece()
    this.#pieces.push(bytes)
    this.#finishedBytes += bytes.length
  }

  /** The pieces written so far; the writer is not used afterwards. */
  done(): Buffer[] {
    this.#finishPiece()
    return this.#pieces
  }

  #length(length: number, short: boolean): void {
    if (this.flexible) this.unsignedVarint(length + 1)
    else if (short) this.int16(length)
    else this.int32(length)
  }

  /** Makes room for `bytes` and returns where they go in the piece. */
  #advance(bytes: number): number {
    if (this.#used + bytes > this.#piece.length) {
      const size = Math.max(bytes, Math.min(this.#piece.length * 2, pieceMaxBytes))
      this.#finishPiece()
      this.#piece = Buffer.allocUnsafe(size)
    }
    const start = this.#used
    this.#used += bytes
    return start
  }

  // What is left of a piece goes on being written after a big field.
  #finishPiece(): void {
    if (this.#used === 0) return
    this.#pieces.push(this.#piece.subarray(0, this.#used))
    this.#finishedBytes += this.#used
    this.#piece = this.#piece.subarray(this.#used)
    this.#used = 0
  }
}

/** How many of the first `bytes` of a text, in UTF-8, are characters that end within them. */
function wholeCharacters(text: string, bytes: number): number {
  const encoded = Buffer.from(text)
  let end = bytes
  while (end < encoded.length && ((encoded[end] ?? 0) & 0xc0) === 0x80) end -= 1
  return end
}
