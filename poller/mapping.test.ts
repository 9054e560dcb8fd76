// Tests a mapping's decisions under a clock that stands still: triggers, order, retries, commits.
import { beforeEach, expect, test } from 'vitest'
import { payloadMaxBytes } from '../common/limits.ts'
import { compileCriteria } from '../filter/criteria.ts'
import { laneRecord } from '../test/support/lane-record.ts'
import type { Batch, Effect, MappingRules } from './batch.ts'
import { eventFrame, KafkaEvent } from './event.ts'
import { recordsOf } from './groups.ts'
import { split } from './lane.ts'
import { MappingCounters } from './mapping-counters.ts'
import { Mapping } from './mapping.ts'
import { noFailureRules } from './retry-policy.ts'
import { scalingPace } from './scaling-pace.ts'
import type { SourceRecord } from './sources/source.ts'

const frame = eventFrame({ bootstrapServers: ['b:9092'] }, 't')
const everything = criteria([])
let nowMs = 0
let counters = new MappingCounters()

function criteria(patterns: readonly string[]) {
  const result = compileCriteria(patterns, 'value')
  if (!result.ok) throw new Error(result.reason)
  return result.criteria
}

function mappingOf(more: Partial<MappingRules> = {}, partitions: readonly number[] = [0]): Mapping {
  const rules = {
    batchSize: 3,
    windowMs: 500,
    payloadMaxBytes,
    frame,
    criteria: everything,
    pollersMin: 1,
    pollersMax: 100,
    invocationsPerPoller: 5,
    bufferMaxBytes: 1_000_000,
    commitIntervalMs: 0,
    failure: noFailureRules,
    ...more,
  }
  const mapping = new Mapping(rules, counters, () => 0.5)
  mapping.assigned(partitions, false)
  return mapping
}

function record(partition: number, offset: number, value = 'v'): SourceRecord {
  const [key, headers] = [null, [] as const]
  const when = { timestampMs: nowMs, timestampType: 'CREATE_TIME' as const }
  return { topic: 't', partition, offset, key, value: Buffer.from(value), headers, ...when }
}

function arrive(mapping: Mapping, partition: number, offsets: readonly number[], value?: string) {
  const records = offsets.map((offset) => record(partition, offset, value))
  const nextOffset = (offsets.at(-1) ?? -1) + 1
  mapping.recordsArrived({ partition, records, nextOffset, endOffset: nextOffset }, nowMs)
}

const kinds = (effects: readonly Effect[]): string[] => effects.map(({ kind }) => kind)
const invoked = (effects: readonly Effect[]): Batch[] =>
  effects.flatMap((effect) => (effect.kind === 'invoke' ? [effect.batch] : []))
const committed = (effects: readonly Effect[]): [number, number][] =>
  effects.flatMap((effect) => (effect.kind === 'commit' ? [...effect.offsets] : []))
const contents = (batch: Batch): Record<number, number[]> =>
  Object.fromEntries(batch.groups.map((g) => [g.partition, g.records.map((r) => r.offset)]))
const only = (effects: readonly Effect[]): Batch => {
  const [batch, ...more] = invoked(effects)
  if (batch === undefined || more.length > 0) throw new Error(`${more.length} batches too many`)
  return batch
}

beforeEach(() => {
  nowMs = 1_000_000
  counters = new MappingCounters()
})

test('a batch closes at its size even if the window is open', () => {
  const mapping = mappingOf()
  arrive(mapping, 0, [0, 1])
  expect(invoked(mapping.tick(nowMs))).toEqual([])
  arrive(mapping, 0, [2, 3])
  expect(contents(only(mapping.tick(nowMs)))).toEqual({ 0: [0, 1, 2] })
})

test('a batch closes when the window since its first record ends, not before', () => {
  const mapping = mappingOf()
  arrive(mapping, 0, [0])
  nowMs += 499
  arrive(mapping, 0, [1])
  expect(invoked(mapping.tick(nowMs))).toEqual([])
  expect(mapping.wakeMs).toBe(nowMs + 1)
  expect(contents(only(mapping.tick(nowMs + 1)))).toEqual({ 0: [0, 1] })
})

