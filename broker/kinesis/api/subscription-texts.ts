// What a subscription is refused or ended with, in AWS's words.
import type { ConsumerRecord } from '../streams/stream-record.ts'
import type { ShardOfStream } from './find-stream.ts'
import type { KinesisContext } from './kinesis-context.ts'
import { KinesisError } from './kinesis-errors.ts'

interface Place extends ShardOfStream {
  readonly consumer: ConsumerRecord
}

type Account = Pick<KinesisContext, 'accountId'>

export function activeElsewhere(
  { accountId }: Account,
  { stream, shard, consumer }: Place,
): KinesisError {
  const which = `${accountId}:${stream.name}:${shard.id}:${consumer.name}`
  const text = `Another active subscription exists for this consumer: ${which}`
  return new KinesisError('ResourceInUseException', text)
}

export function consumerGone(
  { accountId }: Account,
  { stream, consumer }: Omit<Place, 'shard'>,
): KinesisError {
  const text = `Consumer ${consumer.name} under stream ${stream.name} and account ${accountId} not found.`
  return new KinesisError('ResourceNotFoundException', text)
}

export function notActive(
  { accountId }: Account,
  { stream, consumer }: Omit<Place, 'shard'>,
): KinesisError {
  const madeSecs = Math.floor(consumer.madeMs / 1000)
  const text =
    `Consumer ${consumer.name} with creation timestamp ${madeSecs} under stream: ${stream.name} , ` +
    `account ${accountId} is not in ACTIVE status.`
  return new KinesisError('ResourceInUseException', text)
}
