// Runs a mapping's own decisions against a simulated cluster or stream, and a function, on a clock that jumps.
import type { Batch, BatchOutcome, Discard, MappingRules } from '../poller/batch.ts'
import type { BatchGroup } from '../poller/batcher.ts'
import { Agenda } from './agenda.ts'
import { depthOf, type Depth } from './depth.ts'
import { Faults } from './faults.ts'
import { SimulatedFunction } from './function.ts'
import { Group } from './group.ts'
import { PollerProcess, type World } from './poller-process.ts'
import { randomFrom, type Random } from './random.ts'
import { rulesOf } from './rules.ts'
import { isStream, type Scenario } from './scenario.ts'
import { startMs, Topic } from './topic.ts'

/** Who wants to know what happens while it does. */
export interface Observer {
  invoked?(process: PollerProcess, batch: Batch, nowMs: number): void
  /** The batch's end is known to its mapping. */
  ended?(process: PollerProcess, batch: Batch, outcome: BatchOutcome): void
  /** The function has done its work on them. */
  handled?(groups: readonly BatchGroup[], nowMs: number): void
  /** They are given up and on their way to the destination. */
  leaving?(discard: Discard, nowMs: number): void
  /** They are dropped by rule, or the destination has them. */
  givenUp?(discard: Discard, how: 'dropped' | 'delivered', nowMs: number): void
  skipped?(partition: number, offset: number): void
  committed?(offsets: ReadonlyMap<number, number>, nowMs: number): void
  ticked?(nowMs: number): void
}

const commitMs = 5
const commitFailureMs = 1000
const destinationMs = 20
export class Simulation implements World {
  readonly scenario: Scenario
  readonly topic: Topic
  readonly depth: Depth
  readonly function: SimulatedFunction
  readonly group: Group
  readonly agenda = new Agenda()
  readonly rules: MappingRules
  /** All there ever were: counters of those that are gone count as well. */
  readonly processes: PollerProcess[] = []
  readonly observer: Observer
  readonly tellsStarts: boolean
  readonly #random: Random
  readonly #faults: Faults
  /** Windows whose final invocation was given up. */
  droppedWindows = 0
  #nowMs = startMs
  #isFetching = true
  #quietSteps = 0

