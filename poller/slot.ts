// Says by a record's key in which slot of its partition it goes, where a parallelization factor splits it.
import { keyOf, type RawRecord } from '../events/raw-record.ts'

/**
 * The same key goes to the same slot always, so that its records keep their order. Without a key there is no order to keep:
 * such records go round, by their offsets, so that one that is read again is where it was.
 */
export function slotOf(record: RawRecord, factor: number): number {
  const key = record.stream === undefined ? keyOf(record) : keyInStream(record.stream)
  return key === null ? record.offset % factor : slotOfKey(key, factor)
}

function keyInStream({ partitionKey }: { readonly partitionKey: string }): Buffer | null {
  return partitionKey === '' ? null : Buffer.from(partitionKey)
}

/**
 * FNV-1a, its bits mixed as MurmurHash3 does at its end. Not the murmur2 by which Kafka's producers choose the
 * partition: all keys of one partition have its remainder in common, and would meet in one slot.
 */
export function slotOfKey(key: Uint8Array, factor: number): number {
  let hash = 0x811c9dc5
  for (const byte of key) hash = Math.imul(hash ^ byte, 0x01000193)
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b)
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35)
  return ((hash ^ (hash >>> 16)) >>> 0) % factor
}
