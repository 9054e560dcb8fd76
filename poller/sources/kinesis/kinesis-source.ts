// Reads a Kinesis stream shard by shard, parents before their children, and keeps how far it has come.
import { sleep, type Clock } from '../../../common/clock.ts'
import { AppError, reasonOf } from '../../../common/errors.ts'
import { kinesisRetryMaxMs } from '../../../common/kinesis-client-limits.ts'
import type { KinesisArn } from '../../../common/kinesis-arn.ts'
import type { Logger } from '../../../common/logger.ts'
import type { ShardDescription } from '../../../kinesis-client/answers.ts'
import type { KinesisClient } from '../../../kinesis-client/kinesis-client.ts'
import { Refusal } from '../../../kinesis-client/refusal.ts'
import type { StreamRecord } from '../../../kinesis-client/stream-record.ts'
import type { HashKeyRange } from '../../../kinesis-wire/hash-key.ts'
import type { Source, SourceListener, SourceRecord } from '../source.ts'
import type { StartPosition } from '../start-position.ts'
import { Checkpoints, type CheckpointStore } from './checkpoints.ts'
import { sourceRecord } from './kinesis-record.ts'
import { PauseGate } from './pause-gate.ts'
import { PollPace } from './poll-pace.ts'
import { StreamGone, type ReadShard } from './reading.ts'
import { firstCheckpoints, readable } from './shard-lineage.ts'
import { ShardProgress } from './shard-progress.ts'
import { userRecords } from './user-records.ts'

export interface KinesisSourceOptions {
  readonly uuid: string
  readonly stream: KinesisArn
  /** The source closes it. */
  readonly client: KinesisClient
  readonly readShard: ReadShard
  readonly position: StartPosition
  readonly checkpoints: CheckpointStore
  readonly clock: Clock
  readonly logger: Logger
  /** In [0, 1). */
  readonly random: () => number
}

/**
 *   look at the stream ─▶ start what may be read ─▶ a shard's end is read ─▶ it is committed ─┐
 *     ▲      ▲                                                                                │
 *     │      └────────────────────────────────────────────────────────────────────────────────┘
 *     └── the stream is not there, or another one of its name is
 *
 * A shard is a partition to the core; see ShardProgress for its offsets. What is committed is written to the registry
 * before the commit is done.
 */
export class KinesisSource implements Source {
  readonly #options: KinesisSourceOptions
  readonly #stopping = new AbortController()
  readonly #gate = new PauseGate()
  /** Between two looks at a stream that is not there. */
  #pace: PollPace
  readonly #checkpoints: Checkpoints
  /** Shards that are read, or whose end is not committed; by partition. */
  readonly #shards = new Map<number, ShardProgress>()
  /** Those that the listener knows of. */
  #told: ReadonlySet<ShardProgress> | undefined
  /** Of the shards' hash keys. */
  #ranges: ReadonlyMap<string, HashKeyRange> = new Map()
  readonly #troubles = new Map<number, AppError | Refusal>()
  #consumerArn: string | undefined
  #listener: SourceListener | undefined
  #running: Promise<void> = Promise.resolve()
  /** Of the readers of the stream as it was last found. */
  #session = new AbortController()
  /** Something has happened that the loop is to look at. */
  #wake: () => void = () => {}

  constructor(options: KinesisSourceOptions) {
    this.#options = options
    this.#checkpoints = new Checkpoints(options.uuid, options.checkpoints)
    this.#pace = new PollPace('local', options.clock.now())
  }

  start(listener: SourceListener): void {
    this.#listener = listener
    this.#running = this.#run(listener)
  }

  pause(partitions: readonly number[]): void {
    this.#gate.pause(partitions)
  }

  resume(partitions: readonly number[]): void {
    this.#gate.resume(partitions)
  }

  async commit(offsets: ReadonlyMap<number, number>): Promise<void> {
    let hasEnded = false
    for (const [partition, offset] of offsets) {
      const shard = this.#shards.get(partition)
      if (shard === undefined) continue
      shard.finish(offset)
      this.#checkpoints.set(shard.checkpoint)
      hasEnded ||= shard.isEnded
    }
    await this.#checkpoints.write()
    if (hasEnded) this.#wake()
  }

  async stop(): Promise<void> {
    this.#stopping.abort()
    this.#session.abort()
    this.#wake()
    await this.#running
    this.#options.client.close()
  }

