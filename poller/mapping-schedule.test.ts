// Runs mappings through random schedules of arrivals, outcomes, commits and rebalances.
import assert from 'node:assert'
import { expect, test } from 'vitest'
import { compileCriteria } from '../filter/criteria.ts'
import { randomFrom, seed } from '../test/support/seeded-random.ts'
import type { Batch, BatchOutcome, Discard, Effect, InvocationReport } from './batch.ts'
import { eventFrame, KafkaEvent } from './event.ts'
import { MappingCounters } from './mapping-counters.ts'
import { Mapping } from './mapping.ts'
import { noFailureRules, type FailureRules } from './retry-policy.ts'
import type { SourceRecord } from './sources/source.ts'

const partitions = [0, 1, 2, 3]
const perPartition = 60
const runMax = 8
const payloadMaxBytes = 2500
const bufferMaxBytes = 6000
const recordMaxBytes = 400
const frame = eventFrame({ bootstrapServers: ['b:9092'] }, 't')

/** A cluster and a function, reduced to what a mapping can tell of them. */
class World {
  nowMs = 1_000_000
  readonly random: () => number
  readonly counters = new MappingCounters()
  readonly mapping: Mapping
  readonly committed = partitions.map(() => 0)
  readonly finished = partitions.map(() => new Set<number>())
  readonly delivered = partitions.map(() => [] as number[])
  readonly positions = partitions.map(() => 0)
  readonly paused = new Set<number>()
  readonly out = new Set<Batch>()
  owned = new Set<number>()
  underWay: ReadonlyMap<number, number> | undefined
  stalls: boolean
  rescaled = 0
  readonly discards = new Set<Discard>()
  givenUp = 0

  constructor(random: () => number, stalls: boolean) {
    this.random = random
    this.stalls = stalls
    const compiled = compileCriteria(['{"value":[{"prefix":"keep"}]}'], 'value')
    assert(compiled.ok)
    const rules = {
      batchSize: 7,
      windowMs: this.below(3) * 100,
      payloadMaxBytes,
      frame,
      criteria: compiled.criteria,
      pollersMin: 1 + this.below(2),
      pollersMax: 2 + this.below(4),
      invocationsPerPoller: 1 + this.below(3),
      bufferMaxBytes,
      commitIntervalMs: 50,
      failure: stalls ? this.failureRules() : noFailureRules,
    }
    this.mapping = new Mapping(rules, this.counters, random)
  }

  failureRules(): FailureRules {
    return {
      retriesMax: [0, 2, Infinity][this.below(3)] ?? 0,
      recordAgeMaxMs: this.random() < 0.3 ? 5_000 : Infinity,
      bisects: this.random() < 0.5,
      reportsItemFailures: true,
      destination: this.random() < 0.7 ? 'dead' : undefined,
    }
  }

  below(n: number): number {
    return Math.floor(this.random() * n)
  }

  /** What a record is follows from where it is. One in ten is too large to be sent at all. */
  record(partition: number, offset: number): SourceRecord {
    const kind = (partition * 31 + offset * 17) % 10
    const text = kind < 4 ? 'drop' : kind === 9 ? `keep${'x'.repeat(2500)}` : `keep${offset}`
    const bytes = { key: null, value: Buffer.from(text), headers: [] }
    const when = { timestampMs: this.nowMs, timestampType: 'CREATE_TIME' as const }
    return { topic: 't', partition, offset, ...when, ...bytes }
  }

  isKept(partition: number, offset: number): boolean {
    const kind = (partition * 31 + offset * 17) % 10
    return kind >= 4 && kind < 9
  }