test('what gathers during an invocation waits a window from its end', () => {
  const mapping = mappingOf()
  arrive(mapping, 0, [0, 1, 2])
  const batch = only(mapping.tick(nowMs))
  nowMs += 700
  arrive(mapping, 0, [3])
  nowMs += 300
  mapping.batchEnded(batch, 'succeeded', nowMs)
  expect(invoked(mapping.tick(nowMs + 499))).toEqual([])
  expect(contents(only(mapping.tick(nowMs + 500)))).toEqual({ 0: [3] })
})

test('a window of zero sends at once', () => {
  const mapping = mappingOf({ windowMs: 0 })
  arrive(mapping, 0, [7])
  expect(contents(only(mapping.tick(nowMs)))).toEqual({ 0: [7] })
})

test('a batch closes at the payload limit even if size and window are not reached', () => {
  const mapping = mappingOf({ batchSize: 10_000, payloadMaxBytes: 1000 })
  arrive(mapping, 0, [0, 1, 2, 3, 4, 5, 6, 7], 'x'.repeat(60))
  const batch = only(mapping.tick(nowMs))
  const event = new KafkaEvent(frame, batch.groups).text()
  expect(event.length).toBeLessThanOrEqual(1000)
  const next = batch.groups[0]?.records[0]
  expect(event.length + 1 + (next?.sizeBytes ?? 0)).toBeGreaterThan(1000)
})

test('the payload limit is exact: a byte less holds one record less', () => {
  const value = 'x'.repeat(30)
  arrive(mappingOf(), 0, [0])
  const whole = mappingOf({ windowMs: 0 }, [0, 1])
  arrive(whole, 0, [10, 11], value)
  arrive(whole, 1, [10], value)
  const exact = new KafkaEvent(frame, only(whole.tick(nowMs)).groups).text().length
  for (const [limit, expected] of [
    [exact, 3],
    [exact - 1, 2],
  ] as const) {
    const mapping = mappingOf({ windowMs: 0, payloadMaxBytes: limit }, [0, 1])
    arrive(mapping, 0, [10, 11], value)
    arrive(mapping, 1, [10], value)
    expect(recordsOf(invoked(mapping.tick(nowMs))[0]?.groups ?? [])).toBe(expected)
  }
})

test('a record over the limit is skipped, counted and passed by the commit', () => {
  const mapping = mappingOf({ payloadMaxBytes: 400 })
  arrive(mapping, 0, [0], 'x'.repeat(300))
  const effects = mapping.tick(nowMs)
  expect(kinds(effects)).toEqual(['skipped', 'commit'])
  expect(committed(effects)).toEqual([[0, 1]])
  expect(counters.oversizedEvents).toBe(1)
})

test('filters see what a schema made of a record, and let through what none got at', () => {
  const compiled = compileCriteria(['{"value":{"a":[1]}}'], 'value')
  if (!compiled.ok) throw new Error(compiled.reason)
  const failure = { ...noFailureRules, destination: 'dead' }
  const mapping = mappingOf({ criteria: compiled.criteria, windowMs: 0, failure })
  const seen = (offset: number, json: string): SourceRecord => ({
    ...record(0, offset, 'bytes'),
    filtered: { key: null, value: Buffer.from(json) },
  })
  const records = [
    seen(0, '{"a":1}'),
    seen(1, '{"a":2}'),
    { ...record(0, 2, '{"a":2}'), failure: 'SCHEMA_NOT_FOUND' as const },
  ]
  mapping.recordsArrived({ partition: 0, records, nextOffset: 3, endOffset: 3 }, nowMs)
  expect(contents(only(mapping.tick(nowMs)))).toEqual({ 0: [0] })
  expect(kinds(mapping.tick(nowMs))).toEqual(['discard'])
  expect(counters.filteredOutEvents).toBe(1)
})

test('a batch draws on several ready lanes, the one that waits longest first', () => {
  const mapping = mappingOf({ batchSize: 5 }, [0, 1, 2])
  arrive(mapping, 2, [5, 6])
  arrive(mapping, 0, [1, 2])
  arrive(mapping, 1, [8, 9])
  const batch = only(mapping.tick(nowMs))
  expect(batch.groups.map(({ partition }) => partition)).toEqual([2, 0, 1])
  expect(contents(batch)).toEqual({ 2: [5, 6], 0: [1, 2], 1: [8] })
})

