// What compaction must leave for idempotent producers, and take away of transactions that were aborted.
import { attributesAt, producerIdAt, transactionalBit } from '../../../protocol/record-batch.ts'
import type { AbortedTransaction } from '../aborted-index.ts'
import type { ScannedBatch } from '../batch-scan.ts'
import type { ProducerTable } from '../producer-table.ts'

export interface ProducerRules {
  /** Whether the batch belongs to a transaction that was aborted: nobody may see its records any more. */
  isAborted(batch: ScannedBatch): boolean
  /** Whether its header has to stay although no record is left of it. */
  isNeeded(batch: ScannedBatch): boolean
}

/**
 * `aborted` are all transactions that touch what is compacted. The header of a producer's last batch stays: without
 * it a start that has no snapshot would not know the producer.
 */
export function producerRules(
  producers: ProducerTable,
  aborted: readonly AbortedTransaction[],
): ProducerRules {
  const byProducer = Map.groupBy(aborted, ({ producerId }) => producerId)
  return {
    isAborted: ({ chunk, at, baseOffset }) => {
      if ((attributesAt(chunk, at) & transactionalBit) === 0) return false
      const transactions = byProducer.get(producerIdAt(chunk, at)) ?? []
      return transactions.some(
        ({ firstOffset, lastOffset }) => firstOffset <= baseOffset && baseOffset <= lastOffset,
      )
    },
    isNeeded: ({ chunk, at, lastOffset }) =>
      producers.lastOffsetOf(producerIdAt(chunk, at)) === lastOffset,
  }
}
