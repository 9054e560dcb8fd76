// Reads a topic's partitions from their leaders: one fetch under way for each broker, the next one sent before the last is taken apart.
import { hold, letGo } from '../common/buffer-pool.ts'
import { sleep, type Clock } from '../common/clock.ts'
import {
  consumerRetryMaxMs,
  consumerRetryMs,
  consumerTriesMax,
  fetchWaitMs,
  fetchWaitPausedMs,
  requestMaxMs,
} from '../common/consumer-limits.ts'
import type { KafkaErrorName } from '../protocol/error-codes.ts'
import { errorName, isUnreachable, readFailure, refused } from './answer-errors.ts'
import type { BrokerLink } from './broker-link.ts'
import { placesOf } from './wait-request.ts'
import { isAnotherTopic, isLedAlike, type Cluster, type TopicState } from './cluster.ts'
import { askFetch, type FetchAnswer, type Fetched } from './fetch-request.ts'
import { fetchedBatches, offsetBehind, recordsOf, refuseTorn } from './fetched-batches.ts'
import type { ReaderListener } from './fetched-record.ts'
import { boundsOf, placeWithin } from './log-bounds.ts'
import { QuietReader } from './quiet-reader.ts'
import { ownedBy, ReadPartition, troubleOf, type Part, type Trouble } from './read-partition.ts'

export interface TopicReaderOptions {
  readonly cluster: Cluster
  readonly clock: Clock
  readonly topic: string
  readonly on: ReaderListener
}

type Round = { asked: readonly ReadPartition[] }
type Rest = { readonly rest?: Promise<void> | undefined }

/**
 * Invariant: a partition is in at most one fetch under way, and what an answer holds of it is handed on before
 * anything of a later one. Answers to what was assigned earlier are dropped.
 */
export class TopicReader {
  readonly #options: TopicReaderOptions
  /** By broker, those of which something is asked. */
  readonly #fetching = new Map<number, QuietReader>()
  /** In the order in which they are asked for: who was served goes to the end. */
  #partitions = new Map<number, ReadPartition>()
  #state: TopicState
  #assignment = new AbortController()
  #isMending = false
  #isTroubleTold = false

  constructor(options: TopicReaderOptions, state: TopicState) {
    this.#options = options
    this.#state = state
  }

  get topicId(): string {
    return this.#state.topicId
  }

  get partitionCount(): number {
    return this.#state.partitions.length
  }

  /** Reads these from now on, each from its offset, in place of what it read before. */
  assign(offsets: ReadonlyMap<number, number>, paused: ReadonlySet<number>): void {
    this.stop()
    this.#assignment = new AbortController()
    for (const [partition, offset] of offsets) {
      this.#partitions.set(partition, new ReadPartition(partition, offset))
    }
    this.pause([...paused])
    this.#kick()
  }