test('a lane has one batch in flight, and lanes run side by side up to the limit', () => {
  const mapping = mappingOf({ invocationsPerPoller: 2 }, [0, 1, 2])
  arrive(mapping, 0, [0, 1, 2, 3, 4, 5])
  const [first] = invoked(mapping.tick(nowMs))
  expect(mapping.invocationsInFlight).toBe(1)
  arrive(mapping, 1, [0, 1, 2])
  arrive(mapping, 2, [0, 1, 2])
  expect(invoked(mapping.tick(nowMs)).map(contents)).toEqual([{ 1: [0, 1, 2] }])
  if (first !== undefined) mapping.batchEnded(first, 'succeeded', nowMs)
  expect(invoked(mapping.tick(nowMs)).map(contents)).toEqual([{ 2: [0, 1, 2] }])
})

test('success commits the offset after the highest finished one, and counts the step', () => {
  const mapping = mappingOf()
  arrive(mapping, 0, [10, 11, 12])
  const batch = only(mapping.tick(nowMs))
  mapping.batchEnded(batch, 'succeeded', nowMs)
  expect(committed(mapping.tick(nowMs))).toEqual([[0, 13]])
  mapping.commitEnded(true, nowMs)
  expect(counters.committedEvents).toBe(3)
  expect(kinds(mapping.tick(nowMs))).toEqual([])
})

test('commits are coalesced while one is under way, spaced, and tried again after a failure', () => {
  const mapping = mappingOf({ commitIntervalMs: 100 }, [0, 1])
  const finish = (partition: number, offsets: readonly number[]) => {
    arrive(mapping, partition, offsets)
    mapping.batchEnded(only(mapping.tick(nowMs)), 'succeeded', nowMs)
  }
  finish(0, [0, 1, 2])
  expect(committed(mapping.tick(nowMs))).toEqual([[0, 3]])
  finish(0, [3, 4, 5])
  finish(1, [0, 1, 2])
  expect(committed(mapping.tick(nowMs))).toEqual([])
  mapping.commitEnded(true, nowMs)
  expect(committed(mapping.tick(nowMs))).toEqual([])
  expect(mapping.wakeMs).toBe(nowMs + 100)
  nowMs += 100
  expect(committed(mapping.tick(nowMs))).toEqual([
    [0, 6],
    [1, 3],
  ])
  mapping.commitEnded(false, nowMs)
  expect(committed(mapping.tick(nowMs + 999))).toEqual([])
  expect(committed(mapping.tick(nowMs + 1000))).toEqual([
    [0, 6],
    [1, 3],
  ])
  expect(counters.commitErrors).toBe(1)
})

test('records that the filter drops move the checkpoint without an invocation', () => {
  const mapping = mappingOf({ criteria: criteria(['{"value":["keep"]}']) })
  arrive(mapping, 0, [0, 1, 2, 3], 'drop')
  const effects = mapping.tick(nowMs)
  expect(kinds(effects)).toEqual(['commit'])
  expect(committed(effects)).toEqual([[0, 4]])
  expect([counters.polledEvents, counters.filteredOutEvents]).toEqual([4, 4])
})

test('records that the filter drops do not carry the checkpoint past one that waits', () => {
  const mapping = mappingOf({ criteria: criteria(['{"value":["keep"]}']) })
  arrive(mapping, 0, [0, 1], 'drop')
  arrive(mapping, 0, [2], 'keep')
  arrive(mapping, 0, [3, 4], 'drop')
  expect(committed(mapping.tick(nowMs))).toEqual([[0, 2]])
  mapping.commitEnded(true, nowMs)
  const batch = only(mapping.tick(nowMs + 500))
  mapping.batchEnded(batch, 'succeeded', nowMs + 500)
  expect(committed(mapping.tick(nowMs + 500))).toEqual([[0, 5]])
})

