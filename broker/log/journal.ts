// A journal of keyed records in a topic of the broker's own: written, read back, and cut when newer ones replace it.
import assert from 'node:assert/strict'
import { AppError, reasonOf } from '../../common/errors.ts'
import { journalBatchMaxBytes } from '../../common/limits.ts'
import type { Logger } from '../../common/logger.ts'
import {
  attributesAt,
  decodeRecords,
  encodeBatch,
  isTransactional,
  markerAt,
  producerEpochAt,
  producerIdAt,
  totalBytesAt,
  transactionalBit,
  type DecodedRecord,
  type Marker,
  type RecordToEncode,
} from '../../protocol/record-batch.ts'
import type { AppendAccepted, AppendRefused } from './append-outcome.ts'
import type { PartitionLog } from './partition-log.ts'

/** What is asked of the log that a journal lies in. */
export type JournalLog = Pick<
  PartitionLog,
  | 'append'
  | 'appendMarker'
  | 'read'
  | 'deleteRecordsBefore'
  | 'logStartOffset'
  | 'logEndOffset'
  | 'highWatermark'
  | 'sizeBytes'
>

export interface JournalProducer {
  readonly producerId: number
  readonly producerEpoch: number
}

/** Records that hold at once, or that hold if a producer's transaction is committed. */
export interface JournalEntry {
  readonly records: readonly RecordToEncode[]
  readonly producer?: JournalProducer | undefined
}

/** A batch that is read back: records, or the end of a producer's transaction. */
export interface JournalBatch {
  readonly records: readonly DecodedRecord[]
  readonly producer: JournalProducer | undefined
  readonly marker: Marker | undefined
}

export interface JournalOptions {
  /** Of the topic, for messages. */
  readonly name: string
  /** Its one partition. */
  readonly log: JournalLog
  readonly logger: Logger
  /** Bytes appended since everything was written anew that bring about the next time. */
  readonly maxBytes: number
  /** Everything that holds; what has been appended is part of it, durable or not. */
  snapshot(): readonly JournalEntry[]
}

const readBytes = 1024 * 1024
/** Records are cut into batches of so many. */
const batchRecords = 100
/** More than a record takes beside its key and value. */
const recordHeadBytes = 32

/** Invariant: what lies before the log's start is in a snapshot behind it, or has been replaced. */
export class Journal {
  readonly #options: JournalOptions
  #bytesSinceSnapshot = 0
  #snapshot: Promise<void> | undefined

  constructor(options: JournalOptions) {
    this.#options = options
  }

  /** Calls `visit` for each batch; resolves with the number of records. Rejects with AppError STORAGE_FAILED. */
  async load(visit: (batch: JournalBatch) => void): Promise<number> {
    const { log, name } = this.#options
    let offset = log.logStartOffset
    let records = 0
    while (offset < log.highWatermark) {
      const result = await log.read(offset, { maxBytes: readBytes, minOneBatch: true })
      if (!result.ok) {
        const details = { operation: 'read', file: name, reason: result.error }
        throw new AppError('STORAGE_FAILED', details)
      }
      const before = offset
      for (const batch of batchesIn(Buffer.concat(result.chunks))) {
        const last = batch.records.at(-1)
        assert(last !== undefined, 'a batch has records')
        offset = last.offset + 1
        records += batch.records.length
        visit(batch)
      }
      assert(offset > before, 'a read below the high watermark has records')
    }
    this.#bytesSinceSnapshot = log.sizeBytes
    return records
  }

  /** Resolves when the records are on disk; rejects with AppError STORAGE_FAILED. */
  async append(entry: JournalEntry): Promise<void> {
    await Promise.all(this.#append(entry))
    this.#snapshotIfDue()
  }

  /** Ends a producer's transaction here. Rejects with AppError STORAGE_FAILED. */
  appendMarker(producer: JournalProducer, marker: Marker): Promise<void> {
    return this.#committed(this.#options.log.appendMarker(producer, marker))
  }

  /** Waits for a snapshot under way. */
  async close(): Promise<void> {
    await this.#snapshot
  }

  #append({ records, producer }: JournalEntry): Promise<void>[] {
    const ofProducer = producer === undefined ? {} : { ...producer, attributes: transactionalBit }
    return batchesOf(records).map((batchRecords) => {
      const batch = encodeBatch({ ...ofProducer, records: batchRecords })
      const result = this.#options.log.append(batch, 'broker')
      if (result.ok) this.#bytesSinceSnapshot += batch.length
      return this.#committed(result)
    })
  }

  #committed(result: AppendAccepted | AppendRefused): Promise<void> {
    if (result.ok) return result.committed
    // The batch is our own, so only storage can be at fault.
    const { name } = this.#options
    const details = { operation: 'append to', file: name, reason: result.reason }
    return Promise.reject(new AppError('STORAGE_FAILED', details))
  }

  #snapshotIfDue(): void {
    if (this.#bytesSinceSnapshot < this.#options.maxBytes) return
    this.#snapshot ??= this.#writeSnapshot()
  }

  /** Writes everything anew, then drops all that lies before it. */
  async #writeSnapshot(): Promise<void> {
    const { log, logger, name } = this.#options
    this.#bytesSinceSnapshot = 0
    try {
      const startOffset = log.logEndOffset
      const entries = this.#options.snapshot()
      await Promise.all(entries.flatMap((entry) => this.#append(entry)))
      await log.deleteRecordsBefore(startOffset)
      logger.debug('snapshot', { topic: name, startOffset, entries: entries.length })
    } catch (error) {
      // The journal is whole without the snapshot; the next one is due after as many bytes again.
      if (!(error instanceof AppError) || error.code !== 'STORAGE_FAILED') throw error
      logger.warn('snapshot failed', { topic: name, reason: reasonOf(error) })
    } finally {
      this.#bytesSinceSnapshot = 0
      this.#snapshot = undefined
    }
  }
}

/** What a record counts for in a batch. */
export function journalBytes({ key, value }: RecordToEncode): number {
  return (key?.length ?? 0) + (value?.length ?? 0) + recordHeadBytes
}

function batchesIn(bytes: Buffer): readonly JournalBatch[] {
  const batches: JournalBatch[] = []
  for (let at = 0; at < bytes.length; at += totalBytesAt(bytes, at)) {
    const producer = isTransactional(attributesAt(bytes, at))
      ? { producerId: producerIdAt(bytes, at), producerEpoch: producerEpochAt(bytes, at) }
      : undefined
    batches.push({ records: decodeRecords(bytes, at), producer, marker: markerAt(bytes, at) })
  }
  return batches
}

function batchesOf(records: readonly RecordToEncode[]): readonly (readonly RecordToEncode[])[] {
  const batches: RecordToEncode[][] = []
  let last: RecordToEncode[] = []
  let bytes = 0
  for (const record of records) {
    const size = journalBytes(record)
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
