// Control batches: the one record that ends a transaction in a partition, as a commit or an abort.
import { attributesAt, controlBit, transactionalBit } from './batch-header.ts'
import { decodeRecords, encodeBatch } from './batch-records.ts'
import { DecodeError } from './decode-error.ts'

/** How a transaction ended in a partition. */
export type Marker = 'commit' | 'abort'

/*
 * Kafka, ControlRecordType and EndTxnMarker. Key: version i16 | type i16, 0 for an abort and 1 for a commit.
 * Value: version i16 | epoch of the coordinator i32. The record takes an offset, which no consumer is shown.
 */
const types: readonly Marker[] = ['abort', 'commit']

export interface MarkerToEncode {
  readonly producerId: number
  readonly producerEpoch: number
  readonly marker: Marker
  /** Milliseconds since the epoch. */
  readonly timestamp: number
}

export function encodeMarker({ marker, timestamp, ...producer }: MarkerToEncode): Buffer {
  const key = Buffer.alloc(4)
  key.writeInt16BE(types.indexOf(marker), 2)
  // There is one coordinator, so its epoch is always 0.
  const record = { key, value: Buffer.alloc(6), timestamp }
  return encodeBatch({
    ...producer,
    records: [record],
    attributes: transactionalBit | controlBit,
  })
}

export function isTransactional(attributes: number): boolean {
  return (attributes & transactionalBit) !== 0
}

export function isControl(attributes: number): boolean {
  return (attributes & controlBit) !== 0
}

/** What the batch at `position` marks; undefined for one that is no marker, or of a type that is not known. */
export function markerAt(buffer: Buffer, position: number): Marker | undefined {
  if (!isControl(attributesAt(buffer, position))) return undefined
  try {
    const key = decodeRecords(buffer, position)[0]?.key
    return key && key.length >= 4 ? types[key.readInt16BE(2)] : undefined
  } catch (error) {
    if (error instanceof DecodeError) return undefined
    throw error
  }
}