  constructor(scenario: Scenario, observer: Observer = {}) {
    this.scenario = scenario
    this.observer = observer
    this.topic = new Topic(scenario)
    this.depth = depthOf(scenario, this.topic)
    this.function = new SimulatedFunction(scenario, this.topic)
    this.tellsStarts = isStream(scenario)
    this.group = isStream(scenario)
      ? new Group(this.topic.partitions, (shard) => this.#isReadable(shard))
      : new Group(this.topic.partitions)
    this.rules = rulesOf(scenario, this.depth)
    this.#random = randomFrom(scenario.seed, 'cluster')
    this.#faults = new Faults(this, randomFrom(scenario.seed, 'faults'))
    this.#faults.start()
    for (const { openMs } of this.topic.shards) if (openMs > 0) this.#followAt(openMs)
  }

  get nowMs(): number {
    return this.#nowMs
  }

  /** Pollers and the broker go down no more, and those that are down come back. */
  calm(): void {
    this.#faults.end()
  }

  /** Everything that was written is through, committed, and nothing is under way. */
  get isDrained(): boolean {
    const { group, topic } = this
    for (let partition = 0; partition < topic.partitions; partition++) {
      const committed = group.committed[partition] ?? 0
      if (committed < topic.end(partition, this.#nowMs)) return false
      if (topic.isClosed(partition, this.#nowMs) && !this.isOver(partition)) return false
    }
    return group.members.every(({ mapping }) => mapping.invocationsInFlight === 0)
  }

  newProcess(): PollerProcess {
    const random = randomFrom(this.scenario.seed, `mapping ${this.processes.length}`)
    const process = new PollerProcess(this.rules, random, this)
    this.processes.push(process)
    return process
  }

  /** Times are multiples of the quantum; nothing follows at the very moment of its cause. */
  after(delayMs: number, act: () => void): void {
    const { quantumMs } = this.depth
    const steps = Math.max(1, Math.round(delayMs / quantumMs))
    this.agenda.at(this.#nowMs + steps * quantumMs, act)
  }

  /** Goes on to a moment, in milliseconds since the start. */
  run(untilMs: number): void {
    const endMs = startMs + untilMs
    for (;;) {
      const nextMs = this.#nextMs()
      if (nextMs > endMs) break
      this.#nowMs = nextMs
      this.agenda.run(nextMs)
      this.#fetch()
      for (const process of this.group.members) process.tick(nextMs)
      this.observer.ticked?.(nextMs)
    }
    this.#nowMs = Math.max(this.#nowMs, endMs)
  }

  invoke(process: PollerProcess, batch: Batch): void {
    const answer = this.function.invoke(batch, this.#nowMs)
    this.observer.invoked?.(process, batch, this.#nowMs)
    this.after(answer.atMs - this.#nowMs, () => {
      if (answer.ran) this.function.ended(this.#nowMs)
      if (answer.handled.length > 0) this.observer.handled?.(answer.handled, this.#nowMs)
      if (!process.isAlive) return
      this.observer.ended?.(process, batch, answer.outcome)
      process.mapping.batchEnded(batch, answer.outcome, this.#nowMs, answer.report)
    })
  }

  discard(process: PollerProcess, discard: Discard): void {
    this.observer.leaving?.(discard, this.#nowMs)
    const delivered = this.#random() >= this.scenario.failures.destinationErrors
    this.after(destinationMs, () => {
      if (delivered) this.observer.givenUp?.(discard, 'delivered', this.#nowMs)
      if (process.isAlive) process.mapping.discardEnded(discard, delivered, this.#nowMs)
    })
  }

  dropped(_: PollerProcess, discard: Discard): void {
    this.observer.givenUp?.(discard, 'dropped', this.#nowMs)
  }

  windowDropped(): void {
    this.droppedWindows += 1
  }

  skipped(partition: number, offset: number): void {
    this.observer.skipped?.(partition, offset)
  }

  commit(process: PollerProcess, offsets: ReadonlyMap<number, number>): void {
    const { generation } = this.group
    const fails = this.#random() < this.scenario.failures.commitErrors
    // What the broker says about a commit may be lost after it was done.
    const isDone = !this.#faults.isBrokerDown && (!fails || this.#random() < 0.5)
    this.after(fails || this.#faults.isBrokerDown ? commitFailureMs : commitMs, () => {
      const isTaken = isDone && this.group.commit(offsets, generation)
      if (isTaken) this.observer.committed?.(offsets, this.#nowMs)
      // Children are read when the ends of their parents are committed.
      if (isTaken && this.tellsStarts) this.group.follow()
      if (process.isAlive) process.mapping.commitEnded(isTaken && !fails, this.#nowMs)
    })
  }

  readsAgain(): void {
    this.#isFetching = true
    this.#quietSteps = 0
  }

  #nextMs(): number {
    const { quantumMs } = this.depth
    const soonestMs = this.#nowMs + quantumMs
    let nextMs = this.#isFetching ? this.#fetchFromMs(soonestMs) : Infinity
    if (nextMs > soonestMs) {
      nextMs = Math.min(nextMs, this.agenda.nextMs)
      for (const { mapping } of this.group.members) {
        const { wakeMs } = mapping
        if (wakeMs !== undefined) nextMs = Math.min(nextMs, onGrid(wakeMs, quantumMs))
      }
    }
    return Math.max(soonestMs, nextMs)
  }

  /** The first moment from `fromMs` on at which there is a partition to be read. */
  #fetchFromMs(fromMs: number): number {
    const { quantumMs, fetchIntervalMs } = this.depth
    const buckets = fetchIntervalMs / quantumMs
    const bucket = Math.round((fromMs - startMs) / quantumMs) % buckets
    return bucket < this.topic.partitions ? fromMs : fromMs + (buckets - bucket) * quantumMs
  }

  /** Each partition is read at a moment of its own within the interval. */
  #fetch(): void {
    if (!this.#isFetching || this.#faults.isBrokerDown) return
    const buckets = this.depth.fetchIntervalMs / this.depth.quantumMs
    const step = Math.round((this.#nowMs - startMs) / this.depth.quantumMs)
    let isQuiet = this.#nowMs - startMs > this.topic.curve.lengthMs
    for (let partition = step % buckets; partition < this.topic.partitions; partition += buckets) {
      const process = this.group.ownerOf(partition)
      if (process?.reads(partition) === true && this.#read(process, partition)) isQuiet = false
    }
    this.#quietSteps = isQuiet ? this.#quietSteps + 1 : 0
    this.#isFetching = this.#quietSteps <= buckets
  }

  /** Whether there was anything to be read. */
  #read(process: PollerProcess, partition: number): boolean {
    let from = process.position(partition)
    const endOffset = this.topic.end(partition, this.#nowMs)
    const to = Math.min(endOffset, from + this.depth.readMaxRecords)
    if (to <= from) return this.#readEnd(process, partition)
    if (this.#random() < this.scenario.failures.duplicateReads) {
      const committed = this.group.committed[partition] ?? 0
      from -= Math.floor(this.#random() * (from - committed + 1))
    }
    process.moveTo(partition, to)
    this.depth.read(process.mapping, { partition, from, to, endOffset }, this.#nowMs)
    return true
  }

  /** Of a shard that is closed and read to its end: nothing follows, and that is told once. */
  #readEnd(process: PollerProcess, partition: number): boolean {
    const end = this.topic.end(partition, this.#nowMs)
    if (process.position(partition) > end || !this.topic.isClosed(partition, this.#nowMs)) {
      return false
    }
    process.moveTo(partition, end + 1)
    process.tell(partition, end + 1, true)
    return true
  }

  /** A shard is read from when its parents are over until it is over itself. */
  #isReadable(shard: number): boolean {
    const { parents = [] } = this.topic.shards[shard] ?? {}
    if (!this.topic.isOpened(shard, this.#nowMs) || this.isOver(shard)) return false
    return parents.every((parent) => this.isOver(parent))
  }

  /** Of a shard that is closed: its end is committed, which counts as one more record. */
  isOver(shard: number): boolean {
    if (!this.topic.isClosed(shard, this.#nowMs)) return false
    return (this.group.committed[shard] ?? 0) > this.topic.end(shard, this.#nowMs)
  }

  #followAt(atMs: number): void {
    this.agenda.at(onGrid(startMs + atMs, this.depth.quantumMs), () => {
      this.group.follow()
      this.readsAgain()
    })
  }
}

function onGrid(timeMs: number, quantumMs: number): number {
  return startMs + Math.ceil((timeMs - startMs) / quantumMs) * quantumMs
}
