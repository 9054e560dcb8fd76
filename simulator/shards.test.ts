// Tests which part of the traffic shards take that are split and merged.
import { expect, test } from 'vitest'
import { defaultScenario, type Resharding, type TrafficModel } from './scenario.ts'
import { shardsOf, type SimulatedShard } from './shards.ts'

function shards(
  reshardings: readonly Resharding[],
  change: Partial<TrafficModel> = {},
): readonly SimulatedShard[] {
  const traffic = { ...defaultScenario.traffic, partitions: 4, reshardings, ...change }
  const all = shardsOf(traffic)
  if (typeof all === 'string') throw new Error(all)
  return all
}

const openAt = (all: readonly SimulatedShard[], ms: number): readonly SimulatedShard[] =>
  all.filter(({ openMs, closeMs }) => openMs <= ms && ms < closeMs)

test('at any time the open shards take all of the traffic, heavy keys too', () => {
  const steps = [
    { second: 1, shards: 7 },
    { second: 2, split: 4 },
    { second: 2, merge: [5, 6] as const },
    { second: 3, shards: 4 },
  ]
  for (const change of [{}, { keys: 50, keySkew: 1 }]) {
    const all = shards(steps, change)
    for (const [ms, count] of [
      [0, 4],
      [1000, 7],
      [2000, 7],
      [3000, 4],
    ] as const) {
      const open = openAt(all, ms)
      expect(open).toHaveLength(count)
      expect(open.reduce((sum, { weight }) => sum + weight, 0)).toBeCloseTo(1, 9)
    }
  }
})

test('a key stays where its hash key is: the shard of a single one takes everything, whatever its size', () => {
  const all = shards([{ second: 1, shards: 8 }], { keys: 1 })
  const busy = all.flatMap(({ weight }, index) => (weight > 0 ? [{ index, weight }] : []))
  expect(busy.map(({ weight }) => weight)).toEqual([1, 1])
  expect(all[busy[1]?.index ?? 0]?.parents).toEqual([busy[0]?.index])
})

test('shards with the ranges that are wanted stay open, and children know all of their parents', () => {
  const split = shards([
    { second: 1, split: 3 },
    { second: 2, shards: 8 },
  ])
  expect(split.slice(4).map(({ parents }) => parents)).toEqual([
    [3],
    [3],
    [0],
    [0],
    [1],
    [1],
    [2],
    [2],
  ])
  const merged = shards([{ second: 1, shards: 3 }])
  expect(merged.slice(4).map(({ parents }) => parents)).toEqual([
    [0, 1],
    [1, 2],
    [2, 3],
  ])
})
