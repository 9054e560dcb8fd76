// One shard: a partition of the log with its range of hash keys, its parents and its sequence numbers.
import {
  encodeSequenceNumber,
  shardEndSequenceNumber,
} from '../../../kinesis-wire/sequence-number.ts'
import type { PartitionLog } from '../../log/partition-log.ts'
import { hashKeyMax, type HashKeyRange } from '../../../kinesis-wire/hash-key.ts'
import { ShardLimits } from './shard-limits.ts'
import type { ShardRecord } from './stream-record.ts'

/** `shardId-000000000003` */
export function shardIdOf(index: number): string {
  return `shardId-${String(index).padStart(12, '0')}`
}

/** The number of a shard by its id or that number alone; undefined where the text is neither. */
export function parseShardId(text: string): number | undefined {
  const [, digits] = /^(?:shardId-)?(\d{1,12})$/.exec(text) ?? []
  return digits === undefined ? undefined : Number(digits)
}

export class Shard {
  readonly index: number
  readonly id: string
  readonly record: ShardRecord
  readonly partition: PartitionLog
  /** As its sequence numbers say it. */
  readonly createdSecs: number
  /** AWS's; whether they hold is the stream's to say. */
  readonly limits = new ShardLimits()

  constructor(index: number, record: ShardRecord, partition: PartitionLog) {
    this.index = index
    this.id = shardIdOf(index)
    this.record = record
    this.partition = partition
    this.createdSecs = Math.floor(record.madeMs / 1000)
  }

  /** Of a partition that was added through Kafka, to which no key leads, the last hash key alone. */
  get range(): HashKeyRange {
    return this.record.range ?? { start: hashKeyMax, end: hashKeyMax }
  }

  get isOpen(): boolean {
    return this.record.closedMs === undefined
  }

  /** Whether `offset` is behind all that there will ever be: the shard is closed, and nothing of it is under way. */
  isEnd(offset: number): boolean {
    const { highWatermark, logEndOffset } = this.partition
    return !this.isOpen && offset >= highWatermark && highWatermark === logEndOffset
  }

  /**
   * Whether it is closed and retention has taken all of it: AWS lists it no more. One that never had a record stays as
   * long as one would that came at its end.
   */
  isExpired(nowMs: number): boolean {
    const { logStartOffset, logEndOffset, identity } = this.partition
    const { closedMs } = this.record
    if (closedMs === undefined || logStartOffset < logEndOffset) return false
    const { retentionMs } = identity.config()
    return logEndOffset > 0 || (retentionMs >= 0 && nowMs - closedMs > retentionMs)
  }

  /** Before its first record. */
  get startingSequenceNumber(): string {
    return encodeSequenceNumber({ ...this.#numbering(this.record.madeMs), offset: -1 })
  }

  /** Undefined while it is open. */
  get endingSequenceNumber(): string | undefined {
    const { closedMs } = this.record
    return closedMs === undefined ? undefined : shardEndSequenceNumber(this.#numbering(closedMs))
  }

  #numbering(recordMs: number) {
    const { index: shardIndex, createdSecs: shardCreatedSecs } = this
    return { shardIndex, shardCreatedSecs, recordSecs: Math.floor(recordMs / 1000) }
  }
}
