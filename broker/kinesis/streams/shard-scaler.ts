// Measures how busy the shards of streams are, and reshards those whose policy asks for it.
import type { Clock, Timer } from '../../../common/clock.ts'
import { reasonOf } from '../../../common/errors.ts'
import { brokerPartitionsMax, topicPartitionsMax } from '../../../common/limits.ts'
import type { Logger } from '../../../common/logger.ts'
import { awsScalingSampleMs, localScalingSampleMs } from '../../../common/scaling-limits.ts'
import { dayMs, shardCountUpdatesMax } from '../../../common/stream-limits.ts'
import type { LogStore } from '../../log/log-store.ts'
import { withSteps } from './resharding.ts'
import { splitAt, uniformPlan } from './shard-range.ts'
import {
  nextScaling,
  scalingPolicy,
  scalingStart,
  type ScalingChange,
  type ScalingState,
  type ShardLoad,
} from './shard-scaling.ts'
import type { StreamCatalog } from './stream-catalog.ts'
import type { ReshardingStep, StreamRecord } from './stream-record.ts'
import type { Stream } from './stream.ts'

export interface ShardScalerOptions {
  readonly catalog: StreamCatalog
  readonly store: LogStore
  readonly pace: 'local' | 'aws'
  readonly clock: Clock
  readonly logger: Logger
}

/** What the log had taken by a time. */
interface Reading {
  readonly records: number
  readonly bytes: number
}

interface Followed {
  readonly atMs: number
  /** By shard. */
  readonly readings: ReadonlyMap<number, Reading>
  readonly state: ScalingState
}

/**
 * Looks at every stream that has a policy, once a sample, and lets those go whose topics were deleted. What Kafka's producers write counts as well: a shard is a
 * partition. A change counts as a call of UpdateShardCount, so that shards, which are never taken back, stay within bounds.
 */
export class ShardScaler {
  readonly #options: ShardScalerOptions
  readonly #sampleMs: number
  /** By the stream's topic, so that one made anew begins anew. */
  #followed = new Map<string, Followed>()
  /** Why each was last refused a change: said once, not with every sample. */
  readonly #refusals = new WeakMap<Stream, string>()
  #timer: Timer | undefined
  #looking: Promise<void> = Promise.resolve()
  #isClosed = false

  constructor(options: ShardScalerOptions) {
    this.#options = options
    this.#sampleMs = options.pace === 'aws' ? awsScalingSampleMs : localScalingSampleMs
    this.#waitForNext()
  }

  /** Resolves when nothing of it is under way. */
  async close(): Promise<void> {
    this.#isClosed = true
    this.#timer?.cancel()
    await this.#looking
  }

