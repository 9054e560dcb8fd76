// What a topic's configurations come to: which are known and sound, and what of them the log goes by.
import type { CompactionConfig } from './compaction/plan.ts'
import { checkConfig, InvalidConfigError, listOf, numberOf } from './config-value.ts'
import { formerTopicConfigs, topicConfigs, type ConfigDefinition } from './topic-config-table.ts'

/** Texts by Kafka's key. */
export type Configs = Readonly<Record<string, string>>

/** What topics have that do not say otherwise; -1 means no bound. */
export interface TopicDefaults {
  readonly retentionMs: number
  readonly retentionBytes: number
  readonly segmentBytes: number
}

/** What holds for a topic: its own configuration over the defaults. */
export interface TopicConfig {
  /** -1 keeps records for ever. */
  readonly retentionMs: number
  /** Per partition; -1 means no bound. */
  readonly retentionBytes: number
  readonly segmentBytes: number
  readonly segmentMs: number
  /** The largest batch that is taken, header included. */
  readonly maxMessageBytes: number
  readonly timestampType: 'CreateTime' | 'LogAppendTime'
  /** How far a record's own time may lie behind the clock, and ahead of it. */
  readonly timestampBeforeMaxMs: number
  readonly timestampAfterMaxMs: number
  /** Whether the cleanup policy lets records go for their age or number. */
  readonly deletes: boolean
  /** Undefined where records do not give way to later ones of their key. */
  readonly compaction: CompactionConfig | undefined
}

/** Undefined where Kafka knows no such configuration of topics. A client chooses the name: `constructor` is none. */
export function topicConfigDefinition(name: string): ConfigDefinition | undefined {
  const tables = [topicConfigs, formerTopicConfigs]
  return tables.find((table) => Object.hasOwn(table, name))?.[name]
}

/** The broker's own configuration of topics, by the topics' names for it. */
export function defaultConfigs(defaults: TopicDefaults): Configs {
  return {
    'retention.ms': String(defaults.retentionMs),
    'retention.bytes': String(defaults.retentionBytes),
    'segment.bytes': String(defaults.segmentBytes),
  }
}

/** The texts as Kafka would show them. Throws InvalidConfigError. */
export function checkTopicConfigs(configs: Configs): Configs {
  const checked = Object.entries(configs).map(([name, text]) => {
    const definition = topicConfigDefinition(name)
    if (definition === undefined) {
      throw new InvalidConfigError(`Unknown topic config name: ${name}`)
    }
    return [name, checkConfig(name, text, definition)] as const
  })
  return Object.fromEntries(checked)
}

/** `defaults` are what the broker sets for all topics, checked. Throws InvalidConfigError. */
export function parseTopicConfig(configs: Configs, defaults: Configs): TopicConfig {
  const own = checkTopicConfigs(configs)
  const set: Configs = { ...defaults, ...own }
  const text = (name: string): string => set[name] ?? topicConfigs[name]?.default ?? ''
  const number = (name: string): number => numberOf(text(name))
  refuseConflicts(text)
  const policies = listOf(text('cleanup.policy'))
  const deletes = policies.includes('delete')
  const former = own['message.timestamp.difference.max.ms']
  const timestampBound = (name: string): number =>
    own[name] === undefined && former !== undefined ? numberOf(former) : number(name)
  return {
    retentionMs: deletes ? number('retention.ms') : -1,
    retentionBytes: deletes ? number('retention.bytes') : -1,
    segmentBytes: number('segment.bytes'),
    segmentMs: number('segment.ms'),
    maxMessageBytes: number('max.message.bytes'),
    timestampType:
      text('message.timestamp.type') === 'LogAppendTime' ? 'LogAppendTime' : 'CreateTime',
    timestampBeforeMaxMs: timestampBound('message.timestamp.before.max.ms'),
    timestampAfterMaxMs: timestampBound('message.timestamp.after.max.ms'),
    deletes,
    compaction: policies.includes('compact') ? compactionConfig(number) : undefined,
  }
}

function compactionConfig(number: (name: string) => number): CompactionConfig {
  return {
    segmentBytes: number('segment.bytes'),
    minCleanableDirtyRatio: number('min.cleanable.dirty.ratio'),
    minCompactionLagMs: number('min.compaction.lag.ms'),
    maxCompactionLagMs: number('max.compaction.lag.ms'),
    deleteRetentionMs: number('delete.retention.ms'),
  }
}

/** What each by itself may be, but not together, or not here. */
function refuseConflicts(text: (name: string) => string): void {
  const [least, most] = [text('min.compaction.lag.ms'), text('max.compaction.lag.ms')]
  if (BigInt(least) > BigInt(most)) {
    throw new InvalidConfigError(
      `conflict topic config setting min.compaction.lag.ms (${least}) > max.compaction.lag.ms (${most})`,
    )
  }
  if (text('remote.storage.enable') === 'true') {
    throw new InvalidConfigError(
      'Tiered Storage functionality is disabled in the broker. Topic cannot be configured with remote log storage.',
    )
  }
}
