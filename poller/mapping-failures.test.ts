// Tests what becomes of records that a function fails on: retries, age, splitting, naming, destination.
import { beforeEach, expect, test } from 'vitest'
import { payloadMaxBytes } from '../common/limits.ts'
import { keyOf, type SchemaFailure } from '../events/raw-record.ts'
import { compileCriteria } from '../filter/criteria.ts'
import type { Batch, BatchOutcome, Discard, Effect, InvocationReport } from './batch.ts'
import { eventFrame } from './event.ts'
import { MappingCounters } from './mapping-counters.ts'
import { Mapping } from './mapping.ts'
import { noFailureRules, retriesMaxOf, type FailureRules } from './retry-policy.ts'

const frame = eventFrame({ bootstrapServers: ['b:9092'] }, 't')
const compiled = compileCriteria([], 'value')
if (!compiled.ok) throw new Error(compiled.reason)
const { criteria } = compiled

const unhandled: InvocationReport = {
  requestId: 'r',
  executedVersion: '$LATEST',
  functionError: 'Unhandled',
}
const dead = { destination: 'dead' }

interface ArrivalOptions {
  readonly ageMs?: number
  readonly size?: number
  readonly failure?: SchemaFailure
}

/** A mapping with a function that fails on records, and time that passes between its tries. */
class Stage {
  nowMs = 1_000_000
  readonly counters = new MappingCounters()
  readonly mapping: Mapping
  /** Each invocation as `partition:offsets`, partitions apart by blanks. */
  readonly invoked: string[] = []
  readonly discards: Discard[] = []
  readonly dropped: Discard[] = []
  readonly committed = new Map<number, number>()
  destinationWorks = true

  constructor(failure: Partial<FailureRules>, partitions: readonly number[] = [0], batchSize = 3) {
    const rules = {
      batchSize,
      windowMs: 0,
      payloadMaxBytes,
      frame,
      criteria,
      pollersMin: 1,
      pollersMax: 1,
      invocationsPerPoller: 5,
      bufferMaxBytes: 1_000_000_000,
      commitIntervalMs: 0,
      failure: { ...noFailureRules, ...failure },
    }
    this.mapping = new Mapping(rules, this.counters, () => 0.5)
    this.mapping.assigned(partitions, false)
  }

  arrive(
    partition: number,
    offsets: readonly number[],
    { ageMs = 0, size = 1, failure }: ArrivalOptions = {},
  ): void {
    const records = offsets.map((offset) => ({
      topic: 't',
      partition,
      offset,
      timestampMs: this.nowMs - ageMs,
      timestampType: 'CREATE_TIME' as const,
      key: Buffer.from('k'),
      value: Buffer.alloc(size),
      headers: [],
      ...(failure === undefined ? {} : { failure }),
    }))
    const nextOffset = (offsets.at(-1) ?? 0) + 1
    const run = { partition, records, nextOffset, endOffset: nextOffset }
    this.mapping.recordsArrived(run, this.nowMs)
  }

  /** Runs until nothing is left to be done but waits; `outcome` says what comes of each invocation. */
  run(outcome: (batch: Batch) => BatchOutcome | InvocationReport): void {
    const todo: Effect[] = [...this.mapping.tick(this.nowMs)]
    for (let effect = todo.shift(); effect !== undefined; effect = todo.shift()) {
      if (effect.kind === 'invoke') this.#invoke(effect.batch, outcome)
      if (effect.kind === 'discard') {
        this.discards.push(effect.discard)
        this.mapping.discardEnded(effect.discard, this.destinationWorks, this.nowMs)
      }
      if (effect.kind === 'dropped') this.dropped.push(effect.discard)
      if (effect.kind === 'commit') {
        for (const [partition, offset] of effect.offsets) this.committed.set(partition, offset)
        this.mapping.commitEnded(true, this.nowMs)
      }
      this.mapping.check()
      todo.push(...this.mapping.tick(this.nowMs))
    }
  }

