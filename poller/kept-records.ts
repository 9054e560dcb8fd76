// Makes a source's records such as lanes keep: views of bytes, copied together where the bytes are mostly others'.
import { oversizedKeyMaxBytes } from '../common/mapping-limits.ts'
import { keyOf, type RawRecord } from '../events/raw-record.ts'
import type { SourceRecord } from './sources/source.ts'

/** So much more than the records is kept for each run of them; a copy would take more. */
const slackBytes = 1024

/** A record with views of its parts becomes one with places; one that has places already is kept as it is. */
export function rawRecord(record: SourceRecord): RawRecord {
  if (isRaw(record)) return record
  const { offset, timestampMs, timestampType, key, value, headers } = record
  return {
    offset,
    timestampMs,
    timestampType,
    ...placesOf(key, value),
    headerCount: headers.length,
    headers,
    ...restOf(record),
  }
}

/**
 * Records of one run for a lane to keep. What they hold on to is at most twice their size and a bit: a filter may have
 * left few of a fetch, and other partitions of it may be through while this one's records wait.
 */
export function keptRecords(records: readonly RawRecord[]): readonly RawRecord[] {
  let keptBytes = 0
  let heldBytes = 0
  let last: ArrayBufferLike | undefined
  for (const record of records) {
    const { buffer } = record.bytes
    if (buffer !== last) heldBytes += buffer.byteLength
    last = buffer
    keptBytes += Math.max(0, record.keyBytes) + Math.max(0, record.valueBytes)
  }
  if (heldBytes <= 2 * keptBytes + slackBytes) return records
  return copied(records, keptBytes)
}

/** What of a record that is too large is small for certain; its key decides where it goes. */
export function withoutContent(record: RawRecord): RawRecord {
  const { offset, timestampMs, timestampType } = record
  const key = record.keyBytes <= oversizedKeyMaxBytes ? keyOf(record) : null
  // Of its own: the rest is not to be kept.
  const place = { bytes: Buffer.from(key ?? []), keyStart: 0, keyBytes: key?.length ?? -1 }
  const none = { valueStart: 0, valueBytes: -1, headerCount: 0, headers: [] }
  return { offset, timestampMs, timestampType, ...place, ...none, ...restOf(record) }
}

function copied(records: readonly RawRecord[], sizeBytes: number): readonly RawRecord[] {
  const bytes = Buffer.allocUnsafeSlow(sizeBytes)
  let end = 0
  const put = (source: Buffer, start: number, length: number): number => {
    const at = end
    if (length > 0) end += source.copy(bytes, at, start, start + length)
    return at
  }
  return records.map((record): RawRecord => {
    const { offset, timestampMs, timestampType, keyBytes, valueBytes, headerCount } = record
    const keyStart = put(record.bytes, record.keyStart, keyBytes)
    const valueStart = put(record.bytes, record.valueStart, valueBytes)
    const headers = record.headers.map(({ name, value }) => ({ name, value: Buffer.from(value) }))
    const place = { bytes, keyStart, keyBytes, valueStart, valueBytes }
    return {
      offset,
      timestampMs,
      timestampType,
      ...place,
      headerCount,
      headers,
      ...restOf(record),
    }
  })
}

type Rest = Pick<RawRecord, 'stream' | 'schemas' | 'failure'>

/** What only records of some mappings have. */
function restOf({ stream, schemas, failure }: Rest): Rest {
  if (stream === undefined && schemas === undefined && failure === undefined) return none
  return {
    ...(stream === undefined ? {} : { stream }),
    ...(schemas === undefined ? {} : { schemas }),
    ...(failure === undefined ? {} : { failure }),
  }
}

const none: Rest = {}

/** Whether it says where its parts lie. */
export function isRaw(record: SourceRecord): record is SourceRecord & RawRecord {
  return 'bytes' in record
}

type Places = Pick<RawRecord, 'bytes' | 'keyStart' | 'keyBytes' | 'valueStart' | 'valueBytes'>

/** In the buffer that both are views of, or in bytes of their own where they have none in common. */
function placesOf(key: Buffer | null, value: Buffer | null): Places {
  const [keyBytes, valueBytes] = [key?.length ?? -1, value?.length ?? -1]
  const one = key ?? value
  if (one === null) return { bytes: nothing, keyStart: 0, keyBytes, valueStart: 0, valueBytes }
  if (key !== null && value !== null && key.buffer !== value.buffer) {
    const bytes = Buffer.concat([key, value])
    return { bytes, keyStart: 0, keyBytes, valueStart: keyBytes, valueBytes }
  }
  const bytes = Buffer.from(one.buffer)
  const [keyStart, valueStart] = [key?.byteOffset ?? 0, value?.byteOffset ?? 0]
  return { bytes, keyStart, keyBytes, valueStart, valueBytes }
}

const nothing = Buffer.alloc(0)
