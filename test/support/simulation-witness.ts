// Watches a simulation and asserts, at each step, what a mapping promises its users.
import assert from 'node:assert'
import type { Batch, BatchOutcome, Discard } from '../../poller/batch.ts'
import type { BatchGroup } from '../../poller/batcher.ts'
import { countOf, sumOf, type Lane, type LaneRecord } from '../../poller/lane.ts'
import { keyIndexOf } from '../../simulator/depth.ts'
import type { PollerProcess } from '../../simulator/poller-process.ts'
import type { Observer, Simulation } from '../../simulator/simulation.ts'
import { WindowWitness } from './window-witness.ts'

interface Sent {
  readonly process: PollerProcess
  readonly batch: Batch
  readonly partition: number
  /** Of the group's first record, or of its first with that key where keys have lanes of their own. */
  readonly offset: number
  readonly key?: number
}

/**
 * Knows the fate of every record: handled by the function, dropped by rule, at its destination, skipped
 * for its size. What the filters do not let through has none.
 */
export class SimulationWitness implements Observer {
  readonly #simulation: () => Simulation
  readonly #done: Set<number>[] = []
  readonly #doneUpTo: number[] = []
  /** Given up, and on the way to the destination. */
  readonly #leaving = new Set<Discard>()
  readonly #out = new Map<PollerProcess, Map<Lane, Batch>>()
  readonly #invocationsMost = new Map<PollerProcess, Map<Batch, number>>()
  /** How often the function was reached with each record. */
  readonly sightings = new Map<string, number>()
  readonly #committed = new Map<number, number>()
  readonly windows: WindowWitness
  #sent: Sent[] = []
  #isTouched = false
  discards = 0
  retries = 0
  /** Ends of shards that were committed. */
  shardsClosed = 0

  constructor(simulation: () => Simulation) {
    this.#simulation = simulation
    this.windows = new WindowWitness(simulation)
  }

