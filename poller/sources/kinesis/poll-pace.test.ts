// Tests how long a shard's reader waits: as AWS takes it, and as short as it is worth here.
import { expect, test } from 'vitest'
import { PollPace } from './poll-pace.ts'

const nothing = { records: 0, isBehind: false }
const more = { records: 10, isBehind: true }
const last = { records: 10, isBehind: false }

test('in the pace of AWS an idle shard is asked once a second, one that is behind five times', () => {
  const pace = new PollPace('aws', 0)
  expect(pace.answered(nothing, 1000, 1030)).toBe(970)
  expect(pace.answered(more, 2000, 2030)).toBe(170)
  expect(pace.answered(more, 3000, 3500)).toBe(0)
  expect(pace.answered(last, 4000, 4010)).toBe(990)
})

test('here a shard that is behind is asked at once, and an idle one the less the longer nothing came', () => {
  const pace = new PollPace('local', 0)
  expect(pace.answered(more, 0, 5)).toBe(0)
  expect(pace.answered(last, 5, 10)).toBe(10)
  expect(pace.answered(nothing, 20, 110)).toBe(10)
  expect(pace.answered(nothing, 1000, 1010)).toBe(20)
  expect(pace.answered(nothing, 10_000, 10_010)).toBe(200)
  expect(pace.answered(nothing, 3_600_000, 3_600_000)).toBe(1000)
  expect(pace.answered(last, 3_700_000, 3_700_000)).toBe(10)
})

test('refusals in a row wait twice as long each, to a bound, and an answer ends the row', () => {
  const pace = new PollPace('local', 0)
  const waits = Array.from({ length: 8 }, () => pace.refused(0.5))
  expect(waits).toEqual([250, 500, 1000, 2000, 4000, 8000, 10_000, 10_000])
  pace.answered(nothing, 0, 0)
  expect([pace.refused(0), new PollPace('aws', 0).refused(0.999)]).toEqual([
    200,
    expect.closeTo(300, 0),
  ])
})
