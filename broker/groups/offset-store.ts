// Keeps committed offsets durable: a journal in an internal topic, and a table of it in memory.
import type { Clock } from '../../common/clock.ts'
import { AppError, reasonOf } from '../../common/errors.ts'
import { journalBatchMaxBytes, offsetsJournalMaxBytes } from '../../common/limits.ts'
import type { Logger } from '../../common/logger.ts'
import type { DecodedRecord, Marker, RecordToEncode } from '../../protocol/record-batch.ts'
import {
  Journal,
  journalBytes,
  type JournalBatch,
  type JournalEntry,
  type JournalLog,
  type JournalProducer,
} from '../log/journal.ts'
import {
  decodeGroupRecord,
  encodeGroupRecord,
  type GroupRecord,
  type GroupSnapshot,
} from './group-record.ts'
import { decodeOffsetRecord, encodeOffsetRecord, type OffsetRecord } from './offset-record.ts'
import { OffsetTable } from './offset-table.ts'
import { PendingOffsets } from './pending-offsets.ts'

export interface OffsetStoreOptions {
  /** The one partition of `__consumer_offsets`. */
  readonly log: JournalLog
  readonly clock: Clock
  readonly logger: Logger
  /** Bytes appended since the last snapshot that bring about the next. */
  readonly journalMaxBytes?: number
}

/** Kafka's name for it, which its tools look for. */
export const offsetsTopicName = '__consumer_offsets'

/**
 * The table changes at once and the journal follows: `write` resolves when it is durable. So a
 * snapshot, which is taken from the table, never misses an offset that lies before it in the journal.
 * Reading an offset that is not durable yet does no harm: after a crash its group goes on from an earlier one. Offsets
 * of an open transaction are pending until its marker is written, and then in the table or gone.
 */
export class OffsetStore {
  readonly table = new OffsetTable()
  readonly pending = new PendingOffsets()
  /** Groups as they were last written; one that is not here has offsets at most. */
  readonly #groups = new Map<string, GroupSnapshot>()
  readonly #options: OffsetStoreOptions
  readonly #journal: Journal

