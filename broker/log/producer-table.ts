// The producers that have written to one partition, with what is not committed yet able to be taken back.
import { producerIdExpirationMs } from '../../common/producer-limits.ts'
import type { AbortedTransaction } from './aborted-index.ts'
import type { ProducerBudget, Remembered } from './producer-budget.ts'
import {
  beforeBatch,
  judge,
  judgeEpoch,
  withBatch,
  type Judgement,
  type ProducerState,
  type SequencedBatch,
} from './producer-state.ts'

/** The states of all producers when everything below `offset` had been appended. */
export interface ProducerImage {
  readonly offset: number
  readonly states: readonly ProducerState[]
}

export interface ProducerTableOptions {
  readonly budget: ProducerBudget
  /** Told of each transaction whose abort is committed, in the order of their markers. */
  aborted(transaction: AbortedTransaction): void
}

/** Where a batch came to lie, and when. */
interface Place {
  readonly baseOffset: number
  readonly seenMs: number
}

/** An append that can still fail. */
interface Pending {
  readonly batch: SequencedBatch
  readonly seenMs: number
  readonly lastOffset: number
  readonly before: ProducerState | undefined
  readonly aborted: AbortedTransaction | undefined
  readonly committed: Promise<void>
}

/**
 * Invariant: pending appends are in the order of their offsets; without them the states are as committed. A
 * transaction is open here until its marker is committed, because until then readers must not pass it.
 */
export class ProducerTable {
  readonly #options: ProducerTableOptions
  readonly #entries = new Map<number, Entry>()
  /** Where open transactions begin, by producer. */
  readonly #open = new Map<number, number>()
  #pending: Pending[] = []
  #version = 0
  /** Undefined where it has to be looked for. */
  #firstUnstable: number | undefined

  constructor(options: ProducerTableOptions) {
    this.#options = options
  }

  /** Grows with every change. */
  get version(): number {
    return this.#version
  }

  get openTransactions(): number {
    return this.#open.size
  }

  /** Where the oldest transaction begins whose end is not committed; Infinity where there is none. */
  get firstUnstableOffset(): number {
    this.#firstUnstable ??= Math.min(this.#firstOpen(), this.#firstEnding())
    return this.#firstUnstable
  }

