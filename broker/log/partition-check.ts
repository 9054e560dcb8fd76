// Checks what must always hold of a partition's log, and says in words what does not.
import { validateBatch } from '../../protocol/record-batch.ts'
import type { Segment } from './segment.ts'
import type { PlacedBatch } from './tail.ts'

export interface CheckedPartition {
  readonly name: string
  readonly segments: readonly Segment[]
  readonly tail: readonly PlacedBatch[]
  readonly logStartOffset: number
  readonly highWatermark: number
  readonly logEndOffset: number
}

/** Empty when all is well. Reads and validates every batch. */
export async function checkPartition(log: CheckedPartition): Promise<readonly string[]> {
  const found: string[] = []
  const fail = (what: string): void => void found.push(`${log.name}: ${what}`)
  let expected = log.segments[0]?.baseOffset ?? 0
  for (const segment of log.segments) {
    if (segment.baseOffset !== expected) {
      fail(`segment ${segment.baseOffset} does not begin where the one before it ends, ${expected}`)
    }
    for (const flaw of await checkSegment(segment)) fail(`segment ${segment.baseOffset}: ${flaw}`)
    expected = segment.endOffset
  }
  // What was written to segments as part of a commit stays in memory for a while.
  const inMemory = log.tail[0]?.baseOffset ?? expected
  if (expected > log.highWatermark && inMemory > log.highWatermark) {
    fail(`segments end at ${expected}, above the high watermark, and memory begins at ${inMemory}`)
  }
  expected = Math.min(expected, inMemory)
  for (const { bytes, baseOffset, lastOffset } of log.tail) {
    if (baseOffset !== expected) fail(`the tail goes on at ${baseOffset}, not at ${expected}`)
    const validation = validateBatch(bytes, 0, { isStored: true })
    if (!validation.ok) fail(`the batch at ${baseOffset} in memory: ${validation.reason}`)
    else if (validation.batch.baseOffset !== baseOffset)
      fail(`the batch at ${baseOffset} was not placed`)
    expected = lastOffset + 1
  }
  if (expected !== log.logEndOffset) fail(`the log ends at ${expected}, not ${log.logEndOffset}`)
  const { logStartOffset, highWatermark, logEndOffset } = log
  if (logStartOffset > highWatermark || highWatermark > logEndOffset) {
    fail(`start ${logStartOffset}, high watermark ${highWatermark}, end ${logEndOffset}`)
  }
  return found
}

async function checkSegment(segment: Segment): Promise<readonly string[]> {
  const found: string[] = []
  let offset = segment.baseOffset
  let maxTimestamp = -1
  const batches: { baseOffset: number; position: number }[] = []
  const position = await segment.scanFrom(0, (batch) => {
    if (batch.baseOffset !== offset) found.push(`batch ${batch.baseOffset} where ${offset} is due`)
    const validation = validateBatch(batch.chunk, batch.at, { isStored: true })
    if (!validation.ok) found.push(`batch ${batch.baseOffset}: ${validation.reason}`)
    else maxTimestamp = Math.max(maxTimestamp, validation.batch.maxTimestamp)
    batches.push({ baseOffset: batch.baseOffset, position: batch.position })
    offset = batch.lastOffset + 1
    return true
  })
  if (position !== segment.sizeBytes)
    found.push(`batches end at byte ${position} of ${segment.sizeBytes}`)
  if (offset !== segment.endOffset) found.push(`offsets end at ${offset}, not ${segment.endOffset}`)
  if (segment.sizeBytes > 0) {
    const stated = await segment.maxTimestamp()
    if (stated !== maxTimestamp)
      found.push(`its largest timestamp is ${maxTimestamp}, not ${stated}`)
    found.push(...(await checkIndex(segment, batches)))
  }
  return found
}

async function checkIndex(
  segment: Segment,
  batches: readonly { readonly baseOffset: number; readonly position: number }[],
): Promise<readonly string[]> {
  const index = await segment.index()
  const positions = new Set(batches.map(({ position }) => position))
  return batches.flatMap(({ baseOffset, position }) => {
    const before = index.positionBefore(baseOffset - segment.baseOffset)
    if (before <= position && positions.has(before)) return []
    return [`the index has position ${before} for offset ${baseOffset} at ${position}`]
  })
}
