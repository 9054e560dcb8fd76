// Reads what a Kinesis API answers, of JSON or CBOR, into what a reader of streams needs of it.
import { placeOf, StreamRecord } from './stream-record.ts'

export interface ShardDescription {
  readonly shardId: string
  readonly parentShardId?: string
  readonly adjacentParentShardId?: string
  /** Ends of its range of hash keys, both in it. */
  readonly startingHashKey: bigint
  readonly endingHashKey: bigint
  /** Whether a split or merge has ended it. */
  readonly isClosed: boolean
}

export interface ShardList {
  readonly shards: readonly ShardDescription[]
  readonly nextToken?: string
}

export interface RecordsAnswer {
  readonly records: readonly StreamRecord[]
  /** Absent at the end of a closed shard. */
  readonly nextIterator?: string
  readonly millisBehind: number
}

/** Of a subscription. */
export interface RecordsEvent {
  readonly records: readonly StreamRecord[]
  /** Absent at the end of a closed shard. */
  readonly continuation?: string
  readonly millisBehind: number
}

export interface StreamSummary {
  readonly createdMs: number
  readonly status: string
  /** Open ones. Absent, as the rest, where an API does not tell. */
  readonly shards?: number
  readonly retentionHours?: number
  readonly mode?: string
}

export interface ConsumerSummary {
  readonly arn: string
  readonly status: string
}

/** An answer that is not what it should be; the client says so in an error of its own. */
export class Unreadable extends Error {}

export function shardListOf(answer: unknown): ShardList {
  const { Shards: shards, NextToken } = members(answer)
  const nextToken = optionalText(NextToken)
  return {
    shards: list(shards).map(shardOf),
    ...(nextToken === undefined ? {} : { nextToken }),
  }
}

export function iteratorOf(answer: unknown): string {
  return text(members(answer)['ShardIterator'])
}

export function recordsOf(answer: unknown): RecordsAnswer {
  const { Records: records, ...rest } = members(answer)
  return recordsAnswer(list(records).map(recordOf), rest)
}

/** The same of records that have been found. */
export function recordsAnswer(
  records: readonly StreamRecord[],
  { NextShardIterator, MillisBehindLatest }: Readonly<Record<string, unknown>>,
): RecordsAnswer {
  const nextIterator = optionalText(NextShardIterator)
  return {
    records,
    ...(nextIterator === undefined ? {} : { nextIterator }),
    millisBehind: optionalNumber(MillisBehindLatest) ?? 0,
  }
}

export function recordsEventOf(event: unknown): RecordsEvent {
  const { Records: records, ...rest } = members(event)
  return recordsEvent(list(records).map(recordOf), rest)
}

/** The same of records that have been found. */
export function recordsEvent(
  records: readonly StreamRecord[],
  rest: Readonly<Record<string, unknown>>,
): RecordsEvent {
  const { ContinuationSequenceNumber, MillisBehindLatest, ChildShards: children } = rest
  const continuation = optionalText(ContinuationSequenceNumber)
  const isEnd = continuation === undefined || list(children).length > 0
  return {
    records,
    ...(isEnd ? {} : { continuation }),
    millisBehind: optionalNumber(MillisBehindLatest) ?? 0,
  }
}

export function summaryOf(answer: unknown): StreamSummary {
  const description = members(members(answer)['StreamDescriptionSummary'])
  const shards = optionalNumber(description['OpenShardCount'])
  const retentionHours = optionalNumber(description['RetentionPeriodHours'])
  const mode = optionalText(members(description['StreamModeDetails'])['StreamMode'])
  return {
    createdMs: timeOf(description['StreamCreationTimestamp']),
    status: text(description['StreamStatus']),
    ...(shards === undefined ? {} : { shards }),
    ...(retentionHours === undefined ? {} : { retentionHours }),
    ...(mode === undefined ? {} : { mode }),
  }
}

export function consumerOf(answer: unknown): ConsumerSummary {
  const { ConsumerARN, ConsumerStatus } = members(members(answer)['ConsumerDescription'])
  return { arn: text(ConsumerARN), status: text(ConsumerStatus) }
}

function shardOf(value: unknown): ShardDescription {
  const shard = members(value)
  const { StartingHashKey, EndingHashKey } = members(shard['HashKeyRange'])
  const { EndingSequenceNumber } = members(shard['SequenceNumberRange'])
  const parentShardId = optionalText(shard['ParentShardId'])
  const adjacentParentShardId = optionalText(shard['AdjacentParentShardId'])
  return {
    shardId: shardIdOf(shard['ShardId']),
    ...(parentShardId === undefined ? {} : { parentShardId }),
    ...(adjacentParentShardId === undefined ? {} : { adjacentParentShardId }),
    startingHashKey: integer(StartingHashKey),
    endingHashKey: integer(EndingHashKey),
    isClosed: optionalText(EndingSequenceNumber) !== undefined,
  }
}

/** AWS: `shardId-` and a number, of which a reader makes more than a name. */
function shardIdOf(value: unknown): string {
  const shardId = text(value)
  if (!/^shardId-\d{1,15}$/.test(shardId)) throw new Unreadable('a shard has an unknown kind of id')
  return shardId
}

function recordOf(value: unknown): StreamRecord {
  const { PartitionKey, SequenceNumber, ApproximateArrivalTimestamp, Data } = members(value)
  const of = {
    partitionKey: optionalText(PartitionKey) ?? '',
    sequenceNumber: text(SequenceNumber),
    arrivalMs: timeOf(ApproximateArrivalTimestamp),
  }
  return new StreamRecord(of, placeOf(bytesOf(Data)))
}

// Bytes in CBOR, base64 in JSON.
function bytesOf(value: unknown): Buffer {
  if (Buffer.isBuffer(value)) return value
  if (value instanceof Uint8Array) {
    return Buffer.from(value.buffer, value.byteOffset, value.byteLength)
  }
  return Buffer.from(text(value), 'base64')
}

/** More is a time in milliseconds, in the form of CBOR; as seconds it would be the year 5138. */
const secondsMax = 1e11

function timeOf(value: unknown): number {
  if (value instanceof Date) return value.getTime()
  const time = optionalNumber(value)
  if (time === undefined) throw new Unreadable('a time is missing')
  return Math.round(time < secondsMax ? time * 1000 : time)
}

function members(value: unknown): Readonly<Record<string, unknown>> {
  if (value === undefined || value === null) return {}
  if (typeof value !== 'object' || Array.isArray(value)) throw new Unreadable('it is no structure')
  return value as Readonly<Record<string, unknown>>
}

function list(value: unknown): readonly unknown[] {
  if (value === undefined || value === null) return []
  if (!Array.isArray(value)) throw new Unreadable('it has no list where one should be')
  return value
}

function text(value: unknown): string {
  if (typeof value !== 'string') throw new Unreadable('it has no text where one should be')
  return value
}

function optionalText(value: unknown): string | undefined {
  return value === undefined || value === null ? undefined : text(value)
}

function optionalNumber(value: unknown): number | undefined {
  return typeof value === 'number' && Number.isFinite(value) ? value : undefined
}

function integer(value: unknown): bigint {
  const digits = text(value)
  if (!/^\d{1,39}$/.test(digits)) throw new Unreadable('it has no hash key where one should be')
  return BigInt(digits)
}
