// GetShardIterator: where in a shard to begin, by a sequence number, a time, or at either end.
//
// A time before the oldest record is the oldest record, one that nothing has been written since is the end. A sequence number may be
// of a record that is gone: reading begins with what is left.
import { flag, structure, text, timestamp, type MemberValue } from '../../../common/aws/members.ts'
import { Violations } from '../../../common/aws/validation.ts'
import {
  decodeSequenceNumber,
  offsetFrom,
  sequenceNumberPattern,
  type SequenceNumberParts,
} from '../../../kinesis-wire/sequence-number.ts'
import { shardIdOf, type Shard } from '../streams/shard.ts'
import { hasLimits, throttled } from './shard-throttle.ts'
import { findShard, type ShardOfStream } from './find-stream.ts'
import type { Handler, KinesisContext } from './kinesis-context.ts'
import { invalidArgument, KinesisError, type Outcome } from './kinesis-errors.ts'
import { checkStream, dryRun, streamMembers, streamNameOf } from './stream-members.ts'

export const getShardIteratorInput = structure({
  ...streamMembers,
  ShardId: text,
  ShardIteratorType: text,
  StartingSequenceNumber: text,
  Timestamp: timestamp,
  DryRun: flag,
})

export const positionTypes = [
  'AFTER_SEQUENCE_NUMBER',
  'LATEST',
  'AT_TIMESTAMP',
  'AT_SEQUENCE_NUMBER',
  'TRIM_HORIZON',
] as const

export const getShardIterator: Handler<MemberValue<typeof getShardIteratorInput>> = async (
  context,
  input,
) => {
  const { ShardId: shardId, ShardIteratorType: type, StartingSequenceNumber: number } = input
  const violations = new Violations()
  checkStream(violations, input)
  violations.required('shardId', shardId)
  violations.pattern('shardId', shardId, '[a-zA-Z0-9_.-]+')
  violations.length('shardId', shardId, [1, 128])
  violations.required('shardIteratorType', type)
  violations.oneOf('shardIteratorType', type, positionTypes)
  violations.pattern('startingSequenceNumber', number, sequenceNumberPattern)
  const name = violations.error() ?? streamNameOf(context, input)
  if (name instanceof KinesisError) return name
  const found = await findShard(context, name, shardId ?? '')
  if (found instanceof KinesisError) return found
  const { stream, shard } = found
  if (hasLimits(context, stream) && !shard.limits.admitIterator(context.clock.now())) {
    return throttled(context, found)
  }
  const position = { type: type ?? '', sequenceNumber: number, timestampMs: input.Timestamp }
  const offset = await offsetOf(context, found, { ...position, operation: 'GetShardIterator' })
  if (offset instanceof KinesisError) return offset
  if (input.DryRun === true) return dryRun()
  const place = { streamId: stream.topic.id, shardIndex: shard.index, offset }
  return { ShardIterator: context.iterators.make(place, context.clock.now()) }
}

/** As GetShardIterator and SubscribeToShard are told to begin. */
export interface StartingPosition {
  readonly type: string
  readonly sequenceNumber: string | undefined
  readonly timestampMs: number | undefined
  /** For the texts. */
  readonly operation: string
}

/** Rejects with AppError where the log cannot be searched. */
export async function offsetOf(
  context: KinesisContext,
  { stream, shard }: ShardOfStream,
  position: StartingPosition,
): Promise<Outcome<number>> {
  const { type, sequenceNumber, timestampMs } = position
  const isAfter = type === 'AFTER_SEQUENCE_NUMBER'
  const isNumbered = type === 'AT_SEQUENCE_NUMBER' || isAfter
  if (isNumbered !== (sequenceNumber !== undefined)) return wrongPair(position)
  if (sequenceNumber !== undefined) {
    const place = { stream, shard, sequenceNumber }
    const parts = partsOfNumber(context, place, position.operation)
    if (parts instanceof KinesisError) return parts
    const first = offsetFrom(parts, isAfter ? 'AFTER_SEQUENCE_NUMBER' : 'AT_SEQUENCE_NUMBER')
    // A shard's end is told as a number behind all offsets.
    return Math.min(first, shard.partition.highWatermark)
  }
  const { partition } = shard
  if (type === 'TRIM_HORIZON') return partition.logStartOffset
  if (type === 'LATEST') return partition.highWatermark
  return offsetOfTime(context, shard, timestampMs)
}

async function offsetOfTime(
  { clock }: KinesisContext,
  { partition }: Shard,
  timestampMs: number | undefined,
): Promise<Outcome<number>> {
  if (timestampMs === undefined) {
    return invalidArgument(
      'Must specify timestampInMillis parameter for iterator of type AT_TIMESTAMP. ' +
        'Current request has no timestamp parameter.',
    )
  }
  const nowMs = clock.now()
  if (timestampMs > nowMs) {
    return invalidArgument(
      'The timestampInMillis parameter cannot be greater than the currentTimestampInMillis. ' +
        `timestampInMillis: ${timestampMs}, currentTimestampInMillis: ${nowMs}`,
    )
  }
  const found = await partition.offsetForTimestamp(timestampMs)
  return found?.offset ?? partition.highWatermark
}

function partsOfNumber(
  { accountId }: KinesisContext,
  { stream, shard, sequenceNumber }: ShardOfStream & { readonly sequenceNumber: string },
  operation: string,
): Outcome<SequenceNumberParts> {
  const invalid =
    `StartingSequenceNumber ${sequenceNumber} used in ${operation} on shard ${shard.id} in stream ` +
    `${stream.name} under account ${accountId} is invalid`
  const parts = decodeSequenceNumber(sequenceNumber)
  if (parts === undefined) return invalidArgument(`${invalid}.`)
  if (parts.shardIndex !== shard.index) {
    return invalidArgument(
      `Invalid StartingSequenceNumber. It encodes ${shardIdOf(parts.shardIndex)}, ` +
        `while it was used in a call to a shard with ${shard.id}`,
    )
  }
  if (parts.shardCreatedSecs !== shard.createdSecs) {
    return invalidArgument(`${invalid} because it did not come from this stream.`)
  }
  return parts
}

function wrongPair({ type, sequenceNumber }: StartingPosition): KinesisError {
  const given = sequenceNumber === undefined ? 'no' : 'also a'
  return invalidArgument(
    'Must either specify (1) AT_SEQUENCE_NUMBER or AFTER_SEQUENCE_NUMBER and StartingSequenceNumber or ' +
      '(2) TRIM_HORIZON or LATEST and no StartingSequenceNumber. ' +
      `Request specified ${type} and ${given} StartingSequenceNumber.`,
  )
}
