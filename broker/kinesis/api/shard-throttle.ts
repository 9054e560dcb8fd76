// Whether AWS's limits of a shard hold for a stream, and what is said of a call that is above them.
import { shardLimitsSwitch } from '../streams/stream-switches.ts'
import type { Stream } from '../streams/stream.ts'
import type { ShardOfStream } from './find-stream.ts'
import type { KinesisContext } from './kinesis-context.ts'
import { KinesisError } from './kinesis-errors.ts'

export function hasLimits({ pace }: KinesisContext, { record }: Stream): boolean {
  return shardLimitsSwitch(record.tags) ?? pace === 'aws'
}

export function throttled(
  { accountId }: KinesisContext,
  { stream, shard }: ShardOfStream,
): KinesisError {
  return new KinesisError(
    'ProvisionedThroughputExceededException',
    `Rate exceeded for shard ${shard.id} in stream ${stream.name} under account ${accountId}.`,
  )
}