  rebalance(): void {
    const lost = this.random() < 0.3
    const next = new Set(partitions.filter(() => this.random() < 0.7))
    for (const partition of partitions) {
      // Whoever has the partition meanwhile may get on with it.
      if (this.owned.has(partition) && !lost) continue
      const to = Math.min(perPartition, (this.committed[partition] ?? 0) + this.below(4))
      for (let offset = this.committed[partition] ?? 0; offset < to; offset++) {
        this.finished[partition]?.add(offset)
      }
      this.committed[partition] = to
    }
    const readOn = this.mapping.assigned([...next], !lost)
    for (const partition of next) {
      this.positions[partition] = readOn.get(partition) ?? this.committed[partition] ?? 0
    }
    this.owned = next
    this.paused.clear()
  }

  fetch(): void {
    const partition = this.below(partitions.length)
    if (!this.owned.has(partition) || this.paused.has(partition)) return
    const from = this.positions[partition] ?? 0
    const to = Math.min(perPartition, from + 1 + this.below(runMax))
    const records = []
    for (let offset = from; offset < to; offset++) records.push(this.record(partition, offset))
    this.mapping.recordsArrived(
      { partition, records, nextOffset: to, endOffset: perPartition },
      this.nowMs,
    )
    this.positions[partition] = to
  }

  endBatch(): void {
    const batch = [...this.out][this.below(this.out.size)]
    if (batch === undefined) return
    const outcomes: readonly BatchOutcome[] = this.stalls
      ? ['succeeded', 'succeeded', 'failed', 'unreached', 'throttled']
      : ['succeeded']
    const outcome = outcomes[this.below(outcomes.length)] ?? 'succeeded'
    this.out.delete(batch)
    if (outcome === 'succeeded') this.finish(batch.groups)
    if (outcome !== 'failed') return this.mapping.batchEnded(batch, outcome, this.nowMs)
    const all = batch.groups.flatMap(({ records }) => records)
    const failed = new Set(all.filter(() => this.random() < 0.5))
    const named = failed.size > 0 && this.random() < 0.5
    const report: InvocationReport = {
      requestId: 'r',
      executedVersion: '$LATEST',
      functionError: named ? null : 'Unhandled',
      ...(named ? { failed } : {}),
    }
    if (named) {
      const done = batch.groups.map((group) => ({
        ...group,
        records: group.records.filter((record) => !failed.has(record)),
      }))
      this.finish(done)
    }
    this.mapping.batchEnded(batch, 'failed', this.nowMs, report)
  }

  finish(groups: Batch['groups']): void {
    for (const { partition, records } of groups) {
      for (const { offset } of records) this.finished[partition]?.add(offset)
    }
  }

  endDiscard(): void {
    const discard = [...this.discards][this.below(this.discards.size)]
    if (discard === undefined) return
    this.discards.delete(discard)
    const delivered = !this.stalls || this.random() < 0.6
    if (delivered) this.finish(discard.groups)
    this.mapping.discardEnded(discard, delivered, this.nowMs)
  }

  endCommit(): void {
    if (this.underWay === undefined) return
    const succeeded = !this.stalls || this.random() < 0.8
    if (succeeded) {
      for (const [partition, offset] of this.underWay) this.committed[partition] = offset
    }
    this.underWay = undefined
    this.mapping.commitEnded(succeeded, this.nowMs)
  }

  run(effects: readonly Effect[]): void {
    for (const effect of effects) {
      switch (effect.kind) {
        case 'invoke':
          this.invoke(effect.batch)
          break
        case 'commit':
          assert.equal(this.underWay, undefined, 'two commits at once')
          this.underWay = effect.offsets
          break
        case 'pause':
          for (const partition of effect.partitions) this.paused.add(partition)
          break
        case 'resume':
          for (const partition of effect.partitions) this.paused.delete(partition)
          break
        case 'discard':
          this.discards.add(effect.discard)
          this.givenUp += 1
          break
        case 'dropped':
          this.finish(effect.discard.groups)
          this.givenUp += 1
          break
        case 'windowDropped':
          break
        case 'scaled':
          this.rescaled += 1
          break
        case 'skipped':
          this.finished[effect.record.partition]?.add(effect.record.offset)
          break
      }
    }
    this.check()
  }