  /** The same, and then again at each time that something is due, for so long. */
  runFor(ms: number, outcome: (batch: Batch) => BatchOutcome | InvocationReport): void {
    const endMs = this.nowMs + ms
    for (let rounds = 0; ; rounds++) {
      if (rounds > 10_000) throw new Error('something is due again and again, and nothing is done')
      this.run(outcome)
      const wakeMs = this.mapping.wakeMs ?? Infinity
      if (wakeMs > endMs) break
      this.nowMs = Math.max(this.nowMs, wakeMs)
    }
    this.nowMs = endMs
  }

  #invoke(batch: Batch, outcome: (batch: Batch) => BatchOutcome | InvocationReport): void {
    this.invoked.push(said(batch.groups))
    const result = outcome(batch)
    if (typeof result !== 'string') {
      this.mapping.batchEnded(batch, 'failed', this.nowMs, result)
    } else if (result === 'failed') {
      this.mapping.batchEnded(batch, 'failed', this.nowMs, unhandled)
    } else {
      this.mapping.batchEnded(batch, result, this.nowMs)
    }
  }
}

const said = (groups: Batch['groups']): string =>
  groups.map((g) => `${g.partition}:${g.records.map((r) => r.offset).join(',')}`).join(' ')
const conditions = (discards: readonly Discard[]): string[] =>
  discards.map(({ groups, condition, attempts }) => `${said(groups)} ${condition} ${attempts}`)
const holds = (batch: Batch, ...offsets: readonly number[]): boolean =>
  batch.groups.some(({ records }) => records.some(({ offset }) => offsets.includes(offset)))
/** A function that answers, and names those of these offsets that it got. */
const naming =
  (...offsets: readonly number[]) =>
  (batch: Batch): 'succeeded' | InvocationReport => {
    const records = batch.groups.flatMap((group) => group.records)
    const failed = new Set(records.filter(({ offset }) => offsets.includes(offset)))
    return failed.size === 0 ? 'succeeded' : { ...unhandled, functionError: null, failed }
  }
/** One that throws when it gets any of these offsets. */
const failingOn =
  (...offsets: readonly number[]) =>
  (batch: Batch): BatchOutcome =>
    holds(batch, ...offsets) ? 'failed' : 'succeeded'

let stage: Stage
beforeEach(() => {
  stage = new Stage({})
})

test.each([
  [0, 1],
  [1, 2],
  [2, 3],
])('MaximumRetryAttempts %d is %d invocations, then the partition goes on', (retries, count) => {
  stage = new Stage({ retriesMax: retries, ...dead })
  stage.arrive(0, [0, 1, 2, 3])
  stage.runFor(600_000, failingOn(1))
  expect(stage.invoked).toEqual([...Array.from({ length: count }, () => '0:0,1,2'), '0:3'])
  expect(conditions(stage.discards)).toEqual([`0:0,1,2 RetryAttemptsExhausted ${count}`])
  expect(stage.discards[0]?.report).toEqual(unhandled)
  expect(stage.committed).toEqual(new Map([[0, 4]]))
  expect(stage.counters).toMatchObject({
    destinationEvents: 3,
    droppedEvents: 0,
    failedInvokeEvents: 3 * count,
    invokedEvents: 3 * count + 1,
  })
})

test('without a destination what is given up is dropped, counted and passed', () => {
  stage = new Stage({ retriesMax: 1 })
  stage.arrive(0, [0, 1])
  stage.runFor(60_000, failingOn(0))
  expect(conditions(stage.dropped)).toEqual(['0:0,1 RetryAttemptsExhausted 2'])
  expect(stage.counters).toMatchObject({ destinationEvents: 0, droppedEvents: 2 })
  expect(stage.committed).toEqual(new Map([[0, 2]]))
})

