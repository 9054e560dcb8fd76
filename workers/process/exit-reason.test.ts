// Tests that ends of processes are said as Lambda says them.
import { expect, test } from 'vitest'
import { exitReason } from './exit-reason.ts'

test.each([
  [0, null, 'Runtime exited without providing a reason'],
  [1, null, 'Runtime exited with error: exit status 1'],
  [255, null, 'Runtime exited with error: exit status 255'],
  [null, 'SIGKILL', 'Runtime exited with error: signal: killed'],
  [null, 'SIGABRT', 'Runtime exited with error: signal: aborted'],
  [null, 'SIGSEGV', 'Runtime exited with error: signal: segmentation fault'],
  [null, 'SIGSTKFLT', 'Runtime exited with error: signal: SIGSTKFLT'],
])('%j and %j are %j', (code, signal, text) => {
  expect(exitReason(code, signal)).toBe(text)
})
