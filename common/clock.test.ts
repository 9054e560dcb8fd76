// Tests that time follows the wall clock, and only forward.
import { expect, test } from 'vitest'
import { steadyTime } from './clock.ts'

test('time follows the wall clock past a sleep in which the monotonic clock stood still', () => {
  const at = { wall: 1_000_000, monotonic: 50 }
  const now = steadyTime(
    () => at.wall,
    () => at.monotonic,
  )
  expect(now()).toBe(1_000_000)
  at.wall += 3_600_000
  at.monotonic += 1
  expect(now()).toBe(4_600_000)
})

test('a wall clock that is set back neither turns time back nor stops it', () => {
  const at = { wall: 1_000_000, monotonic: 50 }
  const now = steadyTime(
    () => at.wall,
    () => at.monotonic,
  )
  expect(now()).toBe(1_000_000)
  at.wall -= 3_600_000
  expect(now()).toBe(1_000_000)
  at.monotonic += 70
  expect(now()).toBe(1_000_070)
})

test('it is never behind the wall clock by a fraction of a millisecond', () => {
  const now = steadyTime(Date.now, () => performance.now())
  for (let i = 0; i < 1000; i++) {
    const wall = Date.now()
    expect(now()).toBeGreaterThanOrEqual(wall)
  }
})