  private constructor(options: OffsetStoreOptions) {
    this.#options = options
    this.#journal = new Journal({
      ...options,
      name: offsetsTopicName,
      maxBytes: options.journalMaxBytes ?? offsetsJournalMaxBytes,
      snapshot: () => this.#everything(),
    })
  }

  /** Reads the journal back. Rejects with AppError STORAGE_FAILED or LOG_CORRUPT. */
  static async open(options: OffsetStoreOptions): Promise<OffsetStore> {
    const store = new OffsetStore(options)
    const records = await store.#journal.load((batch) => store.#restore(batch))
    options.logger.debug('offsets read back', { records, groups: store.table.groupCount })
    return store
  }

  get groups(): ReadonlyMap<string, GroupSnapshot> {
    return this.#groups
  }

  /** Resolves when the records are on disk; rejects with AppError STORAGE_FAILED. */
  async write(records: readonly OffsetRecord[]): Promise<void> {
    for (const record of records) this.table.apply(record)
    await this.#write(this.#encodedOffsets(records))
  }

  /**
   * The same for groups. One that is too large for a record is removed: its members join again after a
   * restart.
   */
  async writeGroups(records: readonly GroupRecord[]): Promise<void> {
    const known = records.filter(
      ({ group, snapshot }) => snapshot !== null || this.#groups.has(group),
    )
    await this.#write(known.map((record) => this.#changedGroup(record)))
  }

  #changedGroup(record: GroupRecord): RecordToEncode {
    const now = this.#options.clock.now()
    const encoded = encodeGroupRecord(record, now)
    const isTooLarge = journalBytes(encoded) > journalBatchMaxBytes
    this.#applyGroup(isTooLarge ? { ...record, snapshot: null } : record)
    return isTooLarge ? { ...encoded, value: null } : encoded
  }

  async #write(records: readonly RecordToEncode[]): Promise<void> {
    if (records.length > 0) await this.#journal.append({ records })
  }

  /** The same for offsets that hold when the producer's transaction is committed. */
  async writePending(producer: JournalProducer, records: readonly OffsetRecord[]): Promise<void> {
    if (records.length === 0) return
    const takeBack = this.pending.add(producer, records)
    try {
      await this.#journal.append({ records: this.#encodedOffsets(records), producer })
    } catch (error) {
      takeBack()
      throw error
    }
  }

  /** Ends a producer's transaction for its pending offsets: they hold now, or are gone. */
  async endTransaction(producer: JournalProducer, marker: Marker): Promise<void> {
    this.#end(producer, marker)
    await this.#journal.appendMarker(producer, marker)
  }

  async removeGroup(group: string): Promise<void> {
    const offsets = this.write([...this.table.recordsOf(group)].map(removal))
    await Promise.all([offsets, this.writeGroups([{ group, snapshot: null }])])
  }

  /** Those that any group has an offset of, or will have if a transaction is committed. */
  topics(): ReadonlySet<string> {
    const pending = this.pending.entries().flatMap(({ records }) => records)
    return new Set([...this.table.records(), ...pending].map(({ key }) => key.topic))
  }

  /** For a topic that is gone: a new one of the same name must not inherit its offsets. */
  removeTopic(topic: string): Promise<void> {
    this.pending.removeTopic(topic)
    const records = [...this.table.records()].filter(({ key }) => key.topic === topic)
    return this.write(records.map(removal))
  }

  /** Waits for a snapshot under way. */
  async close(): Promise<void> {
    await this.#journal.close()
  }

  #encodedOffsets(records: Iterable<OffsetRecord>): RecordToEncode[] {
    const now = this.#options.clock.now()
    return [...records].map((record) => encodeOffsetRecord(record, now))
  }

  #applyGroup({ group, snapshot }: GroupRecord): void {
    if (snapshot === null) this.#groups.delete(group)
    else this.#groups.set(group, snapshot)
  }

  #end({ producerId }: JournalProducer, marker: Marker): void {
    const records = this.pending.take(producerId)
    if (marker === 'commit') for (const record of records) this.table.apply(record)
  }

  #everything(): readonly JournalEntry[] {
    const now = this.#options.clock.now()
    const groups = [...this.#groups].map(([group, snapshot]) =>
      encodeGroupRecord({ group, snapshot }, now),
    )
    const pending = this.pending.entries().map(({ producer, records }) => ({
      producer,
      records: this.#encodedOffsets(records),
    }))
    return [{ records: [...this.#encodedOffsets(this.table.records()), ...groups] }, ...pending]
  }

  #restore({ records, producer, marker }: JournalBatch): void {
    if (producer !== undefined && marker !== undefined) return this.#end(producer, marker)
    const offsets = records.flatMap((record) => decodeOffsetRecord(record) ?? [])
    if (producer !== undefined) return void this.pending.add(producer, offsets)
    for (const record of offsets) this.table.apply(record)
    for (const record of records) this.#restoreGroup(record)
  }

  #restoreGroup(record: DecodedRecord): void {
    const group = decodeGroupRecord(record)
    if (group !== undefined) this.#applyGroup(group)
  }
}

function removal({ key }: OffsetRecord): OffsetRecord {
  return { key, committed: null }
}

/** How a write ended; rejects where it was not storage that failed. */
export async function outcomeOf(
  written: Promise<void>,
  { logger, group }: { logger: Logger; group: string },
): Promise<'NONE' | 'KAFKA_STORAGE_ERROR'> {
  try {
    await written
    return 'NONE'
  } catch (error) {
    if (!(error instanceof AppError) || error.code !== 'STORAGE_FAILED') throw error
    logger.error('offsets not written', { group, reason: reasonOf(error) })
    return 'KAFKA_STORAGE_ERROR'
  }
}
