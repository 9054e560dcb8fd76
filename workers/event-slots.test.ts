// Tests that threads are told what was taken of their messages, once a turn.
import { expect, test } from 'vitest'
import { EventSlots, noSlot } from './event-slots.ts'
import { costOf } from './runtime/log-pace.ts'

test('what was taken of messages is told at the end of a turn, by slot, and anew with each event', () => {
  const turnEnds: (() => void)[] = []
  const slots = new EventSlots(2, (callback) => turnEnds.push(callback))
  const { taken } = slots.shared
  const [one, other] = [slots.begin(), slots.begin()]
  slots.took(one, 10)
  slots.took(one, 20)
  slots.took(other, 5)
  slots.took(noSlot, 5)
  expect([...taken]).toEqual([0, 0])
  expect(turnEnds).toHaveLength(1)
  turnEnds.shift()?.()
  expect(taken[one]).toBe(costOf(10) + costOf(20))
  expect(taken[other]).toBe(costOf(5))
  slots.again(one)
  expect(taken[one]).toBe(0)
  slots.end(other)
  expect(taken[slots.begin()]).toBe(0)
})

test('a slot that there is not, as a handler may name one, changes nothing', () => {
  const slots = new EventSlots(1, (callback) => callback())
  for (const slot of [1, 7, 0.5, -2, Number.NaN]) slots.took(slot, 10)
  expect([...slots.shared.taken]).toEqual([0])
})
