// Turns CBOR into values and values into CBOR, as far as AWS's protocol uses it; what is malformed is a value that says so.
import assert from 'node:assert/strict'
import { isUtf8 } from 'node:buffer'
import { cborDepthMax, cborItemsMax } from '../common/kinesis-wire-limits.ts'
import { nameAt } from './cbor-names.ts'
import { CborWriter, kinds } from './cbor-writer.ts'

/** Why bytes are not CBOR that is understood here, and at which byte. */
export class CborFlaw {
  readonly reason: string
  readonly position: number

  constructor(reason: string, position: number) {
    this.reason = reason
    this.position = position
  }
}

/** Neither a number nor a tag has one of these as its first five bits' argument. */
const indefinite = 31
const breakByte = 0xff
/** RFC 8949 3.4.6: says that CBOR follows. */
const selfDescribed = 55_799
const timeTag = 1

/** What is read ends as soon as there is a flaw, by this value that is none of CBOR's. */
const failed = Symbol('failed')
type Item = unknown

/**
 * The one item that `bytes` are. Maps become objects, byte strings slices of `bytes`, integers numbers or, where they
 * would lose digits, bigints, timestamps (tag 1, milliseconds) Dates. Memory is taken for what is there, never for what
 * is announced. cbor-x was tried: it allocates lists by their announced length and resolves tags that are not AWS's.
 */
export function decodeCbor(bytes: Buffer): unknown {
  const decoder = new Decoder(bytes)
  const value = decoder.item(0)
  if (decoder.flaw !== undefined) return decoder.flaw
  if (decoder.position < bytes.length) {
    return new CborFlaw('something follows the item', decoder.position)
  }
  return value
}

/** The item at `position`, and where it ends. */
export function decodeCborAt(
  bytes: Buffer,
  position: number,
): { readonly value: unknown; readonly end: number } | CborFlaw {
  const decoder = new Decoder(bytes)
  decoder.position = position
  const value = decoder.item(0)
  return decoder.flaw ?? { value, end: decoder.position }
}

/**
 * Dates become timestamps, Uint8Arrays byte strings, members that are undefined are left out. All in one piece but for
 * large byte strings, which are not copied.
 */
export function encodeCbor(value: unknown): readonly Uint8Array[] {
  const writer = new CborWriter()
  write(writer, value, 0)
  return writer.take()
}

class Decoder {
  flaw: CborFlaw | undefined
  position = 0
  readonly #bytes: Buffer
  #items = 0
  /** Of the head that was read last. */
  #argument = 0
  #wide: bigint | undefined

  constructor(bytes: Buffer) {
    this.#bytes = bytes
  }

