// Tests that a mapping with nothing to do is not looked at, and that its looks then fall where they would have fallen.
import { expect, test } from 'vitest'
import { eventFrame } from './event.ts'
import { EventPollers } from './event-pollers.ts'
import { MappingCounters } from './mapping-counters.ts'
import { Partition } from './partition.ts'
import { Scaling } from './scaling.ts'

const rules = {
  batchSize: 10,
  windowMs: 0,
  payloadMaxBytes: 6_000_000,
  pollersMin: 1,
  pollersMax: 100,
  invocationsPerPoller: 5,
  frame: eventFrame({ bootstrapServers: ['b:9092'] }, 't'),
}

function scaled() {
  const counters = new MappingCounters()
  const scaling = new Scaling(rules, counters, () => 0)
  const pollers = new EventPollers(rules, { pollers: 1, invocationsEach: 5 })
  const partitions = new Map([0, 1].map((each) => [each, new Partition(each)]))
  for (const partition of partitions.values()) {
    partition.found(undefined, { nextOffset: 0, endOffset: 0 })
    partition.advance(0)
  }
  return { scaling, partitions, tick: (nowMs: number) => scaling.tick(partitions, pollers, nowMs) }
}

test('one look that sees nothing is the last, until there is a tick for another reason', () => {
  const { scaling, tick } = scaled()
  tick(1_000_050)
  expect(scaling.dueMs).toBe(1_001_000)
  tick(1_001_000)
  expect(scaling.dueMs).toBeUndefined()
  tick(1_900_300)
  expect(scaling.dueMs).toBe(1_901_000)
})

test('a tick at the very time of a look is one', () => {
  const { scaling, partitions, tick } = scaled()
  tick(1_000_000)
  tick(1_001_000)
  partitions.get(0)?.found(0, { nextOffset: 0, endOffset: 1000 })
  expect(tick(1_005_000)?.change).toMatchObject({ from: 1, to: 2 })
  expect(scaling.dueMs).toBe(1_006_000)
})

test('while records wait it goes on looking', () => {
  const { scaling, partitions, tick } = scaled()
  tick(1_000_000)
  partitions.get(0)?.found(0, { nextOffset: 0, endOffset: 5 })
  for (let look = 1; look <= 5; look++) {
    tick(1_000_000 + look * 1000)
    expect(scaling.dueMs).toBe(1_001_000 + look * 1000)
  }
})

test('partitions that come or go are seen at once, however long nothing was', () => {
  const { scaling, tick } = scaled()
  tick(1_000_000)
  tick(1_001_000)
  scaling.partitionsChanged()
  expect(scaling.dueMs).toBe(0)
})
