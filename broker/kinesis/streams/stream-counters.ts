// Counts what goes in and out of one stream through the Kinesis API, by shard and by call.
import { consumersAdvantageMax } from '../../../common/subscription-limits.ts'
import { callBoundsSeconds, Histogram } from '../../../common/metrics.ts'

export type CountedOperation = 'GetRecords' | 'PutRecord' | 'PutRecords'

/** Bytes are of data and keys. */
export interface ShardCounters {
  recordsIn: number
  bytesIn: number
  recordsOut: number
  bytesOut: number
  /** Calls and records that AWS's limits of a shard turned away. */
  readsRefused: number
  writesRefused: number
  /** How far behind the last reader was, and when that was; undefined before the first one. */
  lastRead: { readonly millisBehind: number; readonly atMs: number } | undefined
}

/** Of a consumer with enhanced fan-out. */
export interface ConsumerCounters {
  subscribed: number
  /** Calls of SubscribeToShard that came too soon. */
  rateExceeded: number
  events: number
  records: number
  bytes: number
  lastEvent: { readonly millisBehind: number; readonly atMs: number } | undefined
}

/** Consumers come and go; of more than AWS lets a stream have at a time the oldest are let go. */
const consumersMax = consumersAdvantageMax

export interface CallCounts {
  succeeded: number
  failed: number
}

/** Plain counters; those of a shard stay when it is closed. */
export class StreamCounters {
  readonly #shards = new Map<number, ShardCounters>()
  readonly #consumers = new Map<string, ConsumerCounters>()
  /** Those that got as far as the stream. */
  readonly calls: Readonly<Record<CountedOperation, CallCounts>> = {
    GetRecords: { succeeded: 0, failed: 0 },
    PutRecord: { succeeded: 0, failed: 0 },
    PutRecords: { succeeded: 0, failed: 0 },
  }
  readonly #seconds = new Map<CountedOperation, Histogram>()
  /** Data and keys of the records that each call put. */
  readonly putBytes = { PutRecord: 0, PutRecords: 0 }
  /** Records of PutRecords, by what became of them. */
  readonly putRecords = { succeeded: 0, failed: 0, throttled: 0 }

  /** By the number of the shard; those alone that something was counted of. */
  get shards(): ReadonlyMap<number, ShardCounters> {
    return this.#shards
  }

  shard(index: number): ShardCounters {
    let counters = this.#shards.get(index)
    if (counters === undefined) {
      counters = {
        recordsIn: 0,
        bytesIn: 0,
        recordsOut: 0,
        bytesOut: 0,
        readsRefused: 0,
        writesRefused: 0,
        lastRead: undefined,
      }
      this.#shards.set(index, counters)
    }
    return counters
  }

  /** By the consumer's name. */
  get consumers(): ReadonlyMap<string, ConsumerCounters> {
    return this.#consumers
  }

  consumer(name: string): ConsumerCounters {
    let counters = this.#consumers.get(name)
    if (counters === undefined) {
      counters = {
        subscribed: 0,
        rateExceeded: 0,
        events: 0,
        records: 0,
        bytes: 0,
        lastEvent: undefined,
      }
      this.#consumers.set(name, counters)
      const [oldest] = this.#consumers.keys()
      if (this.#consumers.size > consumersMax && oldest !== undefined) {
        this.#consumers.delete(oldest)
      }
    }
    return counters
  }

  /** Whether nothing was counted yet. */
  get isIdle(): boolean {
    const calls = Object.values(this.calls)
    return this.#shards.size === 0 && calls.every((one) => one.succeeded + one.failed === 0)
  }

  /** How long calls took, of operations that were called. */
  get seconds(): ReadonlyMap<CountedOperation, Histogram> {
    return this.#seconds
  }

  called(operation: CountedOperation, succeeded: boolean, seconds: number): void {
    this.calls[operation][succeeded ? 'succeeded' : 'failed'] += 1
    let histogram = this.#seconds.get(operation)
    if (histogram === undefined) {
      histogram = new Histogram(callBoundsSeconds)
      this.#seconds.set(operation, histogram)
    }
    histogram.observe(seconds)
  }
}
