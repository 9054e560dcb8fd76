// Reads the primitive types of Kafka's messages from a frame, never beyond its end.
import { isUtf8 } from 'node:buffer'
import { arrayMaxElements, stringMaxBytes, taggedFieldsMax } from '../common/limits.ts'
import { DecodeError } from './decode-error.ts'
import { readUnsignedVarint, type Cursor } from './varint.ts'

/** Reads one tagged field that a table knows. */
export type TagReader = (reader: Reader) => void

/**
 * Every method throws DecodeError where the bytes end too early or say something impossible.
 * `flexible` chooses the compact forms: lengths as unsigned varints, plus one.
 */
export class Reader implements Cursor {
  readonly buffer: Buffer
  position: number
  end: number
  flexible: boolean

  constructor(buffer: Buffer, options: { position?: number; flexible?: boolean } = {}) {
    this.buffer = buffer
    this.position = options.position ?? 0
    this.end = buffer.length
    this.flexible = options.flexible ?? false
  }

  int8(): number {
    return this.buffer.readInt8(this.#advance(1))
  }

  int16(): number {
    return this.buffer.readInt16BE(this.#advance(2))
  }

  uint16(): number {
    return this.buffer.readUInt16BE(this.#advance(2))
  }

  int32(): number {
    return this.buffer.readInt32BE(this.#advance(4))
  }

  /** A DecodeError where the value is not a safe integer. */
  int64(): number {
    const position = this.#advance(8)
    const high = this.buffer.readInt32BE(position)
    const value = high * 2 ** 32 + this.buffer.readUInt32BE(position + 4)
    if (!Number.isSafeInteger(value)) throw new DecodeError('int64 is beyond 2^53', position)
    return value
  }

  bool(): boolean {
    return this.int8() !== 0
  }

  /** Sixteen bytes, as 8-4-4-4-12 hexadecimal digits. */
  uuid(): string {
    const position = this.#advance(16)
    const hex = this.buffer.toString('hex', position, position + 16)
    return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`
  }

  nullableString(): string | null {
    const length = this.#length(true)
    if (length === -1) return null
    // A compact length may say more; what cannot be answered in kind is not taken (KIP-482 keeps int16).
    if (length > stringMaxBytes) throw new DecodeError(`string of ${length} bytes`, this.position)
    const position = this.#advance(length)
    const end = position + length
    if (!isUtf8(this.buffer.subarray(position, end))) {
      throw new DecodeError('string that is not UTF-8', position)
    }
    return this.buffer.toString('utf8', position, end)
  }

  /** A view of the frame, not a copy. */
  nullableBytes(): Buffer | null {
    const length = this.#length(false)
    if (length === -1) return null
    const position = this.#advance(length)
    return this.buffer.subarray(position, position + length)
  }

  /** The number of elements that follow; -1 for a null array. */
  arrayLength(): number {
    const length = this.#length(false)
    if (length > arrayMaxElements) {
      throw new DecodeError(`array of ${length} elements`, this.position)
    }
    // Every element takes at least one byte, so a longer array cannot be in this frame.
    if (length > this.end - this.position) {
      throw new DecodeError(`array of ${length} elements in fewer bytes`, this.position)
    }
    return length
  }

  /**
   * The tagged fields behind a struct of a flexible version (KIP-482): those in `known` are handed to
   * their readers, which must take exactly the bytes that are theirs; the others are skipped.
   */
  taggedFields(known?: ReadonlyMap<number, TagReader>): void {
    const count = readUnsignedVarint(this)
    if (count === 0) return
    if (count > taggedFieldsMax) throw new DecodeError(`${count} tagged fields`, this.position)
    for (let left = count; left > 0; left--) this.#taggedField(known)
  }

  #taggedField(known: ReadonlyMap<number, TagReader> | undefined): void {
    const tag = readUnsignedVarint(this)
    const size = readUnsignedVarint(this)
    const start = this.#advance(size)
    const read = known?.get(tag)
    if (read === undefined) return
    const outerEnd = this.end
    const fieldEnd = this.position
    this.position = start
    this.end = fieldEnd
    read(this)
    if (this.position !== fieldEnd) {
      throw new DecodeError('tagged field is not as long as it says', this.position)
    }
    this.end = outerEnd
  }

  /** A length before a string (`short`), bytes or an array; -1 for null. */
  #length(short: boolean): number {
    const length = this.flexible
      ? readUnsignedVarint(this) - 1
      : short
        ? this.int16()
        : this.int32()
    if (length < -1) throw new DecodeError(`length is ${length}`, this.position)
    return length
  }

  /** Steps over `bytes` and returns where they start. */
  #advance(bytes: number): number {
    const start = this.position
    if (bytes > this.end - start) {
      throw new DecodeError(`${bytes} bytes wanted where ${this.end - start} are left`, start)
    }
    this.position = start + bytes
    return start
  }
}
