// Ranges of hash keys: what shards have, how they are split, merged, and brought to equal width.
import { hashKeyMax, uniformRange, type HashKeyRange } from '../../../kinesis-wire/hash-key.ts'

export type { HashKeyRange }

export function isHashKeyRange(value: unknown): value is HashKeyRange {
  const { start, end } = (value ?? {}) as Partial<Record<keyof HashKeyRange, unknown>>
  return typeof start === 'bigint' && typeof end === 'bigint' && start <= end && end <= hashKeyMax
}

export function uniformRanges(count: number): readonly HashKeyRange[] {
  return Array.from({ length: count }, (_, index) => uniformRange(index, count))
}

/** The halves on both sides of `at`, which begins the second. */
export function splitAt(
  { start, end }: HashKeyRange,
  at: bigint,
): readonly [HashKeyRange, HashKeyRange] {
  return [
    { start, end: at - 1n },
    { start: at, end },
  ]
}

export function areAdjacent(one: HashKeyRange, other: HashKeyRange): boolean {
  return one.end + 1n === other.start || other.end + 1n === one.start
}

export function merged(one: HashKeyRange, other: HashKeyRange): HashKeyRange {
  return {
    start: one.start < other.start ? one.start : other.start,
    end: one.end > other.end ? one.end : other.end,
  }
}

/** An open shard in a plan: one that there is, or one that an earlier step of the plan opens. */
export interface PlannedShard {
  readonly shard: number
  readonly range: HashKeyRange
}

export interface PlannedStep {
  readonly closes: readonly number[]
  readonly opens: readonly HashKeyRange[]
}

/** A boundary that lies so near to where one should be, as a part of a range, is taken for it. */
const nearness = 1024n

/**
 * Splits and merges that bring `shards`, which hold every hash key once, to `count` ranges of equal width, in an order
 * that can be done one by one. What lies as it should, but for a thousandth, is left alone: widths are whole numbers, so
 * that halves of old ranges are not quite the new ones. `next` is the number that the first new shard gets.
 *
 * Each boundary that is missing is made by a split first; then what lies within one target is merged, two at a time.
 */
export function uniformPlan(
  shards: readonly PlannedShard[],
  count: number,
  next: number,
): readonly PlannedStep[] {
  const open = shards.toSorted((a, b) => (a.range.start < b.range.start ? -1 : 1))
  const starts = wantedStarts(open, count)
  const steps: PlannedStep[] = []
  const pieces: PlannedShard[] = []
  let number = next
  let at = 0
  for (let rest of open) {
    for (; at < count; at++) {
      const start = starts[at] as bigint
      if (start > rest.range.end) break
      if (start <= rest.range.start) continue
      const [low, high] = splitAt(rest.range, start)
      steps.push({ closes: [rest.shard], opens: [low, high] })
      pieces.push({ shard: number, range: low })
      rest = { shard: number + 1, range: high }
      number += 2
    }
    pieces.push(rest)
  }
  at = 0
  let held: PlannedShard | undefined
  for (const piece of pieces) {
    if (held === undefined || piece.range.start === starts[at]) {
      held = piece
      at += 1
      continue
    }
    const range = merged(held.range, piece.range)
    steps.push({ closes: [held.shard, piece.shard], opens: [range] })
    held = { shard: number++, range }
  }
  return steps
}

/** Where ranges of equal width begin, moved to boundaries of `open`, which is sorted, that are near enough. */
function wantedStarts(open: readonly PlannedShard[], count: number): readonly bigint[] {
  const near = (hashKeyMax + 1n) / BigInt(count) / nearness
  let at = 0
  return uniformRanges(count).map(({ start }) => {
    while ((open[at]?.range.start ?? start) < start - near) at += 1
    const present = open[at]?.range.start
    return present !== undefined && present <= start + near ? present : start
  })
}
