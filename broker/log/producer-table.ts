// The producers that have written to one partition, with what is not committed yet able to be taken back.
import { producerIdExpirationMs } from '../../common/limits.ts'
import type { ProducerBudget, Remembered } from './producer-budget.ts'
import {
  beforeBatch,
  judge,
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

/** An append that can still fail. */
interface Pending {
  readonly batch: SequencedBatch
  readonly seenMs: number
  readonly lastOffset: number
  readonly before: ProducerState | undefined
  readonly committed: Promise<void>
}

/** Invariant: pending appends are in the order of their offsets; without them the states are as committed. */
export class ProducerTable {
  readonly #budget: ProducerBudget
  readonly #entries = new Map<number, Entry>()
  #pending: Pending[] = []
  #version = 0

  constructor(budget: ProducerBudget) {
    this.#budget = budget
  }

  /** Grows with every change. */
  get version(): number {
    return this.#version
  }

  get size(): number {
    return this.#entries.size
  }

  states(): readonly ProducerState[] {
    return [...this.#entries.values()].map(({ state }) => state)
  }

  /** Where the last batch of a producer ends; undefined of one that is not known. */
  lastOffsetOf(producerId: number): number | undefined {
    return this.#entries.get(producerId)?.state.batches.at(-1)?.lastOffset
  }

  judge(batch: SequencedBatch, nowMs: number): Judgement {
    const state = this.#entries.get(batch.producerId)?.state
    return judge(state !== undefined && isExpired(state, nowMs) ? undefined : state, batch)
  }

  /** Takes note of a batch that was appended and waits for its commit. */
  append(
    batch: SequencedBatch,
    place: {
      readonly baseOffset: number
      readonly seenMs: number
      readonly committed: Promise<void>
    },
  ): void {
    const before = this.#entries.get(batch.producerId)?.state
    const lastOffset = place.baseOffset + batch.lastOffsetDelta
    const { seenMs, committed } = place
    this.#pending.push({ batch, seenMs, lastOffset, before, committed })
    this.restore(batch, place)
  }

  /** Takes note of a batch that is in the log already. */
  restore(
    batch: SequencedBatch,
    place: { readonly baseOffset: number; readonly seenMs: number },
  ): void {
    const before = this.#entries.get(batch.producerId)?.state
    const isKnown = before !== undefined && !isExpired(before, place.seenMs)
    this.put(withBatch(isKnown ? before : undefined, batch, place))
  }

  /** Puts a state in place of what is known of its producer. */
  put(state: ProducerState): void {
    this.#version += 1
    const { producerId } = state
    const entry = this.#entries.get(producerId) ?? new Entry(state, () => this.#forget(producerId))
    entry.state = state
    this.#entries.set(producerId, entry)
    this.#budget.touch(entry)
  }

  /** Resolves or rejects as the commit of the batch that ends with `lastOffset`; at once when that is over. */
  commitOf(lastOffset: number): Promise<void> {
    const pending = this.#pending.find((append) => append.lastOffset === lastOffset)
    return pending?.committed ?? Promise.resolve()
  }

  /** Everything below `endOffset` is committed. */
  commit(endOffset: number): void {
    const open = this.#pending.findIndex(({ lastOffset }) => lastOffset >= endOffset)
    this.#pending.splice(0, open < 0 ? this.#pending.length : open)
  }

  /** What is pending was never appended. */
  rollBack(): void {
    for (const { batch, seenMs, before } of this.#firstPending().values()) {
      this.put(before ?? beforeBatch(batch, seenMs))
    }
    this.#pending = []
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

  /** The first pending append of each producer that has any. */
  #firstPending(): ReadonlyMap<number, Pending> {
    return new Map(this.#pending.toReversed().map((append) => [append.batch.producerId, append]))
  }

  #forget(producerId: number): void {
    const entry = this.#entries.get(producerId)
    if (entry === undefined) return
    this.#version += 1
    this.#entries.delete(producerId)
    this.#budget.drop(entry)
  }
}

class Entry implements Remembered {
  state: ProducerState
  readonly isSpare = true
  readonly forget: () => void

  constructor(state: ProducerState, forget: () => void) {
    this.state = state
    this.forget = forget
  }
}

function isExpired({ seenMs }: ProducerState, nowMs: number): boolean {
  return nowMs - seenMs >= producerIdExpirationMs
}
