// What compaction must leave, and what it may drop, for the sake of producers and their transactions.
import { attributesAt, isTransactional, producerIdAt } from '../../../protocol/record-batch.ts'
import type { AbortedTransaction } from '../aborted-index.ts'
import type { ProducerFile } from '../producer-file.ts'
import type { ProducerRules } from './compactor.ts'

/**
 * The header of a producer's last batch stays: without it a start that has no snapshot would not know the producer. Records of
 * transactions that were aborted before offset `end` go, whatever their keys: nobody may see them. Rejects with AppError
 * STORAGE_FAILED.
 */
export async function producerRules(
  { table, aborted }: Pick<ProducerFile, 'table' | 'aborted'>,
  end: number,
): Promise<ProducerRules> {
  const found = await aborted.find(0, end)
  const byProducer = Map.groupBy(found, ({ producerId }) => producerId)
  return {
    isAborted: ({ chunk, at, baseOffset }) =>
      isTransactional(attributesAt(chunk, at)) &&
      holds(byProducer.get(producerIdAt(chunk, at)) ?? [], baseOffset),
    isNeeded: ({ chunk, at, lastOffset }) =>
      table.lastOffsetOf(producerIdAt(chunk, at)) === lastOffset,
  }
}

/** Whether one of a producer's transactions, which follow each other, has the offset. */
function holds(transactions: readonly AbortedTransaction[], offset: number): boolean {
  let low = 0
  let high = transactions.length
  while (low < high) {
    const middle = (low + high) >>> 1
    if ((transactions[middle]?.firstOffset ?? Infinity) <= offset) low = middle + 1
    else high = middle
  }
  return (transactions[low - 1]?.lastOffset ?? -1) > offset
}
