// Tests the schedule of retries.
import { expect, test } from 'vitest'
import { retryDelayMs } from './retry-policy.ts'

test('waits double from one second and stop growing at a minute', () => {
  const middle = [1, 2, 3, 6, 7, 8, 2000].map((failures) => retryDelayMs(failures, 0.5))
  expect(middle).toEqual([1000, 2000, 4000, 32_000, 60_000, 60_000, 60_000])
})

test('a wait strays by a fifth either way, and never past a minute', () => {
  expect(retryDelayMs(1, 0)).toBe(800)
  expect(retryDelayMs(1, 0.999_999)).toBe(1200)
  expect(retryDelayMs(6, 0.999_999)).toBe(38_400)
  expect(retryDelayMs(7, 0.999_999)).toBe(60_000)
})
