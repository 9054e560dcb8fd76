// Reads which records of a batch a function names as failed (ReportBatchItemFailures).
import type { BatchGroup } from './batcher.ts'
import type { LaneRecord } from './lane.ts'

/**
 * `none`: the answer names no record. `all`: it names one that is not in the batch, or names it in a way
 * that says nothing; Lambda then takes the whole batch as failed. `payload` is JSON text.
 */
export function itemFailuresOf(
  payload: string,
  groups: readonly BatchGroup[],
  topic: string,
): 'none' | 'all' | ReadonlySet<LaneRecord> {
  const answer = parse(payload)
  if (!isObject(answer)) return 'none'
  const failures = answer['batchItemFailures']
  if (failures === undefined || failures === null) return 'none'
  if (!Array.isArray(failures)) return 'all'
  const failed = new Set<LaneRecord>()
  const known = recordsByIdentifier(groups, topic)
  for (const failure of failures as unknown[]) {
    const identifier = isObject(failure) ? failure['itemIdentifier'] : undefined
    if (!isObject(identifier)) return 'all'
    const record = known(identifier['partition'], identifier['offset'])
    if (record === undefined) return 'all'
    failed.add(record)
  }
  return failed.size === 0 ? 'none' : failed
}

/**
 * The same for a stream, whose identifiers are sequence numbers. What is before the lowest that is named is done, and
 * all from it on failed (Lambda: it becomes the checkpoint).
 */
export function streamFailuresOf(
  payload: string,
  groups: readonly BatchGroup[],
): 'none' | 'all' | ReadonlySet<LaneRecord> {
  const answer = parse(payload)
  if (!isObject(answer)) return 'none'
  const failures = answer['batchItemFailures']
  if (failures === undefined || failures === null) return 'none'
  if (!Array.isArray(failures)) return 'all'
  const records = groups.flatMap((group) => group.records)
  const places = new Map<unknown, number>()
  for (const [index, { content }] of records.entries()) {
    const number = content.stream?.sequenceNumber
    // Records of one aggregate have it in common: the first of them stands for all.
    if (!places.has(number)) places.set(number, index)
  }
  let lowest = records.length
  for (const failure of failures as unknown[]) {
    const identifier = isObject(failure) ? failure['itemIdentifier'] : undefined
    const place = typeof identifier === 'string' ? places.get(identifier) : undefined
    if (place === undefined) return 'all'
    lowest = Math.min(lowest, place)
  }
  return lowest === records.length ? 'none' : new Set(records.slice(lowest))
}

function recordsByIdentifier(
  groups: readonly BatchGroup[],
  topic: string,
): (partition: unknown, offset: unknown) => LaneRecord | undefined {
  const byPartition = new Map<unknown, Map<unknown, LaneRecord>>()
  for (const { partition, records } of groups) {
    const byOffset = new Map<unknown, LaneRecord>(records.map((each) => [each.offset, each]))
    byPartition.set(`${topic}-${partition}`, byOffset)
  }
  return (partition, offset) => byPartition.get(partition)?.get(offset)
}

/** The state that an answer has for the next invocation of its tumbling window, as JSON text. */
export function stateOf(payload: string): string | undefined {
  const answer = parse(payload)
  return isObject(answer) && answer['state'] !== undefined
    ? JSON.stringify(answer['state'])
    : undefined
}

// What a handler returned is JSON, unless it is of a runtime that answers with anything.
function parse(payload: string): unknown {
  try {
    return JSON.parse(payload)
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error
    return undefined
  }
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
