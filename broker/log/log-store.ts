// The durable log of all topics: opens and recovers it, creates and deletes topics.
import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import type { Timer } from '../../common/clock.ts'
import { reasonOf } from '../../common/errors.ts'
import { topicPartitionsMax } from '../../common/limits.ts'
import { Cleaner } from './compaction/cleaner.ts'
import { isStorageError, nodeFileSystem, type FileSystem } from './file-system.ts'
import { checkpointPath, LogEngine, type LogSettings } from './log-engine.ts'
import { logLimits, type LogLimits } from './log-limits.ts'
import type { CommitCounters, LogStats } from './log-stats.ts'
import {
  openPartitions,
  walTopicId,
  type PartitionToOpen,
  type StoredTopic,
} from './open-partitions.ts'
import type { PartitionLog } from './partition-log.ts'
import { makeDirectories, readCheckpoint, WalRemains } from './store-recovery.ts'
import { nothing, WalAdvice, type WalFound } from './wal-advice.ts'
import {
  defaultConfigs,
  parseTopicConfig,
  type Configs,
  type TopicDefaults,
} from './topic-config.ts'
import { TopicDirectory } from './topic-directory.ts'
import { TopicRegister } from './topic-register.ts'
import {
  isTopicName,
  TopicExistsError,
  UnknownTopicError,
  type Topic,
  type TopicRecord,
} from './topic.ts'

export interface LogStoreOptions extends LogSettings {
  readonly defaults: TopicDefaults
  readonly files?: FileSystem
  /** For tests: those of `common/limits.ts` hold otherwise. */
  readonly limits?: Partial<LogLimits>
}

export interface NewTopic {
  /** A UUID, where something is written down of the topic before it is made. */
  readonly id?: string
  readonly partitions: number
  readonly configs?: Readonly<Record<string, string>>
  readonly internal?: boolean
}

/**
 * All topics below one directory, which must belong to this process alone. Everything that was
 * acknowledged is there when `open` resolves, and nothing that is half written.
 */
export class LogStore {
  readonly #options: LogStoreOptions
  readonly #limits: LogLimits
  readonly #directory: TopicDirectory
  readonly #engine: LogEngine
  readonly #topics = new TopicRegister()
  #defaults: Configs
  #administration: Promise<unknown> = Promise.resolve()
  readonly #cleaner: Cleaner
  #retentionTimer: Timer | undefined
  #isClosed = false

