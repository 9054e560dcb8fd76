// Every configuration that Kafka knows of a topic: type, range, default, the broker's name for it, meaning.
import { recordBatchMaxBytes } from '../../common/limits.ts'
import type { ConfigRule } from './config-value.ts'

export interface ConfigDefinition extends ConfigRule {
  readonly default: string
  /** The broker's configuration that topics have their default from. */
  readonly synonym?: string
  /** Whether that has no value of its own unless it is set, as Kafka's log.retention.ms beside log.retention.hours. */
  readonly synonymUnset?: boolean
  readonly documentation: string
}

const never = '9223372036854775807'
const day = 24 * 3_600_000

const throttledReplicas = (name: string): Omit<ConfigDefinition, 'documentation'> => ({
  type: 'list',
  default: '',
  form: {
    pattern: /^(\*|\d+:\d+(,\d+:\d+)*)?$/,
    reason: `${name} must be the literal '*' or a list of replicas in the following format: [partitionId]:[brokerId],[partitionId]:[brokerId],...`,
  },
})

/** The least values are Kafka's, but for segment.bytes: 1 MiB there since 4.1, a header's 14 before and here. */
export const topicConfigs: Readonly<Record<string, ConfigDefinition>> = {
  'cleanup.policy': {
    type: 'list',
    default: 'delete',
    oneOf: ['compact', 'delete'],
    synonym: 'log.cleanup.policy',
    documentation:
      'How old records go: "delete" drops whole segments, "compact" leaves each key its last record; empty keeps everything.',
  },
  'compression.gzip.level': {
    type: 'int',
    default: '-1',
    least: 1,
    most: 9,
    orEqual: -1,
    synonym: 'compression.gzip.level',
    documentation: 'Level of gzip where the broker compresses. Kept; this broker never does.',
  },
  'compression.lz4.level': {
    type: 'int',
    default: '9',
    least: 1,
    most: 17,
    synonym: 'compression.lz4.level',
    documentation: 'Level of lz4 where the broker compresses. Kept; this broker never does.',
  },
  'compression.type': {
    type: 'string',
    default: 'producer',
    oneOf: ['uncompressed', 'zstd', 'lz4', 'snappy', 'gzip', 'producer'],
    synonym: 'compression.type',
    documentation:
      'Codec of stored batches. Kept; batches always stay as their producer sent them.',
  },
  'compression.zstd.level': {
    type: 'int',
    default: '3',
    least: -131_072,
    most: 22,
    synonym: 'compression.zstd.level',
    documentation: 'Level of zstd where the broker compresses. Kept; this broker never does.',
  },
  'delete.retention.ms': {
    type: 'long',
    default: String(day),
    least: 0,
    synonym: 'log.cleaner.delete.retention.ms',
    documentation: 'How long compaction keeps the marker of a deleted key.',
  },
  'errors.deadletterqueue.group.enable': {
    type: 'boolean',
    default: 'false',
    documentation:
      'Whether share groups may use the topic for failed records. Kept; there are none.',
  },
  'file.delete.delay.ms': {
    type: 'long',
    default: '60000',
    least: 0,
    synonym: 'log.segment.delete.delay.ms',
    documentation: 'Time before a dropped segment leaves the disk. Kept; files here go at once.',
  },
  'flush.messages': {
    type: 'long',
    default: never,
    least: 1,
    synonym: 'log.flush.interval.messages',
    documentation: 'Records between two flushes. Kept; the broker flushes as its --flush says.',
  },
  'flush.ms': {
    type: 'long',
    default: never,
    least: 0,
    synonym: 'log.flush.interval.ms',
    synonymUnset: true,
    documentation: 'Time between two flushes. Kept; the broker flushes as its --flush says.',
  },
  'follower.replication.throttled.replicas': {
    ...throttledReplicas('follower.replication.throttled.replicas'),
    documentation: 'Replicas throttled on the follower. Kept; there is one replica.',
  },
  'index.interval.bytes': {
    type: 'int',
    default: '4096',
    least: 0,
    synonym: 'log.index.interval.bytes',
    documentation: 'Log bytes between two entries of the offset index. Kept; it is 4096 here.',
  },
  'leader.replication.throttled.replicas': {
    ...throttledReplicas('leader.replication.throttled.replicas'),
    documentation: 'Replicas throttled on the leader. Kept; there is one replica.',
  },
  'local.retention.bytes': {
    type: 'long',
    default: '-2',
    least: -2,
    synonym: 'log.local.retention.bytes',
    documentation: 'Bytes kept locally of a tiered log; -2 means retention.bytes. Kept.',
  },
  'local.retention.ms': {
    type: 'long',
    default: '-2',
    least: -2,
    synonym: 'log.local.retention.ms',
    documentation: 'Time kept locally of a tiered log; -2 means retention.ms. Kept.',
  },
  'max.compaction.lag.ms': {
    type: 'long',
    default: never,
    least: 1,
    synonym: 'log.cleaner.max.compaction.lag.ms',
    documentation: 'The longest that a record may wait for compaction.',
  },
  'max.decompressed.message.bytes': {
    type: 'int',
    default: '2147483639',
    least: 0,
    synonym: 'max.decompressed.message.bytes',
    documentation: 'The largest that a batch may unpack to. Kept; the broker unpacks none.',
  },
  'max.message.bytes': {
    type: 'int',
    default: String(recordBatchMaxBytes),
    least: 0,
    synonym: 'message.max.bytes',
    documentation: 'The largest batch that is taken, header and compression included.',
  },
  'message.timestamp.after.max.ms': {
    type: 'long',
    default: '3600000',
    least: 0,
    synonym: 'log.message.timestamp.after.max.ms',
    documentation: "How far a record's own time may lie ahead of the broker's clock.",
  },
  'message.timestamp.before.max.ms': {
    type: 'long',
    default: never,
    least: 0,
    synonym: 'log.message.timestamp.before.max.ms',
    documentation: "How far a record's own time may lie behind the broker's clock.",
  },
  'message.timestamp.type': {
    type: 'string',
    default: 'CreateTime',
    oneOf: ['CreateTime', 'LogAppendTime'],
    synonym: 'log.message.timestamp.type',
    documentation: "Whose time records have: the producer's, or that of their append.",
  },
  'min.cleanable.dirty.ratio': {
    type: 'double',
    default: '0.5',
    least: 0,
    most: 1,
    synonym: 'log.cleaner.min.cleanable.ratio',
    documentation: 'The share of a log that must be uncompacted before compaction is worth it.',
  },
  'min.compaction.lag.ms': {
    type: 'long',
    default: '0',
    least: 0,
    synonym: 'log.cleaner.min.compaction.lag.ms',
    documentation: 'The least time that a record stays uncompacted.',
  },
  'min.insync.replicas': {
    type: 'int',
    default: '1',
    least: 1,
    synonym: 'min.insync.replicas',
    documentation: 'Replicas that acks=all waits for, at most as many as there are: one.',
  },
  preallocate: {
    type: 'boolean',
    default: 'false',
    synonym: 'log.preallocate',
    documentation: 'Whether a new segment takes its whole size on disk at once. Kept.',
  },
  'remote.copy.lag.bytes': {
    type: 'long',
    default: '-1',
    least: -1,
    synonym: 'log.remote.copy.lag.bytes',
    documentation: 'Bytes that tiering leaves uncopied. Kept; there is no tiered storage.',
  },
  'remote.copy.lag.ms': {
    type: 'long',
    default: '0',
    least: -1,
    synonym: 'log.remote.copy.lag.ms',
    documentation: 'Time that tiering waits with a copy. Kept; there is no tiered storage.',
  },
  'remote.log.copy.disable': {
    type: 'boolean',
    default: 'false',
    documentation: 'Stops tiering. Kept; there is no tiered storage.',
  },
  'remote.log.delete.on.disable': {
    type: 'boolean',
    default: 'false',
    documentation: 'Whether ending tiering deletes the copies. Kept; there is no tiered storage.',
  },
  'remote.storage.enable': {
    type: 'boolean',
    default: 'false',
    documentation: 'Tiered storage, which this broker does not have: only false is taken.',
  },
  'retention.bytes': {
    type: 'long',
    default: '-1',
    synonym: 'log.retention.bytes',
    documentation: 'Bytes of a partition above which its oldest segments go; -1 means no bound.',
  },
  'retention.ms': {
    type: 'long',
    default: String(7 * day),
    least: -1,
    synonym: 'log.retention.ms',
    synonymUnset: true,
    documentation: 'Age of its newest record at which a segment goes; -1 keeps records for ever.',
  },
  'segment.bytes': {
    type: 'int',
    default: String(1024 * 1024 * 1024),
    least: 14,
    synonym: 'log.segment.bytes',
    documentation: "The size at which a partition's log starts a new file.",
  },
  'segment.index.bytes': {
    type: 'int',
    default: String(10 * 1024 * 1024),
    least: 4,
    synonym: 'log.index.size.max.bytes',
    documentation: "Size of a segment's offset index. Kept; indexes here grow as they need.",
  },
  'segment.jitter.ms': {
    type: 'long',
    default: '0',
    least: 0,
    synonym: 'log.roll.jitter.ms',
    synonymUnset: true,
    documentation: 'Spreads the starts of new segments by chance. Kept.',
  },
  'segment.ms': {
    type: 'long',
    default: String(7 * day),
    least: 1,
    synonym: 'log.roll.ms',
    synonymUnset: true,
    documentation: 'Age at which a segment is closed even if it is not full.',
  },
  'unclean.leader.election.enable': {
    type: 'boolean',
    default: 'false',
    synonym: 'unclean.leader.election.enable',
    documentation: 'Whether a replica that lags may lead. Kept; there is one replica.',
  },
}

/** What Kafka 3 knew and Kafka 4 does not: taken, so that older tools work, and shown where it was set. */
export const formerTopicConfigs: Readonly<Record<string, ConfigDefinition>> = {
  'message.downconversion.enable': {
    type: 'boolean',
    default: 'true',
    documentation: 'Recoding for clients of older formats. Kept; there is one format.',
  },
  'message.format.version': {
    type: 'string',
    default: '3.0-IV1',
    form: {
      pattern: /^\d+\.\d+(\.\d+){0,2}(-IV\d+)?$/,
      reason: 'Version is not a valid version',
    },
    documentation: 'Format of stored records. Kept; it is always v2.',
  },
  'message.timestamp.difference.max.ms': {
    type: 'long',
    default: never,
    least: 0,
    documentation: 'Sets message.timestamp.before.max.ms and .after.max.ms where they are not set.',
  },
}
