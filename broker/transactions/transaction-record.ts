// Reads and writes the records of __transaction_state, in the form Kafka gives them.
import {
  array,
  int16,
  int32,
  int64,
  int8,
  nullableArray,
  string,
  struct,
} from '../../protocol/fields.ts'
import { Reader } from '../../protocol/reader.ts'
import type { DecodedRecord, RecordToEncode } from '../../protocol/record-batch.ts'
import { Writer } from '../../protocol/writer.ts'
import type { Transaction, TransactionPartitions, TransactionState } from './transaction.ts'

/** Null forgets the id. */
export interface TransactionRecord {
  readonly transactionalId: string
  readonly transaction: Transaction | null
}

/** Kafka, TransactionLogKey and TransactionLogValue: version 0, which every broker reads. */
const version = 0
const keyTable = struct({ version: int16, transactionalId: string })
const valueTable = struct({
  version: int16,
  producerId: int64,
  producerEpoch: int16,
  timeoutMs: int32,
  status: int8,
  partitions: nullableArray(struct({ topic: string, partitionIds: array(int32) })),
  updatedMs: int64,
  startedMs: int64,
})

/** By Kafka's number. Dead, 6, is a null value here, and 7 is never written. */
const statuses: readonly TransactionState[] = [
  'Empty',
  'Ongoing',
  'PrepareCommit',
  'PrepareAbort',
  'CompleteCommit',
  'CompleteAbort',
]

export function encodeTransaction(record: TransactionRecord, now: number): RecordToEncode {
  const { transactionalId, transaction } = record
  const key = new Writer({ flexible: false })
  keyTable.write(key, { version, transactionalId }, version)
  const keyBytes = Buffer.concat(key.done())
  if (transaction === null) return { key: keyBytes, value: null, timestamp: now }
  const value = new Writer({ flexible: false })
  const partitions = [...transaction.partitions].map(([topic, ids]) => ({
    topic,
    partitionIds: [...ids],
  }))
  const status = statuses.indexOf(transaction.state)
  valueTable.write(value, { ...transaction, version, status, partitions }, version)
  return { key: keyBytes, value: Buffer.concat(value.done()), timestamp: now }
}

/** Undefined for a record of another version. Throws DecodeError where it is none at all. */
export function decodeTransaction({ key, value }: DecodedRecord): TransactionRecord | undefined {
  if (key === null || key.length < 2 || key.readInt16BE(0) !== version) return undefined
  const { transactionalId } = keyTable.read(new Reader(key, { flexible: false }), version)
  if (value === null) return { transactionalId, transaction: null }
  if (value.length < 2 || value.readInt16BE(0) !== version) return undefined
  const read = valueTable.read(new Reader(value, { flexible: false }), version)
  const state = statuses[read.status]
  if (state === undefined) return { transactionalId, transaction: null }
  const partitions: TransactionPartitions = new Map(
    (read.partitions ?? []).map(({ topic, partitionIds }) => [topic, new Set(partitionIds)]),
  )
  const { producerId, producerEpoch, timeoutMs, updatedMs, startedMs } = read
  const transaction = {
    transactionalId,
    producerId,
    producerEpoch,
    lastProducerEpoch: -1,
    timeoutMs,
    state,
    partitions,
    updatedMs,
    startedMs,
  }
  return { transactionalId, transaction }
}
