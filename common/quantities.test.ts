// Tests sizes and durations as people type them.
import { expect, test } from 'vitest'
import { formatBytes, formatMilliseconds, parseBytes, parseMilliseconds } from './quantities.ts'

test.each([
  ['0', 0],
  ['1500', 1500],
  ['64MiB', 67_108_864],
  ['1.5 kb', 1500],
  ['2g', 2_147_483_648],
  ['-1', -1],
  ['-2', undefined],
  ['12 parsecs', undefined],
  ['', undefined],
  ['9999999999999t', undefined],
])('%j bytes are %j', (text, bytes) => {
  expect(parseBytes(text)).toBe(bytes)
})

test.each([
  ['250', 250],
  ['250ms', 250],
  ['1.5s', 1500],
  ['2min', 120_000],
  ['7d', 604_800_000],
  ['soon', undefined],
])('%j is %j ms', (text, ms) => {
  expect(parseMilliseconds(text)).toBe(ms)
})

test('quantities are written for people', () => {
  expect([formatBytes(12), formatBytes(1536), formatBytes(5 * 1024 ** 3)]).toEqual([
    '12 B',
    '1.5 KiB',
    '5.0 GiB',
  ])
  expect([250, 1500, 90_000].map(formatMilliseconds)).toEqual(['250 ms', '1.5 s', '1 min 30 s'])
})