  /** Reads nothing more, and drops what is under way. */
  stop(): void {
    this.#assignment.abort()
    this.#partitions = new Map()
    this.#rouse()
    if (this.#fetching.size > 0) this.#options.cluster.dropFetches()
  }

  pause(partitions: readonly number[]): void {
    for (const partition of partitions) {
      const read = this.#partitions.get(partition)
      if (read !== undefined) read.paused = true
    }
  }

  resume(partitions: readonly number[]): void {
    for (const partition of partitions) {
      const read = this.#partitions.get(partition)
      if (read !== undefined) read.paused = false
    }
    // Not within the call: whoever resumes is not ready for records yet.
    queueMicrotask(() => this.#goOn())
  }

  /** Takes note of leaders, and of a topic made anew, whose logs start from their beginning. */
  learn(state: TopicState): void {
    const isAnother = isAnotherTopic(this.#state, state)
    if (isAnother || !isLedAlike(this.#state, state)) this.#rouse()
    this.#state = state
    if (isAnother) {
      for (const read of this.#partitions.values()) {
        Object.assign(read, { offset: -1, held: undefined })
        this.#suffers(read, 'offset')
      }
    }
    this.#kick()
  }

  get #isStopped(): boolean {
    return this.#assignment.signal.aborted
  }

  /** Hands on what was held back, and fetches what can be fetched. */
  #goOn(): void {
    try {
      for (const read of this.#partitions.values()) {
        const { held, paused } = read
        if (held === undefined || paused) continue
        read.held = undefined
        this.#handOn(read, held, held.answer.records ?? Buffer.alloc(0))
      }
      this.#kick()
    } catch (error) {
      this.#options.on.failed(this.#ended(error))
    }
  }

  #kick(): void {
    if (this.#isStopped) return
    for (const [partition, read] of this.#partitions) {
      if (!read.isFetchable) continue
      const leader = this.#state.leaders.get(partition)
      if (leader === undefined) this.#suffers(read, 'leader')
      else if (!this.#fetching.has(leader.nodeId)) void this.#fetchFrom(leader.nodeId)
    }
  }

  async #fetchFrom(nodeId: number): Promise<void> {
    const { cluster, on } = this.#options
    const { signal } = this.#assignment
    const quiet = new QuietReader(cluster, nodeId)
    this.#fetching.set(nodeId, quiet)
    const round = { asked: this.#fetchable(nodeId) }
    try {
      while (round.asked.length > 0) {
        const { rest } = await this.#fetchOn(nodeId, quiet, round)
        // It may be long: nothing is held by now, neither the connection, which is closed meanwhile, nor the last answer.
        await rest
        if (signal.aborted) return
        round.asked = this.#fetchable(nodeId)
      }
    } catch (error) {
      if (signal.aborted) return
      if (!isUnreachable(error)) return on.failed(this.#ended(error))
      for (const read of round.asked) this.#suffers(read, 'leader', error.message)
    } finally {
      quiet.leave()
      this.#fetching.delete(nodeId)
      this.#kick()
    }
  }

  /** Fetch after fetch, until there is nothing to ask for, another connection is needed, or it is to `rest`. */
  async #fetchOn(nodeId: number, quiet: QuietReader, round: Round): Promise<Rest> {
    const { cluster, clock } = this.#options
    const { signal } = this.#assignment
    const link = await cluster.node(nodeId, 'fetch')
    let rest: Promise<void> | undefined
    let next: Promise<Fetched> | undefined = this.#ask(link, round.asked)
    while (next !== undefined) {
      const { answer, memory }: Fetched = await next
      if (signal.aborted) break
      const parts = this.#accept(answer, round.asked)
      const { throttleTimeMs } = answer
      if (throttleTimeMs > 0) await sleep(clock, Math.min(throttleTimeMs, requestMaxMs), signal)
      const asked = (round.asked = this.#fetchable(nodeId))
      rest = this.#rest(quiet, parts.length === 0 ? asked : [])
      const isOver = rest !== undefined || asked.length === 0 || !link.isGood
      next = isOver ? undefined : this.#ask(link, asked)
      // It is awaited only when the records were handed on.
      next?.catch(() => {})
      this.#deliver(parts, memory, signal)
    }
    return { rest }
  }

  #fetchable(nodeId: number): readonly ReadPartition[] {
    const isLed = ({ partition }: ReadPartition): boolean =>
      this.#state.leaders.get(partition)?.nodeId === nodeId
    return [...this.#partitions.values()].filter((read) => read.isFetchable && isLed(read))
  }

  /** Those of other brokers count as well: what is resumed may be theirs, but seldom is. */
  get #doSomeWait(): boolean {
    return [...this.#partitions.values()].some(({ isFetchable }) => !isFetchable)
  }

  /** Ends waits that are shared with others: where to read, and from whom, may be another now. */
  #rouse(): void {
    for (const quiet of this.#fetching.values()) quiet.leave()
  }

  /** A wait in place of the next fetch, where nothing came of `asked` and nothing else may come in between. */
  #rest(quiet: QuietReader, asked: readonly ReadPartition[]): Promise<void> | undefined {
    if (asked.length > 0 && !this.#doSomeWait) {
      return quiet.foundNothing(placesOf(this.#options.topic, this.#state, asked))
    }
    quiet.leave()
    return undefined
  }

  #ask(link: BrokerLink, asked: readonly ReadPartition[]): Promise<Fetched> {
    const maxWaitMs = this.#doSomeWait ? fetchWaitPausedMs : fetchWaitMs
    return askFetch(link, { topic: this.#options.topic, state: this.#state, asked, maxWaitMs })
  }

  /** Moves the partitions on that were served; what came of them is still to be taken apart. */
  #accept(answer: FetchAnswer, asked: readonly ReadPartition[]): [ReadPartition, Part][] {
    const parts: [ReadPartition, Part][] = []
    if (answer.errorCode !== 0) {
      for (const read of asked) this.#refused(read, errorName(answer.errorCode))
      return parts
    }
    for (const part of answer.responses.flatMap(({ partitions }) => partitions)) {
      const { partitionIndex: partition, errorCode, records } = part
      const read = this.#partitions.get(partition)
      if (read === undefined) continue
      if (errorCode !== 0) {
        this.#refused(read, errorName(errorCode))
        continue
      }
      this.#isWell(read)
      if (records === null || records.length === 0) continue
      const fromOffset = read.offset
      const nextOffset = offsetBehind(records, fromOffset)
      if (nextOffset === fromOffset) {
        // Others' batches may have been cut off; the first one's is whole, however large (KIP-74).
        if (parts.length > 0) continue
        refuseTorn(part, fromOffset)
      }
      read.offset = nextOffset
      parts.push([read, { fromOffset, answer: part }])
      this.#partitions.delete(partition)
      this.#partitions.set(partition, read)
    }
    return parts
  }

  #deliver(parts: readonly [ReadPartition, Part][], memory: Buffer, signal: AbortSignal): void {
    for (const [read, part] of parts) {
      if (signal.aborted) return
      if (read.paused) read.held = ownedBy(part)
      else this.#handOn(read, part, memory)
    }
    letGo(memory)
  }

  #handOn({ partition }: ReadPartition, { fromOffset, answer }: Part, memory: Buffer): void {
    const batches = fetchedBatches(answer, fromOffset)
    if (batches === undefined) return
    const records = recordsOf(batches, { topic: this.#options.topic, partition })
    const { nextOffset } = batches
    hold(memory)
    const { highWatermark: endOffset } = answer
    this.#options.on.run({ partition, records, nextOffset, endOffset, memory })
  }

  #refused(read: ReadPartition, error: KafkaErrorName): void {
    const { cluster, topic } = this.#options
    const trouble = troubleOf(error)
    if (trouble === undefined) throw refused(cluster.brokers, `to read topic ${topic}`, error)
    this.#suffers(read, trouble, error)
  }

  #suffers(read: ReadPartition, trouble: Trouble, reason = 'there is no leader'): void {
    if (read.trouble !== 'offset') read.trouble = trouble
    read.tries += 1
    if (read.tries >= consumerTriesMax && !this.#isTroubleTold) {
      this.#isTroubleTold = true
      this.#options.on.trouble(`partition ${read.partition} cannot be read: ${reason}`)
    }
    if (!this.#isMending) void this.#mend()
  }

  #isWell(read: ReadPartition): void {
    read.tries = 0
    if (!this.#isTroubleTold) return
    for (const { tries } of this.#partitions.values()) if (tries >= consumerTriesMax) return
    this.#isTroubleTold = false
    this.#options.on.trouble(undefined)
  }

  /** Until nothing suffers: finds leaders and offsets anew. */
  async #mend(): Promise<void> {
    const { cluster, clock, topic, on } = this.#options
    const { signal } = this.#assignment
    this.#isMending = true
    try {
      for (;;) {
        const troubled = this.#troubled()
        if (troubled.length === 0 || signal.aborted) break
        const tries = Math.max(...troubled.map((read) => read.tries))
        await sleep(clock, Math.min(consumerRetryMaxMs, consumerRetryMs * 2 ** tries), signal)
        if (signal.aborted) break
        this.learn(await cluster.topicState(topic))
        await this.#findOffsets(
          troubled.filter(({ trouble }) => trouble === 'offset'),
          signal,
        )
        if (signal.aborted) break
        for (const read of troubled) {
          if (this.#state.leaders.has(read.partition)) read.trouble = undefined
          else this.#suffers(read, 'leader')
        }
        this.#kick()
      }
    } catch (error) {
      if (!signal.aborted) on.failed(this.#ended(error))
    } finally {
      this.#isMending = false
      // What is assigned by now may suffer as well.
      if (!this.#isStopped && this.#troubled().length > 0) void this.#mend()
    }
  }

  #troubled(): readonly ReadPartition[] {
    return [...this.#partitions.values()].filter(({ trouble }) => trouble !== undefined)
  }

  async #findOffsets(lost: readonly ReadPartition[], signal: AbortSignal): Promise<void> {
    if (lost.length === 0) return
    const { cluster, clock, topic, on } = this.#options
    const bounds = await boundsOf({ cluster, clock, topic, signal }, lost)
    if (signal.aborted) return
    for (const read of lost) {
      const place = placeWithin(bounds, read)
      read.trouble = 'leader'
      read.offset = place.offset
      if (place.isRewound) on.rewound(read.partition)
    }
  }

  /** Stops; what it failed by. */
  #ended(error: unknown): unknown {
    this.stop()
    return readFailure(error, this.#options.cluster.brokers, this.#options.topic)
  }
}
