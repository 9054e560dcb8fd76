// Tests that throttled time of environments adds up and never goes back.
import { expect, test } from 'vitest'
import { ThrottledTime } from './throttled-time.ts'

test('what an environment waited counts while it lives and after its end', () => {
  const time = new ThrottledTime()
  const share = { ms: 5, throttledMs: () => share.ms }
  time.add(share)
  time.add({ throttledMs: () => 1 })
  expect(time.readMs()).toBe(6)
  share.ms = 7
  time.remove(share)
  time.remove(share)
  share.ms = 0
  expect(time.readMs()).toBe(8)
})
