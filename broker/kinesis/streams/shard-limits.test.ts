// Tests a shard's limits against AWS's figures.
import { expect, test } from 'vitest'
import { ShardLimits } from './shard-limits.ts'

const mib = 1024 * 1024

test('a thousand records a second are taken, whatever their size, and no more', () => {
  const limits = new ShardLimits()
  expect(limits.admitPut(1000, 1000, 0)).toBe(true)
  expect(limits.admitPut(1, 1, 0)).toBe(false)
  expect(limits.admitPut(1, 1, 1)).toBe(true)
  expect(limits.admitPut(1, 1, 1)).toBe(false)
  expect(limits.admitPut(1, 1000, 1001)).toBe(true)
})

test('a mebibyte a second is taken; what is refused counts for nothing', () => {
  const limits = new ShardLimits()
  expect(limits.admitPut(mib - 10, 1, 0)).toBe(true)
  for (let i = 0; i < 1000; i++) expect(limits.admitPut(20, 1, 0)).toBe(false)
  expect(limits.admitPut(10, 1, 0)).toBe(true)
  expect(limits.admitPut(mib / 2, 1, 500)).toBe(true)
})

test('a record of ten mebibytes passes a rested shard, which is full for ten seconds then', () => {
  const limits = new ShardLimits()
  expect(limits.admitPut(10 * mib, 1, 0)).toBe(true)
  expect(limits.admitPut(1, 1, 8_999)).toBe(false)
  expect(limits.admitPut(1, 1, 9_001)).toBe(true)
  expect(limits.admitPut(10 * mib, 1, 9_500)).toBe(false)
})

test('five calls a second read, and an answer of ten mebibytes holds up others for five seconds', () => {
  const limits = new ShardLimits()
  for (let i = 0; i < 5; i++) expect(limits.admitRead(0)).toBe(true)
  expect(limits.admitRead(0)).toBe(false)
  expect(limits.admitRead(200)).toBe(true)
  limits.noteRead(10 * mib, 200)
  expect(limits.admitRead(4_199)).toBe(false)
  expect(limits.admitRead(4_201)).toBe(true)
})