test('retries without end come to ten where there is a destination', () => {
  expect([retriesMaxOf(-1, true), retriesMaxOf(-1, false)]).toEqual([10, Infinity])
  expect([retriesMaxOf(20, true), retriesMaxOf(0, true)]).toEqual([20, 0])
  stage = new Stage({ retriesMax: retriesMaxOf(-1, true), ...dead })
  stage.arrive(0, [0])
  stage.runFor(3_600_000, failingOn(0))
  expect(conditions(stage.discards)).toEqual(['0:0 RetryAttemptsExhausted 11'])
})

test.each(['throttled', 'unreached'] as const)('%s batches use up no retries', (outcome) => {
  stage = new Stage({ retriesMax: 0, ...dead })
  stage.arrive(0, [0])
  stage.runFor(300_000, () => outcome)
  expect(stage.invoked.length).toBeGreaterThan(5)
  expect(stage.discards).toEqual([])
  stage.runFor(60_000, failingOn(0))
  expect(conditions(stage.discards)).toEqual(['0:0 RetryAttemptsExhausted 1'])
})

test('records above the age are cut out of a batch and given up alone; the young rest is sent', () => {
  stage = new Stage({ recordAgeMaxMs: 60_000, ...dead }, [0, 1], 10)
  stage.arrive(0, [0, 1], { ageMs: 60_001 })
  stage.arrive(0, [2], { ageMs: 60_000 })
  stage.arrive(1, [7])
  stage.run(() => 'succeeded')
  expect(stage.invoked).toEqual(['0:2 1:7'])
  expect(conditions(stage.discards)).toEqual(['0:0,1 RecordAgeExceeded 0'])
  expect(stage.discards[0]?.report).toBeUndefined()
  expect(stage.committed).toEqual(
    new Map([
      [0, 3],
      [1, 8],
    ]),
  )
})

test('a record that fails at once is tried six or seven times in 60 s, then it is too old', () => {
  stage = new Stage({ recordAgeMaxMs: 60_000, ...dead })
  stage.arrive(0, [0])
  stage.runFor(120_000, failingOn(0))
  // After 0, 1, 3, 7, 15 and 31 s; with less jitter also just before 60 s, as recorded.
  expect(conditions(stage.discards)).toEqual(['0:0 RecordAgeExceeded 6'])
  expect(stage.committed).toEqual(new Map([[0, 1]]))
})

test('what is throttled until it is too old is given up then, without an invocation', () => {
  stage = new Stage({ recordAgeMaxMs: 60_000 })
  stage.arrive(0, [0])
  stage.runFor(60_000, () => 'throttled')
  expect(stage.dropped).toEqual([])
  const before = stage.invoked.length
  // It would be tried again at 63 s.
  stage.runFor(1, () => 'throttled')
  expect(conditions(stage.dropped)).toEqual(['0:0 RecordAgeExceeded 0'])
  expect([stage.invoked.length - before, stage.counters.invokedEvents]).toEqual([0, 0])
  expect(stage.committed).toEqual(new Map([[0, 1]]))
})

test('a batch that waits gives up its old records and keeps its turn for the young ones', () => {
  stage = new Stage({ recordAgeMaxMs: 60_000 })
  stage.arrive(0, [0], { ageMs: 45_000 })
  stage.arrive(0, [1], { ageMs: 44_999 })
  stage.arrive(0, [2])
  stage.runFor(15_500, () => 'throttled')
  // One millisecond apart, and still one after the other: the second waits for the next look.
  expect(conditions(stage.dropped)).toEqual(['0:0 RecordAgeExceeded 0'])
  stage.runFor(10_000, () => 'throttled')
  expect(conditions(stage.dropped).slice(1)).toEqual(['0:1 RecordAgeExceeded 0'])
  expect(stage.invoked).toEqual(['0:0,1,2', '0:0,1,2', '0:0,1,2', '0:0,1,2', '0:0,1,2'])
  stage.runFor(10_000, () => 'succeeded')
  expect(stage.invoked.at(-1)).toBe('0:2')
})

