// What a reader of a shard is given, and what it tells, whichever way it reads.
import type { Clock } from '../../../common/clock.ts'
import type { AppError } from '../../../common/errors.ts'
import type { KinesisClient } from '../../../kinesis-client/kinesis-client.ts'
import type { Refusal } from '../../../kinesis-client/refusal.ts'
import type { StreamRecord } from '../../../kinesis-client/stream-record.ts'
import type { ShardProgress } from './shard-progress.ts'

export interface Reading {
  readonly client: KinesisClient
  readonly streamArn: string
  /** Of the consumer with enhanced fan-out, as it is registered now. */
  readonly consumerArn: string | undefined
  readonly clock: Clock
  /** In [0, 1). */
  readonly random: () => number
  /** Ends the reading. */
  readonly signal: AbortSignal
  /** Resolves while the partition is to be read, and when reading ends. */
  readonly unpaused: (partition: number) => Promise<void>
  readonly records: (records: readonly StreamRecord[], isBehind: boolean) => void
  /** No more records follow. */
  readonly ended: () => void
  /** Why the shard cannot be read at the moment; undefined when it can. */
  readonly trouble: (why: AppError | Refusal | undefined) => void
}

/** Resolves at the shard's end or when it is told to; rejects with StreamGone alone. */
export type ReadShard = (shard: ShardProgress, reading: Reading) => Promise<void>

/** The stream, the shard or the consumer is not there any more: whoever reads it has to look anew. */
export class StreamGone extends Error {}
