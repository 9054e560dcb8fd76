// Takes one partition's part of an answer to a fetch apart: which batches count, and where to read on.
import type { ReceivedResponse } from '../protocol/apis.ts'
import { batchPrefixBytes, safeInt64At } from '../protocol/batch-header.ts'
import { DecodeError } from '../protocol/decode-error.ts'
import {
  isControl,
  isTransactional,
  lastOffsetDeltaAt,
  markerAt,
  recordBatchHeaderBytes,
  totalBytesAt,
  validateBatch,
  type BatchInfo,
} from '../protocol/record-batch.ts'
import type { FetchedRecord } from './fetched-record.ts'
import { walkBatch } from './record-walk.ts'

export type FetchedPartition = ReceivedResponse<'Fetch'>['responses'][number]['partitions'][number]

/** Batches of one partition, validated, in order; `nextOffset` is behind the last of them. */
export interface FetchedBatches {
  readonly bytes: Buffer
  readonly batches: readonly BatchInfo[]
  readonly fromOffset: number
  readonly nextOffset: number
}

/**
 * Batches of aborted transactions and control batches are passed over; a batch that is cut off at the end is
 * left for the next fetch. Undefined where there is no whole batch. Throws DecodeError for a batch
 * that is not sound.
 */
export function fetchedBatches(
  partition: Pick<FetchedPartition, 'records' | 'abortedTransactions'>,
  fromOffset: number,
): FetchedBatches | undefined {
  const bytes = partition.records
  if (bytes === null || !hasWholeBatch(bytes, 0)) return undefined
  const aborted = new AbortedTransactions(partition.abortedTransactions ?? [])
  const batches: BatchInfo[] = []
  let nextOffset = fromOffset
  for (let position = 0; hasWholeBatch(bytes, position);) {
    const validation = validateBatch(bytes, position, { isStored: true })
    if (!validation.ok) {
      const isOld = validation.error === 'UNSUPPORTED_FOR_MESSAGE_FORMAT'
      const hint = isOld ? ' (--kafka-client kafkajs reads others)' : ''
      throw new DecodeError(validation.reason + hint, position)
    }
    const { batch } = validation
    position += batch.sizeBytes
    const lastOffset = batch.baseOffset + batch.lastOffsetDelta
    const isLeftOut = aborted.leavesOut(bytes, batch)
    if (lastOffset < fromOffset) continue
    nextOffset = Math.max(nextOffset, lastOffset + 1)
    if (!isLeftOut) batches.push(batch)
  }
  return { bytes, batches, fromOffset, nextOffset }
}

/**
 * The offset behind the last whole batch, by the headers alone, so that the next fetch can be on its way
 * while this one is checked and taken apart. `fromOffset` where there is none.
 */
export function offsetBehind(bytes: Buffer | null, fromOffset: number): number {
  let offset = fromOffset
  if (bytes === null) return offset
  for (let position = 0; hasWholeBatch(bytes, position);) {
    const sizeBytes = totalBytesAt(bytes, position)
    const baseOffset = sizeBytes < recordBatchHeaderBytes ? undefined : safeInt64At(bytes, position)
    // What is wrong with it the check will say.
    if (baseOffset === undefined) break
    offset = Math.max(offset, baseOffset + lastOffsetDeltaAt(bytes, position) + 1)
    position += sizeBytes
  }
  return offset
}

/** Throws what is wrong with an answer that has bytes, and no whole batch from the offset on. */
export function refuseTorn(answer: FetchedPartition, fromOffset: number): never {
  // Which says more, where it can.
  fetchedBatches(answer, fromOffset)
  throw new DecodeError(`there is no whole batch from offset ${fromOffset} on`, 0)
}

/** Throws DecodeError. */
export function recordsOf(
  { bytes, batches, fromOffset }: FetchedBatches,
  place: { readonly topic: string; readonly partition: number },
): FetchedRecord[] {
  const records: FetchedRecord[] = []
  for (const { position } of batches) walkBatch(bytes, position, { ...place, fromOffset }, records)
  return records
}

function hasWholeBatch(bytes: Buffer, position: number): boolean {
  const left = bytes.length - position
  return left >= batchPrefixBytes && totalBytesAt(bytes, position) <= left
}

/**
 * Which batches were never committed: those of a producer from the first offset of its aborted transaction to
 * the marker that ends it (Kafka, CompletedFetch).
 */
class AbortedTransactions {
  readonly #pending: { readonly producerId: number; readonly firstOffset: number }[]
  readonly #open = new Set<number>()

  constructor(aborted: readonly { readonly producerId: number; readonly firstOffset: number }[]) {
    this.#pending = aborted.toSorted((a, b) => b.firstOffset - a.firstOffset)
  }

  leavesOut(bytes: Buffer, batch: BatchInfo): boolean {
    const lastOffset = batch.baseOffset + batch.lastOffsetDelta
    for (let next = this.#pending.at(-1); next !== undefined && next.firstOffset <= lastOffset;) {
      this.#open.add(next.producerId)
      this.#pending.pop()
      next = this.#pending.at(-1)
    }
    if (isControl(batch.attributes)) {
      if (markerAt(bytes, batch.position) === 'abort') this.#open.delete(batch.producerId)
      return true
    }
    return isTransactional(batch.attributes) && this.#open.has(batch.producerId)
  }
}
