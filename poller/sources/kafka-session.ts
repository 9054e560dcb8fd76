// Runs one kafkajs consumer from its connection to its end, which comes by close or by a failure.
import { brokerFault, type BrokerFault } from '../../common/broker-fault.ts'
import {
  brokerUnreachable,
  createKafka,
  type Batch,
  type Consumer,
  type EachBatchPayload,
  type Kafka,
} from '../../common/kafka-client.ts'
import { AppError, reasonOf } from '../../common/errors.ts'
import { sourceFetchWaitMs } from '../../common/limits.ts'
import { decompress } from '../../protocol/compression.ts'
import { toRecord } from './kafka-record.ts'
import type { Session, SessionMemory, SessionOptions } from './session.ts'
import type { SourceListener } from './source.ts'
import { findStart } from './start-position.ts'

// A crashed poller's partitions come free after a session timeout; Kafka takes no less than 6 s.
const sessionTimeoutMs = 6_000
const heartbeatIntervalMs = 1_000
// New partitions of a topic are found when the metadata is fetched again.
const metadataMaxAgeMs = 30_000

/**
 * kafkajs 2.2.4, as its source has it: a rejoin reads again from the committed offset unless told
 * where (`seek`); what is paused stays paused over a rejoin; `commitOffsets` resolves without having
 * committed when the consumer is not running, so only its event proves a commit; a consumer that is
 * disconnected while it joins comes back to life, so `close` waits for the join to end first; and
 * after a failure it restarts only sometimes, so that is switched off and done by our source.
 */
export class KafkaSession implements Session {
  readonly #options: SessionOptions
  readonly #memory: SessionMemory
  readonly #listener: SourceListener
  readonly #ended = Promise.withResolvers<void>()
  readonly #positions = new Map<number, number>()
  #kafka: Kafka | undefined
  #consumer: Consumer | undefined
  #opening: Promise<void> = Promise.resolve()
  #memberId: string | undefined
  #joins = 0
  #commits = 0
  #wasConnected = false
  #isClosed = false

  constructor(options: SessionOptions, memory: SessionMemory, listener: SourceListener) {
    this.#options = options
    this.#memory = memory
    this.#listener = listener
    // It may be rejected while `run` still waits for the join; `run` sees it afterwards.
    this.#ended.promise.catch(() => {})
  }

  /** Resolves after `close`; rejects with the error that ended the session, by then disconnected. */
  async run(): Promise<void> {
    this.#opening = this.#open()
    try {
      await this.#opening
      await this.#ended.promise
    } finally {
      await this.close()
    }
  }

