// Tests that a line's level is read whichever runtime wrote it.
import { expect, test } from 'vitest'
import { eventLevel } from './event-level.ts'

test.each([
  ['2026-11-27T04:00:00.000Z\tid\tERROR\tInvoke Error \t{}', 'ERROR'],
  ['2026-11-27T04:00:00.000Z\tundefined\tDEBUG\tx', 'DEBUG'],
  ['[WARNING]\t2026-11-27T04:00:00.000Z\tid\tx', 'WARN'],
  ['[CRITICAL]\t2026-11-27T04:00:00.000Z\tid\tx', 'FATAL'],
  ['{"timestamp":"2026","level":"WARN","message":"x"}', 'WARN'],
  ['{"timestamp":"2026", "level": "error", "message":"x"}', 'ERROR'],
  ['2026-11-27T04:00:00.000Z id Task timed out after 3.00 seconds', 'ERROR'],
  ['RequestId: id Error: Runtime exited with error: exit status 1\nRuntime.ExitError', 'ERROR'],
  ['START RequestId: id Version: 1', 'INFO'],
  ['it says ERROR and means no level', 'INFO'],
])('%j: %s', (message, level) => {
  expect(eventLevel(message)).toBe(level)
})