  /** Resolves when what was decided is written down, or has failed and is logged. */
  async look(): Promise<void> {
    await this.#forgetDeleted()
    const before = this.#followed
    this.#followed = new Map()
    for (const stream of this.#options.catalog.knownStreams) {
      const policy = scalingPolicy(stream.record, this.#sampleMs)
      if (policy === undefined) continue
      const last = before.get(stream.topic.id)
      const now = { atMs: this.#options.clock.now(), readings: readingsOf(stream) }
      if (last === undefined || stream.status !== 'ACTIVE') {
        this.#followed.set(stream.topic.id, { ...now, state: scalingStart })
        continue
      }
      const { state, change } = nextScaling(policy, last.state, loadsBetween(last, now))
      this.#followed.set(stream.topic.id, { ...now, state })
      if (change !== undefined) await this.#scale(stream, change)
    }
  }

  async #forgetDeleted(): Promise<void> {
    try {
      await this.#options.catalog.forgetDeleted()
    } catch (error) {
      // The next start does it.
      const reason = reasonOf(error)
      this.#options.logger.warn('files of deleted streams are still there', { reason })
    }
  }

  #waitForNext(): void {
    this.#timer = this.#options.clock.after(this.#sampleMs, () => {
      this.#looking = this.look().then(() => {
        if (!this.#isClosed) this.#waitForNext()
      })
    })
  }

  async #scale(stream: Stream, change: ScalingChange): Promise<void> {
    const { catalog, clock, logger } = this.#options
    const from = stream.routedShards.length
    const nowMs = clock.now()
    let refusal: string | undefined
    try {
      const { done } = await catalog.reshard(stream, (record) => {
        const steps = stepsOf(stream, change)
        refusal = this.#refusal(record, steps, nowMs)
        if (refusal !== undefined || steps.length === 0) return record
        const shardCountUpdatesMs = [...recent(record, nowMs), nowMs]
        return { ...withSteps(record, steps), shardCountUpdatesMs }
      })
      await done
      const to = stream.routedShards.length
      if (refusal === undefined && to !== from) {
        logger.info('shards scaled', { stream: stream.name, from, to })
      }
      this.#noteRefusal(stream, refusal)
    } catch (error) {
      // The stream is measured on; a resharding that was begun is the catalogue's to finish.
      logger.error('shards not scaled', { stream: stream.name, reason: reasonOf(error) })
    }
  }

  #noteRefusal(stream: Stream, reason: string | undefined): void {
    if (reason === undefined) {
      this.#refusals.delete(stream)
    } else if (this.#refusals.get(stream) !== reason) {
      this.#refusals.set(stream, reason)
      this.#options.logger.warn('shards not scaled', { stream: stream.name, reason })
    }
  }

  #refusal(
    record: StreamRecord,
    steps: readonly ReshardingStep[],
    nowMs: number,
  ): string | undefined {
    const added = steps.reduce((sum, { opens }) => sum + opens.length, 0)
    if (recent(record, nowMs).length >= shardCountUpdatesMax) {
      return `the number of shards was changed ${shardCountUpdatesMax} times in the last 24 hours`
    }
    if (record.shards.length + added > topicPartitionsMax) {
      return `with those that are closed there would be more than ${topicPartitionsMax} shards`
    }
    if (this.#options.store.partitions + added > brokerPartitionsMax) {
      return `there would be more than ${brokerPartitionsMax} partitions of all topics`
    }
    return undefined
  }
}

function recent({ shardCountUpdatesMs }: StreamRecord, nowMs: number): readonly number[] {
  return shardCountUpdatesMs.filter((timeMs) => nowMs - timeMs < dayMs)
}

function readingsOf({ routedShards }: Stream): ReadonlyMap<number, Reading> {
  return new Map(
    routedShards.map(({ index, partition }) => {
      const { recordsAppended: records, bytesAppended: bytes } = partition.stats()
      return [index, { records, bytes }]
    }),
  )
}

/** A shard that is younger than the last reading has taken all of its records since. */
function loadsBetween(
  last: Pick<Followed, 'atMs' | 'readings'>,
  now: Pick<Followed, 'atMs' | 'readings'>,
): readonly ShardLoad[] {
  const seconds = Math.max(1, now.atMs - last.atMs) / 1000
  return [...now.readings].map(([shard, { records, bytes }]) => {
    const before = last.readings.get(shard) ?? { records: 0, bytes: 0 }
    return {
      shard,
      bytesPerSecond: (bytes - before.bytes) / seconds,
      recordsPerSecond: (records - before.records) / seconds,
    }
  })
}

/** Of shards that are open now; a split that is too narrow for two halves is left out. */
function stepsOf(
  { routedShards, record }: Stream,
  change: ScalingChange,
): readonly ReshardingStep[] {
  const open = routedShards.flatMap(({ index, record: { range } }) =>
    range === undefined ? [] : [{ shard: index, range }],
  )
  if (change.kind === 'resize') return uniformPlan(open, change.shards, record.shards.length)
  return open
    .filter(({ shard, range }) => change.shards.includes(shard) && range.end - range.start > 2n)
    .map(({ shard, range }) => {
      const middle = range.start + (range.end - range.start) / 2n + 1n
      return { closes: [shard], opens: splitAt(range, middle) }
    })
}