test('a failing batch is retried whole with backoff, and only its lanes wait', () => {
  const mapping = mappingOf({ windowMs: 0 }, [0, 1])
  arrive(mapping, 0, [0, 1])
  const batch = only(mapping.tick(nowMs))
  mapping.batchEnded(batch, 'failed', nowMs)
  arrive(mapping, 0, [2])
  arrive(mapping, 1, [0])
  expect(invoked(mapping.tick(nowMs)).map(contents)).toEqual([{ 1: [0] }])
  expect(mapping.wakeMs).toBe(nowMs + 1000)
  for (const delayMs of [1000, 2000, 4000]) {
    expect(invoked(mapping.tick(nowMs + delayMs - 1))).toEqual([])
    nowMs += delayMs
    expect(only(mapping.tick(nowMs))).toBe(batch)
    mapping.batchEnded(batch, 'failed', nowMs)
  }
  nowMs += 8000
  expect(contents(only(mapping.tick(nowMs)))).toEqual({ 0: [0, 1] })
  expect(mapping.attemptsMost).toBe(4)
  mapping.batchEnded(batch, 'succeeded', nowMs)
  const effects = mapping.tick(nowMs)
  expect(contents(only(effects))).toEqual({ 0: [2] })
  expect(committed(effects)).toEqual([[0, 2]])
  expect(counters).toMatchObject({ retries: 4, failedInvokeEvents: 8, invokedEvents: 10 })
  expect(batch.attempts).toBe(5)
  expect(mapping.attemptsMost).toBe(0)
})

test('throttles wait like failures and do not count as attempts', () => {
  const mapping = mappingOf({ windowMs: 0 })
  arrive(mapping, 0, [0])
  const batch = only(mapping.tick(nowMs))
  mapping.batchEnded(batch, 'throttled', nowMs)
  nowMs += 1000
  expect(only(mapping.tick(nowMs))).toBe(batch)
  mapping.batchEnded(batch, 'throttled', nowMs)
  expect(invoked(mapping.tick(nowMs + 1999))).toEqual([])
  expect(batch.attempts).toBe(0)
  expect(counters).toMatchObject({ throttles: 2, failedInvokeEvents: 0, invokedEvents: 0 })
})

test('a function that cannot be reached counts as failed to invoke, not as an attempt', () => {
  const mapping = mappingOf({ windowMs: 0 })
  arrive(mapping, 0, [0])
  const batch = only(mapping.tick(nowMs))
  mapping.batchEnded(batch, 'unreached', nowMs)
  expect(batch.attempts).toBe(0)
  expect(counters).toMatchObject({ failedInvokeEvents: 1, invokedEvents: 0 })
})

test('a revoked lane drops what waits, and what it has in flight is not committed', () => {
  const mapping = mappingOf({}, [0, 1])
  arrive(mapping, 0, [0, 1, 2, 3])
  const batch = only(mapping.tick(nowMs))
  mapping.assigned([1], true)
  expect(mapping.bufferedRecords).toBe(3)
  mapping.batchEnded(batch, 'succeeded', nowMs)
  expect(kinds(mapping.tick(nowMs))).toEqual([])
  expect(mapping.bufferedRecords).toBe(0)
})

test('a revoked lane is taken out of a batch that has to be sent again', () => {
  const mapping = mappingOf({ windowMs: 0 }, [0, 1])
  arrive(mapping, 0, [0])
  arrive(mapping, 1, [5])
  const batch = only(mapping.tick(nowMs))
  mapping.batchEnded(batch, 'failed', nowMs)
  mapping.assigned([1], true)
  expect(contents(only(mapping.tick(nowMs + 1000)))).toEqual({ 1: [5] })
})

test('a lane that comes back while its batch is out never has two in flight', () => {
  const mapping = mappingOf()
  arrive(mapping, 0, [0, 1, 2, 3])
  const batch = only(mapping.tick(nowMs))
  mapping.assigned([], false)
  mapping.assigned([0], false)
  arrive(mapping, 0, [0, 1, 2, 3, 4, 5])
  expect(invoked(mapping.tick(nowMs))).toEqual([])
  mapping.batchEnded(batch, 'succeeded', nowMs)
  const effects = mapping.tick(nowMs)
  expect(contents(only(effects))).toEqual({ 0: [3, 4, 5] })
  expect(committed(effects)).toEqual([[0, 3]])
})

