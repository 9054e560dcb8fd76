// A record of the log as the Kinesis API shows it, in JSON text or as values.
import type { FetchedRecord } from '../../../kafka-consumer/fetched-record.ts'
import { encodeSequenceNumber } from '../../../kinesis-wire/sequence-number.ts'
import type { Shard } from '../streams/shard.ts'
import type { Stream } from '../streams/stream.ts'
import type { ShardOfStream } from './find-stream.ts'

/** Members by AWS's names. */
export interface ReadRecord {
  readonly SequenceNumber: string
  readonly ApproximateArrivalTimestamp: Date
  readonly Data: Uint8Array
  readonly PartitionKey: string | undefined
  readonly EncryptionType: 'KMS' | undefined
}

/** Undefined where records are not said to be encrypted. */
export function encryptionOf({ record }: Stream): 'KMS' | undefined {
  return record.encryptionKeyId === undefined ? undefined : 'KMS'
}

/** Data is a view of the record's bytes. */
export function recordValue({ stream, shard }: ShardOfStream, record: FetchedRecord): ReadRecord {
  return {
    SequenceNumber: sequenceNumberOf(shard, record),
    ApproximateArrivalTimestamp: new Date(arrivalMs(record)),
    Data: record.value ?? new Uint8Array(),
    PartitionKey: partitionKeyOf({ stream, shard }, record),
    EncryptionType: encryptionOf(stream),
  }
}

/** ASCII alone: what of a key is not is escaped. */
export function recordJson(source: ShardOfStream, record: FetchedRecord): string {
  const { valueStart, valueBytes, bytes } = record
  const data = valueBytes > 0 ? bytes.toString('base64', valueStart, valueStart + valueBytes) : ''
  const key = partitionKeyOf(source, record)
  const encryption = encryptionOf(source.stream)
  return (
    `{"SequenceNumber":"${sequenceNumberOf(source.shard, record)}",` +
    `"ApproximateArrivalTimestamp":${arrivalMs(record) / 1000},"Data":"${data}"` +
    (key === undefined ? '' : `,"PartitionKey":${asciiJson(key)}`) +
    (encryption === undefined ? '}' : `,"EncryptionType":"${encryption}"}`)
  )
}

export function sequenceNumberOf(
  { index, createdSecs }: Shard,
  record: Pick<FetchedRecord, 'offset' | 'timestampMs'>,
): string {
  return encodeSequenceNumber({
    shardIndex: index,
    offset: record.offset,
    shardCreatedSecs: createdSecs,
    recordSecs: Math.floor(record.timestampMs / 1000),
  })
}

/** Producers of Kafka may give a record no time, which is -1. */
function arrivalMs({ timestampMs }: FetchedRecord): number {
  return Math.max(0, timestampMs)
}

/**
 * Of a record that a Kafka client wrote without a key, its shard's id: Kinesis has none without, unless the stream
 * distributes records itself. A key that is not UTF-8 has the replacement character where it is not.
 */
function partitionKeyOf(
  { stream, shard }: ShardOfStream,
  record: FetchedRecord,
): string | undefined {
  const { keyBytes, keyStart, bytes } = record
  if (keyBytes > 0) return bytes.toString('utf8', keyStart, keyStart + keyBytes)
  return stream.record.distribution === 'AUTO' ? undefined : shard.id
}

function asciiJson(text: string): string {
  const json = JSON.stringify(text)
  // eslint-disable-next-line no-control-regex
  if (/^[\0-\x7f]*$/.test(json)) return json
  return json.replaceAll(
    /[^\0-\x7f]/g,
    (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`,
  )
}
