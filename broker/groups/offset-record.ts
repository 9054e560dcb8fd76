// Reads and writes the records of __consumer_offsets, in the form Kafka gives them.
import type { DecodedRecord, RecordToEncode } from '../../protocol/record-batch.ts'

/** What a committed offset belongs to. */
export interface OffsetKey {
  readonly group: string
  readonly topic: string
  readonly partition: number
}

export interface CommittedOffset {
  /** The next record to be read. */
  readonly offset: number
  /** -1 where the client did not say. */
  readonly leaderEpoch: number
  readonly metadata: string
  readonly commitTimestampMs: number
}

export interface OffsetRecord {
  readonly key: OffsetKey
  /** Null removes the offset. */
  readonly committed: CommittedOffset | null
}

/** An offset as a client commits it. */
export interface OffsetToCommit {
  readonly topic: string
  readonly partition: number
  readonly offset: number
  readonly leaderEpoch: number
  readonly metadata: string
}

export function offsetRecords(
  group: string,
  offsets: readonly OffsetToCommit[],
  commitTimestampMs: number,
): readonly OffsetRecord[] {
  return offsets.map(({ topic, partition, ...committed }) => ({
    key: { group, topic, partition },
    committed: { ...committed, commitTimestampMs },
  }))
}

// Kafka, OffsetCommitKey and OffsetCommitValue: the highest versions that every broker reads.
const keyVersion = 1
const valueVersion = 3

/** Key: version i16, group, topic, partition i32. Value: version i16, offset i64, epoch i32, metadata, time i64. */
export function encodeOffsetRecord({ key, committed }: OffsetRecord, now: number): RecordToEncode {
  const keyBytes = Buffer.concat([
    int16(keyVersion),
    text(key.group),
    text(key.topic),
    int32(key.partition),
  ])
  if (committed === null) return { key: keyBytes, value: null, timestamp: now }
  const value = Buffer.concat([
    int16(valueVersion),
    int64(committed.offset),
    int32(committed.leaderEpoch),
    text(committed.metadata),
    int64(committed.commitTimestampMs),
  ])
  return { key: keyBytes, value, timestamp: now }
}

/** Undefined for a record that is not an offset, such as the group metadata that Kafka keeps beside them. */
export function decodeOffsetRecord({ key, value }: DecodedRecord): OffsetRecord | undefined {
  if (key === null || key.length < 2 || key.readInt16BE(0) !== keyVersion) return undefined
  const group = textAt(key, 2)
  const topic = textAt(key, group.end)
  const offsetKey = { group: group.text, topic: topic.text, partition: key.readInt32BE(topic.end) }
  if (value === null) return { key: offsetKey, committed: null }
  if (value.length < 2 || value.readInt16BE(0) !== valueVersion) return undefined
  const metadata = textAt(value, 14)
  const committed = {
    offset: Number(value.readBigInt64BE(2)),
    leaderEpoch: value.readInt32BE(10),
    metadata: metadata.text,
    commitTimestampMs: Number(value.readBigInt64BE(metadata.end)),
  }
  return { key: offsetKey, committed }
}

function int16(value: number): Buffer {
  const bytes = Buffer.allocUnsafe(2)
  bytes.writeInt16BE(value)
  return bytes
}

function int32(value: number): Buffer {
  const bytes = Buffer.allocUnsafe(4)
  bytes.writeInt32BE(value)
  return bytes
}

function int64(value: number): Buffer {
  const bytes = Buffer.allocUnsafe(8)
  bytes.writeBigInt64BE(BigInt(value))
  return bytes
}

function text(value: string): Buffer {
  const bytes = Buffer.from(value, 'utf8')
  return Buffer.concat([int16(bytes.length), bytes])
}

function textAt(buffer: Buffer, position: number): { text: string; end: number } {
  const end = position + 2 + buffer.readInt16BE(position)
  return { text: buffer.toString('utf8', position + 2, end), end }
}