test.each([true, false])(
  'a group is not taken back behind what another member has committed (%s)',
  (continued) => {
    const mapping = mappingOf({ commitIntervalMs: 0 })
    arrive(mapping, 0, [0, 1, 2])
    const batch = only(mapping.tick(nowMs))
    mapping.assigned([], true)
    // Another gets to offset 50 meanwhile.
    mapping.assigned([0], continued)
    mapping.batchEnded(batch, 'succeeded', nowMs)
    expect(committed(mapping.tick(nowMs))).toEqual([])
    expect(mapping.checkpoints).toEqual(new Map())
    arrive(mapping, 0, [50])
    const next = mapping.tick(nowMs + 500)
    expect(contents(only(next))).toEqual({ 0: [50] })
    expect(committed(next)).toEqual([])
    mapping.batchEnded(only(next), 'succeeded', nowMs)
    expect(committed(mapping.tick(nowMs + 500))).toEqual([[0, 51]])
  },
)

test('what is finished before anything could be read is committed once it is read again', () => {
  const mapping = mappingOf({ commitIntervalMs: 0 })
  arrive(mapping, 0, [0, 1, 2])
  const batch = only(mapping.tick(nowMs))
  mapping.assigned([], true)
  mapping.assigned([0], true)
  // Again, and from the committed offset: where this lane is says nothing yet.
  expect(mapping.assigned([0, 1], true)).toEqual(new Map())
  mapping.batchEnded(batch, 'succeeded', nowMs)
  expect(committed(mapping.tick(nowMs))).toEqual([])
  arrive(mapping, 0, [0, 1, 2])
  const effects = mapping.tick(nowMs)
  expect([invoked(effects), committed(effects)]).toEqual([[], [[0, 3]]])
})

test('a lane kept over a rebalance reads on where it was, and takes nothing twice', () => {
  const mapping = mappingOf()
  arrive(mapping, 0, [0, 1])
  expect(mapping.assigned([0, 1], true)).toEqual(new Map([[0, 2]]))
  arrive(mapping, 0, [0, 1, 2])
  expect(contents(only(mapping.tick(nowMs)))).toEqual({ 0: [0, 1, 2] })
})

test('a member the group had lost reads again what waited, from the committed offset', () => {
  const mapping = mappingOf()
  arrive(mapping, 0, [0, 1])
  expect(mapping.assigned([0], false)).toEqual(new Map())
  expect(mapping.bufferedRecords).toBe(0)
  arrive(mapping, 0, [0, 1, 2])
  expect(contents(only(mapping.tick(nowMs)))).toEqual({ 0: [0, 1, 2] })
})

test('a log made anew is read from its start, and the old one is not committed', () => {
  const mapping = mappingOf()
  arrive(mapping, 0, [500, 501, 502, 503])
  const batch = only(mapping.tick(nowMs))
  mapping.rewound(0)
  arrive(mapping, 0, [0, 1, 2])
  expect(contents(only(mapping.tick(nowMs)))).toEqual({ 0: [0, 1, 2] })
  mapping.batchEnded(batch, 'succeeded', nowMs)
  expect(kinds(mapping.tick(nowMs))).toEqual([])
})

test('a log that turns out shorter than what is committed is read anew', () => {
  const mapping = mappingOf()
  arrive(mapping, 0, [500, 501])
  mapping.assigned([0], false)
  arrive(mapping, 0, [0, 1, 2])
  expect(contents(only(mapping.tick(nowMs)))).toEqual({ 0: [0, 1, 2] })
})

test('a full buffer pauses its lanes, half of it resumes them', () => {
  const mapping = mappingOf({ bufferMaxBytes: 2000, invocationsPerPoller: 1 }, [0, 1])
  arrive(mapping, 0, [0, 1, 2], 'x'.repeat(200))
  const first = only(mapping.tick(nowMs))
  arrive(mapping, 0, [3, 4, 5, 6], 'x'.repeat(200))
  expect(kinds(mapping.tick(nowMs))).toEqual(['pause'])
  mapping.batchEnded(first, 'succeeded', nowMs)
  const second = only(mapping.tick(nowMs))
  mapping.batchEnded(second, 'succeeded', nowMs)
  expect(kinds(mapping.tick(nowMs))).toContain('resume')
  mapping.check()
})

test('a paused lane does not wait for the rest of its window', () => {
  const mapping = mappingOf({ bufferMaxBytes: 500, batchSize: 100 })
  arrive(mapping, 0, [0, 1], 'x'.repeat(200))
  expect(kinds(mapping.tick(nowMs))).toEqual(['pause', 'invoke'])
})

