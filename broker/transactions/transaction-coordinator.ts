// Runs every transaction: asks its state machine, writes down what that says, and sees decided ones to their end.
import type { Clock, Timer } from '../../common/clock.ts'
import { AppError, reasonOf } from '../../common/errors.ts'
import { groupTextMaxBytes } from '../../common/group-limits.ts'
import {
  transactionalIdExpirationMs,
  transactionalIdsMax,
  transactionMarkerRetryMs,
  transactionPartitionsMax,
  transactionTimeoutCheckIntervalMs,
  transactionTimeoutMaxMs,
} from '../../common/producer-limits.ts'
import type { Logger } from '../../common/logger.ts'
import type { KafkaErrorName } from '../../protocol/error-codes.ts'
import { writeMarkers, type MarkersOptions } from './markers.ts'
import type { ProducerIds } from './producer-ids.ts'
import type { TransactionStore } from './transaction-store.ts'
import {
  begun,
  completed,
  countOf,
  ended,
  fenced,
  initialized,
  isEnding,
  isExhausted,
  isForgettable,
  isTimedOut,
  withPartitions,
  writeError,
  type ProducerClaim,
  type Transaction,
  type TransactionPartitions,
  type Transition,
} from './transaction.ts'

export interface TransactionCoordinatorOptions {
  readonly store: TransactionStore
  readonly producerIds: ProducerIds
  readonly markers: MarkersOptions
  readonly clock: Clock
  readonly logger: Logger
}

/** A producer as its request names it. */
export interface TransactionClaim extends ProducerClaim {
  readonly transactionalId: string
}

/** Since the start. */
export interface TransactionCounters {
  committed: number
  aborted: number
  /** Of the aborted ones. */
  timedOut: number
  /** Requests of producers that had been replaced, or whose transaction had been aborted. */
  fenced: number
}

interface Entry {
  readonly transactionalId: string
  /** As it is on the disk; undefined until the first time. */
  transaction: Transaction | undefined
  /** Whether a change is being written down: nothing else is decided meanwhile. */
  isBusy: boolean
  retry: Timer | undefined
}

/**
 * Invariant: a state counts once it is durable, except that a transaction whose markers are all written is complete at
 * once; after a crash they would be written again. So each transaction that is decided ends as decided, whenever
 * the broker stops.
 */
export class TransactionCoordinator {
  readonly counters: TransactionCounters = { committed: 0, aborted: 0, timedOut: 0, fenced: 0 }
  readonly #options: TransactionCoordinatorOptions
  readonly #entries = new Map<string, Entry>()
  #partitions = 0
  #timer: Timer
  #isClosed = false

  constructor(options: TransactionCoordinatorOptions) {
    this.#options = options
    for (const [transactionalId, transaction] of options.store.transactions) {
      this.#set(this.#create(transactionalId), transaction)
    }
    this.#timer = this.#checkLater()
  }

