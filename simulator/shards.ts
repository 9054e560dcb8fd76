// The shards of a simulated stream over its life, and the partitions of a topic: what part of the traffic each takes, and when.
import { randomFrom } from './random.ts'
import type { Resharding, TrafficModel } from './scenario.ts'

/** A partition of a topic is one that is there from the start to the end. */
export interface SimulatedShard {
  /** Of the traffic; of all that are open at a time it is 1 in sum. */
  readonly weight: number
  /** Milliseconds since the start; it takes records from then on until it is closed, if ever. */
  readonly openMs: number
  readonly closeMs: number
  readonly parents: readonly number[]
}

/** As on AWS, where shards that are closed count as well: what the simulation goes through at each step. */
const shardsMax = 100_000

/** While shards are split and merged: `from` and `to` are shares of all hash keys. */
interface Growing extends SimulatedShard {
  readonly from: number
  readonly to: number
  closeMs: number
}

/** What a change closes and opens. */
interface Step {
  readonly closes: readonly number[]
  readonly opens: readonly { readonly from: number; readonly to: number }[]
}

/** All shards that there will ever be, or why a resharding cannot be. */
export function shardsOf(traffic: TrafficModel): readonly SimulatedShard[] | string {
  const { partitions, reshardings = [] } = traffic
  const weights = weightsOf(traffic)
  const shards: Growing[] = Array.from(weights, (weight, index) => ({
    weight,
    openMs: 0,
    closeMs: Infinity,
    parents: [],
    from: index / partitions,
    to: (index + 1) / partitions,
  }))
  if (reshardings.length === 0) return shards
  const weightOf = weightTable(traffic)
  for (const resharding of reshardings) {
    const steps = stepsOf(resharding, shards)
    if (typeof steps === 'string') return `at ${resharding.second} s: ${steps}`
    const openMs = resharding.second * 1000
    for (const { closes, opens } of steps) {
      for (const index of closes) {
        const shard = shards[index]
        if (shard !== undefined) shard.closeMs = openMs
      }
      for (const range of opens) {
        shards.push({
          ...range,
          weight: weightOf(range),
          openMs,
          closeMs: Infinity,
          parents: closes,
        })
      }
    }
    if (shards.length > shardsMax) return `more than ${shardsMax} shards, closed ones too`
  }
  return shards
}

function stepsOf(resharding: Resharding, shards: readonly Growing[]): readonly Step[] | string {
  if (resharding.split !== undefined) return splitOf(resharding.split, shards)
  if (resharding.merge !== undefined) return mergeOf(resharding.merge, shards)
  return resizeOf(resharding.shards ?? 0, shards)
}

function splitOf(index: number, shards: readonly Growing[]): readonly Step[] | string {
  const shard = openShard(index, shards)
  if (typeof shard === 'string') return shard
  const middle = (shard.from + shard.to) / 2
  const opens = [
    { from: shard.from, to: middle },
    { from: middle, to: shard.to },
  ]
  return [{ closes: [index], opens }]
}

function mergeOf(
  indexes: readonly [number, number],
  shards: readonly Growing[],
): readonly Step[] | string {
  const [one, other] = indexes.map((index) => openShard(index, shards))
  if (typeof one !== 'object') return one ?? 'two shards are merged'
  if (typeof other !== 'object') return other ?? 'two shards are merged'
  const [low, high] = one.from < other.from ? [one, other] : [other, one]
  if (low.to !== high.from || low === high) {
    return `shards ${indexes.join(' and ')} are not beside each other`
  }
  return [{ closes: indexes, opens: [{ from: low.from, to: high.to }] }]
}

/** As UpdateShardCount: even ranges. A shard that has one of them already stays. */
function resizeOf(target: number, shards: readonly Growing[]): readonly Step[] | string {
  const open = [...shards.entries()].filter(([, { closeMs }]) => closeMs === Infinity)
  if (target > 2 * open.length) return `${target} shards are more than twice ${open.length}`
  if (target < open.length / 2) return `${target} shards are less than half of ${open.length}`
  const steps: Step[] = []
  const near = (a: number, b: number): boolean => Math.abs(a - b) < 1e-9
  for (let part = 0; part < target; part++) {
    const range = { from: part / target, to: (part + 1) / target }
    const parents = open.filter(
      ([, { from, to }]) => from < range.to - 1e-9 && to > range.from + 1e-9,
    )
    const [only] = parents
    const stays =
      parents.length === 1 &&
      only !== undefined &&
      near(only[1].from, range.from) &&
      near(only[1].to, range.to)
    if (!stays) steps.push({ closes: parents.map(([index]) => index), opens: [range] })
  }
  return steps
}

function openShard(index: number, shards: readonly Growing[]): Growing | string {
  const shard = shards[index]
  if (shard === undefined) return `there is no shard ${index}; they are numbered from 0 on`
  return shard.closeMs === Infinity ? shard : `shard ${index} is closed already`
}

/** Each partition's share; their sum is 1. */
function weightsOf({ partitions, keys, keySkew }: TrafficModel): Float64Array {
  const weights = new Float64Array(partitions)
  if (keys === 0) return weights.fill(1 / partitions)
  const spread = randomFrom(keys, 'keys')
  let total = 0
  for (let key = 1; key <= keys; key++) {
    const weight = key ** -keySkew
    const partition = Math.floor(spread() * partitions)
    weights[partition] = (weights[partition] ?? 0) + weight
    total += weight
  }
  return weights.map((weight) => weight / total)
}

/** The share of any range: of its keys, which lie where they do for the partitions. */
function weightTable({ keys, keySkew }: TrafficModel) {
  if (keys === 0) return ({ from, to }: { from: number; to: number }): number => to - from
  const spread = randomFrom(keys, 'keys')
  const placed = Array.from({ length: keys }, (_, key) => {
    return { at: spread(), weight: (key + 1) ** -keySkew }
  }).toSorted((a, b) => a.at - b.at)
  const sums = new Float64Array(keys + 1)
  for (const [index, { weight }] of placed.entries()) sums[index + 1] = (sums[index] ?? 0) + weight
  const total = sums[keys] ?? 1
  /** The weight of all keys below a place. */
  const below = (place: number): number => {
    let [low, high] = [0, keys]
    while (low < high) {
      const middle = (low + high) >> 1
      if ((placed[middle]?.at ?? 1) < place) low = middle + 1
      else high = middle
    }
    return sums[low] ?? 0
  }
  return ({ from, to }: { from: number; to: number }): number => (below(to) - below(from)) / total
}
