// Kafka's names for what a topic can be configured with, and what each text means.
import { recordBatchMaxBytes } from '../../common/limits.ts'

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
}

/** A key that is not known or a value that does not parse: Kafka's INVALID_CONFIG. */
export class InvalidTopicConfigError extends Error {
  readonly code = 'INVALID_CONFIG'
  readonly key: string

  constructor(key: string, reason: string) {
    super(`${key}: ${reason}`)
    this.name = 'InvalidTopicConfigError'
    this.key = key
  }
}

/** Kafka: segment.ms is seven days unless a topic says otherwise. */
const segmentMsDefault = 7 * 24 * 3_600_000

/** Texts by Kafka's key to what holds. Throws InvalidTopicConfigError. */
export function parseTopicConfig(
  configs: Readonly<Record<string, string>>,
  defaults: TopicDefaults,
): TopicConfig {
  const config: TopicConfig = {
    ...defaults,
    segmentMs: segmentMsDefault,
    maxMessageBytes: recordBatchMaxBytes,
    timestampType: 'CreateTime',
  }
  for (const [key, text] of Object.entries(configs)) {
    // A client chooses the key: `constructor` and `__proto__` are on every object.
    const parse = Object.hasOwn(parsers, key) ? parsers[key] : undefined
    if (parse === undefined) throw new InvalidTopicConfigError(key, 'unknown topic configuration')
    Object.assign(config, parse(key, text))
  }
  return config
}

/** Kafka's key to text for everything that holds: what DescribeConfigs shows. */
export function formatTopicConfig(config: TopicConfig): Readonly<Record<string, string>> {
  return {
    'cleanup.policy': 'delete',
    'max.message.bytes': String(config.maxMessageBytes),
    'message.timestamp.type': config.timestampType,
    'retention.bytes': String(config.retentionBytes),
    'retention.ms': String(config.retentionMs),
    'segment.bytes': String(config.segmentBytes),
    'segment.ms': String(config.segmentMs),
  }
}

type Parser = (key: string, text: string) => Partial<TopicConfig>

// The least values are Kafka's (TopicConfig): a segment.bytes below 14 cannot hold a header.
const parsers: Readonly<Record<string, Parser>> = {
  'retention.ms': (key, text) => ({ retentionMs: wholeNumber(key, text, -1) }),
  'retention.bytes': (key, text) => ({ retentionBytes: wholeNumber(key, text, -1) }),
  'segment.bytes': (key, text) => ({ segmentBytes: int32(key, text, 14) }),
  'segment.ms': (key, text) => ({ segmentMs: wholeNumber(key, text, 1) }),
  'max.message.bytes': (key, text) => ({ maxMessageBytes: int32(key, text, 0) }),
  'message.timestamp.type': (key, text) => {
    if (text === 'CreateTime' || text === 'LogAppendTime') return { timestampType: text }
    throw new InvalidTopicConfigError(key, `"${text}" is neither CreateTime nor LogAppendTime`)
  },
  'cleanup.policy': (key, text) => {
    if (text === 'delete') return {}
    throw new InvalidTopicConfigError(key, `"${text}" is not supported, only delete is`)
  },
}

function int32(key: string, text: string, least: number): number {
  const value = wholeNumber(key, text, least)
  if (value <= 2 ** 31 - 1) return value
  throw new InvalidTopicConfigError(key, `${text} is above ${2 ** 31 - 1}`)
}

function wholeNumber(key: string, text: string, least: number): number {
  const value = Number(text)
  if (
    !/^-?\d+$/.test(text) ||
    (!Number.isSafeInteger(value) && !/^9223372036854775807$/.test(text))
  ) {
    throw new InvalidTopicConfigError(key, `"${text}" is not a whole number`)
  }
  if (value < least) throw new InvalidTopicConfigError(key, `${text} is below ${least}`)
  // Kafka's tools write the largest int64 for "never"; as a number it is past counting anyway.
  return Math.min(value, Number.MAX_SAFE_INTEGER)
}
