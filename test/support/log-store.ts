// Opens log stores for tests, in memory unless told, and makes batches for them.
import type { FileSystem } from '../../broker/log/file-system.ts'
import type { LogStoreOptions } from '../../broker/log/log-store.ts'
import { LogStore } from '../../broker/log/log-store.ts'
import type { PartitionLog } from '../../broker/log/partition-log.ts'
import { silentLogger } from '../../common/logger.ts'
import {
  decodeRecords,
  encodeBatch,
  totalBytesAt,
  transactionalBit,
} from '../../protocol/record-batch.ts'
import { ManualClock } from './manual-clock.ts'
import { MemoryFileSystem } from './memory-file-system.ts'

export interface TestStore {
  readonly store: LogStore
  readonly files: MemoryFileSystem
  readonly clock: ManualClock
}

export interface TestOptions extends Partial<Omit<LogStoreOptions, 'files' | 'clock'>> {
  readonly files?: MemoryFileSystem
  readonly clock?: ManualClock
  /** In place of the files in memory. */
  readonly disk?: FileSystem
}

/** With the memory of a real store a test that opens hundreds does little but collect it again. */
const smallMemory = { blockPieceBytes: 64 * 1024, compactionMapMaxBytes: 256 * 1024 }

export async function openStore(options: TestOptions = {}): Promise<TestStore> {
  const { files = new MemoryFileSystem(), clock = new ManualClock(), disk, ...rest } = options
  const limits = disk === undefined ? { ...smallMemory, ...rest.limits } : (rest.limits ?? {})
  const store = await LogStore.open({
    dir: '/log',
    flush: 'commit',
    flushIntervalMs: 1000,
    directIo: 'auto',
    defaults: { retentionMs: -1, retentionBytes: -1, segmentBytes: 1024 * 1024 * 1024 },
    logger: silentLogger,
    ...rest,
    limits,
    clock,
    files: disk ?? files,
  })
  return { store, files, clock }
}

/** A batch with one record for each value. */
export function batchOf(values: readonly string[], timestamp = 1000, stepMs = 0): Buffer {
  return encodeBatch({
    records: values.map((value, index) => ({
      key: null,
      value: Buffer.from(value),
      timestamp: timestamp + index * stepMs,
    })),
  })
}

/** A batch as a producer with an id sends it: a record for each value from `sequence` on. */
export function sequencedBatch(
  producer: {
    readonly producerId: number
    readonly epoch?: number
    readonly isTransactional?: boolean
  },
  sequence: number,
  values: readonly string[],
): Buffer {
  const records = values.map((value) => ({ key: null, value: Buffer.from(value), timestamp: 1000 }))
  const { producerId, epoch: producerEpoch = 0, isTransactional = false } = producer
  const attributes = isTransactional ? transactionalBit : 0
  return encodeBatch({ records, producerId, producerEpoch, baseSequence: sequence, attributes })
}

/** Appends a batch and waits until it is committed; returns its base offset. */
export async function append(
  partition: PartitionLog,
  values: readonly string[],
  timestamp?: number,
): Promise<number> {
  const result = partition.append(batchOf(values, timestamp))
  if (!result.ok) throw new Error(result.reason)
  await result.committed
  return result.baseOffset
}

/** All values from `offset` to the high watermark, read batch by batch. */
export async function valuesFrom(
  partition: PartitionLog,
  offset = partition.logStartOffset,
): Promise<readonly string[]> {
  const values: string[] = []
  for (let next = offset; next < partition.highWatermark;) {
    const read = await partition.read(next, { maxBytes: 1024, minOneBatch: true })
    if (!read.ok) throw new Error(read.error)
    for (const record of read.chunks.flatMap(recordsOf)) {
      if (record.offset < next) continue
      if (record.offset !== next) throw new Error(`offset ${record.offset} where ${next} is due`)
      values.push(record.value?.toString() ?? 'null')
      next += 1
    }
  }
  return values
}

/** The records of batches that lie back to back. */
export function recordsOf(chunk: Buffer): ReturnType<typeof decodeRecords> {
  const records: ReturnType<typeof decodeRecords> = []
  for (let at = 0; at < chunk.length; at += totalBytesAt(chunk, at)) {
    records.push(...decodeRecords(chunk, at))
  }
  return records
}

/** The first partition of a topic that must be there. */
export function partitionOf(store: LogStore, topic: string, index = 0): PartitionLog {
  const partition = store.topic(topic)?.partitions[index]
  if (partition === undefined) throw new Error(`there is no ${topic}-${index}`)
  return partition
}
