// What a stream's file holds: all that a stream is beyond the topic whose records it has.
import { isHashKeyRange, type HashKeyRange } from './shard-range.ts'

export type StreamMode = 'PROVISIONED' | 'ON_DEMAND'

/** A shard is a partition of the topic; its number is its place in the list. */
export interface ShardRecord {
  /** Undefined for a partition that was added through Kafka: no partition key leads there. */
  readonly range?: HashKeyRange
  /** One for a half of a split, two for what was merged; none for a stream's first shards. */
  readonly parents: readonly number[]
  readonly madeMs: number
  /** Since then nothing is appended. */
  readonly closedMs?: number
}

/** Shards that a change closes and what comes in their place: written down before anything of it is done. */
export interface ReshardingStep {
  readonly closes: readonly number[]
  readonly opens: readonly HashKeyRange[]
}

export interface ConsumerRecord {
  readonly name: string
  readonly madeMs: number
  readonly tags: Readonly<Record<string, string>>
  /** As a stream has one. */
  readonly policy?: string
}

export interface StreamRecord {
  /** Of the topic: a topic of the same name that was made anew is another stream. */
  readonly topicId: string
  readonly madeMs: number
  readonly mode: StreamMode
  readonly shards: readonly ShardRecord[]
  /** Steps that are still to be done, in their order. */
  readonly resharding: readonly ReshardingStep[]
  /** When UpdateShardCount was called, of the last 24 hours. */
  readonly shardCountUpdatesMs: readonly number[]
  /** When the mode was changed, of the last 24 hours. */
  readonly modeChangesMs: readonly number[]
  readonly tags: Readonly<Record<string, string>>
  readonly consumers: readonly ConsumerRecord[]
  /** The key of StartStreamEncryption; records lie as they came all the same. */
  readonly encryptionKeyId?: string
  /** Names of shard-level metrics, as they were asked for. */
  readonly shardLevelMetrics: readonly string[]
  readonly recordMaxKiB: number
  readonly distribution: 'AUTO' | 'USER_PARTITION_KEY'
  readonly warmThroughputMiBps?: number
  /** A resource policy as JSON text; kept, not judged by. */
  readonly policy?: string
}

export const recordMaxKiBDefault = 1024

export function newStreamRecord(
  topicId: string,
  madeMs: number,
  ranges: readonly HashKeyRange[],
): StreamRecord {
  return {
    topicId,
    madeMs,
    mode: 'PROVISIONED',
    shards: ranges.map((range) => ({ range, parents: [], madeMs })),
    resharding: [],
    shardCountUpdatesMs: [],
    modeChangesMs: [],
    tags: {},
    consumers: [],
    shardLevelMetrics: [],
    recordMaxKiB: recordMaxKiBDefault,
    distribution: 'USER_PARTITION_KEY',
  }
}

/** The record without a member that may be absent. */
export function lacking(record: StreamRecord, member: 'encryptionKeyId' | 'policy'): StreamRecord {
  const rest = { ...record }
  delete rest[member]
  return rest
}

/** Hash keys do not fit into JSON's numbers: they are written in hexadecimal digits. */
export function encodeStreamRecord(record: StreamRecord): Buffer {
  const text = JSON.stringify(
    record,
    (_, value: unknown) => (typeof value === 'bigint' ? value.toString(16) : value),
    1,
  )
  return Buffer.from(`${text}\n`)
}

/** Undefined where the text is no stream's record. */
export function parseStreamRecord(text: string): StreamRecord | undefined {
  let value: unknown
  try {
    value = JSON.parse(text, (key, member: unknown) => {
      const isHashKey = (key === 'start' || key === 'end') && typeof member === 'string'
      return isHashKey && /^[0-9a-f]{1,32}$/.test(member) ? BigInt(`0x${member}`) : member
    })
  } catch (error) {
    if (error instanceof SyntaxError) return undefined
    throw error
  }
  return isStreamRecord(value) ? value : undefined
}

function isStreamRecord(value: unknown): value is StreamRecord {
  if (typeof value !== 'object' || value === null) return false
  const record = value as Partial<Record<keyof StreamRecord, unknown>>
  const { topicId, madeMs, shards, resharding, tags, consumers, recordMaxKiB } = record
  return (
    typeof topicId === 'string' &&
    Number.isSafeInteger(madeMs) &&
    Number.isSafeInteger(recordMaxKiB) &&
    typeof tags === 'object' &&
    Array.isArray(consumers) &&
    Array.isArray(shards) &&
    shards.length > 0 &&
    shards.every(isShardRecord) &&
    Array.isArray(resharding) &&
    resharding.every(isStep)
  )
}

function isShardRecord(value: unknown): boolean {
  const { range, parents, madeMs } = (value ?? {}) as Partial<Record<keyof ShardRecord, unknown>>
  return (
    (range === undefined || isHashKeyRange(range)) &&
    Array.isArray(parents) &&
    parents.every(Number.isSafeInteger) &&
    Number.isSafeInteger(madeMs)
  )
}

function isStep(value: unknown): boolean {
  const { closes, opens } = (value ?? {}) as Partial<Record<keyof ReshardingStep, unknown>>
  return (
    Array.isArray(closes) &&
    closes.every(Number.isSafeInteger) &&
    Array.isArray(opens) &&
    opens.every(isHashKeyRange)
  )
}
