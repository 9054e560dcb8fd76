// Writes what destinations get of records that were given up, as Lambda writes it.
import { keyOf } from '../../events/raw-record.ts'
import type { Discard } from '../batch.ts'
import {
  eventSizeBytes,
  KafkaEvent,
  recordEventOf,
  type EventFrame,
  type EventOrigin,
} from '../event.ts'
import type { LaneRecord } from '../lane.ts'
import type { DestinationMessage } from './destination.ts'
import { streamBatchInfo } from './stream-failure.ts'

export interface FailureContext {
  /** Without a qualifier, as recorded of event source mappings. */
  readonly functionArn: string
  readonly origin: EventOrigin
  readonly frame: EventFrame
}

export interface Occasion {
  readonly nowMs: number
  /** For records that no invocation had: AWS names a request even then. */
  readonly requestId: string
}

/**
 * A message for each record, with the record's key, so that it goes where its like go. Lambda: "Kafka
 * destinations receive the actual failed records along with failure metadata".
 */
export function failureMessages(
  discard: Discard,
  context: FailureContext,
  occasion: Occasion,
): readonly DestinationMessage[] {
  const why = causeOf(discard, context, occasion)
  return discard.groups.flatMap(({ partition, records }) =>
    records.map((record): DestinationMessage => {
      const event =
        record.oversizedBytes === undefined
          ? new KafkaEvent(context.frame, [{ partition, records: [record] }]).text()
          : undefined
      const content = { recordBytes: record.oversizedBytes ?? record.sizeBytes, records: 1 }
      const payloadSize = eventSizeBytes(context.frame, [partition], content)
      const head = `{${why},"KafkaBatchInfo":${batchInfo(record, payloadSize, context)}`
      return {
        key: keyOf(record.content),
        value: event === undefined ? `${head}}` : `${head},"payload":${event}}`,
        withoutPayload: `${head}}`,
      }
    }),
  )
}

/**
 * One message for all of them: what Lambda sends to queues, topics and buckets. The payload, which a
 * bucket gets, is the event as an escaped text.
 */
export function batchMessage(
  discard: Discard,
  context: FailureContext,
  occasion: Occasion,
): DestinationMessage {
  const { frame, origin } = context
  const { groups } = discard
  if (frame.stream !== undefined) return streamMessage(discard, context, occasion)
  const records = groups.flatMap((group) => group.records)
  const isOversized = records.some(({ oversizedBytes }) => oversizedBytes !== undefined)
  const sizeOf = (record: LaneRecord): number => record.oversizedBytes ?? record.sizeBytes
  const content = {
    recordBytes: records.reduce((sum, record) => sum + sizeOf(record), 0),
    records: records.length,
  }
  const partitions = groups.map(({ partition }) => partition)
  const info = {
    batchSize: records.length,
    ...placeOf(origin),
    payloadSize: eventSizeBytes(frame, partitions, content),
    recordsInfo: Object.fromEntries(
      groups.map(({ partition, records: own }) => [`${frame.topic}-${partition}`, rangeOf(own)]),
    ),
  }
  const why = causeOf(discard, context, occasion)
  const head = `{${why},"KafkaBatchInfo":${JSON.stringify(info)}`
  const withoutPayload = `${head}}`
  if (isOversized) return { key: null, value: withoutPayload, withoutPayload }
  const payload = JSON.stringify(new KafkaEvent(frame, groups).text())
  return { key: null, value: `${head},"payload":${payload}}`, withoutPayload }
}

/** Of a stream: which shard's records, from where to where. Of one that no event can hold there is no event. */
function streamMessage(
  discard: Discard,
  context: FailureContext,
  occasion: Occasion,
): DestinationMessage {
  const records = discard.groups.flatMap((group) => group.records)
  const { shardId, ...info } = streamBatchInfo(records, context.frame)
  const why = causeOf(discard, context, occasion)
  const head = `{${why},"KinesisBatchInfo":${JSON.stringify({ shardId, ...info })}`
  const withoutPayload = `${head}}`
  const none = { key: null, shardId, value: withoutPayload, withoutPayload }
  if (records.some(({ oversizedBytes }) => oversizedBytes !== undefined)) return none
  const payload = JSON.stringify(recordEventOf(context.frame, discard.groups).text())
  return { ...none, value: `${head},"payload":${payload}}` }
}

function rangeOf(records: readonly LaneRecord[]): object {
  const [first, last] = [records[0], records.at(-1)]
  return {
    firstRecordOffset: String(first?.offset),
    lastRecordOffset: String(last?.offset),
    firstRecordTimestamp: timeOf(first),
    lastRecordTimestamp: timeOf(last),
  }
}

function timeOf(record: LaneRecord | undefined): string {
  return new Date(record?.timestampMs ?? 0).toISOString()
}

function placeOf({ eventSourceArn, bootstrapServers }: EventOrigin): object {
  return {
    ...(eventSourceArn === undefined ? {} : { eventSourceArn }),
    bootstrapServers: bootstrapServers.join(','),
  }
}

function causeOf(
  { attempts, condition, report }: Discard,
  { functionArn }: FailureContext,
  { nowMs, requestId }: Occasion,
): string {
  const members = {
    requestContext: {
      requestId: report?.requestId ?? requestId,
      functionArn,
      condition,
      // Recorded: 1 for what was never sent. The invocation that was not to be is counted as well.
      approximateInvokeCount: condition === 'RetryAttemptsExhausted' ? attempts : attempts + 1,
    },
    ...responseContext(condition, report),
    version: '1.0',
    timestamp: new Date(nowMs).toISOString(),
  }
  return JSON.stringify(members).slice(1, -1)
}

// Recorded: absent where age was the reason, null where size was.
function responseContext(condition: Discard['condition'], report: Discard['report']): object {
  if (condition === 'RecordAgeExceeded') return {}
  if (report === undefined || condition === 'MaximumPayloadSizeExceeded') {
    return { responseContext: null }
  }
  const { executedVersion, functionError } = report
  return { responseContext: { statusCode: 200, executedVersion, functionError } }
}

function batchInfo(
  { offset, timestampMs }: LaneRecord,
  payloadSize: number,
  { origin }: FailureContext,
): string {
  return JSON.stringify({
    batchSize: 1,
    ...placeOf(origin),
    payloadSize,
    recordInfo: { offset: String(offset), timestamp: new Date(timestampMs).toISOString() },
  })
}
