// Reads the JSON of puts from its bytes, data left where it lies; whatever is unusual is left to JSON.parse.
import { Base64Place } from '../../../protocol/base64-place.ts'

const [quote, backslash, colon, comma] = [0x22, 0x5c, 0x3a, 0x2c]
const [open, close, openList, closeList] = [0x7b, 0x7d, 0x5b, 0x5d]
const space = 0x20

/** AWS: the members of an entry, and those of its request that are texts. */
const dataName = Buffer.from('Data')
const recordsName = Buffer.from('Records')
const textNames = [
  'PartitionKey',
  'StreamName',
  'StreamARN',
  'ExplicitHashKey',
  'SequenceNumberForOrdering',
].map((name) => ({ name, bytes: Buffer.from(name) }))

type Members = Record<string, unknown>

/**
 * What JSON.parse makes of the body of a PutRecord or PutRecords, but for data, of which it says where it is: of a
 * megabyte of body one string after the other lives for a moment, where it all would live until the records are written.
 * Undefined where anything is escaped, null, or of another name or kind. `bytes` are UTF-8.
 */
export function scanPuts(bytes: Buffer): object | undefined {
  if (bytes.includes(backslash)) return undefined
  const scan = new Scan(bytes)
  const value = scan.members(true)
  return scan.isAtEnd ? value : undefined
}

/** Each method returns undefined where it meets what it does not know. */
class Scan {
  readonly #bytes: Buffer
  #at = 0

  constructor(bytes: Buffer) {
    this.#bytes = bytes
  }

  get isAtEnd(): boolean {
    this.#skip()
    return this.#at === this.#bytes.length
  }

  members(isRequest: boolean): Members | undefined {
    if (!this.#takes(open)) return undefined
    const members: Members = {}
    for (;;) {
      const isWell = this.#member(members, isRequest)
      if (!isWell) return undefined
      if (this.#takes(close)) return members
      if (!this.#takes(comma)) return undefined
    }
  }

  #member(members: Members, isRequest: boolean): boolean {
    const start = this.#string()
    const end = this.#at - 1
    if (start === undefined || !this.#takes(colon)) return false
    if (this.#is(dataName, start, end)) {
      const from = this.#string()
      if (from === undefined) return false
      members['Data'] = new Base64Place(this.#bytes, from, this.#at - 1)
      return true
    }
    if (isRequest && this.#is(recordsName, start, end)) {
      const records = this.#records()
      members['Records'] = records
      return records !== undefined
    }
    const known = textNames.find(({ bytes }) => this.#is(bytes, start, end))
    const text = known && this.#text()
    if (known === undefined || text === undefined) return false
    members[known.name] = text
    return true
  }

  #records(): Members[] | undefined {
    if (!this.#takes(openList)) return undefined
    const records: Members[] = []
    if (this.#takes(closeList)) return records
    for (;;) {
      const record = this.members(false)
      if (record === undefined) return undefined
      records.push(record)
      if (this.#takes(closeList)) return records
      if (!this.#takes(comma)) return undefined
    }
  }

  #text(): string | undefined {
    const start = this.#string()
    if (start === undefined) return undefined
    const bytes = this.#bytes
    const end = this.#at - 1
    // JSON: no control character is in a text as it is.
    for (let at = start; at < end; at++) if ((bytes[at] as number) < space) return undefined
    return bytes.toString('utf8', start, end)
  }

  /** Where what is in quotes begins; it ends before the last byte that was passed. */
  #string(): number | undefined {
    if (!this.#takes(quote)) return undefined
    const start = this.#at
    const end = this.#bytes.indexOf(quote, start)
    if (end < 0) return undefined
    this.#at = end + 1
    return start
  }

  #is(name: Buffer, start: number, end: number): boolean {
    const { length } = name
    if (end - start !== length) return false
    const bytes = this.#bytes
    for (let index = 0; index < length; index++) {
      if (bytes[start + index] !== name[index]) return false
    }
    return true
  }

  /** Goes past the byte, and white space before it, if it is that one. */
  #takes(byte: number): boolean {
    if (this.#bytes[this.#at] !== byte) {
      this.#skip()
      if (this.#bytes[this.#at] !== byte) return false
    }
    this.#at += 1
    return true
  }

  #skip(): void {
    const bytes = this.#bytes
    for (;;) {
      const byte = bytes[this.#at]
      if (byte !== 0x20 && byte !== 0x0a && byte !== 0x0d && byte !== 0x09) return
      this.#at += 1
    }
  }
}
