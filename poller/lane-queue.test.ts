// Tests the order of lanes that wait, beside a list that is sorted each time.
import { expect, test } from 'vitest'
import { randomFrom, seed } from '../test/support/seeded-random.ts'
import { Lane } from './lane.ts'
import { LaneQueue } from './lane-queue.ts'

const bytes = Buffer.alloc(0)
const places = { bytes, keyStart: 0, keyBytes: -1, valueStart: 0, valueBytes: -1 }
const when = { offset: 0, timestampMs: 0, timestampType: 'CREATE_TIME' as const }
const content = { ...when, ...places, headerCount: 0, headers: [] }

function laneOf(partition: number, timestampMs: number): Lane {
  const lane = new Lane(partition)
  lane.push({ offset: 0, timestampMs, content, sizeBytes: 0 })
  return lane
}

test(`lanes come and go and the oldest is always known, seed ${seed}`, () => {
  const random = randomFrom(seed)
  const below = (n: number): number => Math.floor(random() * n)
  const queue = new LaneQueue()
  let waiting: { lane: Lane; timestampMs: number }[] = []
  for (let step = 0; step < 5000; step++) {
    if (random() < 0.5) {
      const timestampMs = below(50)
      const lane = laneOf(step, timestampMs)
      queue.add(lane)
      waiting.push({ lane, timestampMs })
    } else if (waiting.length > 0) {
      const gone = random() < 0.5 ? queue.oldest : waiting[below(waiting.length)]?.lane
      if (gone !== undefined) queue.delete(gone)
      waiting = waiting.filter(({ lane }) => lane !== gone)
      // It may come back, with another record as its oldest.
      if (gone !== undefined && random() < 0.5) {
        const timestampMs = below(50)
        gone.reset(step)
        gone.push({ offset: step, timestampMs, content, sizeBytes: 0 })
        queue.add(gone)
        waiting.push({ lane: gone, timestampMs })
      }
    }
    const oldest = waiting.toSorted((a, b) => a.timestampMs - b.timestampMs)[0]?.lane
    expect(queue.oldest).toBe(oldest)
    expect(queue.first).toBe(waiting[0]?.lane)
  }
})

test('lanes are listed in the order in which they became ready', () => {
  const queue = new LaneQueue()
  const lanes = [laneOf(0, 5), laneOf(1, 3), laneOf(2, 4)]
  for (const lane of lanes) queue.add(lane)
  expect([...queue.lanes]).toEqual(lanes)
  expect(queue.oldest).toBe(lanes[1])
  expect(lanes.map((lane) => queue.has(lane))).toEqual([true, true, true])
})