  invoke(batch: Batch): void {
    const taken = new Set([...this.out].flatMap(({ groups }) => groups.map((g) => g.lane)))
    assert(new KafkaEvent(frame, batch.groups).sizeBytes <= payloadMaxBytes, 'too large an event')
    for (const { lane, partition, records } of batch.groups) {
      assert(!taken.has(lane), 'two batches of one lane in flight')
      assert(records.length > 0, 'an empty group')
      const offsets = records.map(({ offset }) => offset)
      assert.deepEqual(
        offsets,
        [...offsets].sort((a, b) => a - b),
        'out of order in a batch',
      )
      assert(
        offsets.every((offset) => this.isKept(partition, offset)),
        'a record that was filtered',
      )
      this.delivered[partition]?.push(...offsets)
    }
    this.out.add(batch)
  }

  check(): void {
    this.mapping.check()
    assert.equal(this.mapping.invocationsInFlight, this.out.size)
    for (const [partition, offset] of [...this.committed.entries(), ...(this.underWay ?? [])]) {
      for (let below = 0; below < offset; below++) {
        const done = this.finished[partition]?.has(below) === true || !this.isKept(partition, below)
        assert(done, `offset ${offset} of partition ${partition} passes ${below}`)
      }
    }
    const runBytes = runMax * recordMaxBytes
    assert(this.mapping.bufferedBytes <= bufferMaxBytes + partitions.length * runBytes, 'unbounded')
  }

  step(): void {
    const dice = this.random()
    if (dice < 0.4) this.fetch()
    else if (dice < 0.65) this.endBatch()
    else if (dice < 0.75) this.endCommit()
    else if (dice < 0.8) this.endDiscard()
    else if (dice < 0.82 && this.stalls) this.rebalance()
    else this.nowMs += this.below(300)
    this.run(this.mapping.tick(this.nowMs))
  }

  /**
   * Whether everything has gone through. Another member may have committed to the end while a batch
   * of ours, from before the rebalance, is still out.
   */
  get isDone(): boolean {
    const committed = this.committed.every((offset) => offset === perPartition)
    return committed && this.mapping.bufferedRecords === 0
  }
}

test(`no schedule loses, reorders or commits too far, seed ${seed}`, () => {
  let rescaled = 0
  let givenUp = 0
  for (let round = 0; round < 60; round++) {
    const world = new World(randomFrom(seed + round * 7919), true)
    world.rebalance()
    for (let step = 0; step < 400; step++) world.step()
    world.stalls = false
    world.owned = new Set(partitions)
    const readOn = world.mapping.assigned(partitions, false)
    for (const partition of partitions) {
      world.positions[partition] = readOn.get(partition) ?? world.committed[partition] ?? 0
    }
    world.paused.clear()
    for (let step = 0; step < 20_000 && !world.isDone; step++) world.step()
    expect(world.committed, `round ${round}`).toEqual(partitions.map(() => perPartition))
    expect(world.mapping.bufferedRecords).toBe(0)
    rescaled += world.rescaled
    givenUp += world.givenUp
  }
  expect(rescaled).toBeGreaterThan(20)
  expect(givenUp).toBeGreaterThan(20)
})

test(`without faults every record is delivered once and in order, seed ${seed}`, () => {
  for (let round = 0; round < 30; round++) {
    const world = new World(randomFrom(seed + round * 104_729), false)
    world.owned = new Set(partitions)
    world.mapping.assigned(partitions, false)
    for (let step = 0; step < 20_000 && !world.isDone; step++) world.step()
    for (const partition of partitions) {
      const kept = Array.from({ length: perPartition }, (_, offset) => offset)
      expect(world.delivered[partition], `round ${round}`).toEqual(
        kept.filter((offset) => world.isKept(partition, offset)),
      )
    }
    // An offset before the first record read is not counted as a step of the group.
    expect(world.counters.committedEvents).toBe(partitions.length * perPartition)
  }
})
