// Walks over the bytes of one Avro datum, and keeps it within its bounds.
import { decodedDepthMax, decodedJsonMaxLength, emptyItemsMax } from '../../common/schema-limits.ts'
import { DecodeError } from './decode-error.ts'
import { zigzag } from './zigzag.ts'

/** All reads throw DecodeError where the bytes end, or say what no datum can be. */
export class AvroCursor {
  readonly #bytes: Buffer
  #at = 0
  #depth = 0
  #room = decodedJsonMaxLength
  #emptyItems = 0

  constructor(bytes: Buffer) {
    this.#bytes = bytes
  }

  get at(): number {
    return this.#at
  }

  /** So many bytes as text; a view of them would cost more than the text. */
  text(length: number, encoding: 'utf8' | 'latin1'): string {
    const start = this.#skip(length)
    return this.#bytes.toString(encoding, start, this.#at)
  }

  byte(): number {
    return this.#bytes.readUInt8(this.#skip(1))
  }

  float(): number {
    return this.#bytes.readFloatLE(this.#skip(4))
  }

  double(): number {
    return this.#bytes.readDoubleLE(this.#skip(8))
  }

  long(): number | bigint {
    // Most are small: lengths, branches, symbols.
    const byte = this.#bytes[this.#at] ?? 0x80
    if (byte < 0x80) {
      this.#at += 1
      return byte % 2 === 0 ? byte / 2 : -(byte + 1) / 2
    }
    const { value, end } = zigzag(this.#bytes, this.#at)
    this.#at = end
    return value
  }

  /** A long that counts something. */
  count(): number {
    const value = this.long()
    if (typeof value === 'bigint') throw new DecodeError('a length is beyond all bounds')
    return value
  }

  /** What becomes part of the JSON text. */
  emit(text: string): string {
    this.#room -= text.length
    if (this.#room < 0) {
      throw new DecodeError(`as JSON it has more than ${decodedJsonMaxLength} characters`)
    }
    return text
  }

  /** What `read` says of what lies one level further in. */
  inside(read: () => string): string {
    this.#depth += 1
    if (this.#depth > decodedDepthMax) {
      throw new DecodeError(`it is nested deeper than ${decodedDepthMax} levels`)
    }
    const text = read()
    this.#depth -= 1
    return text
  }

  /** The items of an array or a map, block by block, joined by commas. */
  blocks(item: () => string): string {
    let text = ''
    for (let left = this.#blockCount(); left > 0; left = this.#blockCount()) {
      for (; left > 0; left--) {
        const before = this.#at
        const one = item()
        if (this.#at === before) this.#countEmpty()
        text += text === '' ? one : this.emit(',') + one
      }
    }
    return text
  }

  #skip(length: number): number {
    const start = this.#at
    const end = start + length
    if (length < 0 || end > this.#bytes.length) throw new DecodeError('it ends too early')
    this.#at = end
    return start
  }

  // A negative count has the block's length in bytes behind it, for those that skip it.
  #blockCount(): number {
    const count = this.count()
    if (count >= 0) return count
    this.count()
    return -count
  }

  #countEmpty(): void {
    this.#emptyItems += 1
    if (this.#emptyItems > emptyItemsMax) {
      throw new DecodeError(`it has more than ${emptyItemsMax} items that take no bytes`)
    }
  }
}