test('after stop nothing is sent and what is finished is committed', () => {
  const mapping = mappingOf({ commitIntervalMs: 100 })
  arrive(mapping, 0, [0, 1, 2, 3, 4, 5])
  const batch = only(mapping.tick(nowMs))
  mapping.stop()
  mapping.batchEnded(batch, 'succeeded', nowMs)
  const effects = mapping.tick(nowMs)
  expect(kinds(effects)).toEqual(['commit'])
  expect(committed(effects)).toEqual([[0, 3]])
  mapping.commitEnded(true, nowMs)
  mapping.tick(nowMs + 100)
  expect(mapping.hasUncommitted).toBe(false)
})

test('the age of the oldest unfinished record is known, in flight or waiting', () => {
  const mapping = mappingOf({}, [0, 1])
  expect(mapping.oldestTimestampMs).toBeUndefined()
  const start = nowMs
  arrive(mapping, 0, [0, 1, 2])
  const batch = only(mapping.tick(nowMs))
  nowMs += 50
  arrive(mapping, 1, [0])
  expect(mapping.oldestTimestampMs).toBe(start)
  mapping.batchEnded(batch, 'succeeded', nowMs)
  expect(mapping.oldestTimestampMs).toBe(start + 50)
})

const evaluated = (effects: readonly Effect[]) =>
  effects.flatMap((effect) => (effect.kind === 'scaled' ? [effect.change] : []))

test('a mapping that is behind gets event pollers, each with room of its own and lanes of its own', () => {
  const lanes = [0, 1, 2, 3]
  const mapping = mappingOf({ invocationsPerPoller: 1, batchSize: 2 }, lanes)
  mapping.tick(nowMs)
  for (const lane of lanes) arrive(mapping, lane, [0, 1, 2, 3, 4, 5])
  expect(invoked(mapping.tick(nowMs)).map(contents)).toEqual([{ 0: [0, 1] }])
  expect(mapping.wakeMs).toBe(nowMs + 1000)
  nowMs += 1000
  const effects = mapping.tick(nowMs)
  expect(evaluated(effects)).toEqual([{ from: 1, to: 2, reason: 'lag' }])
  // Lanes 0 and 2 are with the first event poller, whose room is taken.
  expect(invoked(effects).map(contents)).toEqual([{ 1: [0, 1] }])
  nowMs += 1000
  expect(evaluated(mapping.tick(nowMs))).toEqual([{ from: 2, to: 4, reason: 'lag' }])
  expect([mapping.eventPollers, mapping.invocationsInFlight]).toEqual([4, 4])
  expect(counters.scalings.get('lag')).toEqual({ count: 2, lastMs: nowMs })
  mapping.check()
})

test('fewer event pollers leave what is in flight alone, and no lane loses its turn', () => {
  const lanes = [0, 1, 2, 3]
  const mapping = mappingOf({ invocationsPerPoller: 1, pollersMin: 4, batchSize: 2 }, lanes)
  for (const lane of lanes) arrive(mapping, lane, [0, 1, 2, 3])
  const out = invoked(mapping.tick(nowMs))
  expect(out).toHaveLength(4)
  mapping.assigned([0, 1], true)
  nowMs += 1000
  expect(evaluated(mapping.tick(nowMs))).toEqual([{ from: 4, to: 2, reason: 'partitions' }])
  expect(mapping.invocationsInFlight).toBe(4)
  mapping.check()
  for (const batch of out) mapping.batchEnded(batch, 'succeeded', nowMs)
  expect(invoked(mapping.tick(nowMs)).map(contents)).toEqual([{ 0: [2, 3] }, { 1: [2, 3] }])
  mapping.check()
})

test('a change of their number keeps the windows of what waits', () => {
  const mapping = mappingOf({ pollersMin: 2, batchSize: 10, windowMs: 1200 }, [0, 1])
  mapping.tick(nowMs)
  nowMs += 900
  arrive(mapping, 0, [0])
  nowMs += 100
  mapping.assigned([0], true)
  expect(evaluated(mapping.tick(nowMs))).toEqual([{ from: 2, to: 1, reason: 'partitions' }])
  expect(invoked(mapping.tick(nowMs + 1099))).toEqual([])
  expect(contents(only(mapping.tick(nowMs + 1100)))).toEqual({ 0: [0] })
})

