// A Kafka record as the JSON text that Lambda's event has of it, and how long that is without making it.
import { base64Bytes } from './base64-bytes.ts'
import type { RawRecord, RecordHeader, SchemaMetadata } from './raw-record.ts'

export interface RecordPlace {
  readonly topic: string
  readonly partition: number
}

/** One record's JSON text. Without a key there is no `key`, and likewise for the value. */
export function recordText({ topic, partition }: RecordPlace, record: RawRecord): string {
  const { bytes, keyStart, keyBytes, valueStart, valueBytes } = record
  const place = `{"topic":"${topic}","partition":${partition},"offset":${record.offset}`
  const time = `,"timestamp":${record.timestampMs},"timestampType":"${record.timestampType}"`
  const base64 = (start: number, length: number): string =>
    bytes.toString('base64', start, start + length)
  const key = keyBytes < 0 ? '' : `,"key":"${base64(keyStart, keyBytes)}"`
  const value = valueBytes < 0 ? '' : `,"value":"${base64(valueStart, valueBytes)}"`
  return `${place}${time}${key}${value},"headers":${headersText(record)}${schemasText(record)}}`
}

/** What all records of a partition have in common. */
export function placeBytes({ topic, partition }: RecordPlace): number {
  const names = '{"topic":"","partition":,"offset":,"timestamp":,"timestampType":"","headers":}'
  return names.length + topic.length + decimalsOf(partition)
}

/** The bytes of `recordText`; `ofPlace` is its `placeBytes`. */
export function recordSizeBytes(ofPlace: number, record: RawRecord): number {
  const { offset, timestampMs, timestampType, keyBytes, valueBytes, headerCount } = record
  let sizeBytes = ofPlace + decimalsOf(offset) + decimalsOf(timestampMs) + timestampType.length
  if (keyBytes >= 0) sizeBytes += ',"key":""'.length + base64Bytes(keyBytes)
  if (valueBytes >= 0) sizeBytes += ',"value":""'.length + base64Bytes(valueBytes)
  // ASCII: ids are digits.
  if (record.schemas !== undefined) sizeBytes += schemasText(record).length
  return sizeBytes + (headerCount === 0 ? '[]'.length : Buffer.byteLength(headersText(record)))
}

/** The members after `headers`, each with its comma; nothing where no schema was asked for. */
function schemasText({ schemas }: RawRecord): string {
  if (schemas === undefined) return ''
  const { key, value } = schemas
  const ofKey = key === undefined ? '' : `,"keySchemaMetadata":${metadataText(key)}`
  return value === undefined ? ofKey : `${ofKey},"valueSchemaMetadata":${metadataText(value)}`
}

function metadataText({ dataFormat, schemaId }: SchemaMetadata): string {
  return `{"dataFormat":"${dataFormat}","schemaId":"${schemaId}"}`
}

/** The members from `headers` on, where a record has any; a list alone is its headers. */
export function lastMembersText(record: RawRecord): string {
  const headers = headersText(record)
  if (record.schemas === undefined) return headers
  return `{"headers":${headers}${schemasText(record)}}`
}

function headersText({ headerCount, headers }: RawRecord): string {
  return headerCount === 0 ? '[]' : `[${headers.map(headerText).join(',')}]`
}

// Lambda builds events in Java, whose bytes are signed: 0xff comes as -1.
function headerText({ name, value }: RecordHeader): string {
  const bytes = new Int8Array(value.buffer, value.byteOffset, value.byteLength)
  return `{${JSON.stringify(name)}:[${bytes.join(',')}]}`
}

/** How many characters an integer has. */
function decimalsOf(integer: number): number {
  // Times of this century's first eight decades, and offsets below a million: most there are.
  if (integer >= 1e12 && integer < 1e13) return 13
  if (integer >= 0 && integer < 1e6) {
    if (integer < 1e3) return integer < 10 ? 1 : integer < 100 ? 2 : 3
    return integer < 1e4 ? 4 : integer < 1e5 ? 5 : 6
  }
  return String(integer).length
}
