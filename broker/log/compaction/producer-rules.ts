// What compaction must leave for the sake of idempotent producers.
import { producerIdAt } from '../../../protocol/record-batch.ts'
import type { ProducerTable } from '../producer-table.ts'
import type { ProducerRules } from './compactor.ts'

/** The header of a producer's last batch stays: without it a start that has no snapshot would not know the producer. */
export function producerRules(producers: ProducerTable): ProducerRules {
  return {
    isAborted: () => false,
    isNeeded: ({ chunk, at, lastOffset }) =>
      producers.lastOffsetOf(producerIdAt(chunk, at)) === lastOffset,
  }
}
