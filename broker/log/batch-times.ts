// Finds records by time inside of one batch.
import {
  baseOffsetAt,
  baseTimestampAt,
  decodeRecords,
  DecodeError,
  maxTimestampAt,
  type DecodedRecord,
} from '../../protocol/record-batch.ts'

export interface OffsetAndTimestamp {
  readonly offset: number
  /** Milliseconds since the epoch. */
  readonly timestamp: number
}

/**
 * The first record of the batch at or after offset `from` with a timestamp of `timestampMs` or above. A batch
 * that cannot be decoded answers for its first record, with its largest timestamp.
 */
export function firstRecordAtOrAfter(
  batch: Buffer,
  timestampMs: number,
  from: number,
): OffsetAndTimestamp | undefined {
  const records = decode(batch)
  if (records === undefined) {
    return { offset: Math.max(from, baseOffsetAt(batch, 0)), timestamp: maxTimestampAt(batch, 0) }
  }
  const record = records.find((r) => r.timestamp >= timestampMs && r.offset >= from)
  return record && { offset: record.offset, timestamp: record.timestamp }
}

/** What the batch's header says of the time of the record at `offset`; undefined where nothing. */
export function timestampOfBatch(batch: Buffer, offset: number): number | undefined {
  const isFirst = offset === baseOffsetAt(batch, 0)
  const timestamp = isFirst ? baseTimestampAt(batch, 0) : maxTimestampAt(batch, 0)
  return timestamp < 0 ? undefined : timestamp
}

function decode(batch: Buffer): readonly DecodedRecord[] | undefined {
  try {
    return decodeRecords(batch, 0)
  } catch (error) {
    if (error instanceof DecodeError) return undefined
    throw error
  }
}
