// What becomes of an append: its place in the log, or why it has none.
import { isTransactional, markerAt, type BatchInfo } from '../../protocol/record-batch.ts'
import { refusalByConfig, refusalOfKeyless, type RuleRefusal } from './append-rules.ts'
import type { ProducerRefusal, SequencedBatch } from './producer-state.ts'
import type { ProducerTable } from './producer-table.ts'
import type { TopicConfig } from './topic-config.ts'

/** Who appends: the broker's own batches of a producer have no sequence, and may be markers. */
export type AppendOrigin = 'client' | 'broker'

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
    | ProducerRefusal['error']
  readonly reason: string
}

export function refuse(error: AppendRefused['error'], reason: string): AppendRefused {
  return { ok: false, error, reason }
}

export interface AppendTopic {
  readonly config: TopicConfig
  readonly nowMs: number
  readonly origin: AppendOrigin
  readonly sealedReason: string | undefined
}

/** What the topic's configuration says of an append, and its seal; the broker's own batches are taken whatever it is. */
export function refusalByTopic(
  bytes: Buffer,
  batches: readonly BatchInfo[],
  topic: AppendTopic,
): AppendRefused | undefined {
  if (topic.origin === 'broker') return undefined
  if (topic.sealedReason !== undefined) return refuse('INVALID_RECORD', topic.sealedReason)
  const { config, nowMs } = topic
  const unfit = refusalByConfig(batches, config, nowMs)
  if (unfit !== undefined) return refuse(unfit.error, unfit.reason)
  const keyless = config.compaction && refusalOfKeyless(bytes, batches)
  return keyless && refuse(keyless.error, keyless.reason)
}

/**
 * What the producers that are known say of an append; undefined where it is to be written. A batch that is there
 * already has its first place, and the commit that it waits for is that of then.
 */
export function outcomeByProducer(
  producers: ProducerTable,
  batches: readonly BatchInfo[],
  at: { readonly nowMs: number; readonly isStamped: boolean; readonly origin: AppendOrigin },
): AppendAccepted | AppendRefused | undefined {
  const [batch] = batches
  if (batch === undefined || !batches.some(isProducers)) return undefined
  const isOwn = at.origin === 'broker'
  const flaw = isOwn ? undefined : flawOf(batch, batches.length)
  if (flaw !== undefined) return refuse('INVALID_RECORD', flaw)
  const judgement = isOwn ? producers.judgeOwn(batch, at.nowMs) : producers.judge(batch, at.nowMs)
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

/** The batch as its producer's state takes note of it; undefined where it is of none with an id. */
export function sequencedBatch(
  bytes: Buffer,
  batch: BatchInfo | undefined,
  logAppendTimeMs = -1,
): SequencedBatch | undefined {
  if (batch === undefined || batch.producerId < 0) return undefined
  const maxTimestamp = logAppendTimeMs >= 0 ? logAppendTimeMs : batch.maxTimestamp
  return { ...batch, maxTimestamp, marker: markerAt(bytes, batch.position) }
}

function isProducers({ producerId, attributes }: BatchInfo): boolean {
  return producerId >= 0 || isTransactional(attributes)
}

function flawOf(batch: BatchInfo, count: number): string | undefined {
  const { producerId, baseSequence, producerEpoch } = batch
  if (count > 1) return 'a producer with an id sends one batch to a partition at a time'
  if (producerId < 0) return 'a transaction is of a producer with an id'
  if (baseSequence < 0 || producerEpoch < 0) {
    return `a producer with an id sends epoch ${producerEpoch} and sequence ${baseSequence}`
  }
  return undefined
}
