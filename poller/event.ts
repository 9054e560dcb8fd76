// Builds the JSON of a Kafka event as Lambda delivers it, from pieces that are made once per record.
import { oversizedKeyMaxBytes } from '../common/mapping-limits.ts'
import type { RecordHeader, SourceRecord } from './sources/source.ts'

/** Where records come from, as the event says it. An ARN makes it a managed cluster's. */
export interface EventOrigin {
  readonly eventSourceArn?: string
  readonly bootstrapServers: readonly string[]
}

/** Records of one partition in an event, each as the text of `encodeRecord`. */
export interface EventGroup {
  readonly partition: number
  readonly records: readonly { readonly json: string }[]
}

/** Everything of an event but its records; made once for a mapping. */
export interface EventFrame {
  readonly head: string
  readonly topic: string
  readonly sizeBytes: number
}

const tail = '}}'

/** `{"eventSource":…,"records":{` and what closes it. */
export function eventFrame(origin: EventOrigin, topic: string): EventFrame {
  const servers = JSON.stringify(origin.bootstrapServers.join(','))
  const source =
    origin.eventSourceArn === undefined
      ? '"eventSource":"SelfManagedKafka"'
      : `"eventSource":"aws:kafka","eventSourceArn":${JSON.stringify(origin.eventSourceArn)}`
  const head = `{${source},"bootstrapServers":${servers},"records":{`
  return { head, topic, sizeBytes: Buffer.byteLength(head) + tail.length }
}

/** The event's JSON text. A partition appears in at most one group, and no group is empty. */
export function buildEvent(frame: EventFrame, groups: readonly EventGroup[]): string {
  let text = frame.head
  let separator = ''
  for (const { partition, records } of groups) {
    text += `${separator}"${frame.topic}-${partition}":[`
    separator = ','
    let comma = ''
    for (const { json } of records) {
      text += comma + json
      comma = ','
    }
    text += ']'
  }
  return text + tail
}

/**
 * What a group adds to an event's size beside its records, each counted with one comma: the group's
 * key, colon and brackets, and its own comma, less the comma after its last record. One byte of the
 * sum over all groups is too much, the comma that the first group lacks.
 */
export function groupSizeBytes(frame: EventFrame, partition: number): number {
  return Buffer.byteLength(frame.topic) + `"-${partition}":[],`.length - 1
}

/** The exact size of an event of these groups; `recordBytes` is the sum over their records' JSON. */
export function eventSizeBytes(
  frame: EventFrame,
  partitions: readonly number[],
  content: { readonly recordBytes: number; readonly records: number },
): number {
  let sizeBytes = frame.sizeBytes + content.recordBytes + content.records
  for (const partition of partitions) sizeBytes += groupSizeBytes(frame, partition)
  return partitions.length === 0 ? sizeBytes : sizeBytes - 1
}

/** One record's JSON text. Without a key there is no `key`, and likewise for the value. */
export function encodeRecord(record: SourceRecord): string {
  const place = `{"topic":"${record.topic}","partition":${record.partition},"offset":${record.offset}`
  const time = `,"timestamp":${record.timestampMs},"timestampType":"${record.timestampType}"`
  const key = record.key === null ? '' : `,"key":"${record.key.toString('base64')}"`
  const value = record.value === null ? '' : `,"value":"${record.value.toString('base64')}"`
  const headers = record.headers.length === 0 ? '' : record.headers.map(encodeHeader).join(',')
  return `${place}${time}${key}${value},"headers":[${headers}]}`
}

/** The bytes of `encodeRecord`'s text; all of it but header names is ASCII. */
export function recordSizeBytes(record: SourceRecord, json: string): number {
  return record.headers.length === 0 ? json.length : Buffer.byteLength(json)
}

// Lambda builds events in Java, whose bytes are signed: 0xff comes as -1.
function encodeHeader({ name, value }: RecordHeader): string {
  const bytes = new Int8Array(value.buffer, value.byteOffset, value.byteLength)
  return `{${JSON.stringify(name)}:[${bytes.join(',')}]}`
}

/** What of a record that is too large is small for certain; its key decides where it goes. */
export function withoutContent(record: SourceRecord): SourceRecord {
  const key = record.key !== null && record.key.length <= oversizedKeyMaxBytes ? record.key : null
  const { topic, partition, offset, timestampMs, timestampType } = record
  return { topic, partition, offset, timestampMs, timestampType, key, value: null, headers: [] }
}
