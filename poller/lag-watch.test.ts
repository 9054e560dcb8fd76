// Tests when a mapping is looked at: every second while something is to be seen, and not where nothing is.
import { beforeEach, expect, test } from 'vitest'
import { lagLookIntervalMs, lagLooksMax } from '../common/mapping-limits.ts'
import { ManualClock } from '../test/support/manual-clock.ts'
import type { LagCircumstances, LagJudgement, LaneLook, Look } from './lag-cause.ts'
import { LagWatch } from './lag-watch.ts'

let clock: ManualClock
let looks: number
let lanes: readonly LaneLook[]
let polledBytes: number
let circumstances: LagCircumstances
let judged: LagJudgement[]
let watch: LagWatch

beforeEach(() => {
  clock = new ManualClock()
  looks = 0
  lanes = []
  polledBytes = 0
  circumstances = {}
  judged = []
  watch = new LagWatch({
    windowMs: 0,
    clock,
    look,
    circumstances: () => circumstances,
    judged: (judgement) => judged.push(judgement),
  })
  watch.start()
})

function look(atMs: number): Look {
  looks += 1
  const others = {
    partitions: 1,
    throttles: 0,
    invocationsInFlight: 0,
    invocationsMax: 5,
    invocationMs: 0,
    roomWaitMs: 0,
  }
  return { atMs, lanes, polledBytes, pollers: 1, pollersMost: 1, ...others }
}

const behind = (records: number): LaneLook => ({
  partition: 0,
  offset: 0,
  records,
  ageMs: 10_000,
  isInFlight: true,
  failures: 0,
  isThrottled: false,
  isUndelivered: false,
})
const advance = (count: number): void => clock.advance(count * lagLookIntervalMs)

test('after as many looks as are judged together, nothing to see is looked at no more', () => {
  advance(lagLooksMax + 10)
  expect(looks).toBe(lagLooksMax)
  expect(clock.timers).toBe(0)
  expect(watch.judgement?.cause).toBe('none')
})

test.each<[string, () => void]>([
  ['a lane is behind', () => (lanes = [behind(1)])],
  ['the source cannot be read', () => (circumstances = { sourceProblem: 'gone' })],
])('it goes on while %s', (_, happens) => {
  happens()
  advance(lagLooksMax + 10)
  expect(looks).toBe(lagLooksMax + 10)
})

test('records that come and are finished between two looks keep it awake', () => {
  for (let i = 0; i < lagLooksMax + 3; i++) {
    polledBytes += 100
    advance(1)
  }
  expect(looks).toBe(lagLooksMax + 3)
})

test('stirred, it looks within a second, and finds the trend that it would have found had it looked on', () => {
  advance(600)
  lanes = [behind(500)]
  watch.stir()
  advance(1)
  expect(looks).toBe(lagLooksMax + 1)
  expect(judged.at(-1)).toMatchObject({ cause: 'slow-handler', records: 500, trendPerSecond: 100 })
  expect(clock.timers).toBe(1)
})

test('stirred while it looks, it looks no more often', () => {
  for (let i = 0; i < 10; i++) watch.stir()
  advance(3)
  expect(looks).toBe(3)
})

test('one that has stopped is not stirred', () => {
  advance(lagLooksMax)
  watch.stop()
  watch.stir()
  expect(clock.timers).toBe(0)
})
