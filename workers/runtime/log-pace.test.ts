// Tests when a handler that writes much waits for the platform, with a platform that takes when the test says so.
import { beforeEach, expect, test } from 'vitest'
import { logAheadMaxChars, logMessageChars } from '../../common/log-limits.ts'
import { costOf, LogPace } from './log-pace.ts'

const slot = 1
let taken: Int32Array<SharedArrayBuffer>
let waits: number
let onWait: () => 'ok' | 'timed-out'
let pace: LogPace
beforeEach(() => {
  taken = new Int32Array(new SharedArrayBuffer(2 * Int32Array.BYTES_PER_ELEMENT))
  waits = 0
  onWait = () => 'timed-out'
  pace = new LogPace({
    taken,
    wait: () => {
      waits += 1
      return onWait()
    },
  })
  pace.begin(slot)
})

test('who writes little never waits', () => {
  for (let sent = 0; sent + costOf(50) <= logAheadMaxChars; sent += costOf(50)) pace.sent(50)
  expect(waits).toBe(0)
  pace.sent(50)
  expect(waits).toBe(1)
})

test('messages without text are not for nothing', () => {
  for (let i = 0; i <= logAheadMaxChars / logMessageChars; i++) pace.sent(0)
  expect(waits).toBe(1)
})

test('who writes much goes on when enough of it was taken, and not before', () => {
  onWait = () => {
    Atomics.add(taken, slot, 1000)
    return 'ok'
  }
  pace.sent(logAheadMaxChars + 2000)
  expect(waits).toBe(Math.ceil((2000 + logMessageChars) / 1000))
})

test('a platform that takes nothing holds nobody up for good', () => {
  pace.sent(2 * logAheadMaxChars)
  pace.sent(1)
  expect(waits).toBe(2)
})

test('an event begins without what the one before it wrote, and one without a slot waits never', () => {
  pace.sent(logAheadMaxChars - logMessageChars)
  pace.begin(slot)
  pace.sent(logAheadMaxChars - logMessageChars)
  pace.begin(-1)
  pace.sent(2 * logAheadMaxChars)
  expect(waits).toBe(0)
})

test('an event that writes more than 2 GB is held up no more than another', () => {
  const chars = 2 ** 30
  for (let i = 0; i < 5; i++) {
    Atomics.add(taken, slot, costOf(chars))
    pace.sent(chars)
  }
  expect(waits).toBe(0)
})