  item(depth: number): Item {
    const start = this.position
    if (start >= this.#bytes.length) return this.#fail('it ends amid an item', start)
    if (depth > cborDepthMax) return this.#fail(`it is deeper than ${cborDepthMax} levels`, start)
    this.#items += 1
    if (this.#items > cborItemsMax) {
      return this.#fail(`it has more than ${cborItemsMax} items`, start)
    }
    const first = this.#bytes[start] ?? 0
    const kind = first >> 5
    if (kind === kinds.simple) return this.#simple(first & 31)
    const isIndefinite = (first & 31) === indefinite
    if (isIndefinite) {
      if (kind < kinds.bytes || kind === kinds.tag) return this.#fail('an unknown head', start)
      this.position += 1
    } else if (!this.#head()) return failed
    switch (kind) {
      case kinds.unsigned:
        return this.#wide ?? this.#argument
      case kinds.negative:
        return this.#wide === undefined ? negative(this.#argument) : -1n - this.#wide
      case kinds.bytes:
        return isIndefinite ? this.#pieces(kinds.bytes) : this.#slice()
      case kinds.text:
        return isIndefinite ? this.#textOfPieces() : this.#text()
      case kinds.list:
        return this.#list(depth, isIndefinite)
      case kinds.map:
        return this.#map(depth, isIndefinite)
      default:
        return this.#tagged(depth)
    }
  }

  /** Reads a head whose argument is a number into `#argument`, or `#wide` where that would lose digits. */
  #head(): boolean {
    const { position } = this
    const bytes = this.#bytes
    const short = (bytes[position] ?? 0) & 31
    this.#wide = undefined
    if (short < 24) {
      this.#argument = short
      this.position += 1
      return true
    }
    if (short > 27) {
      this.#fail('an unknown head', position)
      return false
    }
    const size = 1 << (short - 24)
    if (position + 1 + size > bytes.length) {
      this.#fail('it ends amid a number', position)
      return false
    }
    this.position += 1 + size
    if (size < 8) {
      this.#argument = bytes.readUIntBE(position + 1, size)
      return true
    }
    const wide = bytes.readBigUInt64BE(position + 1)
    this.#argument = Number(wide)
    if (wide > Number.MAX_SAFE_INTEGER) this.#wide = wide
    return true
  }

  #slice(): Buffer | typeof failed {
    const start = this.position
    const end = start + this.#argument
    if (end > this.#bytes.length) return this.#fail('it ends amid a string', start)
    this.position = end
    return this.#bytes.subarray(start, end)
  }

  #text(): string | typeof failed {
    const start = this.position
    const end = start + this.#argument
    const bytes = this.#bytes
    if (end > bytes.length) return this.#fail('it ends amid a string', start)
    this.position = end
    const text = bytes.toString('utf8', start, end)
    // What cannot be read has become this character, which may as well have been written.
    if (text.includes('\uFFFD') && !isUtf8(bytes.subarray(start, end))) {
      return this.#fail('a text is not UTF-8', start)
    }
    return text
  }

  /** A string in pieces, each of which has its length. */
  #pieces(kind: number): Buffer | typeof failed {
    const pieces: Buffer[] = []
    while (!this.#isBreak()) {
      const start = this.position
      const first = this.#bytes[start]
      if (first === undefined) return this.#fail('it ends amid a string', start)
      this.#items += 1
      if (this.#items > cborItemsMax) {
        return this.#fail(`it has more than ${cborItemsMax} items`, start)
      }
      if (first >> 5 !== kind) return this.#fail('a string has a piece of another kind', start)
      if (!this.#head()) return failed
      const piece = this.#slice()
      if (piece === failed) return failed
      pieces.push(piece)
    }
    return pieces.length === 1 ? (pieces[0] ?? Buffer.alloc(0)) : Buffer.concat(pieces)
  }

