// AWS's limits of one shard: bytes and records in, bytes and calls out, each second.
import {
  shardBytesInPerSecond,
  shardBytesOutPerSecond,
  shardIteratorsPerSecond,
  shardReadsPerSecond,
  shardRecordsInPerSecond,
} from '../../../common/stream-limits.ts'
import { Allowance } from './allowance.ts'

export class ShardLimits {
  readonly #bytesIn = new Allowance(shardBytesInPerSecond)
  readonly #recordsIn = new Allowance(shardRecordsInPerSecond)
  readonly #bytesOut = new Allowance(shardBytesOutPerSecond)
  readonly #readCalls = new Allowance(shardReadsPerSecond)
  readonly #iterators = new Allowance(shardIteratorsPerSecond)

  /**
   * Whether the shard takes so much now; what is admitted counts. One record above a second's bytes passes when nothing
   * is owed, as records of up to 10 MiB do on AWS, and the shard is full until it is paid off.
   */
  admitPut(bytes: number, records: number, nowMs: number): boolean {
    const bytesLeft = this.#bytesIn.left(nowMs)
    const isFull =
      bytes > bytesLeft && !(bytes > shardBytesInPerSecond && bytesLeft === shardBytesInPerSecond)
    if (isFull || records > this.#recordsIn.left(nowMs)) return false
    this.#bytesIn.take(bytes)
    this.#recordsIn.take(records)
    return true
  }

  /** Whether a call of GetRecords may read now. What it gives is told by `noteRead`, and holds up the next ones. */
  admitRead(nowMs: number): boolean {
    if (this.#readCalls.left(nowMs) < 1 || this.#bytesOut.left(nowMs) <= 0) return false
    this.#readCalls.take(1)
    return true
  }

  /** Whether a call of GetShardIterator may be answered now. */
  admitIterator(nowMs: number): boolean {
    return this.#iterators.admit(nowMs)
  }

  noteRead(bytes: number, nowMs: number): void {
    this.#bytesOut.left(nowMs)
    this.#bytesOut.take(bytes)
  }
}
