// Tests when threads are asked for their memory, on a clock that stands still and threads made of numbers.
import type { Worker } from 'node:worker_threads'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import {
  memoryCheckIntervalMs,
  memoryGrowthBytes,
  memoryLookMaxMs,
} from '../common/environment-limits.ts'
import { ManualClock } from '../test/support/manual-clock.ts'
import { ThreadMemory } from './thread-memory.ts'

let clock: ManualClock
let residentBytes: number | undefined
let asked: number
let usedBytes: number
let exhausted: number[]
let memory: ThreadMemory
const threads: Worker[] = []

beforeEach(() => {
  clock = new ManualClock()
  residentBytes = 100e6
  asked = 0
  usedBytes = 1e6
  exhausted = []
  threads.length = 0
  vi.spyOn(process.memoryUsage, 'rss').mockImplementation(() => {
    if (residentBytes === undefined) throw new Error('there is no /proc')
    return residentBytes
  })
  memory = new ThreadMemory({
    memorySizeMb: 128,
    clock,
    threads: () => threads,
    onExhausted: (_, { usedMb }) => Promise.resolve(void exhausted.push(usedMb)),
  })
})
afterEach(() => {
  memory.stop()
  vi.restoreAllMocks()
})

function begin(): void {
  const heap = () => {
    asked += 1
    return { used_heap_size: usedBytes, total_heap_size: usedBytes, external_memory: 0 }
  }
  threads.push({ threadId: 1, getHeapStatistics: () => Promise.resolve(heap()) } as never)
  memory.watch()
}

/** Look by look, and each has its answer. */
async function pass(ms: number): Promise<void> {
  for (let passedMs = 0; passedMs < ms; passedMs += memoryCheckIntervalMs) {
    clock.advance(memoryCheckIntervalMs)
    await new Promise(setImmediate)
  }
}

test('a thread is asked when it has begun, and seldom while the process does not grow', async () => {
  begin()
  await pass(memoryCheckIntervalMs)
  expect(asked).toBe(1)
  expect(memory.usedMb(1)).toBe(1)
  await pass(10 * memoryLookMaxMs)
  expect(asked).toBe(11)
})

test('it is asked at each look for as long as the process grows', async () => {
  begin()
  await pass(memoryCheckIntervalMs)
  for (let i = 0; i < 4; i++) {
    residentBytes = (residentBytes ?? 0) + memoryGrowthBytes + 1
    await pass(memoryCheckIntervalMs)
  }
  expect(asked).toBe(5)
})

test('what others give back does not hide what grows after it', async () => {
  begin()
  await pass(memoryCheckIntervalMs)
  residentBytes = 20e6
  await pass(memoryCheckIntervalMs)
  residentBytes += memoryGrowthBytes + 1
  await pass(memoryCheckIntervalMs)
  expect(asked).toBe(2)
})

test('it is asked at each look where nobody tells what the process holds', async () => {
  residentBytes = undefined
  begin()
  await pass(4 * memoryCheckIntervalMs)
  expect(asked).toBe(4)
})

test('who has used up its memory is told of, also where the process does not grow', async () => {
  begin()
  await pass(memoryCheckIntervalMs)
  usedBytes = 500 * 1024 * 1024
  await pass(memoryLookMaxMs)
  expect(exhausted).toEqual([500])
})

test('the watch ends with the last thread, and asks at once when it begins anew', async () => {
  begin()
  await pass(memoryCheckIntervalMs)
  threads.length = 0
  await pass(memoryCheckIntervalMs)
  expect(clock.timers).toBe(0)
  begin()
  await pass(memoryCheckIntervalMs)
  expect(asked).toBe(2)
})
