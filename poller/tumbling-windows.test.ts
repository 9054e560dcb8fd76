// Tests tumbling windows: their bounds, their state from one invocation to the next, and how they end.
import { beforeEach, expect, test } from 'vitest'
import { silentLogger } from '../common/logger.ts'
import { payloadMaxBytes } from '../common/limits.ts'
import { windowStateMaxBytes } from '../common/mapping-limits.ts'
import { compileCriteria } from '../filter/criteria.ts'
import type { Batch, Effect, MappingRules } from './batch.ts'
import { recordEventOf, streamFrame } from './event.ts'
import { judge } from './judgement.ts'
import { MappingCounters } from './mapping-counters.ts'
import { Mapping } from './mapping.ts'
import { noFailureRules, type FailureRules } from './retry-policy.ts'
import type { SourceRecord } from './sources/source.ts'
import type { TumblingRules } from './tumbling-windows.ts'

const eventSourceARN = 'arn:aws:kinesis:eu-west-1:123456789012:stream/laps'
const frame = streamFrame(
  { eventSourceARN, awsRegion: 'eu-west-1', invokeIdentityArn: 'arn:aws:iam::1:role/r' },
  'laps',
)
/** A window's start. */
const start = Date.UTC(2026, 10, 27, 7, 4)
const lengthMs = 120_000

interface WindowEvent {
  readonly Records: readonly { readonly kinesis: { readonly sequenceNumber: string } }[]
  readonly state: { readonly count?: number }
  readonly isFinalInvokeForWindow: boolean
  readonly isWindowTerminatedEarly: boolean
}

let nowMs = start
let events: WindowEvent[] = []
let effects: Effect[] = []
let committed = -1

function rulesWith(failure: Partial<FailureRules>, tumbling: Partial<TumblingRules>): MappingRules {
  const compiled = compileCriteria([], 'data')
  if (!compiled.ok) throw new Error(compiled.reason)
  return {
    batchSize: 10,
    windowMs: 0,
    payloadMaxBytes,
    frame,
    criteria: compiled.criteria,
    drawsOnOneLane: true,
    tumbling: { lengthMs, idleMs: 5000, ...tumbling },
    pollersMin: 1,
    pollersMax: 1,
    invocationsPerPoller: 100,
    bufferMaxBytes: 1_000_000_000,
    commitIntervalMs: 0,
    failure: { ...noFailureRules, ...failure },
  }
}

function mappingOf(rules: MappingRules): Mapping {
  const mapping = new Mapping(rules, new MappingCounters(), () => 0.5)
  mapping.assigned([0], false)
  return mapping
}

const counting = (event: WindowEvent): unknown => ({
  state: { count: (event.state.count ?? 0) + event.Records.length },
})

/** Does all that is to be done now; `handler` returns undefined where it throws. */
function run(mapping: Mapping, handler: (event: WindowEvent) => unknown = counting): void {
  const todo: Effect[] = [...mapping.tick(nowMs)]
  for (let effect = todo.shift(); effect !== undefined; effect = todo.shift()) {
    effects.push(effect)
    if (effect.kind === 'invoke') invoke(mapping, effect.batch, handler)
    if (effect.kind === 'commit') {
      committed = effect.offsets.get(0) ?? committed
      mapping.commitEnded(true, nowMs)
    }
    mapping.check()
    todo.push(...mapping.tick(nowMs))
  }
}

function invoke(mapping: Mapping, batch: Batch, handler: (event: WindowEvent) => unknown): void {
  const event = recordEventOf(frame, batch.groups, batch.window)
  const text = event.text()
  expect(event.sizeBytes).toBe(Buffer.byteLength(text))
  events.push(JSON.parse(text) as WindowEvent)
  const answer = handler(JSON.parse(text) as WindowEvent)
  const of = { outcome: 'completed' as const, requestId: 'r', executedVersion: '$LATEST' }
  const result =
    answer === undefined
      ? { ...of, payload: '{}', functionError: 'Unhandled' as const }
      : { ...of, payload: JSON.stringify(answer) }
  const judged = judge(result, batch, { rules: mapping.rules, logger: silentLogger })
  mapping.batchEnded(batch, judged.outcome, nowMs, judged.report)
}

