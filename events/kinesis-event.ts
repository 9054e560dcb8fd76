// A Kinesis event of records as they were read: its text, its size, its records packed, and Lambda's event of them in a thread.
import type { RecordEvent } from '../common/record-event.ts'
import { base64Bytes } from './base64-bytes.ts'
import { windowText, type EventWindow } from './kinesis-window.ts'
import { SpanPacker, spanOverheadBytes } from './span-packer.ts'

/** Where records come from, as the event says it. */
export interface KinesisOrigin {
  readonly shardId: string
  readonly eventSourceARN: string
  readonly awsRegion: string
  readonly invokeIdentityArn: string
}

/** The data lies in `bytes`, which may be those of others as well. */
export interface KinesisRecord {
  readonly partitionKey: string
  readonly sequenceNumber: string
  /** Seconds, with milliseconds. */
  readonly approximateArrivalTimestamp: number
  readonly bytes: Buffer
  readonly dataStart: number
  readonly dataBytes: number
}

/*
 *   records, place of texts, bytes of the first │ record │ … │ bytes of data │ frame │ names │ …
 *   └───────────────── numbers, as doubles ──────────────┘                 └──── texts ────┘
 *
 * A record: time, place and length of its data, and how many characters its key and its number have. Frame: JSON of the origin
 * and of what there is beside the records. Names: keys and numbers of `namesRecords` records, one behind another; the
 * first of them has the text's bytes. Below 0 it is JSON, for what UTF-8 has no bytes of.
 */
const headNumbers = 3
const recordNumbers = 6
/** Of an array of JSON, V8 looks up each name in a table. A name may keep the text that it is cut from in memory, so that is short. */
const namesRecords = 16
const numberBytes = Float64Array.BYTES_PER_ELEMENT

export class KinesisEvent implements RecordEvent {
  readonly kind = 'kinesis'
  readonly sizeBytes: number
  readonly #origin: KinesisOrigin
  readonly #records: readonly KinesisRecord[]
  /** With its comma; empty without a window. */
  readonly #windowText: string

