// Tags with which a stream's owner switches what the platform itself does with it.
import { topicPartitionsMax } from '../../../common/limits.ts'

/** All tags of ours begin so; a key of it that we do not know is refused, so that no switch is misspelt unnoticed. */
const prefix = 'millrace:'

type Tags = Readonly<Record<string, string>>

/** What a switch may be: one of a few words, or a whole number within bounds. */
const switches: Readonly<Record<string, readonly string[] | readonly [number, number]>> = {
  /** Whether AWS's limits of a shard hold, whatever the pace is. */
  'millrace:shard-limits': ['on', 'off'],
  /** Percent of a shard's limits at which shards are to be used: its presence turns auto scaling on. */
  'millrace:scaling-target': [10, 90],
  'millrace:scaling-min': [1, topicPartitionsMax],
  'millrace:scaling-max': [1, topicPartitionsMax],
}

/** Why these tags cannot be a stream's. */
export function switchFlaw(tags: Tags): string | undefined {
  for (const [key, value] of Object.entries(tags)) {
    if (!key.startsWith(prefix)) continue
    const allowed = Object.hasOwn(switches, key) ? switches[key] : undefined
    if (allowed === undefined) {
      return `There is no tag ${key}: those that switch something are ${Object.keys(switches).join(', ')}.`
    }
    if (isNumeric(allowed)) {
      const [least, most] = allowed
      const number = /^\d{1,6}$/.test(value) ? Number(value) : NaN
      if (!(number >= least && number <= most)) {
        return `The value of tag ${key} must be a whole number from ${least} to ${most}, and is ${value}.`
      }
    } else if (!allowed.includes(value)) {
      return `The value of tag ${key} must be one of ${allowed.join(', ')}, and is ${value}.`
    }
  }
  return undefined
}

/** Undefined where the stream's tags leave it to the pace. */
export function shardLimitsSwitch(tags: Tags): boolean | undefined {
  const value = tags['millrace:shard-limits']
  return value === undefined ? undefined : value === 'on'
}

export interface ScalingBounds {
  readonly targetPercent: number
  readonly minShards: number
  readonly maxShards: number
}

/** Undefined where shards are the owner's own business. */
export function scalingSwitch(tags: Tags): ScalingBounds | undefined {
  const target = tags['millrace:scaling-target']
  if (target === undefined) return undefined
  return {
    targetPercent: Number(target),
    minShards: Number(tags['millrace:scaling-min'] ?? 1),
    maxShards: Number(tags['millrace:scaling-max'] ?? topicPartitionsMax),
  }
}

function isNumeric(
  allowed: readonly string[] | readonly [number, number],
): allowed is readonly [number, number] {
  return typeof allowed[0] === 'number'
}
