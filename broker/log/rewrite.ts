// Writes part of a log file once more, from what it reads as, after a flush of it has failed.
import { recordBatchHeaderBytes, totalBytesAt } from '../../protocol/record-batch.ts'
import { readAt } from './batch-scan.ts'
import { storageError, type OpenFile } from './file-system.ts'
import { soundBytes } from './stored-batches.ts'

const pieceBytes = 1024 * 1024

/**
 * Every batch from `from` to byte `end` is read, checked and written where it lies. Rejects with AppError
 * STORAGE_FAILED where it does not read back as it was written.
 */
export async function rewrite(
  file: OpenFile,
  from: { readonly position: number; readonly offset: number },
  end: number,
): Promise<void> {
  let { position, offset } = from
  let wanted = pieceBytes
  while (position < end) {
    const piece = await readAt(file, position, Math.min(wanted, end - position))
    const sound = soundBytes(piece, { at: 0, offset }, piece.length)
    if (sound.bytes === 0) {
      const size = piece.length < recordBatchHeaderBytes ? 0 : totalBytesAt(piece, 0)
      // The batch may be larger than a piece; a length that cannot be one is damage.
      const isLarger = size > piece.length && size <= end - position && sound.reason === undefined
      if (!isLarger) throw lost(file, position)
      wanted = size
      continue
    }
    await file.write([piece.subarray(0, sound.bytes)], position)
    position += sound.bytes
    offset = sound.offset
    wanted = pieceBytes
  }
}

function lost({ path }: OpenFile, position: number): Error {
  const reason = `what lies at position ${position} was not flushed and does not read back`
  return storageError('flush', path, new Error(reason))
}