test('splitting finds the bad record, in order, and uses up no retries', () => {
  stage = new Stage({ bisects: true, retriesMax: 1, ...dead }, [0], 8)
  stage.arrive(0, [0, 1, 2, 3, 4, 5, 6, 7])
  stage.runFor(60_000, failingOn(5))
  expect(stage.invoked).toEqual([
    '0:0,1,2,3,4,5,6,7',
    '0:0,1,2,3',
    '0:4,5,6,7',
    '0:4,5',
    '0:4',
    '0:5',
    '0:5',
    '0:6,7',
  ])
  expect(conditions(stage.discards)).toEqual(['0:5 RetryAttemptsExhausted 2'])
  expect(stage.committed).toEqual(new Map([[0, 8]]))
})

test('the second half waits for the first to be through, and the offset for both', () => {
  stage = new Stage({ bisects: true }, [0, 1], 4)
  stage.arrive(0, [0, 1])
  stage.arrive(1, [0, 1])
  stage.runFor(5_000, failingOn(0))
  expect(stage.invoked.slice(0, 4)).toEqual(['0:0,1 1:0,1', '0:0,1', '0:0', '0:0'])
  expect(stage.committed).toEqual(new Map())
  stage.runFor(60_000, () => 'succeeded')
  expect(stage.invoked.slice(-3)).toEqual(['0:0', '0:1', '1:0,1'])
  expect(stage.committed).toEqual(
    new Map([
      [0, 2],
      [1, 2],
    ]),
  )
})

test('of what a function names, only that is sent again; the offset waits at the lowest of it', () => {
  stage = new Stage({ reportsItemFailures: true }, [0, 1], 6)
  stage.arrive(0, [0, 1, 2, 3])
  stage.arrive(1, [8, 9])
  const results = [naming(1, 3, 8), naming(3), () => 'succeeded' as const]
  stage.runFor(500, (batch) => (results.shift() ?? naming(3))(batch))
  expect(stage.committed).toEqual(new Map([[0, 1]]))
  stage.runFor(1_000, (batch) => (results.shift() ?? naming(3))(batch))
  expect(stage.committed).toEqual(
    new Map([
      [0, 3],
      [1, 10],
    ]),
  )
  stage.runFor(10_000, (batch) => (results.shift() ?? naming(3))(batch))
  expect(stage.invoked).toEqual(['0:0,1,2,3 1:8,9', '0:1,3 1:8', '0:3'])
  expect(stage.committed.get(0)).toBe(4)
  expect(stage.counters).toMatchObject({ invokedEvents: 10, failedInvokeEvents: 4 })
})

test('retries begin anew when part of a batch is through: five sightings, invoke count four', () => {
  stage = new Stage({ retriesMax: 3, reportsItemFailures: true, ...dead })
  stage.arrive(0, [0, 1, 2])
  stage.runFor(600_000, naming(2))
  expect(stage.invoked).toEqual(['0:0,1,2', '0:2', '0:2', '0:2', '0:2'])
  expect(conditions(stage.discards)).toEqual(['0:2 RetryAttemptsExhausted 4'])
  expect(stage.discards[0]?.report?.functionError).toBeNull()
})

test('naming everything is failing, which splits where splitting is asked for', () => {
  stage = new Stage({ retriesMax: 0, reportsItemFailures: true, bisects: true, ...dead }, [0], 2)
  stage.arrive(0, [0, 1])
  stage.runFor(60_000, naming(0, 1))
  expect(stage.invoked).toEqual(['0:0,1', '0:0', '0:1'])
  expect(conditions(stage.discards)).toEqual([
    '0:0 RetryAttemptsExhausted 1',
    '0:1 RetryAttemptsExhausted 1',
  ])
})

