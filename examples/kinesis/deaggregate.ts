// Takes KPL aggregates apart in a function that is not told by enhanced fan-out: copy this file beside your handler.
import { createHash } from 'node:crypto'

/** A record of an event, as Lambda delivers it: the data is base64. */
export interface KinesisRecord {
  readonly eventID: string
  readonly eventSourceARN: string
  readonly kinesis: {
    readonly partitionKey: string
    readonly sequenceNumber: string
    readonly data: string
    /** Seconds. */
    readonly approximateArrivalTimestamp: number
  }
}

export interface KinesisEvent {
  readonly Records: readonly KinesisRecord[]
}

export interface UserRecord {
  readonly partitionKey: string
  readonly data: Buffer
  readonly sequenceNumber: string
  /** The place in its aggregate; 0 for a record that is none. */
  readonly subSequenceNumber: number
  readonly arrivalMs: number
  /** The record of the event that it came in: what a partial batch response names. */
  readonly source: KinesisRecord
}

const magic = Buffer.from('f3899ac2', 'hex')
const digestBytes = 16

/** All records of an event in their order, those in aggregates one by one. */
export function deaggregate({ Records: records }: KinesisEvent): readonly UserRecord[] {
  return records.flatMap((source) => {
    const { partitionKey, sequenceNumber, data, approximateArrivalTimestamp } = source.kinesis
    const arrivalMs = Math.round(approximateArrivalTimestamp * 1000)
    const bytes = Buffer.from(data, 'base64')
    const parts = partsOf(bytes) ?? [{ partitionKey, data: bytes }]
    return parts.map((part, subSequenceNumber) => {
      const { partitionKey: key, data: value } = part
      return {
        partitionKey: key,
        data: value,
        sequenceNumber,
        subSequenceNumber,
        arrivalMs,
        source,
      }
    })
  })
}

type Part = Pick<UserRecord, 'partitionKey' | 'data'>

/** Undefined where it is no aggregate, or a damaged one: it is a record like any other then, as AWS's library has it. */
function partsOf(bytes: Buffer): readonly Part[] | undefined {
  const end = bytes.length - digestBytes
  if (end <= magic.length || !bytes.subarray(0, magic.length).equals(magic)) return undefined
  const message = bytes.subarray(magic.length, end)
  const digest = createHash('md5').update(message).digest()
  if (!digest.equals(bytes.subarray(end))) return undefined
  const keys: string[] = []
  const bodies: Buffer[] = []
  // AggregatedRecord: partition keys are field 1, hash keys 2, records 3.
  for (const { field, bytes: value } of fieldsOf(message) ?? []) {
    if (field === 1 && value !== undefined) keys.push(value.toString())
    if (field === 3 && value !== undefined) bodies.push(value)
  }
  const parts = bodies.map((body) => partOf(body, keys))
  const isWhole = parts.length > 0 && parts.every((part) => part !== undefined)
  return isWhole ? parts : undefined
}

/** Record: the key's index is field 1, the hash key's 2, the data 3. */
function partOf(body: Buffer, keys: readonly string[]): Part | undefined {
  let partitionKey: string | undefined
  let data: Buffer | undefined
  for (const { field, number, bytes } of fieldsOf(body) ?? []) {
    if (field === 1 && number !== undefined) partitionKey = keys[number]
    if (field === 3 && bytes !== undefined) data = bytes
  }
  return partitionKey === undefined || data === undefined ? undefined : { partitionKey, data }
}

interface Field {
  readonly field: number
  /** One of both, by the field's type. */
  readonly number?: number
  readonly bytes?: Buffer
}

/** The fields of a protobuf message; undefined where it is none. */
function fieldsOf(message: Buffer): readonly Field[] | undefined {
  const fields: Field[] = []
  let at = 0
  const varint = (): number | undefined => {
    let value = 0
    for (let index = 0; index < 10; index += 1) {
      const byte = message[at]
      if (byte === undefined) return undefined
      at += 1
      value += (byte & 0x7f) * 2 ** (7 * index)
      if (byte < 0x80) return value
    }
    return undefined
  }
  while (at < message.length) {
    const key = varint()
    if (key === undefined) return undefined
    const [field, form] = [Math.floor(key / 8), key % 8]
    const number = form === 0 || form === 2 ? varint() : { 1: 8, 5: 4 }[form]
    if (number === undefined) return undefined
    if (form === 0) {
      fields.push({ field, number })
      continue
    }
    if (at + number > message.length) return undefined
    fields.push({ field, bytes: message.subarray(at, at + number) })
    at += number
  }
  return fields
}
