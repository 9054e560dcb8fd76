// Writes records of the log as CBOR in one go: from where they lie into the memory that is sent, without a value between.
import { isUtf8 } from 'node:buffer'
import type { FetchedRecord } from '../../../kafka-consumer/fetched-record.ts'
import { encodeCbor } from '../../../kinesis-wire/cbor.ts'
import { sequenceNumberDigits, writeSequenceNumber } from '../../../kinesis-wire/sequence-number.ts'
import type { ShardOfStream } from './find-stream.ts'
import { arrivalMs, encryptionOf, partitionKeyOf, sequencePartsOf } from './read-record.ts'

/** RFC 8949: the kinds in a head's first three bits, and lengths of one, two and four bytes behind it. */
const heads = { bytes: 0x40, text: 0x60, list: 0x80, map: 0xa0 } as const
const byteLength = 24
const shortLength = 25
const wordLength = 26
const headMaxBytes = 5
const word = 2 ** 32

const text = (name: string): Buffer => {
  const head = name.length < byteLength ? [heads.text | name.length] : [0x78, name.length]
  return Buffer.concat([Buffer.from(head), Buffer.from(name, 'latin1')])
}
/** What lies before a record's data, its head with the number of members first; digits and time are filled in. */
const before = [
  Buffer.of(heads.map),
  text('SequenceNumber'),
  Buffer.of(0x78, sequenceNumberDigits),
  Buffer.alloc(sequenceNumberDigits),
  text('ApproximateArrivalTimestamp'),
  // AWS: a timestamp is tag 1 and milliseconds, here always of eight bytes.
  Buffer.of(0xc1, 0x1b),
  Buffer.alloc(8),
  text('Data'),
]
const placeOf = (index: number): number =>
  before.slice(0, index).reduce((sum, { length }) => sum + length, 0)
const template = Buffer.concat(before)
const digitsPlace = placeOf(3)
const timePlace = placeOf(6)
const partitionKey = text('PartitionKey')
const encryptionType = text('EncryptionType')

/**
 * `{"Records": […], …rest}`. `take` gives memory of at least so many bytes; what is returned is the part of it that was
 * written.
 */
export function recordsCbor(
  source: ShardOfStream,
  records: readonly FetchedRecord[],
  rest: object,
  take: (bytes: number) => Buffer = Buffer.allocUnsafe,
): Buffer {
  const encryption = encryptionOf(source.stream)
  const ending = Buffer.concat(encodeCbor(rest))
  const eachMaxBytes =
    template.length + 2 * headMaxBytes + partitionKey.length + encryptionType.length + 'KMS '.length
  let bytes = headMaxBytes + 'Records'.length + 1 + headMaxBytes + ending.length
  for (const record of records) bytes += eachMaxBytes + sizeMax(source, record)
  const writer = new RecordsWriter(take(bytes), source, encryption)
  // The rest's own head says how many members it has: few.
  writer.byte((ending[0] ?? heads.map) + 1)
  writer.put(text('Records'))
  writer.head(heads.list, records.length)
  for (const record of records) writer.record(record)
  writer.put(ending.subarray(1))
  return writer.taken()
}

/** Of data and key: a key that is not UTF-8 grows at each byte that is not. */
function sizeMax(source: ShardOfStream, { keyBytes, valueBytes }: FetchedRecord): number {
  const key = keyBytes > 0 ? 3 * keyBytes : source.shard.id.length
  return key + Math.max(0, valueBytes)
}

class RecordsWriter {
  readonly #target: Buffer
  readonly #source: ShardOfStream
  readonly #encryption: Buffer | undefined
  #end = 0

  constructor(target: Buffer, source: ShardOfStream, encryption: 'KMS' | undefined) {
    this.#target = target
    this.#source = source
    this.#encryption =
      encryption === undefined ? undefined : Buffer.concat([encryptionType, text(encryption)])
  }

  taken(): Buffer {
    return this.#target.subarray(0, this.#end)
  }

  byte(value: number): void {
    this.#target[this.#end] = value
    this.#end += 1
  }

  put(bytes: Uint8Array): void {
    this.#target.set(bytes, this.#end)
    this.#end += bytes.length
  }

  head(kind: number, length: number): void {
    const target = this.#target
    if (length < byteLength) this.byte(kind | length)
    else if (length <= 0xff) {
      this.byte(kind | byteLength)
      this.byte(length)
    } else if (length <= 0xffff) {
      target[this.#end] = kind | shortLength
      this.#end = target.writeUInt16BE(length, this.#end + 1)
    } else {
      target[this.#end] = kind | wordLength
      this.#end = target.writeUInt32BE(length, this.#end + 1)
    }
  }

  record(record: FetchedRecord): void {
    const target = this.#target
    const start = this.#end
    this.put(template)
    writeSequenceNumber(sequencePartsOf(this.#source.shard, record), target, start + digitsPlace)
    const time = arrivalMs(record)
    target.writeUInt32BE(Math.floor(time / word), start + timePlace)
    target.writeUInt32BE(time % word, start + timePlace + 4)
    const { bytes, valueStart, valueBytes } = record
    const dataBytes = Math.max(0, valueBytes)
    this.head(heads.bytes, dataBytes)
    if (dataBytes > 0) bytes.copy(target, this.#end, valueStart, valueStart + dataBytes)
    this.#end += dataBytes
    const hasKey = this.#key(record)
    if (this.#encryption !== undefined) this.put(this.#encryption)
    target[start] = heads.map | (3 + (hasKey ? 1 : 0) + (this.#encryption === undefined ? 0 : 1))
  }

  #key(record: FetchedRecord): boolean {
    const { bytes, keyStart, keyBytes } = record
    if (keyBytes > 0 && isText(record)) {
      this.put(partitionKey)
      this.head(heads.text, keyBytes)
      bytes.copy(this.#target, this.#end, keyStart, keyStart + keyBytes)
      this.#end += keyBytes
      return true
    }
    const key = partitionKeyOf(this.#source, record)
    if (key === undefined) return false
    const keyText = Buffer.from(key)
    this.put(partitionKey)
    this.head(heads.text, keyText.length)
    this.put(keyText)
    return true
  }
}

/** Whether its key is UTF-8: nearly all are ASCII, which is seen without a call. */
function isText({ bytes, keyStart, keyBytes }: FetchedRecord): boolean {
  const end = keyStart + keyBytes
  for (let at = keyStart; at < end; at++) {
    if ((bytes[at] as number) >= 0x80) return isUtf8(bytes.subarray(keyStart, end))
  }
  return true
}
