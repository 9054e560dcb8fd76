// Keeps the state of transactional ids durable: a journal in an internal topic, and a table of it in memory.
import type { Clock } from '../../common/clock.ts'
import { transactionsJournalMaxBytes } from '../../common/producer-limits.ts'
import type { Logger } from '../../common/logger.ts'
import { Journal, type JournalBatch, type JournalLog } from '../log/journal.ts'
import {
  decodeTransaction,
  encodeTransaction,
  type TransactionRecord,
} from './transaction-record.ts'
import type { Transaction } from './transaction.ts'

export interface TransactionStoreOptions {
  /** The one partition of `__transaction_state`. */
  readonly log: JournalLog
  readonly clock: Clock
  readonly logger: Logger
  /** Bytes appended since the last snapshot that bring about the next. */
  readonly journalMaxBytes?: number
}

/** Kafka's name for it, which its tools look for. */
export const transactionsTopicName = '__transaction_state'

/**
 * The table has what was appended last, durable or not, so that a snapshot of it misses nothing that lies before it in
 * the journal. Who decides by a state goes by what `write` has resolved for.
 */
export class TransactionStore {
  readonly #latest = new Map<string, Transaction>()
  readonly #options: TransactionStoreOptions
  readonly #journal: Journal

  private constructor(options: TransactionStoreOptions) {
    this.#options = options
    this.#journal = new Journal({
      ...options,
      name: transactionsTopicName,
      maxBytes: options.journalMaxBytes ?? transactionsJournalMaxBytes,
      snapshot: () => [{ records: this.#encoded() }],
    })
  }

  /** Reads the journal back. Rejects with AppError STORAGE_FAILED. */
  static async open(options: TransactionStoreOptions): Promise<TransactionStore> {
    const store = new TransactionStore(options)
    const records = await store.#journal.load((batch) => store.#restore(batch))
    options.logger.debug('transactions read back', { records, ids: store.#latest.size })
    return store
  }

  get transactions(): ReadonlyMap<string, Transaction> {
    return this.#latest
  }

  /** Resolves when the record is on disk; rejects with AppError STORAGE_FAILED, and then it never will be. */
  async write(record: TransactionRecord): Promise<void> {
    const { transactionalId, transaction } = record
    const before = this.#latest.get(transactionalId) ?? null
    this.#apply(record)
    try {
      const encoded = encodeTransaction(record, this.#options.clock.now())
      await this.#journal.append({ records: [encoded] })
    } catch (error) {
      const isStill = (this.#latest.get(transactionalId) ?? null) === transaction
      if (isStill) this.#apply({ transactionalId, transaction: before })
      throw error
    }
  }

  /** Waits for a snapshot under way. */
  close(): Promise<void> {
    return this.#journal.close()
  }

  #encoded(): ReturnType<typeof encodeTransaction>[] {
    const now = this.#options.clock.now()
    return [...this.#latest].map(([transactionalId, transaction]) =>
      encodeTransaction({ transactionalId, transaction }, now),
    )
  }

  #restore({ records, marker }: JournalBatch): void {
    if (marker !== undefined) return
    for (const record of records.flatMap((read) => decodeTransaction(read) ?? [])) {
      this.#apply(record)
    }
  }

  #apply({ transactionalId, transaction }: TransactionRecord): void {
    if (transaction === null) this.#latest.delete(transactionalId)
    else this.#latest.set(transactionalId, transaction)
  }
}
