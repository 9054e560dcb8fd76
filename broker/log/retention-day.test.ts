// Tests that a day of retention keeps up with what is written, and that memory does not grow with it.
import { expect, test } from 'vitest'
import { retentionDay } from '../../test/support/retention-day.ts'

test('a day with a gigabyte leaves an hour’s worth on the disk at any time, and memory flat', async () => {
  const day = await retentionDay({ gigabytes: 1, partitions: 4 })
  const segments = day.retainedBytes / 8
  // A segment goes when its youngest record does, and one is being written; then the write-ahead files.
  const walBytesMax = 9 * 65_000_000
  expect(day.diskBytesMax).toBeLessThan(day.retainedBytes + 3 * segments + walBytesMax)
  expect(day.diskBytesEnd).toBeGreaterThan(day.retainedBytes * 0.9)
  // Tails are bounded by 64 MB; what comes on top does not grow with the day.
  expect(day.memoryBytesMax - day.memoryBytesEarly).toBeLessThan(200_000_000)
})
