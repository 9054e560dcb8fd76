// Walks the batches of a segment in steps, so that whoever waits for the event loop gets a turn.
import type { ScannedBatch } from '../batch-scan.ts'
import type { Segment } from '../segment.ts'
import { soundBytes } from '../stored-batches.ts'

/** Bytes of the log in one step: some milliseconds of work. */
const stepBytes = 256 * 1024

/**
 * Only sound batches are visited: rewriting one that is damaged would give it a good checksum. `between` is awaited
 * after each step. Rejects with AppError STORAGE_FAILED or LOG_CORRUPT.
 */
export async function walk(
  segment: Segment,
  visit: (batch: ScannedBatch) => void,
  between: () => Promise<void>,
): Promise<void> {
  for (let position = 0; position < segment.sizeBytes;) {
    const start = position
    position = await segment.scanFrom(start, (batch) => {
      if (batch.position - start >= stepBytes) return false
      const { chunk, at, baseOffset, sizeBytes } = batch
      const { bytes, reason } = soundBytes(chunk, { at, offset: baseOffset }, sizeBytes)
      if (bytes === 0) throw segment.corrupt(batch.position, reason)
      visit(batch)
      return true
    })
    if (position === start) throw segment.corrupt(position)
    await between()
  }
}
