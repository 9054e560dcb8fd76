// Keeps committed offsets durable: a journal in an internal topic, and a table of it in memory.
import assert from 'node:assert/strict'
import type { Clock } from '../../common/clock.ts'
import { AppError, reasonOf } from '../../common/errors.ts'
import { journalBatchMaxBytes, offsetsJournalMaxBytes } from '../../common/limits.ts'
import type { Logger } from '../../common/logger.ts'
import {
  decodeRecords,
  encodeBatch,
  totalBytesAt,
  type DecodedRecord,
  type RecordToEncode,
} from '../../protocol/record-batch.ts'
import type { PartitionLog } from '../log/partition-log.ts'
import {
  decodeGroupRecord,
  encodeGroupRecord,
  type GroupRecord,
  type GroupSnapshot,
} from './group-record.ts'
import { decodeOffsetRecord, encodeOffsetRecord, type OffsetRecord } from './offset-record.ts'
import { OffsetTable } from './offset-table.ts'

/** What is asked of the log that the journal lies in. */
export type Journal = Pick<
  PartitionLog,
  | 'append'
  | 'read'
  | 'deleteRecordsBefore'
  | 'logStartOffset'
  | 'logEndOffset'
  | 'highWatermark'
  | 'sizeBytes'
>

export interface OffsetStoreOptions {
  /** The one partition of `__consumer_offsets`. */
  readonly log: Journal
  readonly clock: Clock
  readonly logger: Logger
  /** Bytes appended since the last snapshot that bring about the next. */
  readonly journalMaxBytes?: number
}

/** Kafka's name for it, which its tools look for. */
export const offsetsTopicName = '__consumer_offsets'

const readBytes = 1024 * 1024
/** Records are cut into batches of so many. */
const batchRecords = 100
/** More than a record takes beside its key and value. */
const recordHeadBytes = 32

/**
 * The table changes at once and the journal follows: `write` resolves when it is durable. So a
 * snapshot, which is taken from the table, never misses an offset that lies before it in the journal.
 * Reading an offset that is not durable yet does no harm: after a crash its group goes on from an earlier one.
 */
export class OffsetStore {
  readonly table = new OffsetTable()
  /** Groups as they were last written; one that is not here has offsets at most. */
  readonly #groups = new Map<string, GroupSnapshot>()
  readonly #options: OffsetStoreOptions
  #bytesSinceSnapshot = 0
  #snapshot: Promise<void> | undefined

  private constructor(options: OffsetStoreOptions) {
    this.#options = options
  }

  /** Reads the journal back. Rejects with AppError STORAGE_FAILED or LOG_CORRUPT. */
  static async open(options: OffsetStoreOptions): Promise<OffsetStore> {
    const store = new OffsetStore(options)
    await store.#load()
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
    const isTooLarge = sizeOf(encoded) > journalBatchMaxBytes
    this.#applyGroup(isTooLarge ? { ...record, snapshot: null } : record)
    return isTooLarge ? { ...encoded, value: null } : encoded
  }

  async #write(records: readonly RecordToEncode[]): Promise<void> {
    if (records.length === 0) return
    const committed = batchesOf(records).map((batch) => this.#append(batch).committed)
    await Promise.all(committed)
    if (this.#bytesSinceSnapshot >= (this.#options.journalMaxBytes ?? offsetsJournalMaxBytes)) {
      this.#snapshot ??= this.#writeSnapshot()
    }
  }

  async removeGroup(group: string): Promise<void> {
    const offsets = this.write([...this.table.recordsOf(group)].map(removal))
    await Promise.all([offsets, this.writeGroups([{ group, snapshot: null }])])
  }

  /** For a topic that is gone: a new one of the same name must not inherit its offsets. */
  removeTopic(topic: string): Promise<void> {
    const records = [...this.table.records()].filter(({ key }) => key.topic === topic)
    return this.write(records.map(removal))
  }

  /** Waits for a snapshot under way. */
  async close(): Promise<void> {
    await this.#snapshot
  }

