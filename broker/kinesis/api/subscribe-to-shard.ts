// SubscribeToShard: pushes a shard's records to a consumer as an event stream, for five minutes.
//
// The same consumer and shard again within five seconds is refused; later it takes over, and the earlier subscription ends with
// ResourceInUseException. As AWS has it the time counts from the call; where AWS's limits do not hold, a subscription that is over
// keeps nobody out.
import { flag, structure, text, timestamp } from '../../../common/aws/members.ts'
import { Violations } from '../../../common/aws/validation.ts'
import { ApiError } from '../../../common/aws/api-error.ts'
import { eventStreamContentType } from '../../../kinesis-wire/event-stream.ts'
import { sequenceNumberPattern } from '../../../kinesis-wire/sequence-number.ts'
import { checkConsumer, findConsumer } from './find-consumer.ts'
import { findShard } from './find-stream.ts'
import { StreamedAnswer, type Handler } from './kinesis-context.ts'
import { KinesisError } from './kinesis-errors.ts'
import { offsetOf, positionTypes } from './shard-iterators.ts'
import { dryRun } from './stream-members.ts'
import { consumerArn } from './stream-shapes.ts'
import { Subscription } from './subscription.ts'
import { activeElsewhere, notActive } from './subscription-texts.ts'

export const subscribeToShardInput = structure({
  ConsumerARN: text,
  ShardId: text,
  StartingPosition: structure({ Type: text, SequenceNumber: text, Timestamp: timestamp }),
  StreamId: text,
  DryRun: flag,
})

interface Input {
  readonly ConsumerARN?: string
  readonly ShardId?: string
  readonly StartingPosition?: {
    readonly Type?: string
    readonly SequenceNumber?: string
    readonly Timestamp?: number
  }
  readonly DryRun?: boolean
}

export const subscribeToShard: Handler<Input> = async (context, input, call) => {
  const { ShardId: shardId = '', StartingPosition: position = {} } = input
  const found = flawOf(input) ?? (await findConsumer(context, input))
  if (found instanceof ApiError) return found
  const { stream, consumer } = found
  const place = await findShard(context, stream.name, shardId)
  if (place instanceof KinesisError) return place
  const { shard } = place
  const at = { stream, shard, consumer: consumer.record }
  if (consumer.status !== 'ACTIVE') return notActive(context, at)
  const offset = await offsetOf(context, place, {
    type: position.Type ?? '',
    sequenceNumber: position.SequenceNumber,
    timestampMs: position.Timestamp,
    operation: 'SubscribeToShard',
  })
  if (offset instanceof KinesisError) return offset
  if (input.DryRun === true) return dryRun()
  const arn = consumerArn(context, stream.name, consumer.record)
  const claim = context.subscriptions.claim(arn, shard.id)
  const counters = stream.counters.consumer(consumer.record.name)
  if (claim === undefined) {
    counters.rateExceeded += 1
    return activeElsewhere(context, at)
  }
  counters.subscribed += 1
  const { format, signal } = call
  // Whoever leaves before the answer begins has had no subscription.
  if (signal.aborted) claim.release()
  else signal.addEventListener('abort', () => claim.release(), { once: true })
  const subscription = new Subscription({ ...at, context, offset, format, claim })
  return new StreamedAnswer(eventStreamContentType, (out) => subscription.run(out))
}

function flawOf(input: Input): KinesisError | undefined {
  const { ShardId: shardId, StartingPosition: position } = input
  const violations = new Violations()
  violations.required('consumerARN', input.ConsumerARN)
  violations.required('shardId', shardId)
  violations.required('startingPosition', position)
  if (position !== undefined) violations.required('startingPosition.type', position.Type)
  checkConsumer(violations, input)
  violations.pattern('shardId', shardId, '[a-zA-Z0-9_.-]+')
  violations.length('shardId', shardId, [1, 128])
  violations.oneOf('startingPosition.type', position?.Type, positionTypes)
  const number = position?.SequenceNumber
  violations.pattern('startingPosition.sequenceNumber', number, sequenceNumberPattern)
  return violations.error()
}