test('a destination that takes nothing is tried again until it does; nothing is lost or passed', () => {
  stage = new Stage({ retriesMax: 0, ...dead }, [0, 1])
  stage.destinationWorks = false
  stage.arrive(0, [0, 1])
  stage.arrive(0, [2])
  stage.runFor(20_000, failingOn(0))
  stage.arrive(1, [4])
  stage.runFor(20_000, failingOn(0))
  expect(stage.counters).toMatchObject({ destinationErrors: 6, destinationEvents: 0 })
  // Another partition goes on, this one waits.
  expect(stage.invoked).toEqual(['0:0,1,2', '1:4'])
  expect(stage.committed).toEqual(new Map([[1, 5]]))
  stage.destinationWorks = true
  stage.runFor(60_000, failingOn(0))
  expect(stage.counters).toMatchObject({ destinationErrors: 6, destinationEvents: 3 })
  expect(stage.committed.get(0)).toBe(3)
})

test('a look says of each lane what holds it up: failures, a throttle, a destination', () => {
  stage = new Stage({ retriesMax: 1, ...dead }, [0, 1, 2], 1)
  stage.destinationWorks = false
  for (const partition of [0, 1, 2]) stage.arrive(partition, [7])
  const outcome = ({ groups }: Batch): BatchOutcome =>
    groups[0]?.partition === 1 ? 'throttled' : 'failed'
  const held = () => {
    const { lanes } = stage.mapping.look(stage.nowMs)
    return lanes.map(({ partition, offset, failures, isThrottled, isUndelivered }) => {
      return [partition, offset, failures, isThrottled, isUndelivered]
    })
  }
  stage.run(outcome)
  expect(held()).toEqual([
    [0, 7, 1, false, false],
    [1, 7, 0, true, false],
    [2, 7, 1, false, false],
  ])
  stage.runFor(20_000, outcome)
  expect(held()).toEqual([
    [0, 7, 0, false, true],
    [1, 7, 0, true, false],
    [2, 7, 0, false, true],
  ])
  stage.destinationWorks = true
  stage.runFor(60_000, () => 'succeeded')
  expect(held()).toEqual([])
})

test('a record that no event can hold goes to the destination, in its turn, without its content', () => {
  stage = new Stage({ ...dead }, [0], 10)
  stage.arrive(0, [0])
  stage.arrive(0, [1], { size: 5_000_000 })
  stage.arrive(0, [2])
  stage.run(() => 'succeeded')
  expect(stage.invoked).toEqual(['0:0,2'])
  expect(conditions(stage.discards)).toEqual(['0:1 MaximumPayloadSizeExceeded 0'])
  const large = stage.discards[0]?.groups[0]?.records[0]
  expect(large?.oversizedBytes).toBeGreaterThan(6_600_000)
  expect(large?.content).toMatchObject({ offset: 1, valueBytes: -1, headers: [] })
  expect(large === undefined ? null : keyOf(large.content)?.toString()).toBe('k')
  // What is kept of it does not hold on to the rest.
  expect(large?.content.bytes.buffer.byteLength).toBeLessThan(100_000)
  expect(stage.counters).toMatchObject({ oversizedEvents: 0, destinationEvents: 1 })
  expect(stage.committed).toEqual(new Map([[0, 3]]))
})

test('what no schema gets at goes to the destination as it was read, in its turn and without an invocation', () => {
  stage = new Stage({ ...dead }, [0], 10)
  stage.arrive(0, [0])
  stage.arrive(0, [1, 2], { failure: 'SCHEMA_NOT_FOUND' })
  stage.arrive(0, [3], { failure: 'DESERIALIZATION_ERROR' })
  stage.arrive(0, [4])
  stage.run(() => 'succeeded')
  expect(stage.invoked).toEqual(['0:0,4'])
  expect(conditions(stage.discards)).toEqual([
    '0:1,2 SCHEMA_NOT_FOUND 0',
    '0:3 DESERIALIZATION_ERROR 0',
  ])
  expect(stage.discards[0]?.groups[0]?.records[0]?.content).toMatchObject({ valueBytes: 1 })
  expect(stage.counters).toMatchObject({ destinationEvents: 3, droppedEvents: 0, polledEvents: 5 })
  expect(stage.committed).toEqual(new Map([[0, 5]]))
})