/** Records that came so long after the window's start. */
function arrive(mapping: Mapping, from: number, ...afterMs: number[]): void {
  const records = afterMs.map((ms, index): SourceRecord => {
    const offset = from + index
    const shardId = 'shardId-000000000000'
    const stream = { shardId, sequenceNumber: String(offset), partitionKey: 'k' }
    const when = { timestampMs: start + ms, timestampType: 'LOG_APPEND_TIME' as const }
    const [value, headers] = [Buffer.from('v'), [] as const]
    return { topic: 'laps', partition: 0, offset, ...when, key: null, value, headers, stream }
  })
  const nextOffset = from + afterMs.length
  mapping.recordsArrived({ partition: 0, records, nextOffset, endOffset: nextOffset }, nowMs)
}

/** Of each event the records, or `end` with how many were counted. */
const said = (): string[] =>
  events.map(({ Records, state, isFinalInvokeForWindow, isWindowTerminatedEarly }) =>
    isFinalInvokeForWindow
      ? `${isWindowTerminatedEarly ? 'early' : 'end'} ${state.count}`
      : Records.map(({ kinesis }) => kinesis.sequenceNumber).join(),
  )

beforeEach(() => {
  nowMs = start
  events = []
  effects = []
  committed = -1
})

test('an event of a window has its bounds, the state so far and where it is of', () => {
  const mapping = mappingOf(rulesWith({}, {}))
  arrive(mapping, 0, 1000, 2000)
  run(mapping)
  arrive(mapping, 2, 3000)
  run(mapping)
  expect(events[1]).toMatchObject({
    window: { start: '2026-11-27T07:04:00Z', end: '2026-11-27T07:06:00Z' },
    state: { count: 2 },
    shardId: 'shardId-000000000000',
    eventSourceARN,
    isFinalInvokeForWindow: false,
    isWindowTerminatedEarly: false,
  })
  expect(events[0]?.state).toEqual({})
  expect(Object.keys(events[0] ?? {})).toEqual([
    'Records',
    'window',
    'state',
    'shardId',
    'eventSourceARN',
    'isFinalInvokeForWindow',
    'isWindowTerminatedEarly',
  ])
})

test('a batch is of one window, and the next begins when the final invocation is through', () => {
  const mapping = mappingOf(rulesWith({}, {}))
  arrive(mapping, 0, 1000, 119_999, 120_000, 120_001)
  run(mapping)
  expect(said()).toEqual(['0,1', 'end 2', '2,3'])
  expect(events[2]?.state).toEqual({})
  expect(events[1]?.Records).toEqual([])
})

test('nothing of a window is committed before its final invocation is through', () => {
  const mapping = mappingOf(rulesWith({}, {}))
  arrive(mapping, 7, 0, 1)
  run(mapping)
  expect([committed, mapping.checkpointOf(0), mapping.lag.sum]).toEqual([-1, 7, 0])
  arrive(mapping, 9, 120_000)
  run(mapping)
  expect(committed).toBe(9)
})

test('a window ends a while after its time where nothing comes, and at once with its shard', () => {
  const mapping = mappingOf(rulesWith({}, {}))
  arrive(mapping, 0, 0)
  run(mapping)
  expect(mapping.wakeMs).toBe(start + lengthMs + 5000)
  nowMs = start + lengthMs + 4999
  run(mapping)
  expect(said()).toEqual(['0'])
  nowMs += 1
  run(mapping)
  expect(said()).toEqual(['0', 'end 1'])
  expect(committed).toBe(1)
  const other = mappingOf(rulesWith({}, {}))
  arrive(other, 0, 0)
  run(other)
  // The end of a shard has a number of its own, and it is committed after the window.
  other.recordsArrived(
    { partition: 0, records: [], nextOffset: 2, endOffset: 2, ended: true },
    nowMs,
  )
  run(other)
  expect(said().slice(2)).toEqual(['0', 'end 1'])
  expect(committed).toBe(2)
})