  get #isStopping(): boolean {
    return this.#stopping.signal.aborted
  }

  async #run(listener: SourceListener): Promise<void> {
    const { clock, logger, random, stream } = this.#options
    while (!this.#isStopping) {
      const beganMs = clock.now()
      try {
        await this.#live(listener)
      } catch (error) {
        if (!(error instanceof AppError || error instanceof StreamGone)) throw error
        if (this.#isStopping) return
        const nowMs = clock.now()
        if (nowMs - beganMs > kinesisRetryMaxMs) this.#pace = new PollPace('local', nowMs)
        logger.warn('cannot read the stream, trying again', {
          stream: stream.streamName,
          reason: error.message,
        })
        listener.problem(error.message)
        await sleep(clock, this.#pace.refused(random()), this.#stopping.signal)
      } finally {
        this.#session.abort()
      }
    }
  }

  /** Resolves when it is stopped; rejects with AppError or StreamGone. */
  async #live(listener: SourceListener): Promise<void> {
    this.#session = new AbortController()
    const { signal } = this.#session
    const failed = Promise.withResolvers<never>()
    failed.promise.catch(() => {})
    const readers = new Set<ShardProgress>()
    const read = (shard: ShardProgress): void => {
      readers.add(shard)
      this.#read(shard, signal).catch((error: unknown) => failed.reject(error))
    }
    this.#troubles.clear()
    await this.#begin(listener)
    for (;;) {
      const woken = new Promise<void>((resolve) => {
        this.#wake = resolve
      })
      await this.#follow()
      this.#tellShards(listener)
      for (const shard of this.#shards.values()) {
        if (!readers.has(shard) && !shard.isRead) read(shard)
      }
      this.#tellTroubles()
      await Promise.race([woken, failed.promise])
      if (this.#isStopping) return
    }
  }

  /** Finds the stream, and begins anew where it is not the one that the checkpoints are of. */
  async #begin(listener: SourceListener): Promise<void> {
    const { client, clock, position, stream } = this.#options
    const { signal } = this.#stopping
    const { createdMs, status } = must(await client.describeStream(stream.streamArn, signal))
    if (status === 'CREATING') throw new StreamGone(`stream ${stream.streamName} is being created`)
    this.#consumerArn = await this.#findConsumer()
    const before = this.#checkpoints.streamCreatedMs
    if (before === createdMs) return
    for (const partition of this.#shards.keys()) listener.rewound(partition)
    this.#shards.clear()
    if (before !== undefined) {
      // All of a stream made anew is new.
      this.#checkpoints.begin(createdMs, [])
      return
    }
    const shards = await this.#list()
    const starts = firstCheckpoints(shards, position, clock.now())
    this.#checkpoints.begin(
      createdMs,
      starts.map(({ checkpoint }) => checkpoint),
    )
    // Written at once, so that a restart before the first record starts at the same place.
    await this.#checkpoints.write()
    for (const { checkpoint, isLatest } of starts) {
      if (isLatest === true) {
        const shard = new ShardProgress(checkpoint, true)
        this.#shards.set(shard.partition, shard)
      }
    }
  }

  /** By its name: one that was registered anew has another ARN, and is who reads for the mapping all the same. */
  async #findConsumer(): Promise<string | undefined> {
    const { client, stream } = this.#options
    const { consumerName: name, streamName, streamArn } = stream
    if (name === undefined) return undefined
    const found = await client.findConsumer(streamArn, name)
    const isGone = found instanceof Refusal ? found.kind === 'missing' : found.status === 'DELETING'
    if (isGone) throw new StreamGone(`consumer ${name} of stream ${streamName} is not registered`)
    const { arn, status } = must(found)
    if (status === 'ACTIVE') return arn
    throw new StreamGone(`consumer ${name} of stream ${streamName} is ${status}`)
  }

  /** Looks which shards there are, and which of them may be read. */
  async #follow(): Promise<void> {
    const listed = await this.#list()
    this.#ranges = new Map(
      listed.map(({ shardId, startingHashKey: start, endingHashKey: end }) => [
        shardId,
        { start, end },
      ]),
    )
    const shardIds = new Set(listed.map(({ shardId }) => shardId))
    this.#checkpoints.keepOnly(shardIds)
    for (const shard of this.#shards.values()) {
      if (shard.isEnded) this.#shards.delete(shard.partition)
      // Retention was quicker than its reader: nothing is left of it but what was read.
      else if (!shardIds.has(shard.shardId)) this.#ended(shard)
    }
    for (const checkpoint of readable(listed, this.#checkpoints.shards)) {
      const shard = new ShardProgress(checkpoint)
      if (!this.#shards.has(shard.partition)) this.#shards.set(shard.partition, shard)
    }
  }

  /** Tells of them where they are others than before. */
  #tellShards(listener: SourceListener): void {
    const now = new Set(this.#shards.values())
    const before = this.#told
    if (before !== undefined && isSame(now, before)) return
    this.#told = now
    // The core forgets which were paused, and says so again where they still are.
    this.#gate.resumeAll()
    listener.assigned([...this.#shards.keys()], true)
    for (const shard of this.#shards.values()) {
      // From the first on, so that even a shard without records has an end to be committed.
      if (before?.has(shard) !== true) this.#tellRun(shard, [], false)
    }
  }

  async #read(shard: ShardProgress, signal: AbortSignal): Promise<void> {
    const { client, clock, random, stream, readShard } = this.#options
    const { partition } = shard
    let wasBehind = false
    const aborted = new Promise<void>((resolve) => {
      signal.addEventListener('abort', () => resolve(), { once: true })
    })
    await readShard(shard, {
      client,
      streamArn: stream.streamArn,
      consumerArn: this.#consumerArn,
      clock,
      random,
      signal,
      unpaused: (which) => Promise.race([this.#gate.unpaused(which), aborted]),
      records: (records, isBehind) => {
        if (shard.isRead || (records.length === 0 && isBehind === wasBehind)) return
        wasBehind = isBehind
        this.#hand(shard, records, isBehind)
      },
      ended: () => this.#ended(shard),
      trouble: (why) => {
        if (why === this.#troubles.get(partition)) return
        if (why === undefined) this.#troubles.delete(partition)
        else this.#troubles.set(partition, why)
        this.#tellTroubles()
      },
    })
  }

  #ended(shard: ShardProgress): void {
    if (shard.isRead) return
    this.#options.logger.debug('shard is read to its end', { shardId: shard.shardId })
    shard.end()
    this.#tellRun(shard, [], false)
  }

  #hand(shard: ShardProgress, records: readonly StreamRecord[], isBehind: boolean): void {
    const { partition, shardId } = shard
    const place = { topic: this.#options.stream.streamName, partition, shardId }
    const taken: SourceRecord[] = []
    for (const record of records) {
      const parts = this.#partsOf(record, shardId)
      for (let index = 1; index <= parts.length; index++) {
        const number = shard.take(record.sequenceNumber, index === parts.length)
        taken.push(sourceRecord(parts[index - 1] as StreamRecord, place, number))
      }
    }
    const last = records.at(-1)
    if (last !== undefined) shard.hasRead(last.sequenceNumber)
    this.#tellRun(shard, taken, isBehind)
  }

  /** Lambda: aggregates come apart with enhanced fan-out alone. */
  #partsOf(record: StreamRecord, shardId: string): readonly StreamRecord[] {
    if (this.#options.stream.consumerArn === undefined) return [record]
    return userRecords(record, this.#ranges.get(shardId))
  }

  /** How many records are left a stream does not say: one at least, where there are any. */
  #tellRun(shard: ShardProgress, records: readonly SourceRecord[], isBehind: boolean): void {
    const { partition, next: nextOffset } = shard
    const endOffset = nextOffset + (isBehind ? 1 : 0)
    const run = { partition, records, nextOffset, endOffset, ended: shard.isRead }
    this.#listener?.records(run)
  }

  #tellTroubles(): void {
    const [why] = this.#troubles.values()
    this.#listener?.problem(why === undefined ? undefined : textOf(why))
  }

  async #list(): Promise<readonly ShardDescription[]> {
    const { client, stream } = this.#options
    return must(await client.listShards(stream.streamArn, this.#stopping.signal))
  }
}

function must<T>(answer: T | Refusal): T {
  if (!(answer instanceof Refusal)) return answer
  throw new StreamGone(answer.reason)
}

function isSame<T>(one: ReadonlySet<T>, other: ReadonlySet<T>): boolean {
  return one.size === other.size && one.isSubsetOf(other)
}

function textOf(why: AppError | Refusal): string {
  return why instanceof Refusal ? why.reason : reasonOf(why)
}
