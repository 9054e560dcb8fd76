// Finds batches in bytes of a segment and believes none that it has not checked.
import {
  baseOffsetAt,
  lastOffsetDeltaAt,
  recordBatchHeaderBytes,
  recordCountAt,
  totalBytesAt,
  validateBatch,
} from '../../protocol/record-batch.ts'
import { safeBaseOffset } from './batch-scan.ts'

/** Where a batch begins, and which base offset it must have. */
export interface Place {
  readonly at: number
  readonly offset: number
}

/**
 * From the batch at `from` on to the first with records that holds `offset` or lies behind it, or as far as `chunk` has headers. `isDamaged`
 * where what lies there is not the header of the batch that is due.
 */
export function skipTo(
  chunk: Buffer,
  from: Place,
  offset: number,
): Place & { readonly isDamaged: boolean } {
  let { at, offset: due } = from
  while (at + recordBatchHeaderBytes <= chunk.length) {
    const lastDelta = lastOffsetDeltaAt(chunk, at)
    const sizeBytes = totalBytesAt(chunk, at)
    const isDue = safeBaseOffset(chunk, at) === due && lastDelta >= 0
    if (!isDue || sizeBytes < recordBatchHeaderBytes) return { at, offset: due, isDamaged: true }
    if (due + lastDelta >= offset) {
      if (recordCountAt(chunk, at) > 0) break
      // That compaction has left nothing of it but a header must not be damage's word.
      const { ok } = validateBatch(chunk, at, { isStored: true })
      if (!ok) return { at, offset: due, isDamaged: true }
    }
    at += sizeBytes
    due += lastDelta + 1
  }
  return { at, offset: due, isDamaged: false }
}

/**
 * How many bytes of whole, sound batches lie from `from` on, `maxBytes` at most, and the offset behind
 * them; `reason` says why the
 * next one is not sound, where that is what ends them. Offsets lie outside of the checksum, so each batch
 * must also go on where the one before it ends.
 */
export function soundBytes(
  chunk: Buffer,
  from: Place,
  maxBytes: number,
): { readonly bytes: number; readonly offset: number; readonly reason?: string } {
  const end = Math.min(chunk.length, from.at + maxBytes)
  let { at, offset: due } = from
  while (at + recordBatchHeaderBytes <= end && at + totalBytesAt(chunk, at) <= end) {
    const validation = validateBatch(chunk, at, { isStored: true })
    const reason = !validation.ok
      ? validation.reason
      : validation.batch.baseOffset !== due
        ? `base offset ${validation.batch.baseOffset} where ${due} is due`
        : undefined
    if (!validation.ok || reason !== undefined) {
      return { bytes: at - from.at, offset: due, ...named(reason) }
    }
    due += validation.batch.lastOffsetDelta + 1
    at += validation.batch.sizeBytes
  }
  return { bytes: at - from.at, offset: due }
}

/** The offset behind the last of whole batches, which were checked. */
export function offsetBehind(batches: Buffer): number {
  let offset = 0
  for (let at = 0; at < batches.length; at += totalBytesAt(batches, at)) {
    offset = baseOffsetAt(batches, at) + lastOffsetDeltaAt(batches, at) + 1
  }
  return offset
}

function named(reason: string | undefined): { reason?: string } {
  return reason === undefined ? {} : { reason }
}