  /** Ends what a crash has left decided; resolves when each was tried once. */
  async resume(): Promise<void> {
    const decided = [...this.#entries.values()].filter(
      ({ transaction }) => transaction !== undefined && isEnding(transaction),
    )
    await Promise.all(decided.map((entry) => this.#finish(entry)))
  }

  get transactions(): readonly Transaction[] {
    return [...this.#entries.values()].flatMap(({ transaction }) => transaction ?? [])
  }

  transaction(transactionalId: string): Transaction | undefined {
    return this.#entries.get(transactionalId)?.transaction
  }

  /** InitProducerId of a transactional producer. */
  async initialize(
    transactionalId: string,
    asked: { readonly timeoutMs: number; readonly held: ProducerClaim | undefined },
  ): Promise<ProducerClaim | KafkaErrorName> {
    const flaw = this.#flawOf(transactionalId, asked.timeoutMs)
    if (flaw !== undefined) return flaw
    const entry = this.#entries.get(transactionalId) ?? this.#create(transactionalId)
    if (entry.isBusy) return 'CONCURRENT_TRANSACTIONS'
    const error = await this.#change(entry, () => this.#initialized(entry, asked))
    const { transaction } = entry
    if (transaction === undefined) this.#entries.delete(transactionalId)
    if (error !== 'NONE') return error
    // An open transaction is aborted first, and its producer's epoch is nobody's.
    if (transaction === undefined || transaction.state !== 'Empty') return 'CONCURRENT_TRANSACTIONS'
    const { producerId, producerEpoch } = transaction
    return { producerId, producerEpoch }
  }

  addPartitions(
    claim: TransactionClaim,
    partitions: TransactionPartitions,
  ): Promise<KafkaErrorName> {
    return this.#transit(claim, (transaction) => {
      const transition = withPartitions(transaction, claim, { partitions, nowMs: this.#now() })
      const next = transition.ok ? transition.next : undefined
      const added =
        next === undefined ? 0 : countOf(next.partitions) - countOf(transaction.partitions)
      return this.#partitions + added > transactionPartitionsMax ? 'POLICY_VIOLATION' : transition
    })
  }

  end(claim: TransactionClaim, isCommit: boolean): Promise<KafkaErrorName> {
    return this.#transit(claim, (transaction) =>
      ended(transaction, claim, { isCommit, nowMs: this.#now() }),
    )
  }

  /** Whether the producer may write to the partition, or commit offsets to it, within its transaction. */
  writeError(
    claim: TransactionClaim,
    place: { readonly topic: string; readonly partition: number },
  ): KafkaErrorName | undefined {
    const transaction = this.transaction(claim.transactionalId)
    if (transaction === undefined) return 'INVALID_PRODUCER_ID_MAPPING'
    const error = writeError(transaction, claim, place)
    if (error === 'PRODUCER_FENCED') this.counters.fenced += 1
    return error
  }

  async close(): Promise<void> {
    this.#isClosed = true
    this.#timer.cancel()
    for (const { retry } of this.#entries.values()) retry?.cancel()
    await this.#options.store.close()
  }

  #now(): number {
    return this.#options.clock.now()
  }

  #flawOf(transactionalId: string, timeoutMs: number): KafkaErrorName | undefined {
    if (this.#isClosed) return 'COORDINATOR_NOT_AVAILABLE'
    if (transactionalId === '' || Buffer.byteLength(transactionalId) > groupTextMaxBytes) {
      return 'INVALID_REQUEST'
    }
    if (timeoutMs <= 0 || timeoutMs > transactionTimeoutMaxMs) return 'INVALID_TRANSACTION_TIMEOUT'
    const isFull = this.#entries.size >= transactionalIdsMax && !this.#entries.has(transactionalId)
    return isFull ? 'POLICY_VIOLATION' : undefined
  }

  async #initialized(
    { transactionalId, transaction }: Entry,
    { timeoutMs, held }: { readonly timeoutMs: number; readonly held: ProducerClaim | undefined },
  ): Promise<Transition> {
    const { producerIds } = this.#options
    if (transaction === undefined) {
      const producerId = await producerIds.next()
      return {
        ok: true,
        next: begun(transactionalId, { producerId, timeoutMs, nowMs: this.#now() }),
      }
    }
    const newId = isExhausted(transaction) ? await producerIds.next() : undefined
    return initialized(transaction, { timeoutMs, nowMs: this.#now(), held, newId })
  }

  async #transit(
    { transactionalId }: TransactionClaim,
    decide: (transaction: Transaction) => Transition | KafkaErrorName,
  ): Promise<KafkaErrorName> {
    if (this.#isClosed) return 'COORDINATOR_NOT_AVAILABLE'
    const entry = this.#entries.get(transactionalId)
    const transaction = entry?.transaction
    if (entry === undefined || transaction === undefined) return 'INVALID_PRODUCER_ID_MAPPING'
    if (entry.isBusy) return 'CONCURRENT_TRANSACTIONS'
    return this.#change(entry, () => Promise.resolve(decide(transaction)))
  }

  /** Writes down what `decide` says; what is decided by that is ended before this resolves, if the disk lets it. */
  async #change(
    entry: Entry,
    decide: () => Promise<Transition | KafkaErrorName>,
  ): Promise<KafkaErrorName> {
    entry.isBusy = true
    try {
      const transition = await decide()
      if (typeof transition === 'string') return transition
      if (!transition.ok) {
        if (transition.error === 'PRODUCER_FENCED') this.counters.fenced += 1
        return transition.error
      }
      if (transition.next !== undefined) await this.#write(entry, transition.next)
    } catch (error) {
      if (!(error instanceof AppError) || error.code !== 'STORAGE_FAILED') throw error
      const { transactionalId } = entry
      this.#options.logger.error('transaction not changed', {
        transactionalId,
        reason: reasonOf(error),
      })
      // What could not be written is not decided; the producer asks again.
      return 'COORDINATOR_NOT_AVAILABLE'
    } finally {
      entry.isBusy = false
    }
    if (entry.transaction !== undefined && isEnding(entry.transaction)) await this.#finish(entry)
    return 'NONE'
  }

  async #write(entry: Entry, next: Transaction): Promise<void> {
    await this.#options.store.write({ transactionalId: next.transactionalId, transaction: next })
    this.#set(entry, next)
  }

  /** Writes the markers of a decided transaction; tries again later where it cannot. */
  async #finish(entry: Entry): Promise<void> {
    const { logger, markers, store, clock } = this.#options
    const { transaction, transactionalId } = entry
    if (transaction === undefined || this.#isClosed) return
    try {
      await writeMarkers(markers, transaction)
    } catch (error) {
      if (!(error instanceof AppError) || error.code !== 'STORAGE_FAILED') throw error
      logger.warn('transaction not ended yet', { transactionalId, reason: reasonOf(error) })
      if (this.#isClosed) return
      entry.retry = clock.after(transactionMarkerRetryMs, () => void this.#finish(entry))
      return
    }
    const next = completed(transaction, this.#now())
    this.#set(entry, next)
    if (next.state === 'CompleteCommit') this.counters.committed += 1
    else this.counters.aborted += 1
    // Not waited for: whatever is written of this id later lies behind it in the journal.
    store.write({ transactionalId, transaction: next }).catch((error: unknown) => {
      logger.warn('end of a transaction not written', { transactionalId, reason: reasonOf(error) })
    })
  }

  #create(transactionalId: string): Entry {
    const entry = { transactionalId, transaction: undefined, isBusy: false, retry: undefined }
    this.#entries.set(transactionalId, entry)
    return entry
  }

  #set(entry: Entry, transaction: Transaction): void {
    const before = entry.transaction === undefined ? 0 : countOf(entry.transaction.partitions)
    this.#partitions += countOf(transaction.partitions) - before
    entry.transaction = transaction
  }

  #checkLater(): Timer {
    return this.#options.clock.after(transactionTimeoutCheckIntervalMs, () => {
      this.#timer = this.#checkLater()
      for (const entry of this.#entries.values()) void this.#check(entry)
    })
  }

  /** Aborts a transaction that has taken too long, and forgets an id that nobody uses any more. */
  async #check(entry: Entry): Promise<void> {
    const { transaction, transactionalId } = entry
    if (transaction === undefined || entry.isBusy) return
    const { logger } = this.#options
    const nowMs = this.#now()
    if (isTimedOut(transaction, nowMs)) {
      const next = fenced(transaction, nowMs)
      const error = await this.#change(entry, () => Promise.resolve({ ok: true, next }))
      if (error !== 'NONE') return
      this.counters.timedOut += 1
      logger.info('transaction timed out', { transactionalId, timeoutMs: transaction.timeoutMs })
    } else if (isForgettable(transaction, nowMs - transactionalIdExpirationMs)) {
      await this.#forget(entry)
    }
  }

  async #forget(entry: Entry): Promise<void> {
    const { store, logger } = this.#options
    const { transactionalId } = entry
    entry.isBusy = true
    try {
      await store.write({ transactionalId, transaction: null })
      this.#entries.delete(transactionalId)
      logger.info('transactional id expired', { transactionalId })
    } catch (error) {
      if (!(error instanceof AppError) || error.code !== 'STORAGE_FAILED') throw error
      logger.warn('transactional id not removed', { transactionalId, reason: reasonOf(error) })
    } finally {
      entry.isBusy = false
    }
  }
}
