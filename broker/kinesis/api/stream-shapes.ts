// Streams, shards and consumers as the Kinesis API describes them.
import { shardIdOf, type Shard } from '../streams/shard.ts'
import type { ConsumerRecord } from '../streams/stream-record.ts'
import type { Stream } from '../streams/stream.ts'
import type { KinesisContext } from './kinesis-context.ts'

type Place = Pick<KinesisContext, 'region' | 'accountId'>

export function streamArn({ region, accountId }: Place, name: string): string {
  return `arn:aws:kinesis:${region}:${accountId}:stream/${name}`
}

export function consumerArn(place: Place, stream: string, consumer: ConsumerRecord): string {
  const madeSecs = Math.floor(consumer.madeMs / 1000)
  return `${streamArn(place, stream)}/consumer/${consumer.name}:${madeSecs}`
}

export function shardShape(shard: Shard): object {
  const [parent, adjacent] = shard.record.parents
  return {
    ShardId: shard.id,
    ParentShardId: parent === undefined ? undefined : shardIdOf(parent),
    AdjacentParentShardId: adjacent === undefined ? undefined : shardIdOf(adjacent),
    HashKeyRange: {
      StartingHashKey: String(shard.range.start),
      EndingHashKey: String(shard.range.end),
    },
    SequenceNumberRange: {
      StartingSequenceNumber: shard.startingSequenceNumber,
      EndingSequenceNumber: shard.endingSequenceNumber,
    },
  }
}

/** What lists of streams say of each. */
export function summaryShape(place: Place, { name, status, record }: Stream): object {
  return {
    StreamName: name,
    StreamARN: streamArn(place, name),
    StreamStatus: status,
    StreamModeDetails: { StreamMode: record.mode },
    StreamCreationTimestamp: new Date(record.madeMs),
  }
}

/** What both descriptions of a stream begin with. */
export function descriptionShape(place: Place, stream: Stream): object {
  const { record, retentionHours } = stream
  const isEncrypted = record.encryptionKeyId !== undefined
  return {
    ...summaryShape(place, stream),
    RetentionPeriodHours: retentionHours,
    EnhancedMonitoring: [{ ShardLevelMetrics: record.shardLevelMetrics }],
    EncryptionType: isEncrypted ? 'KMS' : 'NONE',
    KeyId: record.encryptionKeyId,
  }
}