  states(): readonly ProducerState[] {
    return [...this.#entries.values()].map(({ state }) => state)
  }

  /** Where the last batch of a producer ends; undefined of one that is not known. */
  lastOffsetOf(producerId: number): number | undefined {
    return this.#entries.get(producerId)?.state.batches.at(-1)?.lastOffset
  }

  judge(batch: SequencedBatch, nowMs: number): Judgement {
    return judge(this.#known(batch.producerId, nowMs), batch)
  }

  /** What there is to say of one of the broker's own batches. */
  judgeOwn(batch: SequencedBatch, nowMs: number): Judgement {
    const state = this.#known(batch.producerId, nowMs)
    return (state && judgeEpoch(state, batch)) ?? { kind: 'next' }
  }

  /** Takes note of a batch that was appended and waits for its commit. */
  append(batch: SequencedBatch, place: Place & { readonly committed: Promise<void> }): void {
    const { baseOffset, seenMs, committed } = place
    const before = this.#entries.get(batch.producerId)?.state
    const lastOffset = baseOffset + batch.lastOffsetDelta
    const aborted = this.#apply(batch, place)
    this.#pending.push({ batch, seenMs, lastOffset, before, aborted, committed })
  }

  /** Takes note of a batch that is in the log already. */
  restore(batch: SequencedBatch, place: Place): void {
    const aborted = this.#apply(batch, place)
    if (aborted !== undefined) this.#options.aborted(aborted)
  }

  /** Puts a state in place of what is known of its producer. */
  put(state: ProducerState): void {
    const { producerId, transactionStart } = state
    this.#changed()
    const entry = this.#entries.get(producerId) ?? new Entry(state, () => this.#forget(producerId))
    entry.state = state
    this.#entries.set(producerId, entry)
    if (transactionStart >= 0) this.#open.set(producerId, transactionStart)
    else this.#open.delete(producerId)
    this.#options.budget.touch(entry)
  }

  /** Resolves or rejects as the commit of the batch that ends with `lastOffset`; at once when that is over. */
  commitOf(lastOffset: number): Promise<void> {
    const pending = this.#pending.find((append) => append.lastOffset === lastOffset)
    return pending?.committed ?? Promise.resolve()
  }

  /** Everything below `endOffset` is committed. */
  commit(endOffset: number): void {
    if (this.#pending.length === 0) return
    const open = this.#pending.findIndex(({ lastOffset }) => lastOffset >= endOffset)
    const done = this.#pending.splice(0, open < 0 ? this.#pending.length : open)
    // An image shows what is committed, so that has changed.
    if (done.length > 0) this.#changed()
    for (const { aborted } of done) if (aborted !== undefined) this.#options.aborted(aborted)
  }

  /** What is pending was never appended. */
  rollBack(): void {
    for (const { batch, seenMs, before } of this.#firstPending().values()) {
      if (before !== undefined) this.put(before)
      else if (batch.baseSequence >= 0) this.put(beforeBatch(batch, seenMs))
      else this.#forget(batch.producerId)
    }
    this.#pending = []
    this.#firstUnstable = undefined
  }

  /** As committed. */
  imageAt(offset: number): ProducerImage {
    const pending = this.#firstPending()
    const states = this.states().flatMap((state) => {
      const first = pending.get(state.producerId)
      return first === undefined ? state : (first.before ?? [])
    })
    return { offset, states }
  }

  /** Forgets producers that have been silent for producer.id.expiration.ms. */
  expire(nowMs: number): void {
    for (const { state } of this.#entries.values()) {
      if (isExpired(state, nowMs)) this.#forget(state.producerId)
    }
  }

  clear(): void {
    for (const producerId of this.#entries.keys()) this.#forget(producerId)
  }

  /** Returns the transaction that the batch aborts. */
  #apply(batch: SequencedBatch, place: Place): AbortedTransaction | undefined {
    const { producerId, marker } = batch
    const before = this.#known(producerId, place.seenMs)
    this.put(withBatch(before, batch, place))
    if (marker !== 'abort' || before === undefined || before.transactionStart < 0) return undefined
    const lastOffset = place.baseOffset
    // Kafka: what ends later began at or after it, so readers below it need not look on.
    const lastStableOffset = Math.min(this.#firstOpen(), lastOffset + 1)
    return { producerId, firstOffset: before.transactionStart, lastOffset, lastStableOffset }
  }

  #known(producerId: number, nowMs: number): ProducerState | undefined {
    const state = this.#entries.get(producerId)?.state
    return state !== undefined && isExpired(state, nowMs) ? undefined : state
  }

  #firstOpen(): number {
    let first = Infinity
    for (const start of this.#open.values()) first = Math.min(first, start)
    return first
  }

  /** Of the transactions whose marker is not committed yet. */
  #firstEnding(): number {
    let first = Infinity
    for (const { before } of this.#pending) {
      if (before !== undefined && before.transactionStart >= 0) {
        first = Math.min(first, before.transactionStart)
      }
    }
    return first
  }

  /** The first pending append of each producer that has any. */
  #firstPending(): ReadonlyMap<number, Pending> {
    return new Map(this.#pending.toReversed().map((append) => [append.batch.producerId, append]))
  }

  #forget(producerId: number): void {
    const entry = this.#entries.get(producerId)
    if (entry === undefined) return
    this.#changed()
    this.#entries.delete(producerId)
    this.#open.delete(producerId)
    this.#options.budget.drop(entry)
  }

  #changed(): void {
    this.#version += 1
    this.#firstUnstable = undefined
  }
}

class Entry implements Remembered {
  state: ProducerState
  readonly forget: () => void

  constructor(state: ProducerState, forget: () => void) {
    this.state = state
    this.forget = forget
  }

  /** A transaction that is open must be ended by a marker, however long that takes. */
  get isSpare(): boolean {
    return this.state.transactionStart < 0
  }
}

function isExpired({ seenMs, transactionStart }: ProducerState, nowMs: number): boolean {
  return transactionStart < 0 && nowMs - seenMs >= producerIdExpirationMs
}
