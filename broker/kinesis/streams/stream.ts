// One stream: a topic as Kinesis sees it, with its shards and the way from a partition key to one of them.
import { retentionHoursMax } from '../../../common/stream-limits.ts'
import { hashKeyOf } from '../../../kinesis-wire/hash-key.ts'
import type { Topic } from '../../log/topic.ts'
import { Shard } from './shard.ts'
import { StreamCounters } from './stream-counters.ts'
import type { StreamRecord } from './stream-record.ts'

export type StreamStatus = 'CREATING' | 'DELETING' | 'ACTIVE' | 'UPDATING'

/** Invariant: the ranges of open shards hold every hash key once. */
export class Stream {
  readonly topic: Topic
  readonly counters = new StreamCounters()
  #record: StreamRecord
  #shards: readonly Shard[] = []
  #routed: readonly Shard[] = []
  #listeners: Set<() => void> | undefined
  isDeleting = false

  constructor(topic: Topic, record: StreamRecord) {
    this.topic = topic
    this.#record = record
    this.#adopt(record)
  }

  get name(): string {
    return this.topic.name
  }

  /** Of a stream made anew under the same name another. */
  get id(): string {
    return this.topic.id
  }

  get record(): StreamRecord {
    return this.#record
  }

  /** All that there have ever been, by their numbers. */
  get shards(): readonly Shard[] {
    return this.#shards
  }

  get openShards(): readonly Shard[] {
    return this.#shards.filter(({ isOpen }) => isOpen)
  }

  /** Those that a partition key can lead to, by their ranges. */
  get routedShards(): readonly Shard[] {
    return this.#routed
  }

  get status(): StreamStatus {
    if (this.isDeleting) return 'DELETING'
    return this.#record.resharding.length > 0 ? 'UPDATING' : 'ACTIVE'
  }

  /** Of a topic that keeps its records longer, or for good, the most that Kinesis knows. */
  get retentionHours(): number {
    const { retentionMs } = this.topic.config
    const hours = Math.floor(retentionMs / 3_600_000)
    return retentionMs < 0 ? retentionHoursMax : Math.min(hours, retentionHoursMax)
  }

  /** Of a record's data. */
  get recordMaxBytes(): number {
    return this.#record.recordMaxKiB * 1024
  }

  shardOfKey(partitionKey: string): Shard {
    return this.shardOfHash(hashKeyOf(partitionKey))
  }

  shardOfHash(hashKey: bigint): Shard {
    let low = 0
    let high = this.#routed.length
    while (high - low > 1) {
      const middle = (low + high) >>> 1
      if ((this.#routed[middle]?.record.range?.start ?? 0n) > hashKey) high = middle
      else low = middle
    }
    const shard = this.#routed[low]
    if (shard === undefined) throw new Error(`stream ${this.name} has no open shard`)
    return shard
  }

  /** Shards that came in place of this one, in order. */
  childrenOf({ index }: Shard): readonly Shard[] {
    return this.#shards.filter(({ record }) => record.parents.includes(index))
  }

  /** What was written down becomes what holds: closed partitions are sealed in the same moment in which keys lead elsewhere. */
  adopt(record: StreamRecord): void {
    this.#record = record
    this.#adopt(record)
    for (const listener of this.#listeners ?? []) listener()
  }

  /** Calls `listener` whenever something else is known of the stream; returns how to stop. */
  onChange(listener: () => void): () => void {
    this.#listeners = (this.#listeners ?? new Set()).add(listener)
    return () => this.#listeners?.delete(listener)
  }

  #adopt(record: StreamRecord): void {
    const known = this.#shards
    this.#shards = record.shards.map((shard, index) => {
      const before = known[index]
      if (before?.record === shard) return before
      const partition = this.topic.partitions[index]
      if (partition === undefined) throw new Error(`${this.name} has no partition ${index}`)
      return new Shard(index, shard, partition)
    })
    for (const shard of this.#shards) {
      if (!shard.isOpen) shard.partition.sealedReason = this.#sealedReason(shard)
    }
    this.#routed = this.#shards
      .filter(({ isOpen, record: { range } }) => isOpen && range !== undefined)
      .toSorted((a, b) => ((a.record.range?.start ?? 0n) < (b.record.range?.start ?? 0n) ? -1 : 1))
  }

  #sealedReason(shard: Shard): string {
    const heirs = this.#record.shards.flatMap(({ parents }, index) =>
      parents.includes(shard.index) ? [index] : [],
    )
    return `partition ${shard.index} of ${this.name} is closed: its shard was split or merged; produce to ${heirs.join(' or ')}`
  }
}
