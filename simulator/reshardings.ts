// Reads the reshardings of a scenario from JSON, or from a text such as 8@60s,split:0@90s,merge:1+2@2m.
import { parseMilliseconds } from '../common/quantities.ts'
import type { Resharding } from './scenario.ts'

/** More than AWS lets a stream have in a week. */
const reshardingsMax = 100
const secondsMax = 604_800

/** Undefined where the value is none; whether they can be done is not looked at. */
export function reshardingsOf(value: unknown): readonly Resharding[] | undefined {
  const list = typeof value === 'string' ? ofText(value) : value
  if (!Array.isArray(list) || list.length > reshardingsMax || !list.every(isResharding)) {
    return undefined
  }
  return list.every(({ second }, index) => second >= (list[index - 1]?.second ?? 0))
    ? list
    : undefined
}

function ofText(text: string): readonly unknown[] {
  return text.trim() === '' ? [] : text.split(',').map((part) => oneOf(part.trim()))
}

const pattern = /^(?:(\d+)|split:(\d+)|merge:(\d+)\+(\d+))@(\w+)$/

function oneOf(text: string): Resharding | undefined {
  const [, shards, split, one, other, at = ''] = pattern.exec(text) ?? []
  const ms = parseMilliseconds(at)
  if (ms === undefined) return undefined
  const second = ms / 1000
  if (shards !== undefined) return { second, shards: Number(shards) }
  if (split !== undefined) return { second, split: Number(split) }
  return { second, merge: [Number(one), Number(other)] }
}

function isResharding(value: unknown): value is Resharding {
  const { second, split, merge, shards, ...others } = (value ?? {}) as Record<string, unknown>
  const given = [split, merge, shards].filter((each) => each !== undefined)
  const isTimed = typeof second === 'number' && second > 0 && second <= secondsMax
  if (!isTimed || given.length !== 1 || Object.keys(others).length > 0) return false
  if (merge !== undefined) return Array.isArray(merge) && merge.length === 2 && merge.every(isIndex)
  return split === undefined ? isIndex(shards) && shards !== 0 : isIndex(split)
}

function isIndex(value: unknown): boolean {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0
}
