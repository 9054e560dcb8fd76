// Tests when threads that used up their share go on: while the watched thread waits for a lock, and not otherwise.
import { beforeEach, expect, test } from 'vitest'
import {
  stallAlertMs,
  stallLookMs,
  stallScanCostFactor,
  stallScanMs,
} from '../../common/cpu-limits.ts'
import { StallWatch } from './stall-watch.ts'
import { waitOf } from './stall-memory.ts'

let nowMs: number
let scanCostMs: number
let throttles: Map<number, number | undefined>
let waiting: string | undefined
let refilled: number[]
let looks: number
let watch: StallWatch

beforeEach(() => {
  nowMs = 1000
  scanCostMs = 0
  throttles = new Map()
  waiting = undefined
  refilled = []
  looks = 0
  watch = new StallWatch({
    now: () => nowMs,
    held: () => {
      nowMs += scanCostMs
      return [...throttles.keys()]
    },
    throttles: (threadId) => throttles.get(threadId),
    waiting: () => {
      looks += 1
      return waiting
    },
    refill: (threadId) => refilled.push(threadId),
  })
})

/** Looks, and comes to when it is to look again. */
function look(): number | undefined {
  const delayMs = watch.look()
  nowMs += delayMs ?? 0
  return delayMs
}

test('while nobody uses up a share nothing is looked at but that, and then it sleeps', () => {
  throttles.set(7, 0)
  for (let i = 0; i < stallAlertMs / stallScanMs; i++) expect(look()).toBe(stallScanMs)
  expect(look()).toBeUndefined()
  expect(looks).toBe(0)
  watch.wake()
  expect(look()).toBe(stallScanMs)
})

test('who used up a share goes on when the same wait is seen twice, and those that did not stay as they are', () => {
  throttles.set(7, 3).set(8, 0)
  waiting = '202 a'
  expect(look()).toBe(stallLookMs)
  expect(refilled).toEqual([])
  look()
  expect(refilled).toEqual([7])
})

test('a stall that goes on is mended with each look', () => {
  throttles.set(7, 3)
  waiting = '202 a'
  for (let i = 0; i < 4; i++) look()
  expect(refilled).toEqual([7, 7, 7])
  waiting = '202 b'
  look()
  expect(refilled).toEqual([7, 7, 7])
})

test('waits that are short are no stall', () => {
  throttles.set(7, 3)
  for (const text of ['202 a', '202 b', undefined, '202 b', undefined, undefined, '202 c']) {
    waiting = text
    look()
  }
  expect(refilled).toEqual([])
})

test('a second after the last share was used up it is over', () => {
  throttles.set(7, 3)
  waiting = '202 a'
  const startMs = nowMs
  while (look() !== undefined) expect(nowMs).toBeLessThan(startMs + 2 * stallAlertMs)
  expect(nowMs).toBeGreaterThanOrEqual(startMs + stallAlertMs)
  const times = refilled.length
  nowMs += stallAlertMs
  expect(look()).toBeUndefined()
  expect(refilled.length).toBe(times)
})

test('it goes on for as long as shares are used up', () => {
  const endMs = nowMs + 5 * stallAlertMs
  for (let used = 1; nowMs < endMs; used++) {
    throttles.set(7, used)
    expect(look()).toBe(stallLookMs)
  }
})

test('threads that are gone or tell nothing are left alone, and a number that comes back is new', () => {
  throttles.set(7, 3).set(8, undefined)
  waiting = '202 a'
  look()
  throttles.delete(7)
  nowMs += stallScanMs
  look()
  look()
  expect(refilled).toEqual([])
  throttles.set(7, 1)
  nowMs += stallScanMs
  look()
  look()
  expect(refilled).toEqual([7])
})

test('looking for used up shares takes a hundredth of the time at most', () => {
  throttles.set(7, 0)
  scanCostMs = 10
  expect(look()).toBe(scanCostMs * stallScanCostFactor - scanCostMs)
})

test('a wait for a lock is known by its system call', () => {
  const text = '202 0x7f01 0x80 0x0 0x0 0x0 0x0 0x7ffd 0x7f02\n'
  expect(waitOf(text, 'x64')).toBe(text)
  expect(waitOf(text, 'arm64')).toBeUndefined()
  expect(waitOf(text, 'riscv64')).toBeUndefined()
  expect(waitOf('98 0x7f01 0x80\n', 'arm64')).toBe('98 0x7f01 0x80\n')
  for (const other of ['running\n', '281 0xd 0x7ffd\n', '20 0x1\n', '2020 0x1\n', '']) {
    expect(waitOf(other, 'x64')).toBeUndefined()
  }
})
