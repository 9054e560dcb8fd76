// Tests the arithmetic of pauses: shares over time, bounds of a burst, debts.
import { expect, test } from 'vitest'
import { TokenBucket } from './token-bucket.ts'

/** A thread that computes whenever it may, for so long; gives its time on the processor in each of `windows`. */
function compute(cores: number, forMs: number, lateMs = 0, running = 1): number {
  const bucket = new TokenBucket(cores, 0)
  bucket.spend(cores * 100, 0)
  let [nowMs, usedMs, wakeMs] = [0, 0, 0]
  while (nowMs < forMs) {
    const { pauseUntilMs, lookAtMs } = bucket.decide(nowMs, running)
    wakeMs = pauseUntilMs === undefined ? nowMs : pauseUntilMs + lateMs
    const untilMs = Math.max(lookAtMs + lateMs, nowMs + 1)
    const ranMs = Math.max(0, untilMs - wakeMs) * running
    bucket.spend(ranMs, untilMs)
    usedMs += ranMs
    nowMs = untilMs
  }
  return usedMs / nowMs
}

test.each([128, 256, 512, 1024])('%d MB get their share, and no more, over seconds', (memoryMb) => {
  const cores = memoryMb / 1769
  expect(compute(cores, 10_000) / cores).toBeCloseTo(1, 2)
})

test('a governor that is 3 ms late each time gives the same share', () => {
  expect(compute(0.0724, 10_000, 3) / 0.0724).toBeCloseTo(1, 1)
})

test('two threads have one share together', () => {
  expect(compute(0.5, 10_000, 0, 2) / 0.5).toBeCloseTo(1, 1)
})

test('after a rest no more may be used at once than 100 ms of the share', () => {
  const bucket = new TokenBucket(0.1, 0)
  bucket.spend(0, 60_000)
  expect(bucket.levelMs).toBeCloseTo(10)
})

test('whoever cannot use more than the share is never paused', () => {
  const bucket = new TokenBucket(1, 0)
  for (let nowMs = 10; nowMs < 1000; nowMs += 10) {
    bucket.spend(10, nowMs)
    expect(bucket.decide(nowMs, 1).pauseUntilMs).toBeUndefined()
  }
})

test('a debt is paid in pauses of 100 ms that follow on each other', () => {
  const bucket = new TokenBucket(0.1, 0)
  bucket.spend(110, 0)
  expect(bucket.decide(0, 1)).toEqual({ pauseUntilMs: 100, lookAtMs: 99 })
  bucket.spend(0, 99)
  expect(bucket.levelMs).toBeCloseTo(-90.1)
  expect(bucket.decide(99, 1)).toEqual({ pauseUntilMs: 199, lookAtMs: 198 })
})

test('another share begins with a full bucket', () => {
  const bucket = new TokenBucket(1, 0)
  bucket.spend(500, 100)
  bucket.change(0.5, 200)
  expect(bucket.levelMs).toBe(50)
})
