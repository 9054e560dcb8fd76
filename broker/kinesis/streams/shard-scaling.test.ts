// Tests when shards become more or fewer, against figures that are made up.
import { expect, test } from 'vitest'
import { awsScalingSampleMs } from '../../../common/scaling-limits.ts'
import {
  nextScaling,
  scalingPolicy,
  scalingStart,
  type ScalingChange,
  type ScalingPolicy,
  type ShardLoad,
} from './shard-scaling.ts'

function policyOf(tags: Record<string, string>, mode: 'PROVISIONED' | 'ON_DEMAND' = 'PROVISIONED') {
  const policy = scalingPolicy({ mode, tags }, awsScalingSampleMs)
  if (policy === undefined) throw new Error('there is no policy')
  return policy
}

const target = (percent: number, more: Record<string, string> = {}): ScalingPolicy =>
  policyOf({ 'millrace:scaling-target': String(percent), ...more })

const records = (...perSecond: number[]): ShardLoad[] =>
  perSecond.map((recordsPerSecond, shard) => ({ shard, bytesPerSecond: 0, recordsPerSecond }))

/** The first change within so many samples of the same loads, and the sample it comes with. */
function firstChange(
  policy: ScalingPolicy,
  loads: readonly ShardLoad[],
  samples = 2000,
): { readonly at: number; readonly change: ScalingChange } | undefined {
  let state = scalingStart
  for (let at = 1; at <= samples; at++) {
    const next = nextScaling(policy, state, loads)
    if (next.change !== undefined) return { at, change: next.change }
    state = next.state
  }
  return undefined
}

test('a stream without a target and without on-demand mode is left alone', () => {
  expect(scalingPolicy({ mode: 'PROVISIONED', tags: { team: 'pit' } }, 1)).toBeUndefined()
})

test('three samples above the target double the shards, by records or by bytes', () => {
  const doubled = { at: 3, change: { kind: 'resize', shards: 4 } }
  expect(firstChange(target(70), records(710, 710))).toEqual(doubled)
  const bytes = [0, 1].map((shard) => {
    return { shard, bytesPerSecond: 0.71 * 1024 * 1024, recordsPerSecond: 1 }
  })
  expect(firstChange(target(70), bytes)).toEqual(doubled)
  expect(firstChange(target(70), records(690, 690))).toBeUndefined()
})

test('one quiet sample begins the count anew', () => {
  const policy = target(50)
  let { state } = nextScaling(policy, scalingStart, records(900))
  ;({ state } = nextScaling(policy, state, records(900)))
  ;({ state } = nextScaling(policy, state, records(400)))
  ;({ state } = nextScaling(policy, state, records(900)))
  const { state: second, change } = nextScaling(policy, state, records(900))
  expect(change).toBeUndefined()
  expect(nextScaling(policy, second, records(900)).change).toEqual({ kind: 'resize', shards: 2 })
})

test('fifteen samples that say half would do halve the shards, and none where half would be busy', () => {
  expect(firstChange(target(60), records(100, 100, 100, 100, 100))).toEqual({
    at: 15,
    change: { kind: 'resize', shards: 3 },
  })
  expect(firstChange(target(60), records(290, 290))).toBeUndefined()
})

test('bounds hold, and a stream outside of them is brought there by halves and doubles', () => {
  const bounds = { 'millrace:scaling-min': '4', 'millrace:scaling-max': '6' }
  expect(firstChange(target(50, bounds), records(900, 900, 900, 900))).toEqual({
    at: 3,
    change: { kind: 'resize', shards: 6 },
  })
  expect(firstChange(target(50, bounds), records(0, 0, 0, 0))).toBeUndefined()
  expect(firstChange(target(50, bounds), records(0))).toEqual({
    at: 1,
    change: { kind: 'resize', shards: 2 },
  })
  expect(firstChange(target(50, bounds), records(...Array<number>(20).fill(0)))).toEqual({
    at: 1,
    change: { kind: 'resize', shards: 10 },
  })
})

test('an on-demand stream splits the shards that are busy, and lets go of shards after a day', () => {
  const policy = policyOf({}, 'ON_DEMAND')
  expect(firstChange(policy, records(10, 600, 10, 501, 10))).toEqual({
    at: 3,
    change: { kind: 'split', shards: [1, 3] },
  })
  expect(firstChange(policy, records(...Array<number>(8).fill(100)))).toEqual({
    at: 24 * 60,
    change: { kind: 'resize', shards: 4 },
  })
  expect(firstChange(policy, records(0, 0, 0, 0))).toBeUndefined()
})