  #textOfPieces(): string | typeof failed {
    const start = this.position
    const whole = this.#pieces(kinds.text)
    if (whole === failed) return failed
    return isUtf8(whole) ? whole.toString('utf8') : this.#fail('a text is not UTF-8', start)
  }

  #list(depth: number, isIndefinite: boolean): Item {
    const elements: Item[] = []
    const count = isIndefinite ? Number.POSITIVE_INFINITY : this.#argument
    for (let index = 0; index < count; index += 1) {
      if (isIndefinite && this.#isBreak()) break
      const element = this.item(depth + 1)
      if (this.flaw !== undefined) return failed
      elements.push(element)
    }
    return elements
  }

  #map(depth: number, isIndefinite: boolean): Item {
    const members: Record<string, Item> = {}
    const count = isIndefinite ? Number.POSITIVE_INFINITY : this.#argument
    for (let index = 0; index < count; index += 1) {
      if (isIndefinite && this.#isBreak()) break
      const name = this.#name()
      if (name === failed) return failed
      const member = this.item(depth + 1)
      if (this.flaw !== undefined) return failed
      if (name === '__proto__') define(members, name, member)
      else members[name] = member
    }
    return members
  }

  #name(): string | typeof failed {
    const first = this.#bytes[this.position]
    if (first === undefined) return this.#fail('it ends amid a map', this.position)
    if (first >> 5 !== kinds.text) {
      return this.#fail('a member has a name that is no text', this.position)
    }
    if ((first & 31) === indefinite) {
      this.position += 1
      return this.#textOfPieces()
    }
    if (!this.#head()) return failed
    const known = nameAt(this.#bytes, this.position, this.#argument)
    if (known === undefined) return this.#text()
    this.position += this.#argument
    return known
  }

  #tagged(depth: number): Item {
    const start = this.position
    const tag = this.#argument
    if (tag !== timeTag && tag !== selfDescribed) return this.#fail(`an unknown tag ${tag}`, start)
    const value = this.item(depth + 1)
    if (this.flaw !== undefined || tag === selfDescribed) return value
    const time = new Date(typeof value === 'number' ? value : Number.NaN)
    return Number.isNaN(time.getTime()) ? this.#fail('a timestamp is no time', start) : time
  }

  #simple(short: number): Item {
    const { position } = this
    const bytes = this.#bytes
    const size = short < 24 ? 0 : short < 28 ? 1 << (short - 24) : 0
    if (position + 1 + size > bytes.length) return this.#fail('it ends amid a number', position)
    this.position += 1 + size
    switch (short) {
      case 20:
        return false
      case 21:
        return true
      case 22:
        return null
      case 23:
        return undefined
      case 25:
        return halfFloat(bytes.readUInt16BE(position + 1))
      case 26:
        return bytes.readFloatBE(position + 1)
      case 27:
        return bytes.readDoubleBE(position + 1)
      default:
        return this.#fail(short === indefinite ? 'an end of nothing' : 'an unknown value', position)
    }
  }

  #isBreak(): boolean {
    if (this.#bytes[this.position] !== breakByte) return false
    this.position += 1
    return true
  }

  #fail(reason: string, position: number): typeof failed {
    this.flaw ??= new CborFlaw(reason, position)
    return failed
  }
}

function negative(argument: number): number | bigint {
  const value = -1 - argument
  return Number.isSafeInteger(value) ? value : -1n - BigInt(argument)
}

function define(members: object, name: string, value: unknown): void {
  Object.defineProperty(members, name, {
    value,
    enumerable: true,
    configurable: true,
    writable: true,
  })
}

/** RFC 8949, appendix D. */
function halfFloat(bits: number): number {
  const exponent = (bits >> 10) & 31
  const fraction = bits & 1023
  const sign = bits >= 0x8000 ? -1 : 1
  if (exponent === 31) return fraction === 0 ? sign * Number.POSITIVE_INFINITY : Number.NaN
  return exponent === 0
    ? sign * 2 ** -24 * fraction
    : sign * 2 ** (exponent - 25) * (1024 + fraction)
}

function write(writer: CborWriter, value: unknown, depth: number): void {
  assert(depth <= cborDepthMax, 'a value is too deep for CBOR, or goes round')
  if (typeof value === 'string') writer.text(value)
  else if (typeof value === 'number') {
    if (Number.isSafeInteger(value) && !Object.is(value, -0)) writer.integer(value)
    else writer.double(value)
  } else if (typeof value === 'bigint') writer.integer(value)
  else if (typeof value === 'boolean') writer.flag(value)
  else if (value === null || value === undefined) writer.nothing()
  else if (value instanceof Uint8Array) writer.bytes(value)
  else if (value instanceof Date) writer.time(value.getTime())
  else if (Array.isArray(value)) {
    writer.list(value.length)
    for (const element of value) write(writer, element, depth + 1)
  } else {
    assert(typeof value === 'object', 'a value that CBOR has not')
    const members = Object.entries(value).filter(([, member]) => member !== undefined)
    writer.map(members.length)
    for (const [name, member] of members) {
      writer.text(name)
      write(writer, member, depth + 1)
    }
  }
}
