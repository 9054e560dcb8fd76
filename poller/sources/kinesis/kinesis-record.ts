// Turns a record of a stream into one of a source, its data where it lies.
import type { RawRecord, RecordHeader } from '../../../events/raw-record.ts'
import type { StreamRecord } from '../../../kinesis-client/stream-record.ts'
import type { SourceRecord } from '../source.ts'

const noHeaders: readonly RecordHeader[] = []

export interface RecordPlace {
  readonly topic: string
  readonly partition: number
  readonly shardId: string
}

/** `number` is the source's own. */
export function sourceRecord(
  { partitionKey, sequenceNumber, arrivalMs, data }: StreamRecord,
  { topic, partition, shardId }: RecordPlace,
  number: number,
): SourceRecord & RawRecord {
  return {
    topic,
    partition,
    offset: number,
    timestampMs: arrivalMs,
    timestampType: 'LOG_APPEND_TIME',
    key: null,
    value: data,
    bytes: data,
    keyStart: 0,
    keyBytes: -1,
    valueStart: 0,
    valueBytes: data.length,
    headerCount: 0,
    headers: noHeaders,
    stream: { shardId, sequenceNumber, partitionKey },
  }
}
