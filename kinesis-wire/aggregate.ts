// Puts records together as the Kinesis Producer Library does, and takes such aggregates apart.
import { hash } from 'node:crypto'
import { isUtf8 } from 'node:buffer'
import { aggregateRecordsMax } from '../common/kinesis-wire-limits.ts'

export interface UserRecord {
  readonly partitionKey: string
  /** Decimal. */
  readonly explicitHashKey?: string | undefined
  readonly data: Uint8Array
}

/** aggregation-format.md of the KPL: these bytes, a protobuf message, the MD5 of that message. */
const magic = Buffer.from('f3899ac2', 'hex')
const digestBytes = 16

/** Field numbers of its messages, and protobuf's forms of a field. */
const fields = { partitionKeys: 1, explicitHashKeys: 2, records: 3 } as const
const recordFields = { partitionKeyIndex: 1, explicitHashKeyIndex: 2, data: 3 } as const
const forms = { varint: 0, eightBytes: 1, lengthDelimited: 2, fourBytes: 5 } as const

/**
 * The records that `data` holds, slices of it; undefined where it is no aggregate, or one of which anything is wrong: it
 * is a plain record then, as AWS's own library has it.
 */
export function takeApart(data: Buffer): readonly UserRecord[] | undefined {
  if (!isAggregate(data)) return undefined
  const partitionKeys: string[] = []
  const explicitHashKeys: string[] = []
  const bodies: Buffer[] = []
  const message = new Message(data.subarray(magic.length, data.length - digestBytes))
  while (message.next()) {
    if (message.form !== forms.lengthDelimited) continue
    if (message.field === fields.records) bodies.push(message.bytes)
    else if (message.field === fields.partitionKeys) {
      if (!isUtf8(message.bytes)) return undefined
      partitionKeys.push(message.bytes.toString('utf8'))
    } else if (message.field === fields.explicitHashKeys) {
      explicitHashKeys.push(message.bytes.toString('latin1'))
    }
    if (
      Math.max(bodies.length, partitionKeys.length, explicitHashKeys.length) > aggregateRecordsMax
    ) {
      return undefined
    }
  }
  if (!message.isSound || bodies.length === 0) return undefined
  const records: UserRecord[] = []
  for (const body of bodies) {
    const record = userRecord(body, partitionKeys, explicitHashKeys)
    if (record === undefined) return undefined
    records.push(record)
  }
  return records
}

/** Whether what lies at `start` may be one: nearly every record that is none is told from one by its first bytes. */
export function beginsAsAggregate(bytes: Buffer, start: number): boolean {
  for (let at = 0; at < magic.length; at += 1) if (bytes[start + at] !== magic[at]) return false
  return true
}

/** By its first bytes and its checksum. */
export function isAggregate(data: Buffer): boolean {
  const end = data.length - digestBytes
  if (end <= magic.length || !beginsAsAggregate(data, 0)) return false
  return md5(data.subarray(magic.length, end)).equals(data.subarray(end))
}

/** One aggregate of these records, each key in it once. The stream's own partition key is the first record's, as a rule. */
export function putTogether(records: readonly UserRecord[]): Buffer {
  const partitionKeys = new Map<string, number>()
  const explicitHashKeys = new Map<string, number>()
  const bodies = records.map(({ partitionKey, explicitHashKey, data }) => {
    const parts = [
      varintField(recordFields.partitionKeyIndex, indexOf(partitionKeys, partitionKey)),
    ]
    if (explicitHashKey !== undefined) {
      const index = indexOf(explicitHashKeys, explicitHashKey)
      parts.push(varintField(recordFields.explicitHashKeyIndex, index))
    }
    return Buffer.concat([...parts, bytesField(recordFields.data, data)])
  })
  const texts = (field: number, table: ReadonlyMap<string, number>): Buffer[] =>
    [...table.keys()].map((key) => bytesField(field, Buffer.from(key)))
  const message = Buffer.concat([
    ...texts(fields.partitionKeys, partitionKeys),
    ...texts(fields.explicitHashKeys, explicitHashKeys),
    ...bodies.map((body) => bytesField(fields.records, body)),
  ])
  return Buffer.concat([magic, message, md5(message)])
}

function userRecord(
  body: Buffer,
  partitionKeys: readonly string[],
  explicitHashKeys: readonly string[],
): UserRecord | undefined {
  let partitionKey: string | undefined
  let explicitHashKey: string | undefined
  let data: Buffer | undefined
  const message = new Message(body)
  while (message.next()) {
    const { field, form } = message
    if (field === recordFields.partitionKeyIndex && form === forms.varint) {
      partitionKey = partitionKeys[message.number]
      if (partitionKey === undefined) return undefined
    } else if (field === recordFields.explicitHashKeyIndex && form === forms.varint) {
      explicitHashKey = explicitHashKeys[message.number]
      if (explicitHashKey === undefined) return undefined
    } else if (field === recordFields.data && form === forms.lengthDelimited) data = message.bytes
  }
  if (!message.isSound || partitionKey === undefined || data === undefined) return undefined
  return explicitHashKey === undefined
    ? { partitionKey, data }
    : { partitionKey, explicitHashKey, data }
}

/** Walks the fields of a protobuf message; what nobody asks for is passed over, as protobuf wants it. */
class Message {
  field = 0
  form = 0
  /** Of a varint; beyond 2^53 not exact, and no index of anything. */
  number = 0
  bytes: Buffer = nothing
  isSound = true
  readonly #message: Buffer
  #at = 0

  constructor(message: Buffer) {
    this.#message = message
  }

  /** False at the end, and where it is not sound. */
  next(): boolean {
    if (!this.isSound || this.#at === this.#message.length) return false
    const key = this.#varint()
    this.field = Math.floor(key / 8)
    this.form = key % 8
    if (this.field === 0) this.isSound = false
    else if (this.form === forms.varint) this.number = this.#varint()
    else if (this.form === forms.eightBytes) this.#take(8)
    else if (this.form === forms.fourBytes) this.#take(4)
    else if (this.form === forms.lengthDelimited) this.#take(this.#varint())
    else this.isSound = false
    return this.isSound
  }

  #take(bytes: number): void {
    const end = this.#at + bytes
    if (!this.isSound || end > this.#message.length) {
      this.isSound = false
      return
    }
    this.bytes = this.#message.subarray(this.#at, end)
    this.#at = end
  }

  #varint(): number {
    let value = 0
    for (let index = 0; index < varintMaxBytes; index += 1) {
      const byte = this.#message[this.#at]
      if (byte === undefined) break
      this.#at += 1
      value += (byte & 0x7f) * 2 ** (7 * index)
      if (byte < 0x80) return value
    }
    this.isSound = false
    return 0
  }
}

const nothing = Buffer.alloc(0)
/** 64 bits, seven a byte. */
const varintMaxBytes = 10

function md5(bytes: Uint8Array): Buffer {
  return hash('md5', bytes, 'buffer')
}

function indexOf(table: Map<string, number>, key: string): number {
  const index = table.get(key) ?? table.size
  table.set(key, index)
  return index
}

function varintField(field: number, value: number): Buffer {
  return Buffer.from([field * 8 + forms.varint, ...varint(value)])
}

function bytesField(field: number, bytes: Uint8Array): Buffer {
  const head = [field * 8 + forms.lengthDelimited, ...varint(bytes.length)]
  return Buffer.concat([Buffer.from(head), bytes])
}

function varint(value: number): number[] {
  const bytes: number[] = []
  let rest = value
  for (; rest >= 0x80; rest = Math.floor(rest / 0x80)) bytes.push((rest % 0x80) | 0x80)
  return [...bytes, rest]
}
