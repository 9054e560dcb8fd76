// A session of our own Kafka consumer: member, reader and starting position brought together.
import { brokerFault, type BrokerFault } from '../../common/broker-fault.ts'
import { sleep } from '../../common/clock.ts'
import { metadataMaxAgeMs } from '../../common/consumer-limits.ts'
import { isHangUp, isUnreachable } from '../../kafka-consumer/answer-errors.ts'
import { Cluster, isAnotherTopic } from '../../kafka-consumer/cluster.ts'
import { fetchMemory, HeldMemory } from '../../kafka-consumer/fetch-memory.ts'
import { GroupMember, type Joined } from '../../kafka-consumer/group-member.ts'
import { committedOffsets, earliest, latest, offsetsAt } from '../../kafka-consumer/offsets.ts'
import type { FetchedRun } from '../../kafka-consumer/fetched-record.ts'
import { TopicReader } from '../../kafka-consumer/topic-reader.ts'
import type { Session, SessionMemory, SessionOptions } from './session.ts'
import type { SourceListener } from './source.ts'

export class ConsumerSession implements Session {
  readonly #options: SessionOptions
  readonly #memory: SessionMemory
  readonly #listener: SourceListener
  readonly #cluster: Cluster
  readonly #member: GroupMember
  readonly #closing = new AbortController()
  #wasConnected = false
  readonly #failed = Promise.withResolvers<never>()
  readonly #held = new HeldMemory()
  #reader: TopicReader | undefined
  /** What the topic had when this member, as the leader, dealt it out. */
  #partitionsDealt: number | undefined
  /** The topic was made anew since this mapping last read it. */
  #isAnotherTopic = false
  /** Paused before their offsets were known. */
  readonly #paused = new Set<number>()