test('without a destination what no schema gets at is dropped, and its offset committed', () => {
  stage = new Stage({})
  stage.arrive(0, [0, 1], { failure: 'DESERIALIZATION_ERROR' })
  stage.run(() => 'succeeded')
  expect(stage.invoked).toEqual([])
  expect(stage.counters).toMatchObject({ droppedEvents: 2, filteredOutEvents: 0 })
  expect(stage.committed).toEqual(new Map([[0, 2]]))
})

test('lanes of another member are taken out of halves, discards and all', () => {
  stage = new Stage({ bisects: true, retriesMax: 0, ...dead }, [0, 1], 4)
  stage.destinationWorks = false
  stage.arrive(0, [0, 1])
  stage.arrive(1, [0, 1])
  stage.run(failingOn(0, 1))
  expect(stage.discards.length).toBe(4)
  stage.mapping.assigned([1], true)
  stage.destinationWorks = true
  stage.runFor(60_000, () => 'succeeded')
  expect(conditions(stage.discards.slice(4))).toEqual([
    '1:0 RetryAttemptsExhausted 1',
    '1:1 RetryAttemptsExhausted 1',
  ])
  expect(stage.committed).toEqual(new Map([[1, 2]]))
  expect(stage.mapping.bufferedRecords).toBe(0)
})

test('a batch of which another member has all that failed is through', () => {
  stage = new Stage({ reportsItemFailures: true }, [0, 1], 4)
  stage.arrive(0, [0])
  stage.arrive(1, [7])
  stage.run((batch) => {
    stage.mapping.assigned([0], true)
    return naming(7)(batch)
  })
  stage.runFor(60_000, () => 'succeeded')
  expect(stage.invoked).toEqual(['0:0 1:7'])
  expect(stage.committed).toEqual(new Map([[0, 1]]))
})

test('a partition that comes back after part of its batch was lost is read again from there', () => {
  stage = new Stage({ bisects: true }, [0], 2)
  const { mapping, nowMs } = stage
  const sent = (): Batch => {
    const [batch] = mapping
      .tick(nowMs)
      .flatMap((effect) => (effect.kind === 'invoke' ? [effect.batch] : []))
    if (batch === undefined) throw new Error('nothing is sent')
    return batch
  }
  stage.arrive(0, [0, 1])
  mapping.batchEnded(sent(), 'failed', nowMs, unhandled)
  const half = sent()
  expect(said(half.groups)).toBe('0:0')
  mapping.assigned([], true)
  mapping.batchEnded(half, 'failed', nowMs, unhandled)
  mapping.assigned([0], false)
  stage.arrive(0, [0, 1])
  stage.run(() => 'succeeded')
  expect(stage.invoked).toEqual(['0:0,1'])
  expect(stage.committed).toEqual(new Map([[0, 2]]))
})

test('a lane reads on behind what it has in flight, though the last of that is through', () => {
  stage = new Stage({ reportsItemFailures: true })
  stage.arrive(0, [0, 1, 2])
  stage.run(naming(0))
  stage.mapping.assigned([0], false)
  stage.arrive(0, [0, 1, 2, 3])
  stage.runFor(60_000, () => 'succeeded')
  expect(stage.invoked).toEqual(['0:0,1,2', '0:0', '0:3'])
  expect(stage.committed).toEqual(new Map([[0, 4]]))
})

test('the batch that fails most often is known until it is through or given up', () => {
  stage = new Stage({ retriesMax: 3 })
  stage.arrive(0, [0])
  stage.runFor(3_500, failingOn(0))
  expect(stage.mapping.attemptsMost).toBe(3)
  stage.runFor(60_000, failingOn(0))
  expect(stage.mapping.attemptsMost).toBe(0)
})
