// Tests of the sparse index against the batches that it was made from.
import { expect, test } from 'vitest'
import { randomFrom, seed } from '../../test/support/seeded-random.ts'
import { SparseIndex } from './sparse-index.ts'

test(`a read that stops where the index says has every whole batch that there is room for, SEED=${seed}`, () => {
  const random = randomFrom(seed)
  const index = new SparseIndex()
  const ends: number[] = []
  for (let relativeOffset = 0, position = 0; relativeOffset < 500; relativeOffset++) {
    const sizeBytes = 61 + Math.floor(random() ** 6 * 100_000)
    index.add({ relativeOffset, position, sizeBytes, maxTimestamp: 0 })
    position += sizeBytes
    ends.push(position)
  }
  const logBytes = ends.at(-1) ?? 0
  let readBytes = 0
  let roomBytes = 0
  for (let n = 0; n < 2000; n++) {
    const room = Math.floor(random() * logBytes)
    const stop = index.stopFor(room)
    expect(stop).toBeLessThanOrEqual(room)
    expect(stop).toBeGreaterThanOrEqual(ends.findLast((end) => end <= room) ?? 0)
    readBytes += stop
    roomBytes += room
  }
  expect(readBytes).toBeLessThan(roomBytes)
})