  constructor(options: SessionOptions, memory: SessionMemory, listener: SourceListener) {
    const { clock, groupId, topic } = options
    this.#options = options
    this.#memory = memory
    this.#listener = listener
    const frames = { allocate: (bytes: number): Buffer => fetchMemory.take(bytes) }
    this.#cluster = new Cluster({ ...options, frames })
    const member = { cluster: this.#cluster, clock, groupId, topic, memory: memory.member }
    this.#member = new GroupMember(member)
    // `run` sees it, once it waits for it.
    this.#failed.promise.catch(() => {})
  }

  async run(): Promise<void> {
    try {
      const closing = new Promise<void>((resolve) => {
        this.#closing.signal.addEventListener('abort', () => resolve(), { once: true })
      })
      await Promise.race([this.#live(), this.#failed.promise, closing])
    } catch (error) {
      if (!this.#isClosing) throw error
    } finally {
      this.#reader?.stop()
      // Who closes it says goodbye first.
      if (!this.#isClosing) this.#cluster.close()
      this.#closing.abort()
      this.#memory.topicId = this.#reader?.topicId ?? this.#memory.topicId
    }
  }

  async close(): Promise<void> {
    if (this.#isClosing) return
    this.#closing.abort()
    this.#reader?.stop()
    await this.#member.leave()
    this.#cluster.close()
  }

  /** A server that is written for Node hangs up without a word on a certificate that it does not trust. */
  faultOf(error: unknown): BrokerFault | undefined {
    const showed = this.#options.access?.tls?.client !== undefined
    const hungUp = showed && !this.#wasConnected && isHangUp(error)
    return brokerFault(error) ?? (hungUp ? 'client' : undefined)
  }

  pause(partitions: readonly number[]): void {
    for (const partition of partitions) this.#paused.add(partition)
    this.#reader?.pause(partitions)
  }

  resume(partitions: readonly number[]): void {
    for (const partition of partitions) this.#paused.delete(partition)
    this.#reader?.resume(partitions)
  }

  commit(offsets: ReadonlyMap<number, number>): Promise<void> {
    // Committed or not, what is below them is finished.
    for (const [partition, offset] of offsets) this.#held.finish(partition, offset)
    return this.#member.commit(offsets)
  }

  get #isClosing(): boolean {
    return this.#closing.signal.aborted
  }

  async #live(): Promise<void> {
    const { clock, topic } = this.#options
    const state = await this.#cluster.topicState(topic)
    this.#wasConnected = true
    const { topicId = state.topicId } = this.#memory
    this.#isAnotherTopic = isAnotherTopic({ topicId }, state)
    const reader = new TopicReader(
      {
        cluster: this.#cluster,
        clock,
        topic,
        on: {
          run: (run) => this.#hand(run),
          rewound: (partition) => this.#rewound(partition),
          trouble: (reason) => this.#listener.problem(reason),
          failed: (error) => this.#failed.reject(error),
        },
      },
      state,
    )
    this.#reader = reader
    void this.#watchTopic(reader)
    while (!this.#isClosing) {
      const joined = await this.#member.join()
      if (joined === undefined || this.#isClosing) return
      this.#held.forget()
      this.#paused.clear()
      const readOn = this.#listener.assigned(joined.partitions, joined.continued)
      this.#member.adopted()
      this.#partitionsDealt = joined.partitionCount
      const assignment = new AbortController()
      const signal = AbortSignal.any([assignment.signal, this.#closing.signal])
      const starting = this.#startReading(reader, joined, readOn, signal)
      starting.catch((error: unknown) => {
        // A commit that came too late: the group is joined again.
        if (!signal.aborted && this.#member.isStable) this.#failed.reject(error)
      })
      await this.#member.stay()
      assignment.abort()
      reader.stop()
      // What is finished by now is not to be read again by whoever has it next.
      if (!this.#isClosing) await this.#member.commitLast(this.#listener.checkpoints())
    }
  }

  async #startReading(
    reader: TopicReader,
    { partitions }: Joined,
    readOn: ReadonlyMap<number, number>,
    signal: AbortSignal,
  ): Promise<void> {
    const known: ReadonlyMap<number, number> = this.#isAnotherTopic ? new Map() : readOn
    const fresh = partitions.filter((partition) => !known.has(partition))
    const found = fresh.length === 0 ? [] : await this.#startOf(fresh, signal)
    if (signal.aborted) return
    this.#isAnotherTopic = false
    reader.assign(new Map([...known, ...found]), this.#paused)
    this.#listener.problem(undefined)
  }

  /** Rejects with AppError. Partitions without a leader's answer are not there. */
  async #startOf(
    partitions: readonly number[],
    signal: AbortSignal,
  ): Promise<ReadonlyMap<number, number>> {
    const { clock, groupId, topic } = this.#options
    const context = { cluster: this.#cluster, clock, topic, signal }
    if (this.#isAnotherTopic) {
      // What the group committed was of another log, and all of this one is new.
      for (const partition of partitions) this.#rewound(partition)
      return offsetsAt(context, partitions, earliest)
    }
    const committed = await committedOffsets(context, groupId, partitions)
    const open = partitions.filter((partition) => !committed.has(partition))
    if (open.length === 0) return committed
    const { position } = this.#options
    if (position.kind === 'TRIM_HORIZON') {
      return new Map([...committed, ...(await offsetsAt(context, open, earliest))])
    }
    const atStart = (this.#memory.partitionsAtStart ??= this.#reader?.partitionCount ?? 0)
    const [old, later] = [open.filter((p) => p < atStart), open.filter((p) => p >= atStart)]
    const found = new Map([
      ...(await offsetsAt(context, later, earliest)),
      ...(await offsetsAt(context, old, latest)),
      ...(position.kind === 'AT_TIMESTAMP'
        ? await offsetsAt(context, old, position.timestampMs)
        : []),
    ])
    if (signal.aborted || found.size === 0) return committed
    // Committed at once, so that a restart before the first record starts at the same place.
    await this.#member.commit(found)
    return new Map([...committed, ...found])
  }

  /** New partitions are the leader's to see; moved ones everybody's. */
  async #watchTopic(reader: TopicReader): Promise<void> {
    const { clock, topic } = this.#options
    const { signal } = this.#closing
    for (;;) {
      await sleep(clock, metadataMaxAgeMs, signal)
      if (signal.aborted) return
      try {
        const state = await this.#cluster.topicState(topic)
        if (signal.aborted) return
        reader.learn(state)
        const dealt = this.#partitionsDealt
        if (dealt !== undefined && dealt !== state.partitions.length) this.#member.rejoin()
      } catch (error) {
        // Whoever wants to read will find out, too.
        if (!isUnreachable(error)) this.#failed.reject(error)
      }
    }
  }

  #rewound(partition: number): void {
    this.#held.forget(partition)
    this.#listener.rewound(partition)
  }

  #hand({ partition, records, nextOffset, endOffset, memory }: FetchedRun): void {
    this.#held.add(partition, { memory, nextOffset })
    this.#listener.records({ partition, records, nextOffset, endOffset })
  }
}
