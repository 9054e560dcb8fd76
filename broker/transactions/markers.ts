// Writes the markers that end a transaction, into every partition that belongs to it.
import { AppError } from '../../common/errors.ts'
import type { Marker } from '../../protocol/record-batch.ts'
import type { PartitionLog } from '../log/partition-log.ts'
import type { ProducerClaim, Transaction } from './transaction.ts'

export interface MarkersOptions {
  partition(topic: string, index: number): PartitionLog | undefined
  /** The topic that committed offsets are kept in, whose markers also decide over pending offsets. */
  readonly offsetsTopic: string
  /** Rejects with AppError STORAGE_FAILED. */
  endOffsets(producer: ProducerClaim, marker: Marker): Promise<void>
}

/**
 * Resolves when all markers are on disk; rejects with AppError STORAGE_FAILED where one is not: then all are to be written
 * again, which does no harm. A partition whose topic was deleted needs none.
 */
export async function writeMarkers(
  { partition, offsetsTopic, endOffsets }: MarkersOptions,
  transaction: Transaction,
): Promise<void> {
  const { producerId, producerEpoch, partitions } = transaction
  const producer = { producerId, producerEpoch }
  const marker = transaction.state === 'PrepareCommit' ? 'commit' : 'abort'
  // All in one turn, so that they share a commit.
  const written: Promise<void>[] = []
  for (const [topic, indexes] of partitions) {
    if (topic === offsetsTopic) {
      written.push(endOffsets(producer, marker))
      continue
    }
    for (const index of indexes) {
      const log = partition(topic, index)
      if (log !== undefined) written.push(append(log, producer, marker))
    }
  }
  await Promise.all(written)
}

async function append(log: PartitionLog, producer: ProducerClaim, marker: Marker): Promise<void> {
  const result = log.appendMarker(producer, marker)
  if (result.ok) return result.committed
  // A newer producer has written there: its predecessor's transaction ended with a marker before.
  if (result.error === 'INVALID_PRODUCER_EPOCH') return
  const file = `${log.topic}-${log.index}`
  throw new AppError('STORAGE_FAILED', { operation: 'append to', file, reason: result.reason })
}