  /** Without records only where the window ends. */
  constructor(origin: KinesisOrigin, records: readonly KinesisRecord[], window?: EventWindow) {
    this.#origin = origin
    this.#records = records
    this.#windowText = window === undefined ? '' : `,${windowText(window)}`
    let sizeBytes = '{"Records":[]}'.length + Math.max(0, records.length - 1)
    sizeBytes += Buffer.byteLength(this.#windowText)
    const ofOrigin = originBytes(origin)
    for (const record of records) sizeBytes += kinesisRecordBytes(ofOrigin, record)
    this.sizeBytes = sizeBytes
  }

  get packedMaxBytes(): number {
    const records = this.#records.length
    const numbers = headNumbers + records * recordNumbers
    // Texts are in the event as well, and the origin's once for each record.
    const brackets = '[,{}]'.length
    const texts = brackets + this.sizeBytes + Buffer.byteLength(JSON.stringify(this.#origin))
    return numbers * numberBytes + texts + (records + 1) * spanOverheadBytes
  }

  pack(memory: SharedArrayBuffer): void {
    const records = this.#records
    const numbers = headNumbers + records.length * recordNumbers
    const table = new Float64Array(memory, 0, numbers)
    const target = Buffer.from(memory)
    const spans = new SpanPacker(target, numbers * numberBytes)
    let at = headNumbers
    for (const record of records) {
      table[at] = record.approximateArrivalTimestamp
      table[at + 1] = spans.add(record.bytes, record.dataStart, record.dataBytes)
      table[at + 2] = record.dataBytes
      table[at + 3] = record.partitionKey.length
      table[at + 4] = record.sequenceNumber.length
      at += recordNumbers
    }
    let end = spans.finish()
    table[0] = records.length
    table[1] = end
    const frame = `[${JSON.stringify(this.#origin)},{${this.#windowText.slice(1)}}]`
    table[2] = target.write(frame, end, 'utf8')
    end += table[2]
    for (let first = 0; first < records.length; first += namesRecords) {
      const names = namesOf(records, first)
      const isText = names.isWellFormed()
      const bytes = target.write(isText ? names : JSON.stringify(names), end, 'utf8')
      table[headNumbers + first * recordNumbers + 5] = isText ? bytes : -bytes
      end += bytes
    }
  }

  text(): string {
    const records = this.#records.map((each) => kinesisRecordText(this.#origin, each))
    return `{"Records":[${records.join(',')}]${this.#windowText}}`
  }
}

function namesOf(records: readonly KinesisRecord[], first: number): string {
  let names = ''
  for (let i = first; i < Math.min(records.length, first + namesRecords); i++) {
    names += (records[i]?.partitionKey ?? '') + (records[i]?.sequenceNumber ?? '')
  }
  return names
}

function kinesisRecordText(origin: KinesisOrigin, record: KinesisRecord): string {
  const { bytes, dataStart, dataBytes } = record
  return textAround(origin, record, bytes.toString('base64', dataStart, dataStart + dataBytes))
}

/** What all records of a shard have in common. */
export function originBytes(origin: KinesisOrigin): number {
  const none = { partitionKey: '', sequenceNumber: '', approximateArrivalTimestamp: 0 }
  const [key, time] = ['""'.length, '0'.length]
  return Buffer.byteLength(textAround(origin, none, '')) - key - time
}

/** The bytes of one record's JSON text, without making it; `ofOrigin` is its `originBytes`. */
export function kinesisRecordBytes(
  ofOrigin: number,
  { partitionKey, sequenceNumber, approximateArrivalTimestamp, dataBytes }: Sized,
): number {
  return (
    ofOrigin +
    jsonTextBytes(partitionKey) +
    2 * sequenceNumber.length +
    secondsLength(approximateArrivalTimestamp) +
    base64Bytes(dataBytes)
  )
}

type Texts = Pick<KinesisRecord, 'partitionKey' | 'sequenceNumber' | 'approximateArrivalTimestamp'>
type Sized = Texts & Pick<KinesisRecord, 'dataBytes'>

/** Of a text in quotes. Most keys have nothing that is escaped, and no more bytes than characters. */
function jsonTextBytes(text: string): number {
  for (let index = 0; index < text.length; index++) {
    const unit = text.charCodeAt(index)
    const isPlain = unit >= 0x20 && unit < 0x7f && unit !== quote && unit !== backslash
    if (!isPlain) return Buffer.byteLength(JSON.stringify(text))
  }
  return text.length + 2
}

const quote = 0x22
const backslash = 0x5c

/** How many characters a time has that is whole milliseconds, as nearly all are. */
function secondsLength(seconds: number): number {
  const milliseconds = Math.round(seconds * 1000)
  // Of ten digits before the point: until the year 2286.
  if (!(milliseconds >= 1e12 && milliseconds < 1e13) || milliseconds / 1000 !== seconds) {
    return String(seconds).length
  }
  if (milliseconds % 10 !== 0) return '1234567890.123'.length
  if (milliseconds % 100 !== 0) return '1234567890.12'.length
  return milliseconds % 1000 === 0 ? '1234567890'.length : '1234567890.1'.length
}

function textAround(origin: KinesisOrigin, record: Texts, data: string): string {
  const { shardId, eventSourceARN, awsRegion, invokeIdentityArn } = origin
  const { partitionKey, sequenceNumber, approximateArrivalTimestamp } = record
  return (
    `{"kinesis":{"kinesisSchemaVersion":"1.0","partitionKey":${JSON.stringify(partitionKey)},` +
    `"sequenceNumber":"${sequenceNumber}","data":"${data}",` +
    `"approximateArrivalTimestamp":${approximateArrivalTimestamp}},"eventSource":"aws:kinesis",` +
    `"eventVersion":"1.0","eventID":"${shardId}:${sequenceNumber}","eventName":"aws:kinesis:record",` +
    `"invokeIdentityArn":"${invokeIdentityArn}","awsRegion":"${awsRegion}","eventSourceARN":"${eventSourceARN}"}`
  )
}

/** What JSON.parse makes of the event's text, in the order of its members as well. */
export function buildKinesisEvent(memory: SharedArrayBuffer): unknown {
  const table = new Float64Array(memory)
  const bytes = Buffer.from(memory)
  const numberAt = (at: number): number => table[at] ?? 0
  const textAt = (place: number, length: number): string =>
    bytes.toString('utf8', place, place + length)
  let end = numberAt(1) + numberAt(2)
  const frame = textAt(numberAt(1), numberAt(2))
  const [origin, window] = JSON.parse(frame) as [KinesisOrigin, object]
  const { shardId, eventSourceARN, awsRegion, invokeIdentityArn } = origin
  const Records: unknown[] = []
  let names = ''
  let name = 0
  for (let i = 0; i < numberAt(0); i++) {
    const at = headNumbers + i * recordNumbers
    if (i % namesRecords === 0) {
      const length = numberAt(at + 5)
      names = textAt(end, Math.abs(length))
      if (length < 0) names = JSON.parse(names) as string
      end += Math.abs(length)
      name = 0
    }
    const number = name + numberAt(at + 3)
    const partitionKey = names.slice(name, number)
    name = number + numberAt(at + 4)
    const sequenceNumber = names.slice(number, name)
    Records.push({
      kinesis: {
        kinesisSchemaVersion: '1.0',
        partitionKey,
        sequenceNumber,
        data: bytes.toString('base64', numberAt(at + 1), numberAt(at + 1) + numberAt(at + 2)),
        approximateArrivalTimestamp: numberAt(at),
      },
      eventSource: 'aws:kinesis',
      eventVersion: '1.0',
      eventID: `${shardId}:${sequenceNumber}`,
      eventName: 'aws:kinesis:record',
      invokeIdentityArn,
      awsRegion,
      eventSourceARN,
    })
  }
  return { Records, ...window }
}
