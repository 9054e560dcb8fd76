// Tests the choice of which event runs next: shares of what is free, throttles, turns.
import { expect, test } from 'vitest'
import { Backlog, backlogLimits } from './backlog.ts'
import { DueHeap } from './due-heap.ts'
import type { QueuedEvent } from './event.ts'
import { randomFrom, seed } from '../../test/support/seeded-random.ts'

let count = 0
const eventOf = (functionName: string, dueMs = 0): QueuedEvent => ({
  id: `${(count += 1)}`,
  functionName,
  receivedMs: 0,
  hops: 0,
  attempts: 0,
  setbacks: 0,
  dueMs,
})

function backlogOf(limits: Partial<typeof backlogLimits> = {}, reserved?: number): Backlog {
  return new Backlog({ ...backlogLimits, ...limits }, () => reserved)
}

function fill(backlog: Backlog, functionName: string, events: number): void {
  for (let n = 0; n < events; n += 1) {
    backlog.enter(functionName, 100)
    backlog.schedule(eventOf(functionName))
  }
}

const namesOf = (events: readonly QueuedEvent[]): string[] => events.map((e) => e.functionName)

test('a function that is alone takes half of what is shared, and there is room for one more', () => {
  const backlog = backlogOf({ invocationsMax: 8, functionInvocationsMax: 100 })
  fill(backlog, 'a', 50)
  expect(backlog.take(0).events).toHaveLength(4)
  fill(backlog, 'b', 50)
  expect(namesOf(backlog.take(0).events)).toEqual(['b', 'b'])
  fill(backlog, 'c', 1)
  expect(namesOf(backlog.take(0).events)).toEqual(['c'])
  expect(backlog.check()).toBeUndefined()
})

test('a reservation bounds how many of a function run at once', () => {
  const backlog = backlogOf({}, 3)
  fill(backlog, 'a', 50)
  expect(backlog.take(0).events).toHaveLength(3)
})

test('a throttle halves what runs and makes the function rest; success opens it again', () => {
  const backlog = backlogOf({ functionInvocationsMax: 8, throttlePauseMs: 1000 })
  fill(backlog, 'a', 50)
  const first = backlog.take(0).events
  expect(first).toHaveLength(8)
  const [refused, ...rest] = first
  if (refused === undefined) throw new Error('none')
  backlog.returned(refused, 'refused', 0)
  backlog.schedule({ ...refused, dueMs: 5000 })
  for (const event of rest) {
    backlog.returned(event, 'served', 0)
    backlog.leave('a', 100)
  }
  expect(backlog.take(999)).toEqual({ events: [], wakeMs: 1000 })
  expect(backlog.take(1000).events).toHaveLength(8)
  expect(backlog.check()).toBeUndefined()
})

test('while every try is refused, one a second is made, however many wait', () => {
  const backlog = backlogOf({ functionInvocationsMax: 8, throttlePauseMs: 1000 })
  fill(backlog, 'a', 500)
  let tries = 0
  for (let nowMs = 0; nowMs < 20_000; nowMs += 100) {
    for (const event of backlog.take(nowMs).events) {
      tries += 1
      backlog.returned(event, 'refused', nowMs)
      backlog.schedule({ ...event, dueMs: nowMs + 60_000 })
    }
  }
  expect(tries).toBeLessThan(40)
})

test('results that no destination takes make their function wait, and no other', () => {
  const backlog = backlogOf({ deliveriesWaitingMax: 2, functionDeliveriesMax: 1 })
  fill(backlog, 'a', 2)
  fill(backlog, 'b', 1)
  for (const event of backlog.take(0).events) {
    if (event.functionName !== 'a') continue
    backlog.returned(event, 'served', 0)
    const ending = { condition: 'Success', endedMs: 0, payloadBytes: 0, hearers: [] } as const
    backlog.schedule({ ...event, ending })
  }
  fill(backlog, 'a', 5)
  fill(backlog, 'b', 1)
  const next = backlog.take(0).events
  expect(next.map((e) => `${e.functionName} ${e.ending?.condition ?? 'runs'}`).toSorted()).toEqual([
    'a Success',
    'b runs',
  ])
})

test('bytes are shared as events are', () => {
  const backlog = backlogOf({ bytesMax: 1000 })
  expect(backlog.admits('a', 1000)).toBe(true)
  backlog.enter('a', 400)
  expect(backlog.admits('a', 300)).toBe(false)
  expect(backlog.admits('a', 200)).toBe(true)
  expect(backlog.admits('b', 600)).toBe(true)
})

test(`the heap gives everything back in order of time, seed ${seed}`, () => {
  const random = randomFrom(seed)
  const heap = new DueHeap<{ dueMs: number }>()
  const all: number[] = []
  const out: number[] = []
  for (let n = 0; n < 500; n += 1) {
    const dueMs = Math.floor(random() * 100)
    all.push(dueMs)
    heap.push({ dueMs })
  }
  while (heap.size > 0) out.push(heap.pop()?.dueMs ?? Number.NaN)
  expect(out).toEqual(all.toSorted((a, b) => a - b))
  expect(heap.pop()).toBeUndefined()
})
