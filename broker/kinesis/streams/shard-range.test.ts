// Tests plans that bring shards to equal width: every step can be done, and nothing is left out at any moment.
import { expect, test } from 'vitest'
import { hashKeyMax } from '../../../kinesis-wire/hash-key.ts'
import {
  areAdjacent,
  merged,
  splitAt,
  uniformPlan,
  uniformRanges,
  type PlannedShard,
} from './shard-range.ts'

const planned = (count: number): PlannedShard[] =>
  uniformRanges(count).map((range, shard) => ({ shard, range }))

/** Does the steps, and checks of each that it closes open shards and opens as much in their place. */
function done(shards: readonly PlannedShard[], count: number): readonly PlannedShard[] {
  const open = new Map(shards.map((each) => [each.shard, each]))
  let next = shards.length
  for (const { closes, opens } of uniformPlan(shards, count, next)) {
    const closed = closes.map((shard) => open.get(shard)?.range)
    const [one, other] = closed
    if (one === undefined) throw new Error('a step closes what is not open')
    if (other !== undefined) expect(areAdjacent(one, other)).toBe(true)
    const before = other === undefined ? one : merged(one, other)
    const [first, second] = opens
    if (first === undefined) throw new Error('a step opens nothing')
    expect(second === undefined ? first : merged(first, second)).toEqual(before)
    for (const shard of closes) open.delete(shard)
    for (const range of opens) open.set(next, { shard: next++, range })
  }
  return [...open.values()].toSorted((a, b) => (a.range.start < b.range.start ? -1 : 1))
}

/** Whatever a boundary is off by, it is less than a thousandth of a range. */
function expectUniform(shards: readonly PlannedShard[], count: number): void {
  expect(shards).toHaveLength(count)
  for (const [index, { start, end }] of uniformRanges(count).entries()) {
    const off = (shards[index]?.range.start ?? -1n) - start
    expect((off < 0n ? -off : off) * 1000n < end - start).toBe(true)
  }
}

test('from every count to every other up to double and half the ranges are equal in the end', () => {
  for (let from = 1; from <= 24; from++) {
    for (let to = Math.ceil(from / 2); to <= 2 * from; to++) {
      expectUniform(done(planned(from), to), to)
    }
  }
})

test('thousands of shards are planned without work that is not due', () => {
  for (const from of [1000, 3333]) {
    const plan = uniformPlan(planned(from), 2 * from, from)
    expect(plan.map(({ closes }) => closes)).toEqual(planned(from).map(({ shard }) => [shard]))
    const back = uniformPlan(planned(2 * from), from, 2 * from)
    expect(back).toHaveLength(from)
  }
})

test('uneven shards become even, and even ones are left alone', () => {
  const [low, high] = splitAt({ start: 0n, end: hashKeyMax }, 1000n)
  const uneven = [
    { shard: 0, range: low },
    { shard: 1, range: high },
  ]
  expect(done(uneven, 2).map(({ range }) => range)).toEqual(uniformRanges(2))
  expect(uniformPlan(planned(7), 7, 7)).toEqual([])
})

test('doubling splits each shard once, and halving merges each pair once', () => {
  expect(uniformPlan(planned(4), 8, 4).map(({ closes }) => closes)).toEqual([[0], [1], [2], [3]])
  expect(uniformPlan(planned(4), 2, 4).map(({ closes }) => closes)).toEqual([
    [0, 1],
    [2, 3],
  ])
})
