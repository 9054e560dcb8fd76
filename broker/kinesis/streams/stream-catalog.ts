// All streams of the broker: every topic of a client's is one, and what it is beyond that is kept here.
import { randomUUID } from 'node:crypto'
import type { Clock, Timer } from '../../../common/clock.ts'
import { reasonOf } from '../../../common/errors.ts'
import type { Logger } from '../../../common/logger.ts'
import { reshardingRetryMs } from '../../../common/stream-limits.ts'
import type { FileSystem } from '../../log/file-system.ts'
import type { LogStore } from '../../log/log-store.ts'
import { TopicExistsError, type Topic } from '../../log/topic.ts'
import { AccountSettings } from './account-settings.ts'
import { afterSteps } from './resharding.ts'
import { uniformRanges } from './shard-range.ts'
import { Stream } from './stream.ts'
import { StreamFiles } from './stream-files.ts'
import { newStreamRecord, type StreamRecord } from './stream-record.ts'

export interface StreamCatalogOptions {
  readonly store: LogStore
  readonly files: FileSystem
  /** For the files of streams alone. */
  readonly directory: string
  readonly clock: Clock
  readonly logger: Logger
}

export interface NewStream {
  readonly shards: number
  readonly retentionMs: number
  /** What differs from a stream's defaults. */
  readonly settings?: Partial<Omit<StreamRecord, 'topicId' | 'madeMs' | 'shards'>>
}

/**
 * Changes of a stream are made one at a time, each durable before it holds. A stream of a topic that a Kafka client made
 * is written down when it is first asked for: until then nothing about it could have been promised.
 */
export class StreamCatalog {
  readonly account: AccountSettings
  readonly #options: StreamCatalogOptions
  readonly #files: StreamFiles
  readonly #streams = new Map<string, Stream>()
  readonly #turns = new Map<string, Promise<unknown>>()
  /** Of streams whose resharding the disk has stopped. */
  readonly #retries = new Map<Stream, Timer>()
  #isClosed = false

  private constructor(options: StreamCatalogOptions, account: AccountSettings) {
    this.account = account
    this.#options = options
    this.#files = new StreamFiles(options.files, options.directory)
  }

  /**
   * To be called before any door opens: shards that were closed are sealed, and what a crash left of a resharding is
   * done. Rejects with AppError STORAGE_FAILED or LOG_CORRUPT.
   */
  static async open(options: StreamCatalogOptions): Promise<StreamCatalog> {
    const account = await AccountSettings.open(options.files, options.directory)
    const catalog = new StreamCatalog(options, account)
    for (const [name, record] of await catalog.#files.open()) {
      const topic = options.store.topic(name)
      // The topic was deleted, or deleted and made anew, through Kafka.
      if (topic?.id !== record.topicId) await catalog.#files.remove(name)
      else await catalog.#adopt(topic, record)
    }
    for (const stream of catalog.#streams.values()) await catalog.#reshard(stream)
    return catalog
  }

  /** Names of all streams, sorted. */
  get names(): readonly string[] {
    return this.#options.store
      .topics()
      .filter(({ internal }) => !internal)
      .map(({ name }) => name)
      .toSorted()
  }

  /** Those that have been asked for once, in no order: of the others nothing is written down. */
  get knownStreams(): readonly Stream[] {
    return [...this.#streams.values()].filter((stream) => this.#isCurrent(stream))
  }

  /** What is known of it without asking the disk: undefined also for a topic that nobody has asked for as a stream. */
  known(name: string): Stream | undefined {
    const stream = this.#streams.get(name)
    return stream !== undefined && this.#isCurrent(stream) ? stream : undefined
  }

  /** Undefined where there is no such stream. Rejects with AppError STORAGE_FAILED. */
  async stream(name: string): Promise<Stream | undefined> {
    const known = this.known(name)
    if (known !== undefined && !hasGrown(known)) return known
    const topic = this.#options.store.topic(name)
    if (topic === undefined || topic.internal) return undefined
    return this.#turn(name, async () => {
      const stream = this.known(name)
      if (stream === undefined) return this.#begin(topic)
      if (hasGrown(stream)) await this.#put(stream, grown(stream, this.#options.clock.now()))
      return stream
    })
  }

