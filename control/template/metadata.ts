// Metadata: Millrace: what CloudFormation has no words for, partitions and retention of topics.
import { topicPartitionsMax } from '../../common/limits.ts'
import { isTopicName } from './kafka-mapping.ts'
import type { TemplateNames } from './names.ts'
import type { PlannedTopic } from './plan.ts'
import * as read from './readers.ts'
import type { Entry, Mapping } from './tree.ts'

const topic = {
  read: {
    Partitions: read.wholeNumber(1, topicPartitionsMax),
    // Kafka: -1 keeps records for ever.
    RetentionMs: read.wholeNumber(-1, Number.MAX_SAFE_INTEGER),
    RetentionBytes: read.wholeNumber(-1, Number.MAX_SAFE_INTEGER),
    SegmentBytes: read.wholeNumber(14, 2_147_483_647),
  },
} as const satisfies read.PropertyTable<read.Readers>

/** `Metadata: {Millrace: {Topics: {name: {Partitions, RetentionMs, …}}}}` at the template's level. */
export function planMetadata(section: Mapping, names: TemplateNames): readonly PlannedTopic[] {
  const millrace = section.entries.get('Millrace')
  if (millrace === undefined) return []
  if (millrace.value.kind !== 'mapping') {
    names.findings.error(millrace.line, 'Metadata.Millrace is not a mapping')
    return []
  }
  for (const [name, { line }] of millrace.value.entries) {
    if (name !== 'Topics') names.findings.warn(line, `Metadata.Millrace: ${name} is not supported`)
  }
  const topics = millrace.value.entries.get('Topics')
  if (topics === undefined) return []
  if (topics.value.kind !== 'mapping') {
    names.findings.error(topics.line, 'Metadata.Millrace.Topics is not a mapping')
    return []
  }
  return [...topics.value.entries].flatMap(([name, entry]) => planTopic(name, entry, names))
}

function planTopic(
  name: string,
  { line, value }: Entry,
  names: TemplateNames,
): readonly PlannedTopic[] {
  const subject = `Metadata.Millrace.Topics.${name}`
  if (!isTopicName(name) || (value.kind !== 'mapping' && value.kind !== 'null')) {
    const problem = isTopicName(name) ? 'is not a mapping' : "is not a topic's name"
    names.findings.error(line, `${subject} ${problem}`)
    return []
  }
  if (value.kind === 'null') return [{ name, line, configs: {} }]
  const values = read.readProperties(value, topic, { subject, line, names })
  const { Partitions: partitions, ...settings } = values
  const configs = [
    ['retention.ms', settings.RetentionMs],
    ['retention.bytes', settings.RetentionBytes],
    ['segment.bytes', settings.SegmentBytes],
  ].filter(([, setting]) => setting !== undefined)
  return [
    {
      name,
      line,
      ...(partitions === undefined ? {} : { partitions }),
      configs: Object.fromEntries(configs.map(([key, setting]) => [key, String(setting)])),
    },
  ]
}

/**
 * One topic per name and cluster: what a mapping reads, with the partitions and settings of the
 * Metadata of that name. What only the Metadata names is on the platform's own cluster.
 */
export function mergeTopics(
  read: readonly PlannedTopic[],
  described: readonly PlannedTopic[],
): readonly PlannedTopic[] {
  const merged = new Map<string, PlannedTopic>()
  for (const topic of read) {
    const description = described.find(({ name }) => name === topic.name)
    const key = `${topic.name} ${topic.bootstrapServers?.join(',') ?? ''}`
    if (!merged.has(key)) merged.set(key, { ...topic, ...description })
  }
  const names = new Set(read.map(({ name }) => name))
  const alone = described.filter(({ name }) => !names.has(name))
  return [...merged.values(), ...alone]
}
