// Counts what goes in and out of one stream through the Kinesis API, by shard and by call.

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

export interface CallCounts {
  succeeded: number
  failed: number
}

/** Plain counters; those of a shard stay when it is closed. */
export class StreamCounters {
  readonly #shards = new Map<number, ShardCounters>()
  /** Those that got as far as the stream. */
  readonly calls: Readonly<Record<CountedOperation, CallCounts>> = {
    GetRecords: { succeeded: 0, failed: 0 },
    PutRecord: { succeeded: 0, failed: 0 },
    PutRecords: { succeeded: 0, failed: 0 },
  }
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

  /** Whether nothing was counted yet. */
  get isIdle(): boolean {
    const calls = Object.values(this.calls)
    return this.#shards.size === 0 && calls.every((one) => one.succeeded + one.failed === 0)
  }

  called(operation: CountedOperation, succeeded: boolean): void {
    this.calls[operation][succeeded ? 'succeeded' : 'failed'] += 1
  }
}