  /** Leaves the group and disconnects. */
  async close(): Promise<void> {
    const wasClosed = this.#isClosed
    this.#isClosed = true
    this.#ended.resolve()
    if (wasClosed) return
    await Promise.allSettled([this.#opening])
    try {
      await this.#consumer?.disconnect()
    } catch (error) {
      if (!isKafkaError(error)) throw error
      this.#options.logger.debug('consumer did not disconnect', { reason: reasonOf(error) })
    }
  }

  /**
   * Why the cluster did not let us in, if that ended the session. A server that is written for Node hangs
   * up without a word on a certificate that it does not trust.
   */
  faultOf(error: unknown): BrokerFault | undefined {
    const showed = this.#options.access?.tls?.client !== undefined
    const hungUp = showed && !this.#wasConnected && isHangUp(error)
    return brokerFault(error) ?? (hungUp ? 'client' : undefined)
  }

  pause(partitions: readonly number[]): void {
    if (this.#isClosed) return
    this.#consumer?.pause([{ topic: this.#options.topic, partitions: [...partitions] }])
  }

  resume(partitions: readonly number[]): void {
    if (this.#isClosed) return
    this.#consumer?.resume([{ topic: this.#options.topic, partitions: [...partitions] }])
  }

  /** Rejects with AppError BROKER_UNREACHABLE when nothing was committed. */
  async commit(offsets: ReadonlyMap<number, number>): Promise<void> {
    const { brokers, topic } = this.#options
    const before = this.#commits
    const list = [...offsets].map(([partition, offset]) => ({
      topic,
      partition,
      offset: String(offset),
    }))
    try {
      await this.#consumer?.commitOffsets(list)
    } catch (error) {
      if (!isKafkaError(error)) throw error
      const details = { brokers: brokers.join(','), reason: reasonOf(error) }
      throw new AppError('BROKER_UNREACHABLE', details, error)
    }
    if (this.#commits === before) {
      const reason = 'the consumer is not running'
      throw new AppError('BROKER_UNREACHABLE', { brokers: brokers.join(','), reason })
    }
  }

  async #open(): Promise<void> {
    const { brokers, access, clientId, groupId, topic, logger } = this.#options
    this.#kafka = await createKafka({
      brokers,
      access,
      clientId,
      logger,
      retries: 3,
      unpack: decompress,
    })
    if (this.#isClosed) return
    const consumer = this.#kafka.consumer({
      groupId,
      sessionTimeout: sessionTimeoutMs,
      rebalanceTimeout: sessionTimeoutMs,
      heartbeatInterval: heartbeatIntervalMs,
      metadataMaxAge: metadataMaxAgeMs,
      maxWaitTimeInMs: sourceFetchWaitMs,
      allowAutoTopicCreation: false,
      retry: {
        initialRetryTime: 100,
        maxRetryTime: 1000,
        retries: 3,
        restartOnFailure: () => Promise.resolve(false),
      },
    })
    this.#consumer = consumer
    consumer.on('consumer.group_join', ({ payload }) => this.#joined(consumer, payload))
    consumer.on('consumer.crash', ({ payload }) => this.#ended.reject(payload.error))
    consumer.on('consumer.commit_offsets', () => {
      this.#commits += 1
    })
    await consumer.connect()
    this.#wasConnected = true
    // Also after a cut of the log below the committed offset: whatever is left is read.
    await consumer.subscribe({ topics: [topic], fromBeginning: true })
    if (this.#isClosed) return
    await consumer.run({
      autoCommit: false,
      eachBatchAutoResolve: false,
      eachBatch: (payload) => this.#deliver(payload),
    })
  }

  #joined(
    consumer: Consumer,
    payload: { memberId: string; memberAssignment: Record<string, number[]> },
  ): void {
    if (this.#isClosed) return
    const { topic, position } = this.#options
    const partitions = payload.memberAssignment[topic] ?? []
    const continued = payload.memberId === this.#memberId
    this.#memberId = payload.memberId
    this.#joins += 1
    const readOn = this.#listener.assigned(partitions, continued)
    this.resume(partitions)
    this.#positions.clear()
    for (const [partition, offset] of readOn) {
      this.#positions.set(partition, offset)
      consumer.seek({ topic, partition, offset: String(offset) })
    }
    const fresh = partitions.filter((partition) => !readOn.has(partition))
    if (position.kind === 'TRIM_HORIZON' || fresh.length === 0) {
      this.#listener.problem(undefined)
      return
    }
    this.pause(fresh)
    this.#startFresh(consumer, fresh).catch((error: unknown) => this.#ended.reject(error))
  }

  /** Moves partitions that the group has no offset for to the mapping's starting position. */
  async #startFresh(consumer: Consumer, partitions: readonly number[]): Promise<void> {
    const { topic, groupId, position } = this.#options
    const join = this.#joins
    const admin = this.#kafka?.admin()
    if (admin === undefined) return
    await admin.connect()
    try {
      const { partitionsAtStart } = this.#memory
      const query = { topic, groupId, position, partitions, partitionsAtStart }
      const { offsets, partitionCount } = await findStart(admin, query)
      this.#memory.partitionsAtStart ??= partitionCount
      if (this.#isClosed || join !== this.#joins) return
      for (const [partition, offset] of offsets) {
        consumer.seek({ topic, partition, offset: String(offset) })
      }
      // Committed at once, so that a restart before the first record starts at the same place.
      if (offsets.size > 0) await this.commit(offsets)
      if (this.#isClosed || join !== this.#joins) return
      this.resume(partitions)
      this.#listener.problem(undefined)
    } finally {
      await admin.disconnect()
    }
  }

  // Hands records over without waiting: kafkajs fetches on and sends its heartbeats meanwhile.
  async #deliver({ batch, resolveOffset, isStale }: EachBatchPayload): Promise<void> {
    if (this.#isClosed || isStale()) return
    try {
      this.#handOver(batch)
    } catch (error) {
      // kafkajs would only try again; what is wrong here is wrong with us.
      this.#ended.reject(error)
      throw error
    }
    resolveOffset(batch.lastOffset())
  }

  #handOver(batch: Batch): void {
    const { partition, topic } = batch
    const records = batch.messages.map((message) => toRecord(message, topic, partition))
    const first = records[0]?.offset ?? Infinity
    if (first < (this.#positions.get(partition) ?? 0)) this.#listener.rewound(partition)
    const nextOffset = Number(batch.lastOffset()) + 1
    this.#positions.set(partition, nextOffset)
    const endOffset = Number(batch.highWatermark)
    this.#listener.records({ partition, records, nextOffset, endOffset })
  }
}

/** A sentence for the mapping's status; undefined for what no cluster can be blamed for. */
export function describeFailure(
  thrown: unknown,
  options: { readonly brokers: readonly string[]; readonly topic: string },
): string | undefined {
  if (thrown instanceof AppError) return thrown.message
  for (let error = thrown; error instanceof Error; error = error.cause) {
    if ('type' in error && error.type === 'UNKNOWN_TOPIC_OR_PARTITION') {
      return `topic ${options.topic} does not exist at ${options.brokers.join(',')}`
    }
  }
  if (!isKafkaError(thrown)) return undefined
  return brokerUnreachable(thrown, options.brokers)?.message ?? reasonOf(thrown)
}

function isHangUp(thrown: unknown): boolean {
  for (let error = thrown; error instanceof Error; error = error.cause) {
    if (error.name === 'KafkaJSConnectionClosedError') return true
  }
  return false
}

function isKafkaError(thrown: unknown): thrown is Error {
  return thrown instanceof Error && thrown.name.startsWith('KafkaJS')
}
