// Tests that what the judge of windows calls a violation is one, and nothing else is.
import { expect, test } from 'vitest'
import { windowViolations, type WindowLine } from './window-history.ts'

const acknowledged = new Map([['a', 2]])
const first: WindowLine = { shard: 's0', window: '10:00', records: { 1: 'a:0', 2: 'a:1' } }

test('a window that ends twice with the same records is none', () => {
  expect(windowViolations([first, first], acknowledged)).toEqual({ missing: 0, violations: [] })
})

test('a record put twice may be in two windows, as two records', () => {
  const second = { shard: 's0', window: '10:02', records: { 3: 'a:1' } }
  expect(windowViolations([first, second], acknowledged).violations).toEqual([])
})

test('a record in two windows, and a window that ends with fewer records, are violations', () => {
  const twice = { shard: 's0', window: '10:02', records: { 2: 'a:1' } }
  expect(windowViolations([first, twice], acknowledged).violations).toEqual([
    'record 2 is in s0 10:00 and in s0 10:02',
  ])
  const part = { ...first, records: { 2: 'a:1' } }
  expect(windowViolations([first, part], acknowledged).violations).toEqual([
    's0 10:00 ended with 2 records and again with 1',
  ])
})

test('an acknowledged record in no window is missing, one that was not acknowledged may be', () => {
  expect(windowViolations([first], new Map([['a', 3]])).missing).toBe(1)
  expect(windowViolations([first], new Map([['a', 1]])).missing).toBe(0)
})