  /**
   * What cuts it off leaves all of the stream or nothing that keeps another try from making it. Rejects with
   * TopicExistsError, or AppError STORAGE_FAILED. The name and the number of shards are for the caller to check.
   */
  async create(name: string, { shards, retentionMs, settings = {} }: NewStream): Promise<Stream> {
    const { store, clock } = this.#options
    return this.#turn(name, async () => {
      if (store.topic(name) !== undefined) throw new TopicExistsError(name)
      const fresh = newStreamRecord(randomUUID(), clock.now(), uniformRanges(shards))
      const record = { ...fresh, ...settings }
      // Before the topic, which is a stream by itself: without its file, one that nobody asked for.
      await this.#files.write(name, record)
      const configs = {
        'message.timestamp.type': 'LogAppendTime',
        'retention.ms': String(retentionMs),
      }
      const id = record.topicId
      const topic = await store.createTopic(name, { id, partitions: shards, configs })
      return this.#hold(new Stream(topic, record))
    })
  }

  /** The stream and its topic are gone when it resolves. Rejects with UnknownTopicError, or AppError STORAGE_FAILED. */
  async delete(stream: Stream): Promise<void> {
    stream.isDeleting = true
    try {
      await this.#turn(stream.name, async () => {
        await this.#options.store.deleteTopic(stream.name)
        this.#streams.delete(stream.name)
        await this.#files.remove(stream.name)
      })
    } finally {
      stream.isDeleting = false
    }
  }

  /** What is known of streams whose topics were deleted through Kafka goes. Rejects with AppError STORAGE_FAILED. */
  async forgetDeleted(): Promise<void> {
    const gone = [...this.#streams.values()].filter((stream) => !this.#isCurrent(stream))
    for (const stream of gone) {
      await this.#turn(stream.name, async () => {
        // It may have been made anew meanwhile, which took its place.
        if (this.#streams.get(stream.name) !== stream || this.#isCurrent(stream)) return
        this.#streams.delete(stream.name)
        await this.#files.remove(stream.name)
      })
    }
  }

  /** Makes of what is known of the stream what `change` says; durable when it resolves. Rejects with what `change` throws. */
  change(stream: Stream, change: (record: StreamRecord) => StreamRecord): Promise<void> {
    return this.#turn(stream.name, async () => {
      const record = change(stream.record)
      if (record !== stream.record) await this.#put(stream, record)
    })
  }

  /**
   * Resolves when the steps are written down: from then on they are done whatever happens, and the stream is UPDATING.
   * `done` resolves when they are, and the stream is ACTIVE again; it rejects where the disk fails, and then they are tried
   * again until they are done: taking back what is written down would need the same disk.
   */
  async reshard(
    stream: Stream,
    plan: (record: StreamRecord) => StreamRecord,
  ): Promise<{ readonly done: Promise<void> }> {
    const begun = Promise.withResolvers<void>()
    // All in one turn: a plan must not be made of shards that an earlier one is about to close.
    const done = this.#turn(stream.name, async () => {
      try {
        await this.#reshard(stream)
        const record = plan(stream.record)
        if (record !== stream.record) await this.#put(stream, record)
      } catch (error) {
        begun.reject(error)
        return
      }
      begun.resolve()
      await this.#reshard(stream)
    })
    done.catch((error: unknown) => this.#tryLater(stream, reshardingRetryMs.least, error))
    await begun.promise
    return { done }
  }

  /** What stopped a resharding keeps it no longer than until the next start. */
  close(): void {
    this.#isClosed = true
    for (const timer of this.#retries.values()) timer.cancel()
    this.#retries.clear()
  }

  #tryLater(stream: Stream, afterMs: number, error: unknown): void {
    if (this.#isClosed || !this.#isCurrent(stream)) return
    const { clock, logger } = this.#options
    const at = { stream: stream.name, reason: reasonOf(error), retryInMs: afterMs }
    logger.error('a resharding stopped; it is tried again', at)
    this.#retries.get(stream)?.cancel()
    const timer = clock.after(afterMs, () => {
      this.#retries.delete(stream)
      void this.#tryAgain(stream, afterMs)
    })
    this.#retries.set(stream, timer)
  }

  async #tryAgain(stream: Stream, waitedMs: number): Promise<void> {
    try {
      await this.#turn(stream.name, async () => {
        if (this.#isCurrent(stream)) await this.#reshard(stream)
      })
    } catch (error) {
      this.#tryLater(stream, Math.min(2 * waitedMs, reshardingRetryMs.most), error)
      return
    }
    const shards = stream.routedShards.length
    this.#options.logger.info('a resharding that had stopped is done', {
      stream: stream.name,
      shards,
    })
  }

  /** Of a topic that a Kafka client made. */
  async #begin(topic: Topic): Promise<Stream> {
    const ranges = uniformRanges(topic.partitions.length)
    const record = newStreamRecord(topic.id, this.#options.clock.now(), ranges)
    await this.#files.write(topic.name, record)
    return this.#hold(new Stream(topic, record))
  }

  #hold(stream: Stream): Stream {
    this.#streams.set(stream.name, stream)
    return stream
  }

  async #adopt(topic: Topic, record: StreamRecord): Promise<void> {
    const stream = this.#hold(new Stream(topic, record))
    if (hasGrown(stream)) await this.#put(stream, grown(stream, this.#options.clock.now()))
  }

  /** Partitions first, and then one write for all steps, however many they are. */
  async #reshard(stream: Stream): Promise<void> {
    const { name, topic, record } = stream
    if (record.resharding.length === 0) return
    const opened = record.resharding.reduce((sum, { opens }) => sum + opens.length, 0)
    const total = record.shards.length + opened
    if (topic.partitions.length < total) await this.#options.store.createPartitions(name, total)
    await this.#put(stream, afterSteps(record, this.#options.clock.now()))
  }

  async #put(stream: Stream, record: StreamRecord): Promise<void> {
    await this.#files.write(stream.name, record)
    stream.adopt(record)
  }

  #isCurrent({ name, topic }: Stream): boolean {
    return this.#options.store.topic(name)?.id === topic.id
  }

  /** One change of a stream at a time. */
  #turn<T>(name: string, work: () => Promise<T>): Promise<T> {
    const turn = (this.#turns.get(name) ?? Promise.resolve()).then(work)
    const ended = turn.then(
      () => {},
      () => {},
    )
    this.#turns.set(name, ended)
    void ended.then(() => {
      if (this.#turns.get(name) === ended) this.#turns.delete(name)
    })
    return turn
  }
}

/** Whether the topic has partitions that were added through Kafka and are no shards yet. */
function hasGrown({ topic, record }: Stream): boolean {
  // What a resharding has added becomes shards by itself.
  return record.resharding.length === 0 && topic.partitions.length > record.shards.length
}

function grown({ topic, record }: Stream, madeMs: number): StreamRecord {
  const added = topic.partitions.length - record.shards.length
  const more = Array.from({ length: added }, () => ({ parents: [], madeMs }))
  return { ...record, shards: [...record.shards, ...more] }
}