  invoked(process: PollerProcess, batch: Batch, nowMs: number): void {
    const { topic, rules } = this.#simulation()
    this.#isTouched = true
    let records = 0
    const out = this.#out.get(process) ?? new Map<Lane, Batch>()
    this.#out.set(process, out)
    for (const { lane, partition, records: own } of batch.groups) {
      assert(!out.has(lane), 'two batches of one lane in flight')
      out.set(lane, batch)
      records += sumOf(own)
      this.#checkParents(partition)
      let previous = -1
      for (const record of own) {
        assert(record.offset > previous, 'out of order in a batch')
        previous = record.offset + countOf(record) - 1
        assert(countOf(record) > 1 || topic.isKept(record.offset), 'a record that was filtered')
        const ageMs = nowMs - record.timestampMs
        assert(ageMs <= rules.failure.recordAgeMaxMs, 'a record that is too old is sent')
      }
      if (batch.window?.isFinal === true) continue
      assert(previous >= 0, 'an empty group')
      const of = { process, batch, partition }
      for (const first of this.#firstsOf(own)) this.#sent.push({ ...of, ...first })
    }
    this.windows.invoked(batch)
    assert(records <= rules.batchSize, 'too large a batch')
    if (batch.attempts > 0) this.retries += 1
    const most = this.#invocationsMost.get(process) ?? new Map<Batch, number>()
    this.#invocationsMost.set(process, most)
    most.set(batch, process.mapping.invocationsMax)
  }

  ended(process: PollerProcess, batch: Batch, outcome: BatchOutcome): void {
    this.#isTouched = true
    this.#invocationsMost.get(process)?.delete(batch)
    this.windows.ended(batch, outcome)
    for (const { lane, partition, records } of batch.groups) {
      this.#out.get(process)?.delete(lane)
      if (outcome === 'throttled' || outcome === 'unreached') continue
      for (const { offset } of records) {
        const key = `${partition}:${offset}`
        this.sightings.set(key, (this.sightings.get(key) ?? 0) + 1)
      }
    }
  }

  handled(groups: readonly BatchGroup[]): void {
    this.#finish(groups)
  }

  givenUp(discard: Discard, how: 'dropped' | 'delivered', nowMs: number): void {
    if (how === 'dropped') this.#checkDiscard(discard, nowMs)
    this.windows.givenUp(discard.groups)
    this.#leaving.delete(discard)
    this.#finish(discard.groups)
  }

  leaving(discard: Discard, nowMs: number): void {
    this.#checkDiscard(discard, nowMs)
    this.#leaving.add(discard)
  }

  skipped(partition: number, offset: number): void {
    this.#doneOf(partition).add(offset)
  }

  committed(offsets: ReadonlyMap<number, number>): void {
    for (const [partition, offset] of offsets) {
      const before = this.#committed.get(partition) ?? 0
      assert(offset >= before, `partition ${partition} goes back from ${before} to ${offset}`)
      this.#committed.set(partition, offset)
      const { topic, nowMs } = this.#simulation()
      const done = this.doneUpTo(partition)
      // The end of a shard counts as one more record.
      const isEnd = topic.isClosed(partition, nowMs) && done === topic.end(partition, nowMs)
      const upTo = done + (isEnd ? 1 : 0)
      if (isEnd && offset > done) this.shardsClosed += 1
      assert(offset <= upTo, `offset ${offset} of partition ${partition} passes ${upTo}`)
    }
  }

  ticked(nowMs: number): void {
    for (const sent of this.#sent) this.#checkOrder(sent, nowMs)
    this.#sent = []
    if (!this.#isTouched) return
    this.#isTouched = false
    for (const process of this.#simulation().group.members) this.#checkProcess(process)
  }

  /** The lowest offset of a partition that has no fate yet. */
  doneUpTo(partition: number): number {
    const { topic, nowMs } = this.#simulation()
    const end = topic.end(partition, nowMs)
    let upTo = this.#doneUpTo[partition] ?? 0
    while (upTo < end && this.#isDone(partition, upTo)) upTo += 1
    this.#doneUpTo[partition] = upTo
    return upTo
  }

  /** All records of the shards that it came from have a fate. */
  #checkParents(shard: number): void {
    const { topic, nowMs } = this.#simulation()
    for (const parent of topic.shards[shard]?.parents ?? []) {
      const end = topic.end(parent, nowMs)
      assert.equal(this.doneUpTo(parent), end, `shard ${shard} is read before its parent ${parent}`)
    }
  }

  /** Nothing before it of its lane is left, apart from what is given up or another's meanwhile. */
  #checkOrder({ process, partition, offset, batch, key }: Sent, nowMs: number): void {
    const { rules, topic } = this.#simulation()
    const group = batch.groups.find((each) => each.partition === partition)
    if (!process.isAlive || group?.lane.assigned !== true) return
    for (let before = this.doneUpTo(partition); before < offset; before++) {
      if (key !== undefined && keyIndexOf(before) !== key) continue
      if (this.#isDone(partition, before) || this.#isLeaving(partition, before)) continue
      const isTooOld = nowMs - topic.timestampMs(partition, before) > rules.failure.recordAgeMaxMs
      assert(isTooOld, `record ${offset} of partition ${partition} overtakes ${before}`)
    }
  }

  /** The first record; of each key the first where a partition has several lanes. */
  #firstsOf(records: readonly LaneRecord[]): readonly { offset: number; key?: number }[] {
    const [first] = records
    if ((this.#simulation().rules.parallelizationFactor ?? 1) === 1) {
      return first === undefined ? [] : [{ offset: first.offset }]
    }
    const firsts = new Map<number, number>()
    for (const { offset } of records) {
      const key = keyIndexOf(offset)
      if (key !== undefined && !firsts.has(key)) firsts.set(key, offset)
    }
    return [...firsts].map(([key, offset]) => ({ key, offset }))
  }

  #checkProcess({ mapping, partitions }: PollerProcess): void {
    mapping.check()
    if (partitions.size > 0) {
      const { parallelizationFactor = 1 } = mapping.rules
      const lanes = partitions.size * parallelizationFactor
      assert(mapping.eventPollers <= lanes, 'more event pollers than lanes')
    }
    const out = [...this.#invocationsMost].find(([process]) => process.mapping === mapping)?.[1]
    const most = Math.max(mapping.invocationsMax, ...(out?.values() ?? []))
    assert(mapping.invocationsInFlight <= most, 'more invocations than event pollers have room for')
  }

  #checkDiscard({ condition, attempts, groups }: Discard, nowMs: number): void {
    const { retriesMax, recordAgeMaxMs } = this.#simulation().rules.failure
    this.discards += 1
    if (condition === 'RetryAttemptsExhausted') assert.equal(attempts, retriesMax + 1)
    if (condition !== 'RecordAgeExceeded') return
    for (const { records } of groups) {
      for (const { timestampMs } of records) assert(nowMs - timestampMs > recordAgeMaxMs)
    }
  }

  #isDone(partition: number, offset: number): boolean {
    const { topic } = this.#simulation()
    return this.#doneOf(partition).has(offset) || !topic.isKept(offset)
  }

  #isLeaving(partition: number, offset: number): boolean {
    for (const { groups } of this.#leaving) {
      for (const group of groups) {
        if (group.partition !== partition) continue
        if (group.records.some((record) => record.offset === offset)) return true
      }
    }
    return false
  }

  #finish(groups: readonly BatchGroup[]): void {
    for (const { partition, records } of groups) {
      const done = this.#doneOf(partition)
      for (const { offset } of records) done.add(offset)
    }
  }

  #doneOf(partition: number): Set<number> {
    return (this.#done[partition] ??= new Set())
  }
}
