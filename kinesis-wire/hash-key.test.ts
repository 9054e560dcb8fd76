// Tests hash keys against values that AWS documents, and that ranges leave no gap.
import { expect, test } from 'vitest'
import { hashKeyMax, hashKeyOf, uniformRange } from './hash-key.ts'

test("a key's hash is its MD5, big-endian", () => {
  expect(hashKeyOf('')).toBe(0xd41d8cd98f00b204e9800998ecf8427en)
  expect(hashKeyOf('ä')).toBe(0x8419b71c87a225a2c70b50486fbee545n)
})

test.each([1, 3, 4, 7, 1000])('%i ranges part all hash keys', (count) => {
  const ranges = Array.from({ length: count }, (_, index) => uniformRange(index, count))
  expect(ranges[0]?.start).toBe(0n)
  expect(ranges.at(-1)?.end).toBe(hashKeyMax)
  for (const [index, { start }] of ranges.entries()) {
    if (index > 0) expect(start).toBe((ranges[index - 1]?.end ?? 0n) + 1n)
  }
})

test('the ranges of two shards are those that AWS shows', () => {
  expect(uniformRange(1, 2).start.toString()).toBe('170141183460469231731687303715884105728')
})
