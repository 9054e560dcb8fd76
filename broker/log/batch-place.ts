// Gives a batch its place in the log, in the bytes it came in.
import { patchBatch, rewriteTimestamps, type BatchInfo } from '../../protocol/record-batch.ts'
import type { PlacedBatch } from './tail.ts'

export interface BatchPlace {
  readonly baseOffset: number
  readonly leaderEpoch: number
  /** -1 where records keep the producer's time. */
  readonly logAppendTimeMs: number
}

export function placedBatch(buffer: Buffer, batch: BatchInfo, place: BatchPlace): PlacedBatch {
  const { position, sizeBytes, lastOffsetDelta } = batch
  const { baseOffset, leaderEpoch, logAppendTimeMs } = place
  const isStamped = logAppendTimeMs >= 0
  if (isStamped) rewriteTimestamps(buffer, position, logAppendTimeMs)
  patchBatch(buffer, position, { baseOffset, leaderEpoch })
  const isWhole = sizeBytes === buffer.length
  const bytes = isWhole ? buffer : buffer.subarray(position, position + sizeBytes)
  const maxTimestamp = isStamped ? logAppendTimeMs : batch.maxTimestamp
  return { bytes, baseOffset, lastOffset: baseOffset + lastOffsetDelta, maxTimestamp }
}
