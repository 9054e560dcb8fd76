// Counts, divides and halves the records of a batch, group by group.
import type { Batch, DiscardCondition } from './batch.ts'
import type { BatchGroup } from './batcher.ts'
import { countOf, split, sumOf, type LaneRecord } from './lane.ts'

/** How many records are in the groups. */
export function recordsOf(groups: readonly BatchGroup[]): number {
  return groups.reduce((sum, { records }) => sum + sumOf(records), 0)
}

/** When its oldest record becomes too old, or its window where it is the final invocation of one. */
export function expiryOf({ groups, window }: Batch, recordAgeMaxMs: number): number {
  if (recordAgeMaxMs === Infinity) return Infinity
  let oldestMs = window?.isFinal === true ? window.endMs : Infinity
  for (const { records } of groups) {
    for (const { timestampMs } of records) oldestMs = Math.min(oldestMs, timestampMs)
  }
  return oldestMs + recordAgeMaxMs + 1
}

/** Records that the function never gets, by the condition that says why. */
export const unsendable: readonly (readonly [
  condition: DiscardCondition,
  isOne: (record: LaneRecord) => boolean,
])[] = [
  ['MaximumPayloadSizeExceeded', ({ oversizedBytes }) => oversizedBytes !== undefined],
  ['SCHEMA_NOT_FOUND', ({ content }) => content.failure === 'SCHEMA_NOT_FOUND'],
  ['DESERIALIZATION_ERROR', ({ content }) => content.failure === 'DESERIALIZATION_ERROR'],
]

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
  const first: BatchGroup[] = []
  const second: BatchGroup[] = []
  for (const group of groups) {
    const [before, after] = cut(group.records, left)
    left -= sumOf(before)
    if (before.length > 0) first.push({ ...group, records: before })
    if (after.length > 0) second.push({ ...group, records: after })
  }
  return [first, second]
}

/** The first `count` records, and the others. */
function cut(
  records: readonly LaneRecord[],
  count: number,
): readonly [readonly LaneRecord[], readonly LaneRecord[]] {
  let left = count
  for (const [index, record] of records.entries()) {
    const here = countOf(record)
    if (left >= here) {
      left -= here
      continue
    }
    if (left === 0) return [records.slice(0, index), records.slice(index)]
    const [before, after] = split(record, left)
    return [
      [...records.slice(0, index), before],
      [after, ...records.slice(index + 1)],
    ]
  }
  return [records, []]
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
