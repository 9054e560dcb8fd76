// Tests when a log is due for compaction, and which segments may be touched.
import { expect, test } from 'vitest'
import { cleanable, fitsBehind, isDue, type ClosedSegment, type CompactionConfig } from './plan.ts'

const config: CompactionConfig = {
  segmentBytes: 1000,
  minCleanableDirtyRatio: 0.5,
  minCompactionLagMs: 0,
  maxCompactionLagMs: 60_000,
  deleteRetentionMs: 1000,
}

function segment(baseOffset: number, sizeBytes: number, newestMs = 0): ClosedSegment {
  return {
    baseOffset,
    endOffset: baseOffset + 100,
    sizeBytes,
    modifiedMs: newestMs,
    maxTimestamp: () => Promise.resolve(newestMs),
  }
}

const none = { compactedTo: 0, deleteHorizonMs: undefined }

test('a log is due once half of it is new', async () => {
  const segments = [segment(0, 600), segment(100, 400)]
  const at = { nowMs: 10, config }
  expect(await isDue(segments, none, at)).toBe(true)
  expect(await isDue(segments, { ...none, compactedTo: 100 }, at)).toBe(false)
  expect(await isDue([segment(0, 400), segment(100, 400)], { ...none, compactedTo: 100 }, at)).toBe(
    true,
  )
  expect(await isDue(segments, { ...none, compactedTo: 200 }, at)).toBe(false)
  expect(await isDue([], none, at)).toBe(false)
})

test('whatever is older than max.compaction.lag.ms makes it due', async () => {
  const segments = [segment(0, 9000), segment(100, 1, 1000)]
  const progress = { ...none, compactedTo: 100 }
  expect(await isDue(segments, progress, { nowMs: 61_000, config })).toBe(false)
  expect(await isDue(segments, progress, { nowMs: 61_001, config })).toBe(true)
})

test('so does a tombstone that may go', async () => {
  const segments = [segment(0, 100)]
  const progress = { compactedTo: 100, deleteHorizonMs: 500 }
  expect(await isDue(segments, progress, { nowMs: 499, config })).toBe(false)
  expect(await isDue(segments, progress, { nowMs: 500, config })).toBe(true)
})

test('what is above the last stable offset, or younger than min.compaction.lag.ms, stays', async () => {
  const segments = [segment(0, 1, 100), segment(100, 1, 900), segment(200, 1, 100)]
  const bases = async (upTo: number, minCompactionLagMs: number): Promise<readonly number[]> => {
    const found = await cleanable(
      segments,
      { upTo, nowMs: 1000 },
      { ...config, minCompactionLagMs },
    )
    return found.map(({ baseOffset }) => baseOffset)
  }
  expect(await bases(300, 0)).toEqual([0, 100, 200])
  expect(await bases(299, 0)).toEqual([0, 100])
  expect(await bases(300, 500)).toEqual([0])
})

test('neighbours come together as long as a segment holds what is left of them', () => {
  const before = { baseOffset: 0, sizeBytes: 600 }
  expect(fitsBehind(before, segment(100, 400), config)).toBe(true)
  expect(fitsBehind(before, segment(100, 401), config)).toBe(false)
})

test('nor do offsets come together that 32 bits cannot tell apart', () => {
  expect(fitsBehind({ baseOffset: 0, sizeBytes: 1 }, segment(2 ** 31, 1), config)).toBe(false)
})
