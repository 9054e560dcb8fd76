// Tests that a rate curve's integral, its inverse and its rate are of one mind.
import { expect, test } from 'vitest'
import { RateCurve } from './rate-curve.ts'

const curve = new RateCurve([
  { seconds: 10, rate: 100 },
  { seconds: 10, rate: 100, to: 300 },
  { seconds: 5, rate: 0 },
  { seconds: 10, rate: 300, to: 0 },
])

test('steps, climbs and pauses add up to what is sent', () => {
  expect([0, 10, 20, 25, 35, 99].map((second) => curve.sentBy(second * 1000))).toEqual([
    0, 1000, 3000, 3000, 4500, 4500,
  ])
  expect(curve.sentBy(15_000)).toBe(1000 + 500 + 250)
  expect([5, 15, 22, 30, 40].map((second) => curve.rateAt(second * 1000))).toEqual([
    100, 200, 0, 150, 0,
  ])
})

test('the time of a record is when that many have been sent', () => {
  for (let records = 1; records <= 4500; records += 7) {
    expect(curve.sentBy(curve.timeOf(records))).toBeCloseTo(records, 6)
  }
  expect(curve.timeOf(3001)).toBeGreaterThan(25_000)
  expect(curve.timeOf(4501)).toBe(Infinity)
})
