// Looks behind damage in a log file for batches that are sound: what tells a torn end from a hole.
import { frameMaxBytes } from '../../common/limits.ts'
import { recordBatchHeaderBytes, totalBytesAt, validateBatch } from '../../protocol/record-batch.ts'
import { readAt, safeBaseOffset } from './batch-scan.ts'
import type { OpenFile } from './file-system.ts'

const windowBytes = 1024 * 1024
const magicAt = 16

export interface FoundBatch {
  readonly position: number
  readonly baseOffset: number
}

/**
 * The first sound batch that begins at or behind `from` and has a base offset of `offset` or above;
 * undefined where there is none. Reads everything up to `to`.
 */
export async function soundBatchBehind(
  file: OpenFile,
  range: { readonly from: number; readonly to: number },
  offset: number,
): Promise<FoundBatch | undefined> {
  const { to } = range
  let { from } = range
  while (to - from >= recordBatchHeaderBytes) {
    const window = await readAt(file, from, Math.min(windowBytes, to - from))
    for (let at = 0; at + recordBatchHeaderBytes <= window.length; at++) {
      if (window[at + magicAt] !== 2) continue
      const baseOffset = safeBaseOffset(window, at)
      const sizeBytes = totalBytesAt(window, at)
      const isPossible =
        baseOffset !== undefined &&
        baseOffset >= offset &&
        sizeBytes >= recordBatchHeaderBytes &&
        sizeBytes <= Math.min(frameMaxBytes, to - from - at)
      if (!isPossible) continue
      const isHere = at + sizeBytes <= window.length
      const batch = isHere ? window.subarray(at) : await readAt(file, from + at, sizeBytes)
      if (validateBatch(batch, 0, { isStored: true }).ok) return { position: from + at, baseOffset }
    }
    if (window.length < windowBytes) break
    from += windowBytes - recordBatchHeaderBytes + 1
  }
  return undefined
}
