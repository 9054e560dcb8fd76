// Tests what a pool knows of how long its events take.
import { expect, test } from 'vitest'
import { ServiceTimes } from './service-times.ts'

test('the usual time follows what events take, within some thirty of them', () => {
  const times = new ServiceTimes()
  expect(times.usualMs).toBeUndefined()
  times.end(times.begin(0), 0.2)
  expect(times.usualMs).toBe(0.2)
  for (let i = 0; i < 30; i++) times.end(times.begin(i), 200)
  expect(times.usualMs).toBeGreaterThan(100)
  expect(times.usualMs).toBeLessThan(200)
  for (let i = 0; i < 30; i++) times.end(times.begin(i), 0.2)
  expect(times.usualMs).toBeLessThan(0.3)
})

test('a few events that the machine held up are not the usual', () => {
  const times = new ServiceTimes()
  for (let i = 0; i < 100; i++) times.end(times.begin(i), i % 4 === 3 ? 20 : 0.2)
  expect(times.usualMs).toBeLessThan(0.7)
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
