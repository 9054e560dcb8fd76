// Tests a partition that is split into lanes by key: order, checkpoint, back pressure, a factor that changes.
import { beforeEach, expect, test } from 'vitest'
import { payloadMaxBytes } from '../common/limits.ts'
import { spreadMax } from '../common/mapping-limits.ts'
import { compileCriteria } from '../filter/criteria.ts'
import type { Batch, Effect, MappingRules } from './batch.ts'
import { eventFrame } from './event.ts'
import { MappingCounters } from './mapping-counters.ts'
import { Mapping } from './mapping.ts'
import { noFailureRules } from './retry-policy.ts'
import { slotOfKey } from './slot.ts'

const frame = eventFrame({ bootstrapServers: ['b:9092'] }, 't')
let nowMs = 0
let counters = new MappingCounters()

function mappingOf(factor: number, more: Partial<MappingRules> = {}): Mapping {
  const compiled = compileCriteria([], 'value')
  if (!compiled.ok) throw new Error(compiled.reason)
  const rules = {
    batchSize: 3,
    windowMs: 0,
    payloadMaxBytes,
    frame,
    criteria: compiled.criteria,
    pollersMin: 1,
    pollersMax: 1,
    invocationsPerPoller: 100,
    bufferMaxBytes: 1_000_000_000,
    commitIntervalMs: 0,
    failure: noFailureRules,
    parallelizationFactor: factor,
    drawsOnOneLane: factor > 1,
    ...more,
  }
  const mapping = new Mapping(rules, counters, () => 0.5)
  mapping.assigned([0], false)
  return mapping
}

/** A key of each slot of two. */
const [even, odd] = [0, 1].map((slot) => {
  for (let at = 0; ; at++) if (slotOfKey(Buffer.from(`key ${at}`), 2) === slot) return `key ${at}`
}) as [string, string]

/** Records with these keys, from an offset on; null for one without. */
function arrive(mapping: Mapping, from: number, keys: readonly (string | null)[]): void {
  const records = keys.map((key, index) => ({
    topic: 't',
    partition: 0,
    offset: from + index,
    timestampMs: nowMs,
    timestampType: 'CREATE_TIME' as const,
    key: key === null ? null : Buffer.from(key),
    value: Buffer.from('v'),
    headers: [],
  }))
  const nextOffset = from + keys.length
  mapping.recordsArrived({ partition: 0, records, nextOffset, endOffset: nextOffset }, nowMs)
}

const invoked = (effects: readonly Effect[]): Batch[] =>
  effects.flatMap((effect) => (effect.kind === 'invoke' ? [effect.batch] : []))
const committed = (effects: readonly Effect[]): number[] =>
  effects.flatMap((effect) => (effect.kind === 'commit' ? [...effect.offsets.values()] : []))
const isPause = ({ kind }: Effect): boolean => kind === 'pause'
const offsets = (batch: Batch | undefined): number[] =>
  batch?.groups.flatMap(({ records }) => records.map(({ offset }) => offset)) ?? []

function ended(mapping: Mapping, batch: Batch | undefined): readonly Effect[] {
  if (batch === undefined) throw new Error('no batch')
  mapping.batchEnded(batch, 'succeeded', nowMs)
  const effects = mapping.tick(nowMs)
  if (committed(effects).length > 0) mapping.commitEnded(true, nowMs)
  mapping.check()
  return effects
}

beforeEach(() => {
  nowMs = 1_000_000
  counters = new MappingCounters()
})

test('lanes of a partition run side by side, and each keeps the order of its keys', () => {
  const mapping = mappingOf(2)
  arrive(mapping, 0, [even, odd, even, odd, even, even, odd])
  const [one, two, ...more] = invoked(mapping.tick(nowMs))
  expect(more).toEqual([])
  expect(new Set([offsets(one), offsets(two)])).toEqual(
    new Set([
      [0, 2, 4],
      [1, 3, 6],
    ]),
  )
  // What is left waits for its own lane.
  expect(invoked(mapping.tick(nowMs))).toEqual([])
  expect(invoked(ended(mapping, offsets(one)[0] === 0 ? one : two)).map(offsets)).toEqual([[5]])
})

test('the checkpoint is where the lane is that is furthest behind', () => {
  const mapping = mappingOf(2)
  arrive(mapping, 0, [odd, even, even, even, even])
  const batches = invoked(mapping.tick(nowMs))
  const hung = batches.find((batch) => offsets(batch)[0] === 0)
  const other = batches.find((batch) => batch !== hung)
  expect(offsets(other)).toEqual([1, 2, 3])
  const effects = ended(mapping, other)
  expect(committed(effects)).toEqual([])
  ended(mapping, invoked(effects)[0])
  expect(mapping.checkpointOf(0)).toBe(0)
  expect(committed(ended(mapping, hung))).toEqual([5])
})

