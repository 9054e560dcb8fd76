// Tests that alarms go off at their times, each once, by one timer for all of them.
import { beforeEach, expect, test } from 'vitest'
import { ManualClock } from '../test/support/manual-clock.ts'
import { Alarms, alarmsOf } from './alarms.ts'

let clock: ManualClock
let startMs: number
let alarms: Alarms
let rung: string[]

beforeEach(() => {
  clock = new ManualClock()
  startMs = clock.now()
  alarms = new Alarms(clock)
  rung = []
})

const named = (name: string) => alarms.alarm(() => rung.push(`${name} ${clock.now() - startMs}`))

test('each goes off once, at its own time, and there is one timer meanwhile', () => {
  for (const delayMs of [300, 100, 200, 100]) named(`a${delayMs}`).set(delayMs)
  expect(clock.timers).toBe(1)
  clock.advance(1000)
  expect(rung).toEqual(['a100 100', 'a100 100', 'a200 200', 'a300 300'])
  expect(clock.timers).toBe(0)
})

test('one that is set again goes off again, and one that is moved at its new time alone', () => {
  const beat = alarms.alarm(() => {
    rung.push(`beat ${clock.now() - startMs}`)
    if (rung.length < 3) beat.set(100)
  })
  beat.set(50)
  beat.set(100)
  clock.advance(1000)
  expect(rung).toEqual(['beat 100', 'beat 200', 'beat 300'])
})

test('one that is cancelled does not go off, not even where another that goes off cancels it', () => {
  const [first, second, third] = [alarms.alarm(() => second.cancel()), named('b'), named('c')]
  for (const alarm of [first, second, third]) alarm.set(100)
  third.cancel()
  clock.advance(1000)
  expect(rung).toEqual([])
  second.set(100)
  clock.advance(1000)
  expect(rung).toEqual(['b 1100'])
})

test('no timer is left of what was cancelled', () => {
  const [one, two] = [named('a'), named('b')]
  one.set(100)
  two.set(200)
  one.cancel()
  two.cancel()
  expect(clock.timers).toBe(0)
})

test('who goes by one clock shares them', () => {
  expect(alarmsOf(clock)).toBe(alarmsOf(clock))
  expect(alarmsOf(clock)).not.toBe(alarmsOf(new ManualClock()))
})
