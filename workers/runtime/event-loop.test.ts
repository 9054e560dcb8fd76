// Tests when a loop counts as empty, with a real timer that a handler might have left behind.
import { expect, test } from 'vitest'
import { ManualClock } from '../../test/support/manual-clock.ts'
import { EventLoop } from './event-loop.ts'

const turn = () => new Promise((resolve) => setImmediate(resolve))

test('a timer of the handler keeps the loop busy until it is gone', async () => {
  const clock = new ManualClock()
  const loop = new EventLoop(clock)
  const timers = Array.from({ length: 20 }, () => setTimeout(() => {}, 60_000))
  let ended = false
  loop.whenEmpty(0, () => (ended = true))
  await turn()
  clock.advance(1000)
  expect(loop.isEmpty()).toBe(false)
  expect(ended).toBe(false)
  for (const timer of timers) clearTimeout(timer)
  clock.advance(50)
  expect(ended).toBe(true)
})

test('the loop must stay empty for the quiet time', async () => {
  const clock = new ManualClock()
  let ended = false
  new EventLoop(clock).whenEmpty(500, () => (ended = true))
  await turn()
  clock.advance(400)
  expect(ended).toBe(false)
  clock.advance(150)
  expect(ended).toBe(true)
})

test('who gives up waiting is not called', async () => {
  const clock = new ManualClock()
  let ended = false
  new EventLoop(clock).whenEmpty(0, () => (ended = true)).cancel()
  await turn()
  clock.advance(1000)
  expect(ended).toBe(false)
  expect(clock.timers).toBe(0)
})
