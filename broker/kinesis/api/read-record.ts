// A record of the log as the Kinesis API shows it: what each of its members is, and all of it as JSON text.
import type { FetchedRecord } from '../../../kafka-consumer/fetched-record.ts'
import {
  encodeSequenceNumber,
  type SequenceNumberParts,
} from '../../../kinesis-wire/sequence-number.ts'
import type { Shard } from '../streams/shard.ts'
import type { Stream } from '../streams/stream.ts'
import type { ShardOfStream } from './find-stream.ts'

/** Undefined where records are not said to be encrypted. */
export function encryptionOf({ record }: Stream): 'KMS' | undefined {
  return record.encryptionKeyId === undefined ? undefined : 'KMS'
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

type Numbered = Pick<FetchedRecord, 'offset' | 'timestampMs'>

export function sequenceNumberOf(shard: Shard, record: Numbered): string {
  return encodeSequenceNumber(sequencePartsOf(shard, record))
}

export function sequencePartsOf(
  { index, createdSecs }: Shard,
  { offset, timestampMs }: Numbered,
): SequenceNumberParts {
  const recordSecs = Math.floor(timestampMs / 1000)
  return { shardIndex: index, offset, shardCreatedSecs: createdSecs, recordSecs }
}

/** Producers of Kafka may give a record no time, which is -1. */
export function arrivalMs({ timestampMs }: FetchedRecord): number {
  return Math.max(0, timestampMs)
}

/**
 * Of a record that a Kafka client wrote without a key, its shard's id: Kinesis has none without, unless the stream
 * distributes records itself. A key that is not UTF-8 has the replacement character where it is not.
 */
export function partitionKeyOf(
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