test('without a state in its answer an invocation failed, also the final one', () => {
  const mapping = mappingOf(rulesWith({}, {}))
  arrive(mapping, 0, 0, lengthMs)
  let refusals = 2
  const handler = (event: WindowEvent): unknown => (refusals-- > 0 ? {} : counting(event))
  run(mapping, handler)
  for (const waitMs of [1000, 2000]) {
    nowMs += waitMs
    run(mapping, handler)
  }
  expect(said()).toEqual(['0', '0', '0', 'end 1', '1'])
  refusals = 1
  nowMs = start + 2 * lengthMs + 5000
  run(mapping, handler)
  nowMs += 1000
  run(mapping, handler)
  expect(said().slice(5)).toEqual(['end 1', 'end 1'])
})

test('a final invocation that fails holds its lane until it is through, or is given up by the rules', () => {
  const mapping = mappingOf(rulesWith({ retriesMax: 2, destination: 'dead' }, {}))
  arrive(mapping, 0, 0, lengthMs)
  const failing = (event: WindowEvent): unknown =>
    event.isFinalInvokeForWindow ? undefined : counting(event)
  run(mapping, failing)
  expect(said()).toEqual(['0', 'end 1'])
  for (let round = 0; round < 2; round++) {
    nowMs += 3000
    run(mapping, failing)
  }
  expect(said()).toEqual(['0', 'end 1', 'end 1', 'end 1', '1'])
  expect(effects.find(({ kind }) => kind === 'windowDropped')).toMatchObject({
    condition: 'RetryAttemptsExhausted',
    startMs: start,
  })
  const aged = mappingOf(rulesWith({ recordAgeMaxMs: 60_000 }, {}))
  effects = []
  arrive(aged, 0, 0, lengthMs)
  run(aged, failing)
  nowMs = start + lengthMs + 60_001
  run(aged, failing)
  expect(effects.find(({ kind }) => kind === 'windowDropped')).toMatchObject({
    condition: 'RecordAgeExceeded',
  })
})

test('a state above a megabyte ends its window early, and the rest of the time is a window again', () => {
  const mapping = mappingOf(rulesWith({}, {}))
  arrive(mapping, 0, 0)
  const pad = 'x'.repeat(windowStateMaxBytes)
  run(mapping, (event) => ({ state: { count: 1, pad: event.isFinalInvokeForWindow ? '' : pad } }))
  expect(said()).toEqual(['0', 'early 1'])
  expect(committed).toBe(1)
  arrive(mapping, 1, 1000)
  run(mapping)
  expect(events[2]).toMatchObject({ state: {}, window: { start: '2026-11-27T07:04:00Z' } })
})

test('a window that holds back more records than are kept ends early', () => {
  const mapping = mappingOf(rulesWith({}, { recordsMax: 3 }))
  arrive(mapping, 0, 0, 1)
  run(mapping)
  arrive(mapping, 2, 2)
  run(mapping)
  expect(said()).toEqual(['0,1', '2', 'early 3'])
  expect(committed).toBe(3)
})

test('what a partial answer finished is in the state that goes with the rest', () => {
  const mapping = mappingOf(rulesWith({ reportsItemFailures: true }, {}))
  arrive(mapping, 0, 0, 1, 2)
  let isFirst = true
  const handler = (event: WindowEvent): unknown => {
    if (!isFirst) return counting(event)
    isFirst = false
    return { state: { count: 1 }, batchItemFailures: [{ itemIdentifier: '1' }] }
  }
  run(mapping, handler)
  nowMs += 2000
  run(mapping, handler)
  expect(said()).toEqual(['0,1,2', '1,2'])
  expect(events[1]?.state).toEqual({ count: 1 })
  arrive(mapping, 3, lengthMs)
  run(mapping)
  expect(said()[2]).toBe('end 3')
})

test('a shard that comes back begins its windows anew, with all of their records', () => {
  const mapping = mappingOf(rulesWith({}, {}))
  arrive(mapping, 0, 0, 1)
  run(mapping)
  mapping.assigned([0], false)
  arrive(mapping, 0, 0, 1)
  run(mapping)
  expect(said()).toEqual(['0,1', '0,1'])
  expect(events[1]?.state).toEqual({})
})
