// Finds the records of an answer in CBOR where they lie, without a value for each of their parts.
import { CborFlaw, decodeCborAt } from '../kinesis-wire/cbor.ts'
import { StreamRecord } from './stream-record.ts'

/** The answer but for its records. */
export interface WalkedAnswer {
  readonly records: readonly StreamRecord[]
  readonly rest: Readonly<Record<string, unknown>>
}

const kinds = { unsigned: 0, bytes: 2, text: 3, list: 4, map: 5 } as const
const timeHead = 0xc1
/** What a Date can hold, in ms since 1970 (ECMAScript). */
const latestTimeMs = 8.64e15
const replacement = '\uFFFD'

const names = {
  records: Buffer.from('Records'),
  sequenceNumber: Buffer.from('SequenceNumber'),
  arrival: Buffer.from('ApproximateArrivalTimestamp'),
  data: Buffer.from('Data'),
  partitionKey: Buffer.from('PartitionKey'),
  encryptionType: Buffer.from('EncryptionType'),
} as const

/**
 * Takes what every known API writes: definite lengths, the members of today, whole milliseconds. Undefined for anything
 * else, sound or not, which whoever reads CBOR in general has to say.
 */
export function walkAnswer(bytes: Buffer): WalkedAnswer | undefined {
  const walk = new Walk(bytes)
  try {
    return walk.answer()
  } catch (error) {
    if (error instanceof Other) return undefined
    throw error
  }
}

/** What is not of the common form. */
class Other extends Error {}

class Walk {
  readonly #bytes: Buffer
  #position = 0

  constructor(bytes: Buffer) {
    this.#bytes = bytes
  }

  answer(): WalkedAnswer {
    const records: StreamRecord[] = []
    const rest: Record<string, unknown> = {}
    let hasRecords = false
    for (let left = this.#head(kinds.map); left > 0; left--) {
      if (!hasRecords && this.#isName(names.records)) {
        hasRecords = true
        for (let more = this.#head(kinds.list); more > 0; more--) records.push(this.#record())
      } else {
        const name = this.#text()
        if (!/^[A-Z]\w*$/.test(name) || name === 'Records') throw new Other()
        const found = decodeCborAt(this.#bytes, this.#position)
        if (found instanceof CborFlaw) throw new Other()
        rest[name] = found.value
        this.#position = found.end
      }
    }
    if (this.#position !== this.#bytes.length) throw new Other()
    return { records, rest }
  }

  #record(): StreamRecord {
    let sequenceNumber: string | undefined
    let partitionKey = ''
    let arrivalMs = -1
    let dataStart = -1
    let dataBytes = 0
    for (let left = this.#head(kinds.map); left > 0; left--) {
      if (this.#isName(names.sequenceNumber)) sequenceNumber = this.#text()
      else if (this.#isName(names.arrival)) arrivalMs = this.#time()
      else if (this.#isName(names.data)) {
        dataBytes = this.#head(kinds.bytes)
        dataStart = this.#position
        this.#skip(dataBytes)
      } else if (this.#isName(names.partitionKey)) partitionKey = this.#text()
      else if (this.#isName(names.encryptionType)) this.#text()
      else throw new Other()
    }
    if (sequenceNumber === undefined) throw new Other()
    if (arrivalMs < 0 || dataStart < 0) throw new Other()
    const bytes = this.#bytes
    return new StreamRecord(
      { sequenceNumber, partitionKey, arrivalMs },
      { bytes, dataStart, dataBytes },
    )
  }

  /** Goes past the name if it is that one. */
  #isName(name: Buffer): boolean {
    const bytes = this.#bytes
    const { length } = name
    const isShort = length < 24
    let at = this.#position
    if (bytes[at] !== (isShort ? 0x60 | length : 0x78)) return false
    at += 1
    if (!isShort) {
      if (bytes[at] !== length) return false
      at += 1
    }
    for (let index = 0; index < length; index++) {
      if (bytes[at + index] !== name[index]) return false
    }
    this.#position = at + length
    return true
  }

  #text(): string {
    const length = this.#head(kinds.text)
    const start = this.#position
    this.#skip(length)
    const text = this.#bytes.toString('utf8', start, start + length)
    // Bytes that are no UTF-8 have become this.
    if (text.includes(replacement)) throw new Other()
    return text
  }

  /** AWS: tag 1, and milliseconds. */
  #time(): number {
    if (this.#bytes[this.#position] !== timeHead) throw new Other()
    this.#position += 1
    const timeMs = this.#head(kinds.unsigned)
    if (timeMs > latestTimeMs) throw new Other()
    return timeMs
  }

  #skip(length: number): void {
    this.#position += length
    if (this.#position > this.#bytes.length) throw new Other()
  }

  /** The argument of a head of this kind: a number or a length. */
  #head(kind: number): number {
    const bytes = this.#bytes
    const at = this.#position
    const first = bytes[at] ?? -1
    const short = first & 31
    if (first >> 5 !== kind || short > 27) throw new Other()
    if (short < 24) {
      this.#position = at + 1
      return short
    }
    const size = 1 << (short - 24)
    if (at + 1 + size > bytes.length) throw new Other()
    this.#position = at + 1 + size
    if (size === 8) {
      const value = bytes.readUInt32BE(at + 1) * 2 ** 32 + bytes.readUInt32BE(at + 5)
      if (!Number.isSafeInteger(value)) throw new Other()
      return value
    }
    let value = 0
    for (let index = at + 1; index <= at + size; index++) {
      value = value * 256 + (bytes[index] as number)
    }
    return value
  }
}
