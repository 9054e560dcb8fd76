// The bytes of a segment's index of aborted transactions, which read_committed consumers are told of.
import { crc32c } from '../../protocol/record-batch.ts'

/** A transaction whose abort marker is committed. */
export interface AbortedTransaction {
  readonly producerId: number
  readonly firstOffset: number
  /** Of the marker, which says in which segment's index it is. */
  readonly lastOffset: number
  /** When it ended: transactions that ended later began at or after it. */
  readonly lastStableOffset: number
}

/*
 * Kafka's `.txnindex`: version i16 | producer id i64 | first offset i64 | last offset i64 | last stable offset i64,
 * in the order of last offsets. Behind the last entry there is a checksum of them all, which Kafka has not.
 */
const entryBytes = 34
const checksumBytes = 4

export function encodeAborted(transactions: readonly AbortedTransaction[]): Buffer {
  const bytes = Buffer.alloc(transactions.length * entryBytes + checksumBytes)
  for (const [index, transaction] of transactions.entries()) {
    const at = index * entryBytes + 2
    bytes.writeBigInt64BE(BigInt(transaction.producerId), at)
    bytes.writeBigInt64BE(BigInt(transaction.firstOffset), at + 8)
    bytes.writeBigInt64BE(BigInt(transaction.lastOffset), at + 16)
    bytes.writeBigInt64BE(BigInt(transaction.lastStableOffset), at + 24)
  }
  const end = bytes.length - checksumBytes
  bytes.writeUInt32BE(crc32c(bytes.subarray(0, end)), end)
  return bytes
}

/** Undefined where the bytes are not a whole index. */
export function parseAborted(bytes: Buffer): readonly AbortedTransaction[] | undefined {
  const end = bytes.length - checksumBytes
  if (end < 0 || end % entryBytes !== 0) return undefined
  if (crc32c(bytes.subarray(0, end)) !== bytes.readUInt32BE(end)) return undefined
  return Array.from({ length: end / entryBytes }, (_, index) => {
    const at = index * entryBytes + 2
    return {
      producerId: Number(bytes.readBigInt64BE(at)),
      firstOffset: Number(bytes.readBigInt64BE(at + 8)),
      lastOffset: Number(bytes.readBigInt64BE(at + 16)),
      lastStableOffset: Number(bytes.readBigInt64BE(at + 24)),
    }
  })
}
