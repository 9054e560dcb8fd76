// Every configuration of the broker that clients can see, under Kafka's names: type, default, meaning.
import {
  groupMembersMax,
  groupSessionTimeoutMaxMs,
  groupSessionTimeoutMinMs,
  offsetMetadataMaxLength,
  offsetsRetentionCheckIntervalMs,
  offsetsRetentionMs,
} from '../../common/group-limits.ts'
import {
  fetchResponseMaxBytes,
  frameMaxBytes,
  kafkaConnectionsMax,
  retentionCheckIntervalMs,
} from '../../common/limits.ts'
import {
  producerIdExpirationMs,
  transactionalIdExpirationMs,
  transactionTimeoutCheckIntervalMs,
  transactionTimeoutMaxMs,
} from '../../common/producer-limits.ts'
import { topicConfigs, type ConfigDefinition } from '../log/topic-config-table.ts'

export interface BrokerConfigDefinition extends ConfigDefinition {
  /** Whether it can be changed while the broker runs (KIP-226). */
  readonly dynamic: boolean
  /** The topics' configuration that has its default from here. */
  readonly topicConfig?: string
  /** Whether there is no value unless one is set. */
  readonly isUnset?: boolean
}

const never = '9223372036854775807'

const own: Readonly<Record<string, Omit<BrokerConfigDefinition, 'dynamic'>>> = {
  'auto.create.topics.enable': {
    type: 'boolean',
    default: 'true',
    documentation: 'Whether producing to a topic that is not there creates it.',
  },
  'broker.id': { type: 'int', default: '-1', documentation: "The broker's id in the cluster." },
  'default.replication.factor': {
    type: 'int',
    default: '1',
    documentation: 'Replicas of a topic that does not say: one, since there is one broker.',
  },
  'delete.topic.enable': {
    type: 'boolean',
    default: 'true',
    documentation: 'Whether topics can be deleted.',
  },
  'fetch.max.bytes': {
    type: 'int',
    default: String(fetchResponseMaxBytes),
    documentation: 'The most that one fetch is answered, but for a single larger batch.',
  },
  'group.initial.rebalance.delay.ms': {
    type: 'int',
    default: '3000',
    documentation: 'How long the first rebalance of an empty group waits for more members.',
  },
  'group.max.session.timeout.ms': {
    type: 'int',
    default: String(groupSessionTimeoutMaxMs),
    documentation: 'The longest session timeout that a member may ask for.',
  },
  'group.max.size': {
    type: 'int',
    default: String(groupMembersMax),
    documentation: 'Members of one consumer group.',
  },
  'group.min.session.timeout.ms': {
    type: 'int',
    default: String(groupSessionTimeoutMinMs),
    documentation: 'The shortest session timeout that a member may ask for.',
  },
  'log.dirs': { type: 'list', default: '', documentation: 'Where the log lies on disk.' },
  'log.retention.check.interval.ms': {
    type: 'long',
    default: String(retentionCheckIntervalMs),
    documentation: 'How often retention looks for segments to drop.',
  },
  'log.retention.hours': {
    type: 'int',
    default: '168',
    documentation: 'What log.retention.ms is while that is not set.',
  },
  'log.roll.hours': {
    type: 'int',
    default: '168',
    documentation: 'What log.roll.ms is while that is not set.',
  },
  'log.roll.jitter.hours': {
    type: 'int',
    default: '0',
    documentation: 'What log.roll.jitter.ms is while that is not set.',
  },
  'max.connections': {
    type: 'int',
    default: String(kafkaConnectionsMax),
    documentation: 'Kafka connections at once.',
  },
  'node.id': {
    type: 'int',
    default: '',
    isUnset: true,
    documentation: "The broker's id in the cluster.",
  },
  'num.partitions': {
    type: 'int',
    default: '1',
    documentation: 'Partitions of a topic that does not say.',
  },
  'offset.metadata.max.bytes': {
    type: 'int',
    default: String(offsetMetadataMaxLength),
    documentation: 'The text that a consumer may keep with a committed offset.',
  },
  'offsets.retention.check.interval.ms': {
    type: 'long',
    default: String(offsetsRetentionCheckIntervalMs),
    documentation: 'How often committed offsets are looked through for those past their time.',
  },
  'offsets.retention.minutes': {
    type: 'int',
    default: String(offsetsRetentionMs / 60_000),
    documentation: 'How long the offsets of a group without members are kept.',
  },
  'offsets.topic.num.partitions': {
    type: 'int',
    default: '1',
    documentation: 'Partitions of __consumer_offsets.',
  },
  'offsets.topic.replication.factor': {
    type: 'int',
    default: '1',
    documentation: 'Replicas of __consumer_offsets.',
  },
  'process.roles': {
    type: 'list',
    default: '',
    isUnset: true,
    documentation: 'What this node is to the cluster.',
  },
  'socket.request.max.bytes': {
    type: 'int',
    default: String(frameMaxBytes),
    documentation: 'The largest request that is read.',
  },
  'producer.id.expiration.ms': {
    type: 'int',
    default: String(producerIdExpirationMs),
    documentation: 'How long the sequences of a silent idempotent producer are remembered.',
  },
  'transaction.abort.timed.out.transaction.cleanup.interval.ms': {
    type: 'int',
    default: String(transactionTimeoutCheckIntervalMs),
    documentation: 'How often transactions that take too long are looked for.',
  },
  'transaction.max.timeout.ms': {
    type: 'int',
    default: String(transactionTimeoutMaxMs),
    documentation: 'The longest transaction timeout that a producer may ask for.',
  },
  'transactional.id.expiration.ms': {
    type: 'int',
    default: String(transactionalIdExpirationMs),
    documentation: 'How long a transactional id that nobody uses is known.',
  },
}

/** They change nothing here, but tools set them on any broker. */
const kept: Readonly<Record<string, Omit<BrokerConfigDefinition, 'dynamic'>>> = {
  'follower.replication.throttled.rate': {
    type: 'long',
    default: never,
    least: 0,
    documentation: 'Bytes a second for throttled followers. Kept; there is one replica.',
  },
  'leader.replication.throttled.rate': {
    type: 'long',
    default: never,
    least: 0,
    documentation: 'Bytes a second for throttled leaders. Kept; there is one replica.',
  },
  'sasl.kerberos.min.time.before.relogin': {
    type: 'long',
    default: '60000',
    documentation: 'Time between two refreshes of a Kerberos login. Kept; there is no Kerberos.',
  },
}

const ofTopics = Object.entries(topicConfigs).flatMap(([topicConfig, definition]) => {
  const { synonym, synonymUnset: isUnset = false } = definition
  if (synonym === undefined) return []
  return [[synonym, { ...definition, dynamic: true, topicConfig, isUnset }] as const]
})

const flagged = (table: typeof own, dynamic: boolean): [string, BrokerConfigDefinition][] =>
  Object.entries(table).map(([name, definition]) => [name, { ...definition, dynamic }])

export const brokerConfigs: ReadonlyMap<string, BrokerConfigDefinition> = new Map(
  [...flagged(own, false), ...flagged(kept, true), ...ofTopics].toSorted(([a], [b]) =>
    a < b ? -1 : 1,
  ),
)
