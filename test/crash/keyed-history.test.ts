// Tests that the judge of keyed histories finds what is lost and what is out of its order, and nothing else.
import { expect, test } from 'vitest'
import { keyedViolations } from './keyed-history.ts'

const given = (...texts: readonly string[]) =>
  texts.map((text) => ({ key: text.slice(0, 1), value: text.slice(1) }))

test('records of a key in their order, repeated or not, are well', () => {
  const lines = given('a0', 'b0', 'a1', 'a0', 'a1', 'a2', 'b1')
  expect(keyedViolations(lines, new Map([['a', 3]]))).toEqual({ missing: 0, violations: [] })
})

test('what was acknowledged and not given is missing', () => {
  const acknowledged = new Map([
    ['a', 2],
    ['c', 3],
  ])
  expect(keyedViolations(given('a0'), acknowledged)).toEqual({ missing: 4, violations: [] })
})

test('a record before the one before it is a violation, even if that one comes later', () => {
  expect(keyedViolations(given('a0', 'a2', 'a1'), new Map())).toEqual({
    missing: 0,
    violations: ['line 1: a 2 came before a 1'],
  })
})
