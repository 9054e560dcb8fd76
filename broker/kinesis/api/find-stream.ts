// Finds the stream and the shard that a request is about, or says in AWS's words that there is none.
import { parseShardId, shardIdOf, type Shard } from '../streams/shard.ts'
import type { Stream } from '../streams/stream.ts'
import type { KinesisContext } from './kinesis-context.ts'
import { KinesisError, type Outcome } from './kinesis-errors.ts'
import { noStream, streamNameOf, type StreamInput } from './stream-members.ts'

export interface ShardOfStream {
  readonly stream: Stream
  readonly shard: Shard
}

/** At once for a stream that was asked for before. Rejects with AppError STORAGE_FAILED. */
export function findStream(
  context: KinesisContext,
  input: StreamInput,
): Outcome<Stream> | Promise<Outcome<Stream>> {
  const name = streamNameOf(context, input)
  if (name instanceof KinesisError) return name
  const known = context.catalog.known(name)
  if (known !== undefined) return known
  const refusal = noStream(context.accountId, name)
  return context.catalog.stream(name).then((stream) => stream ?? refusal)
}

/** Rejects with AppError STORAGE_FAILED. */
export async function findShard(
  { catalog, accountId }: KinesisContext,
  name: string,
  shardId: string,
): Promise<Outcome<ShardOfStream>> {
  const where = `in stream ${name} under account ${accountId}`
  const index = parseShardId(shardId)
  if (index === undefined) {
    const message = `Could not find shard ${shardId} ${where}.`
    return new KinesisError('ResourceNotFoundException', message)
  }
  const stream = await catalog.stream(name)
  const shard = stream?.shards[index]
  if (stream !== undefined && shard !== undefined) return { stream, shard }
  const message = `Shard ${shardIdOf(index)} ${where} does not exist`
  return new KinesisError('ResourceNotFoundException', message)
}
