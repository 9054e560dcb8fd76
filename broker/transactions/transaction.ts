// A transactional id's state as a state machine: each event gives the next state, or why there is none.

export const transactionStates = [
  'Empty',
  'Ongoing',
  'PrepareCommit',
  'PrepareAbort',
  'CompleteCommit',
  'CompleteAbort',
] as const
export type TransactionState = (typeof transactionStates)[number]

/** Partitions by topic. */
export type TransactionPartitions = ReadonlyMap<string, ReadonlySet<number>>

/** Who says that an event is of its transaction. */
export interface ProducerClaim {
  readonly producerId: number
  readonly producerEpoch: number
}

/**
 * What the coordinator knows of a transactional id. As in Kafka without KIP-890's second part: transactions of one
 * producer share its epoch, and a partition belongs to one from AddPartitionsToTxn on.
 *
 * - Empty: an id and an epoch have been given out, and no transaction has begun since.
 *   → Ongoing when partitions, or the offsets of a group, are added.
 * - Ongoing: the producer writes.
 *   → PrepareCommit or PrepareAbort when the producer ends it;
 *   → PrepareAbort with the next epoch, so that the producer is fenced, when it takes longer than its timeout, or when
 *     another producer asks for the id.
 * - PrepareCommit, PrepareAbort: decided, and durably so. Markers are being written, and will be, whatever happens to
 *   the broker; nothing else is taken meanwhile.
 *   → CompleteCommit, CompleteAbort when every partition has its marker.
 * - CompleteCommit, CompleteAbort: over. The producer may say again how it ended it.
 *   → Ongoing when partitions are added.
 *
 * InitProducerId leads from Empty and the Complete states to Empty, with the next epoch. From these three an id that has
 * been left alone for seven days is forgotten.
 */
export interface Transaction extends ProducerClaim {
  readonly transactionalId: string
  /** The epoch before the last InitProducerId, whose retry it then recognises; -1 where none is known. */
  readonly lastProducerEpoch: number
  readonly timeoutMs: number
  readonly state: TransactionState
  readonly partitions: TransactionPartitions
  /** When the transaction began; -1 before the first. */
  readonly startedMs: number
  readonly updatedMs: number
}

export type TransactionError =
  | 'INVALID_PRODUCER_ID_MAPPING'
  | 'PRODUCER_FENCED'
  | 'CONCURRENT_TRANSACTIONS'
  | 'INVALID_TXN_STATE'

/** `next` is to be written down; without it the state answers the event already. */
export type Transition =
  | { readonly ok: true; readonly next?: Transaction }
  | { readonly ok: false; readonly error: TransactionError }

/** Kafka: the highest epoch but one, which is left for fencing. */
const lastUsableEpoch = 32_766

/** Whether the next InitProducerId has to give another producer id. */
export function isExhausted({ producerEpoch }: ProducerClaim): boolean {
  return producerEpoch >= lastUsableEpoch
}

/** A transactional id that is asked for the first time. */
export function begun(
  transactionalId: string,
  given: { readonly producerId: number; readonly timeoutMs: number; readonly nowMs: number },
): Transaction {
  const { producerId, timeoutMs, nowMs } = given
  return {
    transactionalId,
    producerId,
    producerEpoch: 0,
    lastProducerEpoch: -1,
    timeoutMs,
    state: 'Empty',
    partitions: new Map(),
    startedMs: -1,
    updatedMs: nowMs,
  }
}

/**
 * InitProducerId. `held` is what the producer has and wants to go on from (KIP-360). `newId` is there where the epochs
 * of the present id are used up. An Ongoing transaction is aborted first, and the producer asks again.
 */
export function initialized(
  transaction: Transaction,
  asked: {
    readonly timeoutMs: number
    readonly nowMs: number
    readonly held: ProducerClaim | undefined
    readonly newId?: number | undefined
  },
): Transition {
  const { timeoutMs, nowMs, held, newId } = asked
  const { producerId, producerEpoch, lastProducerEpoch, state } = transaction
  if (held !== undefined && held.producerId !== producerId) return refused('PRODUCER_FENCED')
  if (isEnding(transaction)) return refused('CONCURRENT_TRANSACTIONS')
  const isCurrent = held === undefined || held.producerEpoch === producerEpoch
  // The answer to the same request was lost: it is given again.
  const isRetry = !isCurrent && state === 'Empty' && held.producerEpoch === lastProducerEpoch
  if (isRetry) return { ok: true }
  if (!isCurrent) return refused('PRODUCER_FENCED')
  if (state === 'Ongoing') return { ok: true, next: fenced(transaction, nowMs) }
  const renewed = { ...transaction, timeoutMs, state: 'Empty', updatedMs: nowMs } as const
  if (newId !== undefined) {
    return {
      ok: true,
      next: { ...renewed, producerId: newId, producerEpoch: 0, lastProducerEpoch: -1 },
    }
  }
  const epochs = { producerEpoch: producerEpoch + 1, lastProducerEpoch: producerEpoch }
  return { ok: true, next: { ...renewed, ...epochs } }
}