test('a partition that is behind goes first, and does not get what is left of the batches of others', () => {
  const mapping = mappingOf({ batchSize: 3, windowMs: 500 }, [0, 1, 2])
  arrive(mapping, 0, [0, 1, 2, 3, 4, 5, 6])
  const behind = only(mapping.tick(nowMs))
  nowMs += 10
  arrive(mapping, 1, [0])
  arrive(mapping, 2, [0])
  expect(invoked(mapping.tick(nowMs))).toEqual([])
  nowMs += 10
  mapping.batchEnded(behind, 'succeeded', nowMs)
  const next = only(mapping.tick(nowMs))
  expect(contents(next)).toEqual({ 0: [3, 4, 5] })
  // The windows of the others go on.
  expect(mapping.wakeMs).toBe(nowMs + 490)
  expect(contents(only(mapping.tick(nowMs + 490)))).toEqual({ 1: [0], 2: [0] })
})

test('event pollers that partitions have no use for are never there', () => {
  const mapping = mappingOf({ pollersMin: 5 }, [0, 1])
  expect(evaluated(mapping.tick(nowMs))).toEqual([{ from: 5, to: 2, reason: 'partitions' }])
  mapping.assigned([0, 1, 2, 3, 4, 5, 6], true)
  expect(evaluated(mapping.tick(nowMs))).toEqual([{ from: 2, to: 5, reason: 'partitions' }])
})

test("at AWS's pace there is a look a minute, and a change takes effect within three", () => {
  const lanes = [0, 1, 2, 3]
  const pace = scalingPace('aws', 'on-demand')
  const mapping = mappingOf({ invocationsPerPoller: 1, batchSize: 2, pace }, lanes)
  mapping.tick(nowMs)
  for (const lane of lanes) arrive(mapping, lane, [0, 1, 2, 3, 4, 5])
  expect(evaluated(mapping.tick(nowMs + 59_999))).toEqual([])
  expect(evaluated(mapping.tick(nowMs + 60_000))).toEqual([])
  // The random number of these tests is a half.
  expect(mapping.wakeMs).toBe(nowMs + 150_000)
  expect(evaluated(mapping.tick(nowMs + 149_999))).toEqual([])
  expect(evaluated(mapping.tick(nowMs + 150_000))).toEqual([{ from: 1, to: 2, reason: 'lag' }])
  expect(evaluated(mapping.tick(nowMs + 150_001))).toEqual([])
  expect(mapping.wakeMs).toBe(nowMs + 180_000)
})

test('a change under way is off when partitions come or go, and is asked for again', () => {
  const pace = scalingPace('aws', 'on-demand')
  const mapping = mappingOf({ invocationsPerPoller: 1, batchSize: 2, pace }, [0, 1])
  mapping.tick(nowMs)
  for (const lane of [0, 1]) arrive(mapping, lane, [0, 1, 2, 3, 4, 5])
  mapping.tick(nowMs + 60_000)
  mapping.assigned([0, 1, 2], true)
  expect(evaluated(mapping.tick(nowMs + 150_000))).toEqual([])
  expect(evaluated(mapping.tick(nowMs + 240_000))).toEqual([{ from: 1, to: 2, reason: 'lag' }])
})

test("at AWS's pace an event poller reads 5 MB a second", () => {
  const pace = scalingPace('aws', 'provisioned')
  const mapping = mappingOf({ batchSize: 1, windowMs: 0, bufferMaxBytes: 1e9, pace }, [0, 1, 2, 3])
  mapping.tick(nowMs)
  // Of 4 MB as base64 each: what was not read in the second before may be made up for.
  for (const lane of [0, 1, 2, 3]) arrive(mapping, lane, [0], 'x'.repeat(3 * 1024 * 1024))
  expect(invoked(mapping.tick(nowMs))).toHaveLength(2)
  expect(mapping.wakeMs).toBeGreaterThan(nowMs + 590)
  expect(mapping.wakeMs).toBeLessThan(nowMs + 610)
  expect(invoked(mapping.tick(nowMs + 590))).toHaveLength(0)
  expect(invoked(mapping.tick(nowMs + 610))).toHaveLength(1)
})

