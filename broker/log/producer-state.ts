// What a partition knows of one idempotent producer, and what that says of its next batch.
import type { BatchInfo } from '../../protocol/record-batch.ts'

/** A batch that was appended, as a retry of it is recognised. */
export interface ProducerBatch {
  readonly firstSequence: number
  readonly lastSequence: number
  readonly baseOffset: number
  readonly lastOffset: number
  /** The largest of its records. */
  readonly timestamp: number
}

/** Invariant: all batches are of the epoch, and the last one ends with `lastSequence`. */
export interface ProducerState {
  readonly producerId: number
  readonly epoch: number
  /** The last five, the oldest first. */
  readonly batches: readonly ProducerBatch[]
  /** -1 where the next batch has to begin at 0. */
  readonly lastSequence: number
  /** On the broker's clock. */
  readonly seenMs: number
}

/** What counts of a batch of a producer that has an id. */
export type SequencedBatch = Pick<
  BatchInfo,
  'producerId' | 'producerEpoch' | 'baseSequence' | 'lastOffsetDelta' | 'maxTimestamp'
>

export type Judgement =
  | { readonly kind: 'next' }
  | { readonly kind: 'duplicate'; readonly batch: ProducerBatch }
  | {
      readonly kind: 'refused'
      readonly error: 'INVALID_PRODUCER_EPOCH' | 'OUT_OF_ORDER_SEQUENCE_NUMBER'
      readonly reason: string
    }

/** Kafka: a producer has five requests in flight at most, so a retry is one of the last five batches. */
const batchesKept = 5

/** Kafka: sequences are int32 and begin again at 0. */
const sequenceMax = 2 ** 31 - 1

/**
 * Kafka, KIP-98. A retry is known by its sequences, and an older epoch is a producer that has been replaced. Of a
 * producer that is not known any sequence is taken: its earlier batches may have been deleted.
 */
export function judge(state: ProducerState | undefined, batch: SequencedBatch): Judgement {
  if (state === undefined) return { kind: 'next' }
  const { producerId, producerEpoch, baseSequence } = batch
  const { epoch, lastSequence } = state
  if (producerEpoch < epoch) {
    const reason = `producer ${producerId} has epoch ${epoch} by now, not ${producerEpoch}`
    return { kind: 'refused', error: 'INVALID_PRODUCER_EPOCH', reason }
  }
  const isSameEpoch = producerEpoch === epoch
  const twin = isSameEpoch ? twinOf(state, batch) : undefined
  if (twin !== undefined) return { kind: 'duplicate', batch: twin }
  const due = isSameEpoch ? sequenceAfter(lastSequence, 1) : 0
  if (baseSequence === due) return { kind: 'next' }
  const reason = `producer ${producerId} sends sequence ${baseSequence} where ${due} is due`
  return { kind: 'refused', error: 'OUT_OF_ORDER_SEQUENCE_NUMBER', reason }
}

/** The state after a batch was appended at `baseOffset`. */
export function withBatch(
  state: ProducerState | undefined,
  batch: SequencedBatch,
  place: { readonly baseOffset: number; readonly seenMs: number },
): ProducerState {
  const { producerId, producerEpoch: epoch, baseSequence, lastOffsetDelta, maxTimestamp } = batch
  const { baseOffset, seenMs } = place
  const lastSequence = sequenceAfter(baseSequence, lastOffsetDelta)
  const appended = {
    firstSequence: baseSequence,
    lastSequence,
    baseOffset,
    lastOffset: baseOffset + lastOffsetDelta,
    timestamp: maxTimestamp,
  }
  const earlier = state?.epoch === epoch ? state.batches.slice(1 - batchesKept) : []
  return { producerId, epoch, batches: [...earlier, appended], lastSequence, seenMs }
}

/**
 * What is left of a producer whose first batch could not be committed: that one must come again before
 * those that were sent behind it.
 */
export function beforeBatch(batch: SequencedBatch, seenMs: number): ProducerState {
  const { producerId, producerEpoch: epoch, baseSequence } = batch
  const lastSequence = baseSequence === 0 ? -1 : baseSequence - 1
  return { producerId, epoch, batches: [], lastSequence, seenMs }
}

function twinOf(state: ProducerState, batch: SequencedBatch): ProducerBatch | undefined {
  const { baseSequence, lastOffsetDelta } = batch
  const last = sequenceAfter(baseSequence, lastOffsetDelta)
  return state.batches.find(
    ({ firstSequence, lastSequence }) => firstSequence === baseSequence && lastSequence === last,
  )
}

function sequenceAfter(sequence: number, count: number): number {
  const next = sequence + count
  return next > sequenceMax ? next - sequenceMax - 1 : next
}