/** AddPartitionsToTxn; AddOffsetsToTxn adds the partition that the offsets are kept in. */
export function withPartitions(
  transaction: Transaction,
  claim: ProducerClaim,
  added: { readonly partitions: TransactionPartitions; readonly nowMs: number },
): Transition {
  const error = claimError(transaction, claim)
  if (error !== undefined) return refused(error)
  if (isEnding(transaction)) return refused('CONCURRENT_TRANSACTIONS')
  const isOngoing = transaction.state === 'Ongoing'
  const before = isOngoing ? transaction.partitions : new Map<string, ReadonlySet<number>>()
  const partitions = union(before, added.partitions)
  if (isOngoing && countOf(partitions) === countOf(before)) return { ok: true }
  const startedMs = isOngoing ? transaction.startedMs : added.nowMs
  const next = {
    ...transaction,
    state: 'Ongoing',
    partitions,
    startedMs,
    updatedMs: added.nowMs,
  } as const
  return { ok: true, next }
}

/** Whether the producer may write to a partition now; Kafka, KIP-890: asked before each transactional append. */
export function writeError(
  transaction: Transaction,
  claim: ProducerClaim,
  place: { readonly topic: string; readonly partition: number },
): TransactionError | undefined {
  const error = claimError(transaction, claim)
  if (error !== undefined) return error
  if (isEnding(transaction)) return 'CONCURRENT_TRANSACTIONS'
  const isIn = transaction.partitions.get(place.topic)?.has(place.partition) === true
  return transaction.state === 'Ongoing' && isIn ? undefined : 'INVALID_TXN_STATE'
}

/** EndTxn. */
export function ended(
  transaction: Transaction,
  claim: ProducerClaim,
  end: { readonly isCommit: boolean; readonly nowMs: number },
): Transition {
  const error = claimError(transaction, claim)
  if (error !== undefined) return refused(error)
  const prepared = end.isCommit ? 'PrepareCommit' : 'PrepareAbort'
  switch (transaction.state) {
    case 'Ongoing':
      return { ok: true, next: { ...transaction, state: prepared, updatedMs: end.nowMs } }
    case prepared:
      return refused('CONCURRENT_TRANSACTIONS')
    case end.isCommit ? 'CompleteCommit' : 'CompleteAbort':
      return { ok: true }
    default:
      return refused('INVALID_TXN_STATE')
  }
}

/** Aborted by the coordinator: the epoch that its producer has is not taken any more. */
export function fenced(transaction: Transaction, nowMs: number): Transaction {
  const producerEpoch = transaction.producerEpoch + 1
  const aborted = { producerEpoch, lastProducerEpoch: -1, state: 'PrepareAbort' } as const
  return { ...transaction, ...aborted, updatedMs: nowMs }
}

/** When every partition has its marker. */
export function completed(transaction: Transaction, nowMs: number): Transaction {
  const state = transaction.state === 'PrepareCommit' ? 'CompleteCommit' : 'CompleteAbort'
  return { ...transaction, state, partitions: new Map(), updatedMs: nowMs }
}

/** Decided, and on its way through the partitions. */
export function isEnding({ state }: Transaction): boolean {
  return state === 'PrepareCommit' || state === 'PrepareAbort'
}

export function isTimedOut(transaction: Transaction, nowMs: number): boolean {
  const { state, startedMs, timeoutMs } = transaction
  return state === 'Ongoing' && nowMs - startedMs > timeoutMs
}

export function isForgettable(transaction: Transaction, beforeMs: number): boolean {
  const { state, updatedMs } = transaction
  return state !== 'Ongoing' && !isEnding(transaction) && updatedMs <= beforeMs
}

export function countOf(partitions: TransactionPartitions): number {
  let count = 0
  for (const ofTopic of partitions.values()) count += ofTopic.size
  return count
}

function claimError(
  { producerId, producerEpoch }: Transaction,
  claim: ProducerClaim,
): TransactionError | undefined {
  if (claim.producerId !== producerId) return 'INVALID_PRODUCER_ID_MAPPING'
  return claim.producerEpoch === producerEpoch ? undefined : 'PRODUCER_FENCED'
}

function union(a: TransactionPartitions, b: TransactionPartitions): TransactionPartitions {
  const partitions = new Map(a)
  for (const [topic, added] of b) {
    partitions.set(topic, new Set([...(partitions.get(topic) ?? []), ...added]))
  }
  return partitions
}

function refused(error: TransactionError): Transition {
  return { ok: false, error }
}
