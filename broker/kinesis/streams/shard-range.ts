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

/**
 * Splits and merges that bring `shards` to `count` ranges of equal width, in an order that can be done one by one. What
 * lies as it should is left alone. `next` is the number that the first new shard gets.
 *
 * Each boundary that is missing is made by a split first; then what lies within one target is merged, two at a time.
 */
export function uniformPlan(
  shards: readonly PlannedShard[],
  count: number,
  next: number,
): readonly PlannedStep[] {
  const targets = uniformRanges(count)
  let open = shards.toSorted((a, b) => (a.range.start < b.range.start ? -1 : 1))
  const steps: PlannedStep[] = []
  let number = next
  const replace = (closed: readonly PlannedShard[], opens: readonly HashKeyRange[]): void => {
    steps.push({ closes: closed.map(({ shard }) => shard), opens })
    const opened = opens.map((range) => ({ shard: number++, range }))
    const at = open.findIndex((each) => each === closed[0])
    open = open.toSpliced(at, closed.length, ...opened)
  }
  for (const { start } of targets) {
    const holder = open.find(({ range }) => range.start < start && start <= range.end)
    if (holder !== undefined) replace([holder], splitAt(holder.range, start))
  }
  for (const target of targets) {
    for (;;) {
      const [one, other] = open.filter(
        ({ range }) => range.start >= target.start && range.end <= target.end,
      )
      if (one === undefined || other === undefined) break
      replace([one, other], [merged(one.range, other.range)])
    }
  }
  return steps
}
