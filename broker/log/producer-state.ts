// What a partition knows of one producer with an id, and what that says of its next batch.
import { isTransactional, type BatchInfo, type Marker } from '../../protocol/record-batch.ts'

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
  /** Where the transaction that is open begins; -1 where none is. */
  readonly transactionStart: number
  /** On the broker's clock. */
  readonly seenMs: number
}

/** What counts of a batch of a producer that has an id. */
export type SequencedBatch = Pick<
  BatchInfo,
  | 'producerId'
  | 'producerEpoch'
  | 'baseSequence'
  | 'lastOffsetDelta'
  | 'maxTimestamp'
  | 'attributes'
> & {
  /** What it says of the transaction, where it is a marker. */
  readonly marker?: Marker | undefined
}

export type Judgement =
  | { readonly kind: 'next' }
  | { readonly kind: 'duplicate'; readonly batch: ProducerBatch }
  | ProducerRefusal

export interface ProducerRefusal {
  readonly kind: 'refused'
  readonly error: 'INVALID_PRODUCER_EPOCH' | 'OUT_OF_ORDER_SEQUENCE_NUMBER' | 'INVALID_TXN_STATE'
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
  const fenced = judgeEpoch(state, batch)
  if (fenced !== undefined) return fenced
  const isSameEpoch = producerEpoch === state.epoch
  const twin = isSameEpoch ? twinOf(state, batch) : undefined
  if (twin !== undefined) return { kind: 'duplicate', batch: twin }
  const due = isSameEpoch ? sequenceAfter(state.lastSequence, 1) : 0
  if (baseSequence !== due) {
    const reason = `producer ${producerId} sends sequence ${baseSequence} where ${due} is due`
    return { kind: 'refused', error: 'OUT_OF_ORDER_SEQUENCE_NUMBER', reason }
  }
  if (state.transactionStart >= 0 && !isTransactional(batch.attributes)) {
    const reason = `producer ${producerId} has a transaction open and writes outside of it`
    return { kind: 'refused', error: 'INVALID_TXN_STATE', reason }
  }
  return { kind: 'next' }
}

/** What holds for the broker's own batches too: markers, and offsets that are committed with a transaction. */
export function judgeEpoch(
  { epoch }: ProducerState,
  { producerId, producerEpoch }: SequencedBatch,
): ProducerRefusal | undefined {
  if (producerEpoch >= epoch) return undefined
  const reason = `producer ${producerId} has epoch ${epoch} by now, not ${producerEpoch}`
  return { kind: 'refused', error: 'INVALID_PRODUCER_EPOCH', reason }
}

/** The state after a batch was appended at `baseOffset`. */
export function withBatch(
  state: ProducerState | undefined,
  batch: SequencedBatch,
  place: { readonly baseOffset: number; readonly seenMs: number },
): ProducerState {
  const { producerId, producerEpoch: epoch } = batch
  const { baseOffset, seenMs } = place
  const same = state?.epoch === epoch ? state : undefined
  const kept = { producerId, epoch, batches: same?.batches ?? [], seenMs }
  const lastSequence = same?.lastSequence ?? -1
  if (batch.marker !== undefined) return { ...kept, lastSequence, transactionStart: -1 }
  const isOpen = state !== undefined && state.transactionStart >= 0
  const begun = isTransactional(batch.attributes) ? baseOffset : -1
  const transactionStart = isOpen ? state.transactionStart : begun
  // The broker's own batches have no sequence.
  if (batch.baseSequence < 0) return { ...kept, lastSequence, transactionStart }
  const appended = placed(batch, baseOffset)
  return {
    ...kept,
    batches: [...kept.batches.slice(1 - batchesKept), appended],
    lastSequence: appended.lastSequence,
    transactionStart,
  }
}

/**
 * What is left of a producer whose first batch could not be committed: that one must come again before
 * those that were sent behind it.
 */
export function beforeBatch(batch: SequencedBatch, seenMs: number): ProducerState {
  const { producerId, producerEpoch: epoch, baseSequence } = batch
  const lastSequence = baseSequence === 0 ? -1 : baseSequence - 1
  return { producerId, epoch, batches: [], lastSequence, transactionStart: -1, seenMs }
}

function placed(batch: SequencedBatch, baseOffset: number): ProducerBatch {
  const { baseSequence: firstSequence, lastOffsetDelta, maxTimestamp: timestamp } = batch
  const lastSequence = sequenceAfter(firstSequence, lastOffsetDelta)
  const lastOffset = baseOffset + lastOffsetDelta
  return { firstSequence, lastSequence, baseOffset, lastOffset, timestamp }
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