test('a partition is read no further ahead of a lane that hangs than the bound, and goes on after it', () => {
  const mapping = mappingOf(2, { batchSize: 10_000 })
  arrive(mapping, 0, [odd])
  const [hung] = invoked(mapping.tick(nowMs))
  const effects: Effect[] = []
  const step = 5000
  for (let from = 1; from < spreadMax; from += step) {
    expect(effects).toEqual([])
    arrive(
      mapping,
      from,
      Array.from({ length: step }, () => even),
    )
    const now = mapping.tick(nowMs)
    effects.push(...[...now, ...ended(mapping, invoked(now)[0])].filter(isPause))
  }
  expect(effects).toEqual([{ kind: 'pause', partitions: [0] }])
  expect(mapping.bufferedRecords).toBe(1)
  const after = ended(mapping, hung)
  expect(committed(after)).toEqual([spreadMax + 1])
  expect([...after, ...mapping.tick(nowMs)]).toContainEqual({ kind: 'resume', partitions: [0] })
})

test('records without a key go round the lanes', () => {
  const mapping = mappingOf(3)
  arrive(mapping, 0, [null, null, null, null])
  expect(new Set(invoked(mapping.tick(nowMs)).map(offsets))).toEqual(new Set([[0, 3], [1], [2]]))
})

test('what is in flight or finished of a lane is not taken again when its partition is read again', () => {
  const mapping = mappingOf(2)
  arrive(mapping, 0, [odd, even, even, even, even])
  const batches = invoked(mapping.tick(nowMs))
  const hung = batches.find((batch) => offsets(batch)[0] === 0)
  // Forgotten by the group for a while: what waits, 4, is read again from the committed offset on.
  mapping.assigned([0], false)
  arrive(mapping, 0, [odd, even, even, even, even, odd])
  mapping.check()
  const again = invoked(
    ended(
      mapping,
      batches.find((batch) => batch !== hung),
    ),
  )
  expect(again.map(offsets)).toEqual([[4]])
  expect(counters.polledEvents).toBe(7)
  ended(mapping, again[0])
  expect(invoked(ended(mapping, hung)).map(offsets)).toEqual([[5]])
})

test('another factor goes on where the one before was committed', () => {
  const before = mappingOf(2)
  arrive(before, 0, [odd, even, odd, even])
  const batches = invoked(before.tick(nowMs))
  const finished = batches.find((batch) => offsets(batch)[0] === 1)
  ended(before, finished)
  const from = before.checkpointOf(0) ?? 0
  expect(from).toBe(0)
  const mapping = mappingOf(7)
  arrive(mapping, from, [odd, even, odd, even])
  const taken = invoked(mapping.tick(nowMs)).flatMap(offsets)
  expect(new Set(taken)).toEqual(new Set([0, 1, 2, 3]))
})

test('with a factor of one a partition is one lane, whatever the keys', () => {
  const mapping = mappingOf(1)
  arrive(mapping, 0, [even, odd, null])
  expect(invoked(mapping.tick(nowMs)).map(offsets)).toEqual([[0, 1, 2]])
})

test('a batch of one lane waits for a window of its own, or until it is full', () => {
  const mapping = mappingOf(1, { windowMs: 1000, drawsOnOneLane: true })
  mapping.assigned([0, 1], true)
  arrive(mapping, 0, [null])
  nowMs += 400
  const other = { topic: 't', timestampMs: nowMs, timestampType: 'CREATE_TIME' as const }
  const parts = { key: null, value: null, headers: [] }
  const record = { ...other, ...parts, partition: 1, offset: 5 }
  const records = [record, { ...record, offset: 6 }, { ...record, offset: 7 }]
  mapping.recordsArrived({ partition: 1, records, nextOffset: 8, endOffset: 8 }, nowMs)
  expect(invoked(mapping.tick(nowMs)).map(offsets)).toEqual([[5, 6, 7]])
  expect(invoked(mapping.tick(nowMs + 599))).toEqual([])
  expect(invoked(mapping.tick(nowMs + 600)).map(offsets)).toEqual([[0]])
})

test('a hundred shards with a factor of two have two hundred invocations at once, and no more', () => {
  const mapping = mappingOf(2, { invocationsPerPoller: 1000 })
  const partitions = Array.from({ length: 100 }, (_, partition) => partition)
  mapping.assigned(partitions, true)
  for (const partition of partitions) {
    const records = [even, odd, even, odd, even, odd, even, odd].map((key, offset) => ({
      topic: 't',
      partition,
      offset,
      timestampMs: nowMs,
      timestampType: 'CREATE_TIME' as const,
      key: Buffer.from(key),
      value: null,
      headers: [],
    }))
    mapping.recordsArrived({ partition, records, nextOffset: 8, endOffset: 8 }, nowMs)
  }
  expect(invoked(mapping.tick(nowMs))).toHaveLength(200)
  expect(invoked(mapping.tick(nowMs))).toEqual([])
  expect(mapping.invocationsInFlight).toBe(200)
})
