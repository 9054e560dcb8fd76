// A topic as the log keeps it: its name, identity, configuration and partitions.
import assert from 'node:assert/strict'
import { topicNameMaxLength } from '../../common/limits.ts'
import type { PartitionLog } from './partition-log.ts'
import type { TopicConfig } from './topic-config.ts'

export interface Topic {
  readonly name: string
  /** A UUID as text: 8-4-4-4-12 hexadecimal digits. */
  readonly id: string
  /** Written by the broker for itself; clients may read it. */
  readonly internal: boolean
  /** As they were set, by Kafka's key. */
  readonly configs: Readonly<Record<string, string>>
  /** What holds: `configs` over the store's defaults. */
  readonly config: TopicConfig
  readonly partitions: readonly PartitionLog[]
}

/** Creating a topic whose name is taken: Kafka's TOPIC_ALREADY_EXISTS. */
export class TopicExistsError extends Error {
  readonly code = 'TOPIC_ALREADY_EXISTS'

  constructor(name: string) {
    super(`topic ${name} exists`)
    this.name = 'TopicExistsError'
  }
}

/** Changing a topic that is not there (any more): Kafka's UNKNOWN_TOPIC_OR_PARTITION. */
export class UnknownTopicError extends Error {
  readonly code = 'UNKNOWN_TOPIC_OR_PARTITION'

  constructor(name: string) {
    super(`The topic '${name}' does not exist.`)
    this.name = 'UnknownTopicError'
  }
}

/** Why a name is not a topic's, by Kafka's rule and in its words; one that passes is a safe name of a directory. */
export function topicNameFlaw(name: string): string | undefined {
  const invalid = 'Topic name is invalid:'
  if (name === '') return `${invalid} the empty string is not allowed`
  if (/^\.\.?$/.test(name)) return `${invalid} '${name}' is not allowed`
  if (name.length > topicNameMaxLength) {
    return `${invalid} the length of '${name}' is longer than the max allowed length ${topicNameMaxLength}`
  }
  if (/^[a-zA-Z0-9._-]+$/.test(name)) return undefined
  return `${invalid} '${name}' contains one or more characters other than ASCII alphanumerics, '.', '_' and '-'`
}

export function isTopicName(name: string): boolean {
  return topicNameFlaw(name) === undefined
}

/** What `topic.json` holds. */
export interface TopicRecord {
  readonly id: string
  readonly partitions: number
  readonly internal: boolean
  readonly configs: Readonly<Record<string, string>>
}

export function encodeTopicRecord(record: TopicRecord): Buffer {
  return Buffer.from(`${JSON.stringify(record, undefined, 2)}\n`)
}

/** Undefined where the text is not a topic's record. */
export function parseTopicRecord(text: string): TopicRecord | undefined {
  const value = parseJson(text)
  if (typeof value !== 'object' || value === null) return undefined
  const { id, partitions, internal, configs } = value as Partial<Record<keyof TopicRecord, unknown>>
  const isSound =
    typeof id === 'string' &&
    /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(id) &&
    typeof partitions === 'number' &&
    Number.isSafeInteger(partitions) &&
    partitions >= 1 &&
    typeof internal === 'boolean' &&
    typeof configs === 'object' &&
    configs !== null &&
    Object.values(configs).every((text) => typeof text === 'string')
  if (!isSound) return undefined
  return { id, partitions, internal, configs: configs as Record<string, string> }
}

/** The 16 bytes of a topic's id. */
export function topicIdBytes(id: string): Buffer {
  const bytes = Buffer.from(id.replaceAll('-', ''), 'hex')
  assert(bytes.length === 16, 'a topic id is a UUID')
  return bytes
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch (error) {
    if (error instanceof SyntaxError) return undefined
    throw error
  }
}