  private constructor(options: LogStoreOptions, files: FileSystem, firstWalSequence: number) {
    this.#options = options
    this.#defaults = defaultConfigs(options.defaults)
    this.#limits = logLimits(options.limits)
    this.#directory = new TopicDirectory(files, options.dir)
    const topics = (): Iterable<StoredTopic> => this.#topics.all()
    this.#cleaner = new Cleaner({
      clock: options.clock,
      logger: options.logger,
      intervalMs: this.#limits.compactionIntervalMs,
      mapMaxBytes: this.#limits.compactionMapMaxBytes,
      partitions: () =>
        [...topics()].flatMap(({ config, partitions }) => (config.compaction ? partitions : [])),
    })
    this.#engine = new LogEngine({
      ...options,
      files,
      limits: this.#limits,
      firstWalSequence,
      topics,
      flushNames: () => this.#directory.flush(),
    })
  }

  /**
   * Recovers what a crash left. Rejects with AppError STORAGE_FAILED, or LOG_CORRUPT where something is
   * missing that had been flushed.
   */
  static async open(options: LogStoreOptions): Promise<LogStore> {
    const files = options.files ?? nodeFileSystem
    await makeDirectories(files, options.dir)
    const remains = await WalRemains.find(files, options.dir)
    const store = new LogStore(options, files, remains.nextSequence)
    await store.#engine.prepare()
    await store.#recover(files, remains)
    store.#applyRetentionLater()
    store.#cleaner.start()
    return store
  }

  topics(): readonly Topic[] {
    return [...this.#topics.all()]
  }

  topic(name: string): Topic | undefined {
    return this.#topics.named(name)
  }

  topicById(id: string): Topic | undefined {
    return this.#topics.withId(id)
  }

  /** Partitions of all topics together. */
  get partitions(): number {
    return this.#topics.partitions
  }

  /** As `TopicRegister.collidingWith`. */
  collidingTopic(name: string): string | undefined {
    return this.#topics.collidingWith(name)
  }

  /**
   * Durable when it resolves. Rejects with InvalidConfigError, TopicExistsError, or AppError
   * STORAGE_FAILED. Name and number of partitions are for the caller to check.
   */
  createTopic(
    name: string,
    { id = randomUUID(), partitions, configs = {}, internal = false }: NewTopic,
  ): Promise<Topic> {
    assert(isTopicName(name), 'the name was checked')
    assert(partitions >= 1 && partitions <= topicPartitionsMax, 'the partitions were checked')
    return this.#administer(async () => {
      parseTopicConfig(configs, this.#defaults)
      if (this.#topics.named(name) !== undefined) throw new TopicExistsError(name)
      const record = { id, partitions, internal, configs }
      await this.#directory.write(name, record)
      const topic = this.#createTopic(name, record)
      await this.#openPartitions(
        indexes(partitions).map((index) => ({ topic, index, point: undefined })),
      )
      this.#topics.add(topic)
      return topic
    })
  }

  /**
   * The name is free when it resolves; files go behind. Rejects with UnknownTopicError, or with AppError
   * STORAGE_FAILED: then the topic is what it was, unless the disk did not let that be either.
   */
  deleteTopic(name: string): Promise<void> {
    return this.#administer(async () => {
      const topic = this.#require(name)
      const releases = await Promise.all(topic.partitions.map((partition) => partition.hold()))
      try {
        const { files, failure } = await this.#directory.remove(name, topic.id)
        files.catch((error: unknown) => this.#warn('a deleted topic is still on disk', error))
        // Until here checkpoints have counted it: had the removal failed, nothing of it would lack.
        this.#topics.remove(topic)
        for (const partition of topic.partitions) partition.markDeleted()
        if (failure !== undefined) throw failure
      } finally {
        for (const release of releases) release()
      }
    })
  }

  /** `total` is above what the topic has. Rejects with UnknownTopicError. */
  createPartitions(name: string, total: number): Promise<Topic> {
    return this.#administer(async () => {
      const topic = this.#require(name)
      const before = topic.partitions.length
      assert(total > before && total <= topicPartitionsMax, 'the partitions were checked')
      const { id, internal, configs } = topic
      await this.#directory.write(name, { id, partitions: total, internal, configs })
      const added = indexes(total).slice(before)
      await this.#openPartitions(added.map((index) => ({ topic, index, point: undefined })))
      this.#topics.grown()
      return topic
    })
  }

  /**
   * Gives a topic the configuration that `change` makes of its own: durable when it resolves, and in effect
   * for what is appended and dropped from then on. Rejects with UnknownTopicError, with InvalidConfigError,
   * or with what `change` throws.
   */
  configureTopic(name: string, change: (configs: Configs) => Configs): Promise<Topic> {
    return this.#administer(async () => {
      const topic = this.#require(name)
      const { id, internal, partitions } = topic
      const configs = change(topic.configs)
      const config = parseTopicConfig(configs, this.#defaults)
      await this.#directory.write(name, { id, partitions: partitions.length, internal, configs })
      topic.configs = configs
      topic.config = config
      return topic
    })
  }

  /** What topics have from now on that do not say otherwise, checked, by Kafka's key of a topic. */
  setDefaults(defaults: Configs): Promise<void> {
    return this.#administer(async () => {
      const topics = [...this.#topics.all()]
      const configs = topics.map((topic) => parseTopicConfig(topic.configs, defaults))
      this.#defaults = defaults
      for (const [index, topic] of topics.entries()) topic.config = configs[index] ?? topic.config
    })
  }

  get commits(): CommitCounters {
    return this.#engine.stats().commits
  }

  get problems(): readonly string[] {
    return this.#engine.stats().problems
  }

  stats(): LogStats {
    const partitions = [...this.#topics.all()].flatMap((topic) =>
      topic.partitions.map((partition) => partition.stats()),
    )
    return { partitions, compaction: this.#cleaner.counters, ...this.#engine.stats() }
  }

  /**
   * Drops segments that are past their topic's retention; returns how many. Where the disk fails for one
   * partition the others are looked at all the same.
   */
  async applyRetention(nowMs: number): Promise<number> {
    let dropped = 0
    for (const topic of this.#topics.all()) {
      for (const partition of topic.partitions) {
        try {
          dropped += await partition.applyRetention(nowMs)
        } catch (error) {
          this.#warn('retention could not be applied', error)
        }
      }
    }
    return dropped
  }

  /** Compacts the partitions that are due. */
  compact(nowMs: number): Promise<void> {
    return this.#cleaner.run(nowMs)
  }

  /** Violations of the log's invariants, in words; reads everything. */
  async check(): Promise<readonly string[]> {
    const partitions = [...this.#topics.all()].flatMap((topic) => topic.partitions)
    return (await Promise.all(partitions.map((partition) => partition.check()))).flat()
  }

  /** Appends are refused from now on; those that wait are committed before it resolves. */
  async close(): Promise<void> {
    if (this.#isClosed) return
    this.#isClosed = true
    this.#retentionTimer?.cancel()
    await this.#cleaner.stop()
    await this.#administration
    await this.#engine.close()
  }

  async #recover(files: FileSystem, remains: WalRemains): Promise<void> {
    const { dir, logger } = this.#options
    await remains.removeSpare()
    const checkpoint = await readCheckpoint(files, checkpointPath(dir), logger)
    const toOpen: PartitionToOpen[] = []
    for (const { name, record } of await this.#directory.open()) {
      const topic = this.#createTopic(name, record)
      this.#topics.add(topic)
      const points = checkpoint?.get(topic.id)
      for (const index of indexes(record.partitions)) {
        toOpen.push({ topic, index, point: points?.[index] })
      }
    }
    // Once there are topics there is a checkpoint: where it is lost, nothing says what a crash cannot have left.
    const aheadMaxBytes = checkpoint === undefined ? 0 : this.#limits.directAheadMaxBytes
    const isUnsettled = await this.#openPartitions(toOpen, { remains, aheadMaxBytes })
    const byBytes = new Map([...this.#topics.all()].map((topic) => [walTopicId(topic.id), topic]))
    const find = (id: string, index: number): PartitionLog | undefined =>
      byBytes.get(id)?.partitions[index]
    const settle = (): Promise<void> => this.#engine.settle()
    await remains.replay({ find, settle }, { isStrict: this.#options.flush !== 'never', logger })
    for (const { partitions } of this.#topics.all()) {
      for (const partition of partitions) await partition.reachStart()
    }
    if (remains.isEmpty && !isUnsettled && checkpoint !== undefined) return
    await settle()
    await remains.remove()
  }

  #createTopic(name: string, { id, internal, configs }: TopicRecord): StoredTopic {
    const config = parseTopicConfig(configs, this.#defaults)
    return { name, id, internal, configs, config, partitions: [] }
  }

  /** As `openPartitions`. */
  #openPartitions(toOpen: readonly PartitionToOpen[], found: WalFound = nothing): Promise<boolean> {
    return openPartitions(toOpen, {
      environment: this.#engine.environment,
      directoryOf: (topic, index) => this.#directory.partition(topic.name, index),
      isStrict: this.#options.flush === 'commit',
      wal: (partition) => new WalAdvice(partition, found),
      logger: this.#options.logger,
    })
  }

  #require(name: string): StoredTopic {
    const topic = this.#topics.named(name)
    if (topic === undefined) throw new UnknownTopicError(name)
    return topic
  }

  /** Topics are created, changed and deleted one after another. */
  #administer<T>(work: () => Promise<T>): Promise<T> {
    const done = this.#administration.then(work)
    this.#administration = done.catch(() => {})
    return done
  }

  #applyRetentionLater(): void {
    const { clock } = this.#options
    this.#retentionTimer = clock.after(this.#limits.retentionCheckIntervalMs, () => {
      void this.applyRetention(clock.now()).finally(() => {
        if (!this.#isClosed) this.#applyRetentionLater()
      })
    })
  }

  #warn(message: string, error: unknown): void {
    if (!isStorageError(error)) throw error
    this.#options.logger.warn(message, { reason: reasonOf(error) })
  }
}

function indexes(count: number): readonly number[] {
  return Array.from({ length: count }, (_, index) => index)
}
