// Walks the batches of a segment file, a large read at a time.
import type { BufferPool } from '../../common/buffer-pool.ts'
import { frameMaxBytes } from '../../common/limits.ts'
import {
  baseOffsetAt,
  lastOffsetDeltaAt,
  recordBatchHeaderBytes,
  totalBytesAt,
} from '../../protocol/record-batch.ts'
import type { OpenFile } from './file-system.ts'

const chunkBytes = 1024 * 1024

/** A whole batch: it lies at `at` in `chunk` and at `position` in the file. */
export interface ScannedBatch {
  readonly chunk: Buffer
  readonly at: number
  readonly position: number
  readonly sizeBytes: number
  readonly baseOffset: number
  readonly lastOffset: number
}

/**
 * Calls `visit` for each batch from position `from` until it says false, or until what comes is not a
 * whole batch that ends at or before `to`. Resolves with the position it stopped at. Only the length is
 * looked at: whether a batch is sound is for `visit` to find out.
 */
export async function scanBatches(
  file: OpenFile,
  range: { readonly from: number; readonly to: number },
  visit: (batch: ScannedBatch) => boolean,
): Promise<number> {
  let position = range.from
  let wanted = chunkBytes
  while (range.to - position >= recordBatchHeaderBytes) {
    const chunk = await readAt(file, position, Math.min(wanted, range.to - position))
    const visited = visitChunk(chunk, position, visit)
    position += visited.bytes
    if (visited.stopped) break
    wanted = chunkBytes
    if (visited.bytes > 0) continue
    // Not even one whole batch: read all of it, unless its length cannot be one.
    wanted = chunk.length < recordBatchHeaderBytes ? 0 : totalBytesAt(chunk, 0)
    const isPossible = wanted > chunk.length && wanted <= frameMaxBytes
    if (!isPossible || wanted > range.to - position) break
  }
  return position
}

/** As many bytes from `position` as there are, `length` at most; into memory of `buffers` where that is given. */
export async function readAt(
  file: OpenFile,
  position: number,
  length: number,
  buffers?: BufferPool,
): Promise<Buffer> {
  const buffer = buffers?.take(length) ?? Buffer.allocUnsafe(length)
  const bytes = await file.read(buffer, position)
  return bytes === length ? buffer : buffer.subarray(0, bytes)
}

function visitChunk(
  chunk: Buffer,
  position: number,
  visit: (batch: ScannedBatch) => boolean,
): { bytes: number; stopped: boolean } {
  let at = 0
  while (at + recordBatchHeaderBytes <= chunk.length) {
    const sizeBytes = totalBytesAt(chunk, at)
    if (sizeBytes < recordBatchHeaderBytes || at + sizeBytes > chunk.length) break
    const baseOffset = safeBaseOffset(chunk, at)
    if (baseOffset === undefined) return { bytes: at, stopped: true }
    const lastOffset = baseOffset + lastOffsetDeltaAt(chunk, at)
    const batch = { chunk, at, position: position + at, sizeBytes, baseOffset, lastOffset }
    if (!visit(batch)) return { bytes: at, stopped: true }
    at += sizeBytes
  }
  return { bytes: at, stopped: false }
}

/** Bytes that are no batch may hold a number that is no offset. */
export function safeBaseOffset(chunk: Buffer, at: number): number | undefined {
  return chunk.readUInt32BE(at) < 0x20_0000 ? baseOffsetAt(chunk, at) : undefined
}
