// Tests what a pool knows of how long its events take.
import { expect, test } from 'vitest'
import { ServiceTimes } from './service-times.ts'

test('the usual time follows what events take, within some ten of them', () => {
  const times = new ServiceTimes()
  expect(times.usualMs).toBeUndefined()
  times.end(times.begin(0), 8)
  expect(times.usualMs).toBe(8)
  for (let i = 0; i < 10; i++) times.end(times.begin(i), 80)
  expect(times.usualMs).toBeGreaterThan(50)
  expect(times.usualMs).toBeLessThan(80)
})

test('events that run are known by when they began, whichever ends first', () => {
  const times = new ServiceTimes()
  const [first, second] = [times.begin(10), times.begin(20)]
  times.begin(30)
  expect([10, 11, 21, 31].map((ms) => times.begunBefore(ms))).toEqual([0, 1, 2, 3])
  times.end(second, 1)
  expect([10, 11, 21, 31].map((ms) => times.begunBefore(ms))).toEqual([0, 1, 1, 2])
  times.end(first, 1)
  expect(times.begunBefore(31)).toBe(1)
})
