// How many of Lambda's event poller units the event pollers of a mapping in provisioned mode come to.
import { bytesPerSecondOfUnit, pollersOfUnit } from '../common/mapping-limits.ts'
import type { RecordHeader } from '../events/raw-record.ts'
import { isRaw } from './kept-records.ts'
import type { SourceRecord } from './sources/source.ts'

/** Whole units, for so many event pollers that read so much together; what does not run is none. */
export function eventPollerUnits(pollers: number, bytesPerSecond: number): number {
  return Math.ceil(Math.max(pollers / pollersOfUnit, bytesPerSecond / bytesPerSecondOfUnit))
}

/** What a record's key, value and headers are in the source. */
export function polledBytesOf(record: SourceRecord): number {
  if (record.polledBytes !== undefined) return record.polledBytes
  // Where the parts lie is known of most records, and a view of each would be made only to be measured.
  if (!isRaw(record)) {
    return (record.key?.length ?? 0) + (record.value?.length ?? 0) + headerBytesOf(record.headers)
  }
  const { keyBytes, valueBytes, headerCount } = record
  const bytes = Math.max(0, keyBytes) + Math.max(0, valueBytes)
  return headerCount === 0 ? bytes : bytes + headerBytesOf(record.headers)
}

function headerBytesOf(headers: readonly RecordHeader[]): number {
  return headers.reduce((sum, { name, value }) => sum + name.length + value.length, 0)
}

/** Between the first and the last of some looks at the bytes read so far; 0 of fewer than two. */
export function bytesPerSecondOf(
  looks: readonly { readonly atMs: number; readonly polledBytes: number }[],
): number {
  const [first, last] = [looks[0], looks.at(-1)]
  if (first === undefined || last === undefined || first.atMs === last.atMs) return 0
  return ((last.polledBytes - first.polledBytes) / (last.atMs - first.atMs)) * 1000
}