test('records that are counted make the batches that records make, and are split, cut and finished alike', () => {
  const mapping = mappingOf({ batchSize: 4, windowMs: 0, commitIntervalMs: 0 }, [0, 1])
  const entry = (offset: number, count: number) => ({
    offset,
    count,
    timestampMs: nowMs,
    content: laneRecord(offset).content,
    sizeBytes: 100,
  })
  const run = (partition: number, firstOffset: number, count: number) =>
    mapping.recordsCounted(
      {
        partition,
        firstOffset,
        entries: [entry(firstOffset, count)],
        nextOffset: firstOffset + count,
        endOffset: 100,
      },
      nowMs,
    )
  run(0, 0, 3)
  run(0, 3, 7)
  const first = only(mapping.tick(nowMs))
  expect(
    first.groups.map(({ records }) => records.map(({ offset, count }) => [offset, count])),
  ).toEqual([
    [
      [0, 3],
      [3, 1],
    ],
  ])
  mapping.check()
  expect(mapping.lag).toMatchObject({ sum: 100, waiting: 96 })
  // Two of it fail and are named; the others are finished.
  const [whole, last] = first.groups[0]?.records ?? []
  if (whole === undefined || last === undefined) throw new Error('nothing in the batch')
  const [good, bad] = split(whole, 1)
  first.groups = first.groups.map((group) => ({ ...group, records: [good, bad, last] }))
  const report = {
    requestId: 'r',
    executedVersion: '1',
    functionError: null,
    failed: new Set([bad]),
  }
  mapping.batchEnded(first, 'failed', nowMs, report)
  mapping.check()
  expect(mapping.bufferedRecords).toBe(8)
  const again = only(mapping.tick(nowMs + 2000))
  expect(contents(again)).toEqual({ 0: [1] })
  expect(recordsOf(again.groups)).toBe(2)
  mapping.batchEnded(again, 'succeeded', nowMs)
  mapping.check()
  expect(contents(only(mapping.tick(nowMs)))).toEqual({ 0: [4] })
  // Read again: what is known of it is not taken twice.
  run(0, 8, 6)
  expect(mapping.bufferedRecords).toBe(10)
  expect([counters.polledEvents, counters.filteredOutEvents]).toEqual([16, 2])
  mapping.check()
})

test('throttles since the last look take event pollers away', () => {
  const mapping = mappingOf({ pollersMin: 1, batchSize: 1, windowMs: 0 }, [0, 1, 2, 3])
  mapping.tick(nowMs)
  for (const lane of [0, 1, 2, 3]) arrive(mapping, lane, [0, 1, 2, 3])
  const [batch] = invoked(mapping.tick(nowMs))
  nowMs += 1000
  expect(evaluated(mapping.tick(nowMs))).toEqual([{ from: 1, to: 2, reason: 'lag' }])
  if (batch !== undefined) mapping.batchEnded(batch, 'throttled', nowMs)
  nowMs += 1000
  expect(evaluated(mapping.tick(nowMs))).toEqual([{ from: 2, to: 1, reason: 'throttled' }])
  // A throttle counts once, and is forgotten after a minute.
  nowMs += 60_000
  expect(evaluated(mapping.tick(nowMs))).toEqual([{ from: 1, to: 2, reason: 'lag' }])
})

test('the lag of a mapping is what lies between its checkpoints and the ends of its partitions', () => {
  const mapping = mappingOf({}, [0, 1])
  const run = (partition: number, offsets: readonly number[], endOffset: number) =>
    mapping.recordsArrived(
      {
        partition,
        records: offsets.map((offset) => record(partition, offset)),
        nextOffset: (offsets.at(-1) ?? 0) + 1,
        endOffset,
      },
      nowMs,
    )
  run(0, [10, 11, 12, 13], 50)
  run(1, [5], 6)
  const batch = only(mapping.tick(nowMs))
  expect(mapping.lag).toMatchObject({ partitions: 2, sum: 41, max: 40, waiting: 38 })
  mapping.batchEnded(batch, 'succeeded', nowMs)
  expect(mapping.lag).toMatchObject({ sum: 38, max: 37 })
})
