// Looks behind damage in a log file for batches that are sound: what tells a torn end from a hole.
import { frameMaxBytes } from '../../common/limits.ts'
import { recordBatchHeaderBytes, totalBytesAt, validateBatch } from '../../protocol/record-batch.ts'
import { readAt, safeBaseOffset } from './batch-scan.ts'
import type { OpenFile } from './file-system.ts'
import type { WalAdvice } from './wal-advice.ts'

const windowBytes = 1024 * 1024
const magicAt = 16

export interface FoundBatch {
  readonly position: number
  readonly baseOffset: number
}

/** Bytes that are no sound batch: `offset` is due at position `from` of a file that ends at `to`. */
export interface Hole {
  readonly offset: number
  readonly from: number
  readonly to: number
}

export interface Loss {
  /** Where the log goes on. */
  readonly baseOffset: number
  readonly bytes: number
}

/**
 * What is lost with a cut at a hole, in its file and in the segments behind it: sound batches that the write-ahead log does
 * not bring back, and everything between. Undefined where there are none.
 */
export async function lossBehind(
  file: OpenFile,
  hole: Hole,
  behind: readonly { readonly baseOffset: number; readonly sizeBytes: number }[],
  wal: WalAdvice,
): Promise<Loss | undefined> {
  const due = await wal.end(hole.offset)
  const sound = await soundBatchBehind(file, hole, due)
  const segments = behind.filter(({ baseOffset }) => baseOffset >= due)
  const next = sound?.baseOffset ?? segments[0]?.baseOffset
  if (next === undefined) return undefined
  const from = due > hole.offset ? (sound?.position ?? hole.to) : hole.from
  const bytes = segments.reduce((sum, { sizeBytes }) => sum + sizeBytes, hole.to - from)
  return { baseOffset: next, bytes }
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
