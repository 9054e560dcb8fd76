// Reads a shard's records from the log in place, whoever wrote them: committed ones, unpacked, none of Kafka's markers.
import { letGo } from '../../../common/buffer-pool.ts'
import { AppError } from '../../../common/errors.ts'
import { fetchedBatches, recordsOf } from '../../../kafka-consumer/fetched-batches.ts'
import type { FetchedRecord } from '../../../kafka-consumer/fetched-record.ts'
import { DecodeError } from '../../../protocol/decode-error.ts'
import type { Shard } from '../streams/shard.ts'

export interface ReadBounds {
  readonly maxRecords: number
  /** Of data and keys; a first record that is larger comes all the same. */
  readonly maxBytes: number
  /** What is read of the log at a time. */
  readonly pieceBytes: number
}

export interface ShardRead {
  readonly records: readonly FetchedRecord[]
  /** Where to read on; it may have moved where nothing was found, past what readers do not see. */
  readonly nextOffset: number
  /** Of data and keys. */
  readonly bytes: number
  /** What the records lie in may be used again: nobody looks at them any more. */
  release(): void
}

/** Up to where records can be read: behind it transactions are open, or nothing is committed. */
export function readableEnd({ partition }: Shard): number {
  return partition.lastStableOffset
}

/** Where a reader at `offset` goes on: not before what retention has left. */
export function presentOffset({ partition }: Shard, offset: number): number {
  return Math.max(offset, partition.logStartOffset)
}

/** Rejects with AppError STORAGE_FAILED, or LOG_CORRUPT where a batch cannot be read. */
export async function readShard(
  shard: Shard,
  offset: number,
  bounds: ReadBounds,
): Promise<ShardRead> {
  const records: FetchedRecord[] = []
  const chunks: Buffer[] = []
  let bytes = 0
  let nextOffset = presentOffset(shard, offset)
  let isFull = false
  while (!isFull && nextOffset < readableEnd(shard)) {
    const piece = await readPiece(shard, nextOffset, {
      ...bounds,
      leftBytes: bounds.maxBytes - bytes,
    })
    chunks.push(...piece.chunks)
    for (const record of piece.records) {
      const size = sizeOf(record)
      const isOver = bytes + size > bounds.maxBytes && records.length > 0
      isFull = isOver || records.length >= bounds.maxRecords
      if (isFull) break
      records.push(record)
      bytes += size
      nextOffset = record.offset + 1
    }
    if (isFull) break
    // Batches may end with what compaction has taken, and with markers.
    isFull = piece.nextOffset <= nextOffset && piece.records.length === 0
    nextOffset = Math.max(nextOffset, piece.nextOffset)
    isFull ||= records.length >= bounds.maxRecords
    // Nor is a batch begun for the sake of a few records: the next read would have all of it to read again.
    isFull ||= bounds.maxBytes - bytes < Math.min(bounds.pieceBytes, bounds.maxBytes) / 2
  }
  return { records, nextOffset, bytes, release: () => chunks.forEach(letGo) }
}

function sizeOf({ keyBytes, valueBytes }: FetchedRecord): number {
  return Math.max(0, keyBytes) + Math.max(0, valueBytes)
}

interface Piece {
  readonly chunks: readonly Buffer[]
  readonly records: readonly FetchedRecord[]
  readonly nextOffset: number
}

async function readPiece(
  { partition }: Shard,
  offset: number,
  { pieceBytes, leftBytes }: ReadBounds & { readonly leftBytes: number },
): Promise<Piece> {
  const read = await partition.read(offset, {
    maxBytes: Math.min(pieceBytes, leftBytes),
    minOneBatch: true,
    below: partition.lastStableOffset,
    aheadBytes: pieceBytes,
  })
  // Retention may have taken it meanwhile: the next piece begins behind that.
  const isGone = !read.ok && read.error === 'OFFSET_OUT_OF_RANGE'
  if (isGone && offset < partition.logStartOffset) {
    return { chunks: [], records: [], nextOffset: partition.logStartOffset }
  }
  if (!read.ok) {
    const file = `${partition.topic}-${partition.index}`
    throw new AppError('STORAGE_FAILED', { operation: 'read', file, reason: read.error })
  }
  const records: FetchedRecord[] = []
  let nextOffset = offset
  for (const chunk of read.chunks) {
    const end = await partition.producers.aborted.find(nextOffset, partition.highWatermark)
    const found = decode(partition, { chunk, aborted: end, offset: nextOffset })
    for (const record of found.records) records.push(record)
    nextOffset = Math.max(nextOffset, found.nextOffset)
  }
  return { chunks: read.chunks, records, nextOffset }
}

function decode(
  { topic, index }: Shard['partition'],
  {
    chunk,
    aborted,
    offset,
  }: {
    readonly chunk: Buffer
    readonly aborted: readonly { readonly producerId: number; readonly firstOffset: number }[]
    readonly offset: number
  },
): Pick<Piece, 'records' | 'nextOffset'> {
  try {
    const batches = fetchedBatches({ records: chunk, abortedTransactions: [...aborted] }, offset)
    if (batches === undefined) return { records: [], nextOffset: offset }
    const records = recordsOf(batches, { topic, partition: index })
    return { records, nextOffset: batches.nextOffset }
  } catch (error) {
    if (!(error instanceof DecodeError)) throw error
    // The log takes what Kafka clients have packed as it is: one that was packed wrongly shows here.
    const details = { file: `${topic}-${index}`, position: offset, reason: error.message }
    throw new AppError('LOG_CORRUPT', details, error)
  }
}
