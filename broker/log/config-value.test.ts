// Tests what texts configurations take, and what the others are told.
import { expect, test } from 'vitest'
import { checkConfig, numberOf, type ConfigRule } from './config-value.ts'

const never = '9223372036854775807'

test.each<[ConfigRule, string, string]>([
  [{ type: 'int' }, ' 12 ', '12'],
  [{ type: 'int' }, '+5', '5'],
  [{ type: 'int' }, '-2147483648', '-2147483648'],
  [{ type: 'long' }, never, never],
  [{ type: 'double' }, '1', '1.0'],
  [{ type: 'double' }, '5e-1', '0.5'],
  [{ type: 'boolean' }, 'TRUE', 'true'],
  [{ type: 'list' }, ' a , b,c', 'a,b,c'],
  [{ type: 'list', oneOf: ['a'] }, '', ''],
  [{ type: 'string', oneOf: ['a', 'b'] }, 'b', 'b'],
  [{ type: 'int', least: 1, most: 9, orEqual: -1 }, '-1', '-1'],
])('%j takes %j and shows it as %j', (rule, text, shown) => {
  expect(checkConfig('c', text, rule)).toBe(shown)
})

test.each<[ConfigRule, string, string]>([
  [{ type: 'int' }, '2147483648', 'Not a number of type INT'],
  [{ type: 'int' }, '1.5', 'Not a number of type INT'],
  [{ type: 'int' }, '', 'Not a number of type INT'],
  [{ type: 'long' }, '9223372036854775808', 'Not a number of type LONG'],
  [{ type: 'long' }, '1'.repeat(10_000), 'Not a number of type LONG'],
  [{ type: 'long', least: -1 }, '-2', 'Value must be at least -1'],
  [{ type: 'double', least: 0, most: 1 }, '1.01', 'Value must be no more than 1'],
  [{ type: 'double' }, 'NaN', 'Not a number of type DOUBLE'],
  [{ type: 'boolean' }, 'yes', 'Expected value to be either true or false'],
  [{ type: 'list', oneOf: ['a', 'b'] }, 'a,c', 'String must be one of: a, b'],
  [{ type: 'string', oneOf: ['a', 'b'] }, 'A', 'String must be one of: a, b'],
  [
    { type: 'int', least: 1, most: 9, orEqual: -1 },
    '0',
    'Value must be between 1 and 9 or equal to -1',
  ],
])('%j refuses %j in Kafka’s words', (rule, text, reason) => {
  const value = rule.type === 'list' ? text.split(',').at(-1) : text
  const message = `Invalid value ${value} for configuration c: ${reason}`
  expect(() => checkConfig('c', text, rule)).toThrow(message)
})

test('a text that no response could carry back is refused', () => {
  expect(() => checkConfig('c', 'x,'.repeat(20_000), { type: 'list' })).toThrow('c is too long')
})

test('the largest int64 is a number that can be reckoned with', () => {
  expect(numberOf(never)).toBe(Number.MAX_SAFE_INTEGER)
  expect(numberOf('-9223372036854775808')).toBe(Number.MIN_SAFE_INTEGER)
  expect(numberOf('-1')).toBe(-1)
})
