// Tests what topics can be configured with, and what of it the log goes by.
import { expect, test } from 'vitest'
import { checkConfig } from './config-value.ts'
import { formerTopicConfigs, topicConfigs } from './topic-config-table.ts'
import {
  checkTopicConfigs,
  defaultConfigs,
  parseTopicConfig,
  type Configs,
} from './topic-config.ts'

const defaults = defaultConfigs({ retentionMs: 5_000, retentionBytes: -1, segmentBytes: 1_000 })
const parse = (configs: Configs) => parseTopicConfig(configs, defaults)

test('every default is a value of its own configuration', () => {
  for (const [name, definition] of Object.entries({ ...topicConfigs, ...formerTopicConfigs })) {
    expect(checkConfig(name, definition.default, definition), name).toBe(definition.default)
    expect(definition.documentation, name).toMatch(/\.$/)
  }
})

/** apache/kafka 4.x, LogConfig: all that are not internal. */
const known = `
  cleanup.policy compression.gzip.level compression.lz4.level compression.type
  compression.zstd.level delete.retention.ms errors.deadletterqueue.group.enable file.delete.delay.ms flush.messages flush.ms
  follower.replication.throttled.replicas index.interval.bytes
  leader.replication.throttled.replicas local.retention.bytes local.retention.ms
  max.compaction.lag.ms max.decompressed.message.bytes max.message.bytes message.timestamp.after.max.ms
  message.timestamp.before.max.ms message.timestamp.type min.cleanable.dirty.ratio
  min.compaction.lag.ms min.insync.replicas preallocate remote.copy.lag.bytes
  remote.copy.lag.ms remote.log.copy.disable remote.log.delete.on.disable
  remote.storage.enable retention.bytes retention.ms segment.bytes segment.index.bytes
  segment.jitter.ms segment.ms unclean.leader.election.enable`

test('Kafka’s configurations of a topic are all known', () => {
  expect(Object.keys(topicConfigs)).toEqual(known.trim().split(/\s+/))
})

test('a topic has its own configuration over the broker’s, and that over Kafka’s', () => {
  const config = parse({ 'segment.bytes': '2000', 'message.timestamp.type': 'LogAppendTime' })
  expect(config).toEqual({
    retentionMs: 5_000,
    retentionBytes: -1,
    segmentBytes: 2_000,
    segmentMs: 604_800_000,
    maxMessageBytes: 1_048_588,
    timestampType: 'LogAppendTime',
    timestampBeforeMaxMs: Number.MAX_SAFE_INTEGER,
    timestampAfterMaxMs: 3_600_000,
    deletes: true,
  })
})

test('a topic without a cleanup policy keeps everything', () => {
  const config = parse({ 'cleanup.policy': '', 'retention.ms': '1', 'retention.bytes': '1' })
  expect(config).toMatchObject({ retentionMs: -1, retentionBytes: -1 })
})

test('the former bound of timestamps holds where the present ones are not set', () => {
  const config = parse({
    'message.timestamp.difference.max.ms': '7',
    'message.timestamp.after.max.ms': '9',
  })
  expect(config).toMatchObject({ timestampBeforeMaxMs: 7, timestampAfterMaxMs: 9 })
})

test.each<[Configs, string]>([
  [{ 'retention.hours': '1' }, 'Unknown topic config name: retention.hours'],
  [{ toString: '1' }, 'Unknown topic config name: toString'],
  [
    { 'cleanup.policy': 'delete,shred' },
    'Invalid value shred for configuration cleanup.policy: String must be one of: compact, delete',
  ],
  [
    { 'min.compaction.lag.ms': '2', 'max.compaction.lag.ms': '1' },
    'conflict topic config setting min.compaction.lag.ms (2) > max.compaction.lag.ms (1)',
  ],
  [{ 'remote.storage.enable': 'true' }, 'Tiered Storage functionality is disabled'],
  [{ 'leader.replication.throttled.replicas': '0-1' }, "must be the literal '*' or a list"],
  [{ 'message.format.version': 'new' }, 'Version is not a valid version'],
])('%j is refused: %s', (configs, message) => {
  expect(() => parse(configs)).toThrow(message)
})

test('what has no meaning here is taken with a sound value', () => {
  const configs = {
    'compression.type': 'lz4',
    'follower.replication.throttled.replicas': '0:1,1:1',
    'leader.replication.throttled.replicas': '*',
    'message.format.version': '0.10.0.0',
    'min.cleanable.dirty.ratio': '0.1',
    'min.insync.replicas': '2',
  }
  expect(checkTopicConfigs(configs)).toEqual(configs)
})
