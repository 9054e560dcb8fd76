// Reads the headers of batches in segments into a table of producers: what a snapshot lacks.
import {
  attributesAt,
  baseOffsetAt,
  baseSequenceAt,
  lastOffsetDeltaAt,
  markerAt,
  maxTimestampAt,
  producerEpochAt,
  producerIdAt,
  validateBatch,
} from '../../protocol/record-batch.ts'
import type { ProducerTable } from './producer-table.ts'
import type { Segment } from './segment.ts'

/** Takes note of all batches of producers with ids at or after offset `from`. */
export async function replayProducers(
  segments: readonly Segment[],
  table: ProducerTable,
  { from, seenMs }: { readonly from: number; readonly seenMs: number },
): Promise<void> {
  for (const segment of segments) {
    if (segment.endOffset <= from) continue
    await segment.scanFromOffset(from, ({ chunk, at, lastOffset }) => {
      // Damage tells of no producer; what lies behind it is not read by anybody either.
      if (!validateBatch(chunk, at, { isStored: true }).ok) return false
      if (lastOffset >= from && producerIdAt(chunk, at) >= 0) restore(table, chunk, { at, seenMs })
      return true
    })
  }
}

function restore(
  table: ProducerTable,
  chunk: Buffer,
  { at, seenMs }: { readonly at: number; readonly seenMs: number },
): void {
  const batch = {
    producerId: producerIdAt(chunk, at),
    producerEpoch: producerEpochAt(chunk, at),
    baseSequence: baseSequenceAt(chunk, at),
    lastOffsetDelta: lastOffsetDeltaAt(chunk, at),
    maxTimestamp: maxTimestampAt(chunk, at),
    attributes: attributesAt(chunk, at),
    marker: markerAt(chunk, at),
  }
  table.restore(batch, { baseOffset: baseOffsetAt(chunk, at), seenMs })
}
