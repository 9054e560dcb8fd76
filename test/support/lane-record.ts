// Makes records as lanes hold them, in the few words that a test needs.
import { placeBytes, recordSizeBytes } from '../../events/kafka-record-text.ts'
import type { RecordHeader, RecordSchemas, SchemaFailure } from '../../events/raw-record.ts'
import { rawRecord } from '../../poller/kept-records.ts'
import type { LaneRecord } from '../../poller/lane.ts'

export interface RecordParts {
  readonly topic?: string
  readonly partition?: number
  readonly timestampMs?: number
  readonly timestampType?: 'CREATE_TIME' | 'LOG_APPEND_TIME'
  readonly key?: Buffer | null
  readonly value?: Buffer | null
  readonly headers?: readonly RecordHeader[]
  readonly schemas?: RecordSchemas
  readonly failure?: SchemaFailure
}

/** Of topic `t`, partition 0 and the epoch's start, without key, value and headers, unless given. */
export function laneRecord(offset: number, parts: RecordParts = {}): LaneRecord {
  const { topic = 't', partition = 0, timestampMs = 0, timestampType = 'CREATE_TIME' } = parts
  const { key = null, value = null, headers = [] } = parts
  const when = { timestampMs, timestampType }
  const { schemas, failure } = parts
  const content = rawRecord({
    topic,
    partition,
    offset,
    ...when,
    key,
    value,
    headers,
    ...(schemas === undefined ? {} : { schemas }),
    ...(failure === undefined ? {} : { failure }),
  })
  const sizeBytes = recordSizeBytes(placeBytes({ topic, partition }), content)
  return { offset, timestampMs, content, sizeBytes }
}
