// The frames of a subscription: its beginning, events with records, and the exception that it may end with.
import type { FetchedRecord } from '../../../kafka-consumer/fetched-record.ts'
import { encodeCbor } from '../../../kinesis-wire/cbor.ts'
import { encodeEvent, encodeException } from '../../../kinesis-wire/event-stream.ts'
import type { ShardOfStream } from './find-stream.ts'
import type { WireFormat } from './kinesis-context.ts'
import { recordJson } from './read-record.ts'
import { recordsCbor } from './records-cbor.ts'

export interface RecordsEvent {
  readonly records: readonly FetchedRecord[]
  /** Behind them: its members by AWS's names. */
  readonly rest: {
    /** Left out at the end of a closed shard, where AWS has null. */
    readonly ContinuationSequenceNumber?: string
    readonly MillisBehindLatest: number
    readonly ChildShards?: readonly object[]
  }
}

const contentTypes: Readonly<Record<WireFormat, string>> = {
  json: 'application/x-amz-json-1.1',
  cbor: 'application/x-amz-cbor-1.1',
}

/** botocore takes nothing before it. */
export function initialResponse(format: WireFormat): Buffer {
  return encodeEvent('initial-response', contentTypes[format], payloadOf(format, {}))
}

/** Nothing of the records is referred to by the frame. */
export function eventFrame(
  format: WireFormat,
  source: ShardOfStream,
  { records, rest }: RecordsEvent,
): Buffer {
  const payload =
    format === 'cbor' ? [recordsCbor(source, records, rest)] : [jsonOf(source, records, rest)]
  return encodeEvent('SubscribeToShardEvent', contentTypes[format], payload)
}

export function exceptionFrame(format: WireFormat, type: string, message: string): Buffer {
  return encodeException(type, contentTypes[format], payloadOf(format, { message }))
}

function jsonOf(
  source: ShardOfStream,
  records: readonly FetchedRecord[],
  rest: RecordsEvent['rest'],
): Buffer {
  const list = records.map((record) => recordJson(source, record)).join(',')
  return Buffer.from(`{"Records":[${list}],${JSON.stringify(rest).slice(1)}`, 'latin1')
}

function payloadOf(format: WireFormat, value: object): readonly Uint8Array[] {
  return format === 'cbor' ? encodeCbor(value) : [Buffer.from(JSON.stringify(value))]
}
