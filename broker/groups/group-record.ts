// Reads and writes what __consumer_offsets keeps of a group itself, in the form Kafka gives it.
import { Reader } from '../../protocol/reader.ts'
import {
  array,
  bytes,
  int16,
  int32,
  int64,
  nullableString,
  string,
  struct,
  type ReadOf,
} from '../../protocol/fields.ts'
import type { DecodedRecord, RecordToEncode } from '../../protocol/record-batch.ts'
import { Writer } from '../../protocol/writer.ts'

// Kafka, GroupMetadataKey and GroupMetadataValue: the last version before the flexible ones.
const keyVersion = 2
const valueVersion = 3

const groupKey = struct({ version: int16, group: string })
const groupValue = struct({
  version: int16,
  protocolType: string,
  generationId: int32,
  protocolName: nullableString,
  leaderId: nullableString,
  /** When the group came to be empty or stable. */
  stateSinceMs: int64,
  members: array(
    struct({
      memberId: string,
      groupInstanceId: nullableString,
      clientId: string,
      clientHost: string,
      rebalanceTimeoutMs: int32,
      sessionTimeoutMs: int32,
      metadata: bytes,
      assignment: bytes,
    }),
  ),
})

/** A group between two rebalances: with members it is stable, without it is empty. */
export type GroupSnapshot = Omit<ReadOf<typeof groupValue>, 'version'>
export type MemberSnapshot = GroupSnapshot['members'][number]

export interface GroupRecord {
  readonly group: string
  /** Null removes the group. */
  readonly snapshot: GroupSnapshot | null
}

export function encodeGroupRecord({ group, snapshot }: GroupRecord, now: number): RecordToEncode {
  const key = new Writer()
  groupKey.write(key, { version: keyVersion, group }, 0)
  if (snapshot === null) return { key: Buffer.concat(key.done()), value: null, timestamp: now }
  const value = new Writer()
  groupValue.write(value, { version: valueVersion, ...snapshot }, 0)
  return { key: Buffer.concat(key.done()), value: Buffer.concat(value.done()), timestamp: now }
}

/** Undefined for a record that is not of a group, or of a version that is not ours. */
export function decodeGroupRecord({ key, value }: DecodedRecord): GroupRecord | undefined {
  if (key === null || key.length < 2 || key.readInt16BE(0) !== keyVersion) return undefined
  const { group } = groupKey.read(new Reader(key), 0)
  if (value === null) return { group, snapshot: null }
  if (value.length < 2 || value.readInt16BE(0) !== valueVersion) return undefined
  const { version: _version, ...snapshot } = groupValue.read(new Reader(value), 0)
  return { group, snapshot }
}
