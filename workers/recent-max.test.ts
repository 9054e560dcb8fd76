// Tests that a peak is seen for half a minute at least and a minute at most.
import { expect, test } from 'vitest'
import { ManualClock } from '../test/support/manual-clock.ts'
import { RecentMax } from './recent-max.ts'

test('the greatest value is read until its window and the next are over', () => {
  const clock = new ManualClock()
  clock.advance(30_000 - (clock.now() % 30_000))
  const max = new RecentMax(clock)
  expect(max.read()).toBeUndefined()
  max.observe(5)
  max.observe(9)
  max.observe(7)
  expect(max.read()).toBe(9)
  clock.advance(30_000)
  max.observe(3)
  expect(max.read()).toBe(9)
  clock.advance(30_000)
  expect(max.read()).toBe(3)
  clock.advance(60_000)
  expect(max.read()).toBeUndefined()
})
