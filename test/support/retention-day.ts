// A day of writing and retention in simulation: what it leaves on the disk, and in memory.
import { encodeBatch } from '../../protocol/record-batch.ts'
import { HollowFileSystem } from './hollow-file-system.ts'
import { openStore, partitionOf } from './log-store.ts'

export interface RetentionDay {
  readonly gigabytes: number
  readonly partitions: number
}

export interface RetentionDayResult {
  readonly recordBytes: number
  /** The most that lay on the disk at once, write-ahead files included, and what does at the end. */
  readonly diskBytesMax: number
  readonly diskBytesEnd: number
  readonly filesEnd: number
  /** What retention lets stay: an hour of writing. */
  readonly retainedBytes: number
  /** Of the heap and its buffers: after an hour, and at most from then on. */
  readonly memoryBytesEarly: number
  readonly memoryBytesMax: number
}

const hourMs = 3_600_000
const batchBytes = 1_000_000

/** An hour's records are kept of a day's, which come in batches of a megabyte, evenly. */
export async function retentionDay(day: RetentionDay): Promise<RetentionDayResult> {
  const disk = new HollowFileSystem()
  const { store, clock } = await openStore({ disk })
  const batches = Math.ceil((day.gigabytes * 1e9) / batchBytes)
  const retainedBytes = (batches * batchBytes) / 24
  await store.createTopic('t', {
    partitions: day.partitions,
    configs: {
      'retention.ms': String(hourMs),
      'segment.bytes': String(Math.ceil(retainedBytes / day.partitions / 8)),
      'message.timestamp.type': 'LogAppendTime',
    },
  })
  const value = Buffer.alloc(batchBytes - 100, 'x')
  const template = encodeBatch({ records: [{ key: null, value, timestamp: 0 }] })
  let memoryBytesEarly = 0
  let memoryBytesMax = 0
  for (let n = 0; n < batches; n++) {
    const result = partitionOf(store, 't', n % day.partitions).append(Buffer.from(template))
    if (!result.ok) throw new Error(result.reason)
    await result.committed
    clock.advance((24 * hourMs) / batches)
    // Retention works behind the clock, in as many steps as it has files to remove.
    for (let ticks = 0; ticks < 4; ticks++) await new Promise((resolve) => setImmediate(resolve))
    if (n % 64 !== 0) continue
    const { heapUsed, arrayBuffers } = process.memoryUsage()
    if (n <= batches / 24) memoryBytesEarly = Math.max(memoryBytesEarly, heapUsed + arrayBuffers)
    else memoryBytesMax = Math.max(memoryBytesMax, heapUsed + arrayBuffers)
  }
  const diskBytesEnd = disk.bytes
  await store.close()
  return {
    recordBytes: batches * batchBytes,
    diskBytesMax: disk.bytesMax,
    diskBytesEnd,
    filesEnd: disk.files,
    retainedBytes,
    memoryBytesEarly,
    memoryBytesMax,
  }
}
