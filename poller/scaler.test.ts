// Tests when event pollers are added and taken away, decision by decision.
import { expect, test } from 'vitest'
import { scalingCalmMs, throttleCautionMs, throttleMemoryMs } from '../common/mapping-limits.ts'
import {
  evaluateScaling,
  initialScaling,
  scalingBounds,
  type Evaluation,
  type ScalingChange,
  type ScalingRules,
} from './scaler.ts'

const onDemand: ScalingRules = {
  pollersMin: 1,
  pollersMax: 10_000,
  invocationsPerPoller: 5,
  batchSize: 100,
  payloadMaxBytes: 1000,
}
const quiet: Evaluation = {
  partitions: 20,
  waitingRecords: 0,
  waitingBytes: 0,
  progress: 0,
  throttles: 0,
  invocationsMost: 0,
}
const far: Partial<Evaluation> = { waitingRecords: 100_000, invocationsMost: 5 }

/** A mapping that is looked at once a second. */
function scaled(rules: Partial<ScalingRules> = {}, partitions = quiet.partitions) {
  const all = { ...onDemand, ...rules }
  let state = initialScaling(all)
  let nowMs = 1_000_000
  const look = (seen: Partial<Evaluation> = {}): ScalingChange | undefined => {
    nowMs += 1000
    const decision = evaluateScaling(all, state, { ...quiet, partitions, ...seen }, nowMs)
    state = decision.state
    return decision.change
  }
  /** Looks until `untilMs` have passed; the changes that came about. */
  const wait = (untilMs: number, seen: Partial<Evaluation> = {}): ScalingChange[] =>
    Array.from({ length: untilMs / 1000 }, () => look(seen)).filter((each) => each !== undefined)
  return { look, wait, pollers: () => state.pollers }
}

test('an on-demand mapping starts with one event poller, a provisioned one with its minimum', () => {
  expect(initialScaling(onDemand).pollers).toBe(1)
  expect(initialScaling({ ...onDemand, pollersMin: 3 }).pollers).toBe(3)
})

test('with lag the number doubles each second, to one per partition', () => {
  const { look } = scaled()
  expect([look(far), look(far), look(far), look(far), look(far), look(far)]).toEqual([
    { from: 1, to: 2, reason: 'lag' },
    { from: 2, to: 4, reason: 'lag' },
    { from: 4, to: 8, reason: 'lag' },
    { from: 8, to: 16, reason: 'lag' },
    { from: 16, to: 20, reason: 'partitions' },
    undefined,
  ])
})

test('what it has grown to and cannot pass is said once, and again after a calm', () => {
  const { look, wait } = scaled({}, 2)
  const most = { from: 2, to: 2, reason: 'partitions' }
  expect(wait(20_000, far)).toEqual([{ from: 1, to: 2, reason: 'lag' }, most])
  // A look in between that finds nothing is no calm.
  look()
  expect(wait(5000, far)).toEqual([])
  expect(wait(2 * scalingCalmMs, { invocationsMost: 10 })).toEqual([])
  expect(look(far)).toEqual(most)
})

test('a single event poller that is throttled says that it stays, and is not asked again for a while', () => {
  const { look, wait } = scaled()
  const refused = { ...far, throttles: 1 }
  expect(look(refused)).toEqual({ from: 1, to: 1, reason: 'throttled' })
  expect(wait(5000, refused)).toEqual([])
  expect(wait(throttleCautionMs, far)).toEqual([{ from: 1, to: 1, reason: 'concurrency' }])
})

test.each<[string, Partial<Evaluation>, number]>([
  ['less than a batch each', { waitingRecords: 199 }, 1],
  ['two full batches', { waitingRecords: 200 }, 2],
  ['a few records that fill two payloads', { waitingRecords: 6, waitingBytes: 2000 }, 2],
  ['much, and a pace that finishes it in a second', { waitingRecords: 900, progress: 900 }, 1],
  ['much, and a pace a little below that', { waitingRecords: 900, progress: 899 }, 2],
])('%s waiting comes to as many as have a full batch to send', (_what, seen, expected) => {
  const { look, pollers } = scaled()
  look(seen)
  expect(pollers()).toBe(expected)
})

test('a provisioned mapping grows to its maximum, and says so', () => {
  const { wait } = scaled({ pollersMin: 2, pollersMax: 5 })
  expect(wait(5000, far)).toEqual([
    { from: 2, to: 4, reason: 'lag' },
    { from: 4, to: 5, reason: 'maximum' },
  ])
})

test('a minimum above the number of partitions is cut to it, and reached when there are more', () => {
  const { look } = scaled({ pollersMin: 8, pollersMax: 200 })
  expect(look({ partitions: 3 })).toEqual({ from: 8, to: 3, reason: 'partitions' })
  expect(look({ partitions: 6 })).toEqual({ from: 3, to: 6, reason: 'partitions' })
  expect(scalingBounds({ ...onDemand, pollersMin: 8 }, 3)).toEqual({ least: 3, most: 3 })
})

test('a moment without any partition, as in a rebalance, changes nothing', () => {
  const { look, wait, pollers } = scaled()
  wait(3000, far)
  expect(look({ partitions: 0 })).toBeUndefined()
  expect(pollers()).toBe(8)
})

test('event pollers that were not needed for ten seconds go by halves, to what was needed', () => {
  const { look, wait, pollers } = scaled()
  wait(5000, far)
  expect(wait(scalingCalmMs, { invocationsMost: 18 })).toEqual([])
  expect(look({ invocationsMost: 3 })).toEqual({ from: 20, to: 10, reason: 'idle' })
  wait(scalingCalmMs, { invocationsMost: 18 })
  expect(look()).toEqual({ from: 10, to: 5, reason: 'idle' })
  wait(scalingCalmMs, { invocationsMost: 18 })
  expect(look()).toEqual({ from: 5, to: 4, reason: 'idle' })
  wait(100_000, { invocationsMost: 18 })
  expect(pollers()).toBe(4)
  wait(100_000)
  expect(pollers()).toBe(1)
})

test('however quiet it is, the minimum of a provisioned mapping stays', () => {
  const { wait, pollers } = scaled({ pollersMin: 3, pollersMax: 10 })
  wait(5000, far)
  wait(120_000)
  expect(pollers()).toBe(3)
})

test('a spike in the calm begins the ten seconds anew', () => {
  const { wait } = scaled()
  wait(2000, far)
  wait(scalingCalmMs - 1000)
  wait(1000, { waitingRecords: 500, progress: 499 })
  expect(wait(scalingCalmMs)).toEqual([])
})

test('a throttle halves the number, and nothing is added for ten seconds', () => {
  const { look, wait } = scaled()
  wait(4000, far)
  expect(look({ ...far, throttles: 3 })).toEqual({ from: 16, to: 8, reason: 'throttled' })
  expect(wait(throttleCautionMs - 1000, far)).toEqual([])
  // Half-way between what was refused and what was not.
  expect(look(far)).toEqual({ from: 8, to: 12, reason: 'concurrency' })
  expect(wait(throttleMemoryMs - throttleCautionMs - 1000, far)).toEqual([])
  expect(look(far)).toEqual({ from: 12, to: 20, reason: 'partitions' })
})

test('throttles never take the minimum away', () => {
  const { wait, pollers } = scaled({ pollersMin: 3, pollersMax: 10 })
  wait(5000, far)
  expect(wait(5000, { ...far, throttles: 1 })).toEqual([
    { from: 10, to: 5, reason: 'throttled' },
    { from: 5, to: 3, reason: 'throttled' },
  ])
  expect(pollers()).toBe(3)
})
