// Tests when memory is given back: after a burst, in quiet, and not where the pause would be long.
import { describe, expect, test } from 'vitest'
import { ManualClock } from '../test/support/manual-clock.ts'
import { IdleCollector, type ThreadUse } from './idle-collector.ts'
import {
  idleCollectIntervalMs,
  idleLookIntervalMs,
  idleUsedMaxBytes,
  idleYoungMinBytes,
} from './limits.ts'

const grown: ThreadUse = { busyShare: 0.01, youngBytes: idleYoungMinBytes, usedBytes: 1e6 }

/** Collections after each look. */
function collections(looks: readonly ThreadUse[]): number[] {
  const clock = new ManualClock()
  let count = 0
  let at = 0
  const collector = new IdleCollector({
    clock,
    look: () => looks[at++] ?? grown,
    collect: () => (count += 1),
  })
  collector.start()
  const counts: number[] = []
  for (const _ of looks) {
    clock.advance(idleLookIntervalMs)
    counts.push(count)
  }
  collector.stop()
  clock.advance(10 * idleLookIntervalMs)
  expect(count).toBe(counts.at(-1))
  return counts
}

describe('memory that a burst left', () => {
  test('is given back when the thread was calm for three looks, and not soon again', () => {
    const perInterval = idleCollectIntervalMs / idleLookIntervalMs
    const counts = collections(Array.from({ length: perInterval + 4 }, () => grown))
    expect(counts.slice(0, 4)).toEqual([0, 0, 1, 1])
    expect(counts.slice(perInterval, perInterval + 4)).toEqual([1, 1, 2, 2])
  })

  test('is kept while the thread works: a busy look begins the count anew', () => {
    const busy = { ...grown, busyShare: 0.9 }
    expect(collections([grown, grown, busy, grown, grown, grown])).toEqual([0, 0, 0, 0, 0, 1])
  })

  test('is kept where there is little of it', () => {
    const small = { ...grown, youngBytes: idleYoungMinBytes - 1 }
    expect(collections([small, small, small, small])).toEqual([0, 0, 0, 0])
  })

  test('is kept where so much is in use that the pause would be felt', () => {
    const full = { ...grown, usedBytes: idleUsedMaxBytes + 1 }
    expect(collections([full, full, full, full])).toEqual([0, 0, 0, 0])
  })

  test('is what V8 says of this thread, where nothing else is given', () => {
    const clock = new ManualClock()
    let count = 0
    const collector = new IdleCollector({ clock, collect: () => (count += 1) })
    collector.start()
    clock.advance(2 * idleLookIntervalMs)
    expect(count).toBe(0)
    collector.stop()
  })
})
