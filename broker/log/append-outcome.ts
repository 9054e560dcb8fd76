// What becomes of an append: its place in the log, or why it has none.
import type { BatchInfo } from '../../protocol/record-batch.ts'
import type { RuleRefusal } from './append-rules.ts'
import type { ProducerTable } from './producer-table.ts'

export interface AppendAccepted {
  readonly ok: true
  readonly baseOffset: number
  readonly lastOffset: number
  /** -1 where records keep the producer's time (CreateTime). */
  readonly logAppendTimeMs: number
  /** Resolves when flushed as the store's policy says; rejects with AppError STORAGE_FAILED. */
  readonly committed: Promise<void>
}

/** `error` is the name of Kafka's error. */
export interface AppendRefused {
  readonly ok: false
  readonly error:
    | 'CORRUPT_MESSAGE'
    | RuleRefusal['error']
    | 'INVALID_RECORD'
    | 'UNSUPPORTED_FOR_MESSAGE_FORMAT'
    | 'KAFKA_STORAGE_ERROR'
    | 'INVALID_PRODUCER_EPOCH'
    | 'OUT_OF_ORDER_SEQUENCE_NUMBER'
  readonly reason: string
}

export function refuse(error: AppendRefused['error'], reason: string): AppendRefused {
  return { ok: false, error, reason }
}

/**
 * What the producers that are known say of an append; undefined where it is to be written. A batch that is there
 * already has its first place, and the commit that it waits for is that of then.
 */
export function outcomeByProducer(
  producers: ProducerTable,
  batches: readonly BatchInfo[],
  at: { readonly nowMs: number; readonly isStamped: boolean },
): AppendAccepted | AppendRefused | undefined {
  const [batch] = batches
  if (batch === undefined || batches.every(({ producerId }) => producerId < 0)) return undefined
  const flaw = flawOf(batch, batches.length)
  if (flaw !== undefined) return refuse('INVALID_RECORD', flaw)
  const judgement = producers.judge(batch, at.nowMs)
  if (judgement.kind === 'refused') return refuse(judgement.error, judgement.reason)
  if (judgement.kind === 'next') return undefined
  const { baseOffset, lastOffset, timestamp } = judgement.batch
  const logAppendTimeMs = at.isStamped ? timestamp : -1
  return {
    ok: true,
    baseOffset,
    lastOffset,
    logAppendTimeMs,
    committed: producers.commitOf(lastOffset),
  }
}

function flawOf({ baseSequence, producerEpoch }: BatchInfo, count: number): string | undefined {
  if (count > 1) return 'a producer with an id sends one batch to a partition at a time'
  if (baseSequence < 0 || producerEpoch < 0) {
    return `a producer with an id sends epoch ${producerEpoch} and sequence ${baseSequence}`
  }
  return undefined
}
