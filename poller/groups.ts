// Counts, divides and halves the records of a batch, group by group.
import type { BatchGroup } from './batcher.ts'
import type { LaneRecord } from './lane.ts'

/** How many records are in the groups. */
export function recordsOf(groups: readonly BatchGroup[]): number {
  return groups.reduce((sum, { records }) => sum + records.length, 0)
}

/** Those that match, and the others; each in their order, and without empty groups. */
export function divide(
  groups: readonly BatchGroup[],
  matches: (record: LaneRecord) => boolean,
): readonly [matching: readonly BatchGroup[], others: readonly BatchGroup[]] {
  if (!groups.some(({ records }) => records.some(matches))) return [[], groups]
  return [select(groups, matches), select(groups, (record) => !matches(record))]
}

/** The first half and the rest of two records or more; the order is that of the event. */
export function halvesOf(
  groups: readonly BatchGroup[],
): readonly [readonly BatchGroup[], readonly BatchGroup[]] {
  let left = Math.ceil(recordsOf(groups) / 2)
  const first = new Set<LaneRecord>()
  for (const { records } of groups) {
    for (const record of records.slice(0, left)) first.add(record)
    left = Math.max(0, left - records.length)
  }
  return divide(groups, (record) => first.has(record))
}

function select(
  groups: readonly BatchGroup[],
  matches: (record: LaneRecord) => boolean,
): readonly BatchGroup[] {
  return groups.flatMap((group) => {
    const records = group.records.filter(matches)
    return records.length === 0 ? [] : [{ ...group, records }]
  })
}