  #encodedOffsets(records: Iterable<OffsetRecord>): RecordToEncode[] {
    const now = this.#options.clock.now()
    return [...records].map((record) => encodeOffsetRecord(record, now))
  }

  #applyGroup({ group, snapshot }: GroupRecord): void {
    if (snapshot === null) this.#groups.delete(group)
    else this.#groups.set(group, snapshot)
  }

  #append(records: readonly RecordToEncode[]): { committed: Promise<void> } {
    const batch = encodeBatch({ records })
    const result = this.#options.log.append(batch)
    if (result.ok) {
      this.#bytesSinceSnapshot += batch.length
      return result
    }
    // The batch is our own, so only storage can be at fault.
    const details = { operation: 'append to', file: offsetsTopicName, reason: result.reason }
    return { committed: Promise.reject(new AppError('STORAGE_FAILED', details)) }
  }

  /** Writes the whole table anew, then drops all that lies before it. */
  async #writeSnapshot(): Promise<void> {
    const { log, logger } = this.#options
    this.#bytesSinceSnapshot = 0
    try {
      const startOffset = log.logEndOffset
      const groups = [...this.#groups].map(([group, snapshot]) => ({ group, snapshot }))
      const now = this.#options.clock.now()
      const records = [
        ...this.#encodedOffsets(this.table.records()),
        ...groups.map((record) => encodeGroupRecord(record, now)),
      ]
      const written = batchesOf(records).map((batch) => this.#append(batch))
      await Promise.all(written.map(({ committed }) => committed))
      await log.deleteRecordsBefore(startOffset)
      logger.debug('offsets snapshot', { startOffset, batches: written.length })
    } catch (error) {
      // The journal is whole without the snapshot; the next one is due after as many bytes again.
      if (!(error instanceof AppError) || error.code !== 'STORAGE_FAILED') throw error
      logger.warn('offsets snapshot failed', { reason: reasonOf(error) })
    } finally {
      this.#bytesSinceSnapshot = 0
      this.#snapshot = undefined
    }
  }

  async #load(): Promise<void> {
    const { log, logger } = this.#options
    let offset = log.logStartOffset
    let records = 0
    while (offset < log.highWatermark) {
      const result = await log.read(offset, { maxBytes: readBytes, minOneBatch: true })
      if (!result.ok) {
        const details = { operation: 'read', file: offsetsTopicName, reason: result.error }
        throw new AppError('STORAGE_FAILED', details)
      }
      const decoded = recordsIn(Buffer.concat(result.chunks))
      for (const record of decoded) {
        offset = record.offset + 1
        const entry = decodeOffsetRecord(record)
        const group = decodeGroupRecord(record)
        if (entry !== undefined) this.table.apply(entry)
        if (group !== undefined) this.#applyGroup(group)
      }
      assert(decoded.length > 0, 'a read below the high watermark has records')
      records += decoded.length
    }
    this.#bytesSinceSnapshot = log.sizeBytes
    logger.debug('offsets read back', { records, groups: this.table.groupCount })
  }
}

function recordsIn(batches: Buffer): DecodedRecord[] {
  const records: DecodedRecord[] = []
  for (let at = 0; at < batches.length; at += totalBytesAt(batches, at)) {
    for (const record of decodeRecords(batches, at)) records.push(record)
  }
  return records
}

function batchesOf(records: readonly RecordToEncode[]): readonly (readonly RecordToEncode[])[] {
  const batches: RecordToEncode[][] = []
  let last: RecordToEncode[] = []
  let bytes = 0
  for (const record of records) {
    const size = sizeOf(record)
    if (last.length === 0 || last.length >= batchRecords || bytes + size > journalBatchMaxBytes) {
      last = []
      bytes = 0
      batches.push(last)
    }
    last.push(record)
    bytes += size
  }
  return batches
}

function sizeOf({ key, value }: RecordToEncode): number {
  return (key?.length ?? 0) + (value?.length ?? 0) + recordHeadBytes
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
