// The event that a function gets of records as they were read, of either source; what belongs to its size, exactly.
import assert from 'node:assert'
import type { RecordEvent } from '../common/record-event.ts'
import {
  KinesisEvent,
  kinesisRecordBytes,
  originBytes,
  type KinesisRecord,
} from '../events/kinesis-event.ts'
import { windowText } from '../events/kinesis-window.ts'
import { packedMaxBytes, packKafkaEvent, type KafkaGroup } from '../events/kafka-packing.ts'
import {
  lastMembersText,
  placeBytes,
  recordSizeBytes,
  recordText,
} from '../events/kafka-record-text.ts'
import type { RawRecord, StreamPlace } from '../events/raw-record.ts'
import type { BatchWindow } from './tumbling-windows.ts'

/** Where records come from, as the event says it. An ARN makes it a managed cluster's. */
export interface EventOrigin {
  readonly eventSourceArn?: string
  readonly bootstrapServers: readonly string[]
}

/** Records of one partition in an event. */
export interface EventGroup extends KafkaGroup {
  readonly records: readonly { readonly content: RawRecord; readonly sizeBytes: number }[]
}

/** Everything of an event but its records; made once for a mapping. */
export interface EventFrame {
  readonly head: string
  readonly topic: string
  readonly sizeBytes: number
  /** Of a Kinesis source alone: what each of its records says of it. */
  readonly stream?: StreamOrigin
}

/** What all records of a stream's events have alike. */
export interface StreamOrigin {
  /** Of the stream, or of the consumer that reads it. */
  readonly eventSourceARN: string
  readonly awsRegion: string
  readonly invokeIdentityArn: string
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

/** The frame of a stream's events, which are of one shard each. */
export function streamFrame(origin: StreamOrigin, streamName: string): EventFrame {
  const [head, end] = ['{"Records":[', ']}']
  return { head, topic: streamName, sizeBytes: head.length + end.length, stream: origin }
}

/** The bytes of a record's JSON text, by its partition. */
export function recordSizer(
  { stream, topic }: EventFrame,
  partition: number,
): (record: RawRecord) => number {
  if (stream !== undefined) {
    let shardId: string | undefined
    let ofOrigin = 0
    return (record) => {
      const place = placeOf(record)
      if (place.shardId !== shardId) {
        ;({ shardId } = place)
        ofOrigin = originBytes({ ...stream, shardId })
      }
      return kinesisRecordBytes(ofOrigin, kinesisRecord(record))
    }
  }
  const ofPlace = placeBytes({ topic, partition })
  return (record) => recordSizeBytes(ofPlace, record)
}

/** The event that a function gets of these groups; of a stream there is one. */
export function recordEventOf(
  frame: EventFrame,
  groups: readonly EventGroup[],
  window?: BatchWindow,
): RecordEvent {
  const { stream } = frame
  if (stream === undefined) return new KafkaEvent(frame, groups)
  const records = groups.flatMap((group) => group.records.map(({ content }) => content))
  const [first] = records
  const shardId = first === undefined ? shardIdOf(groups) : placeOf(first).shardId
  const { eventSourceARN } = stream
  const of = window === undefined ? undefined : { ...window, shardId, eventSourceARN }
  return new KinesisEvent({ ...stream, shardId }, records.map(kinesisRecord), of)
}

/** What a window adds to the size of an event, its state apart. */
export function windowSizeBytes({ stream }: EventFrame): number {
  const of = { startMs: 0, endMs: 0, state: '', isFinal: false, isTerminatedEarly: false }
  const shardId = shardIdOf([{ partition: Number.MAX_SAFE_INTEGER }])
  const { eventSourceARN = '' } = stream ?? {}
  return Buffer.byteLength(`,${windowText({ ...of, shardId, eventSourceARN })}`)
}

/** AWS: a shard's number, with twelve digits at least. */
function shardIdOf([group]: readonly Pick<EventGroup, 'partition'>[]): string {
  return `shardId-${String(group?.partition ?? 0).padStart(12, '0')}`
}

function kinesisRecord(record: RawRecord): KinesisRecord {
  const { partitionKey, sequenceNumber } = placeOf(record)
  const { timestampMs, bytes, valueStart, valueBytes } = record
  return {
    partitionKey,
    sequenceNumber,
    approximateArrivalTimestamp: timestampMs / 1000,
    bytes,
    dataStart: valueStart,
    dataBytes: Math.max(0, valueBytes),
  }
}

function placeOf({ stream }: RawRecord): StreamPlace {
  assert(stream !== undefined, 'a record of a stream has its place in it')
  return stream
}

/** The event that a function gets of these groups of a topic. A partition appears in at most one, and none is empty. */
export class KafkaEvent implements RecordEvent {
  readonly kind = 'kafka'
  readonly sizeBytes: number
  readonly #frame: EventFrame
  readonly #groups: readonly EventGroup[]
  readonly #records: number

  constructor(frame: EventFrame, groups: readonly EventGroup[]) {
    this.#frame = frame
    this.#groups = groups
    const content = { recordBytes: 0, records: 0 }
    for (const { records } of groups) {
      content.records += records.length
      for (const { sizeBytes } of records) content.recordBytes += sizeBytes
    }
    this.#records = content.records
    const partitions = groups.map(({ partition }) => partition)
    this.sizeBytes = eventSizeBytes(frame, partitions, content)
  }

  get packedMaxBytes(): number {
    const [groups, records] = [this.#groups.length, this.#records]
    return packedMaxBytes({ sizeBytes: this.sizeBytes, groups, records })
  }

  pack(memory: SharedArrayBuffer): void {
    const { head, topic } = this.#frame
    const frame = `[${head}${tail},"${topic}"]`
    packKafkaEvent(memory, { frame, groups: this.#groups, lastMembersText })
  }

  text(): string {
    const { head, topic } = this.#frame
    let text = head
    let separator = ''
    for (const { partition, records } of this.#groups) {
      text += `${separator}"${topic}-${partition}":[`
      separator = ','
      let comma = ''
      for (const { content } of records) {
        text += comma + recordText({ topic, partition }, content)
        comma = ','
      }
      text += ']'
    }
    return text + tail
  }
}

/**
 * What a group adds to an event's size beside its records, each counted with one comma: the group's
 * key, colon and brackets, and its own comma, less the comma after its last record. One byte of the
 * sum over all groups is too much, the comma that the first group lacks.
 */
export function groupSizeBytes(frame: EventFrame, partition: number): number {
  // A shard has no name around its records, and the sum's byte too much is the comma after the last.
  if (frame.stream !== undefined) return 0
  // Names of topics are ASCII.
  return frame.topic.length + String(partition).length + '"-":[],'.length - 1
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
