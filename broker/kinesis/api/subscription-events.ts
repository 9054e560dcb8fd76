// The frames of a subscription: its beginning, events with records, and the exception that it may end with.
import type { FetchedRecord } from '../../../kafka-consumer/fetched-record.ts'
import { encodeCbor } from '../../../kinesis-wire/cbor.ts'
import { encodeEvent, encodeException, FrameAround } from '../../../kinesis-wire/event-stream.ts'
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

const eventType = 'SubscribeToShardEvent'
const around = FrameAround.ofEvent(eventType, contentTypes.cbor)

/** Nothing of the records is referred to by the frame. `take` gives memory for it. */
export function eventFrame(
  format: WireFormat,
  source: ShardOfStream,
  { records, rest }: RecordsEvent,
  take: (bytes: number) => Buffer = Buffer.allocUnsafe,
): Buffer {
  if (format === 'json') {
    return encodeEvent(eventType, contentTypes.json, [jsonOf(source, records, rest)])
  }
  const { bytes, payloadStart } = around
  let memory: Buffer = Buffer.alloc(0)
  const payload = recordsCbor(source, records, rest, (payloadBytes) => {
    memory = take(bytes + payloadBytes)
    return memory.subarray(payloadStart)
  })
  return around.finish(memory, payload.length)
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
