// Tests which patterns compile, and what is said of those that do not.
import { expect, test } from 'vitest'
import { compilePattern } from './pattern.ts'

const reasonOf = (pattern: unknown): string => {
  const result = compilePattern(typeof pattern === 'string' ? pattern : JSON.stringify(pattern))
  return result.ok ? 'compiles' : result.reason
}

test.each([
  ['null', 'Filter is not an object'],
  ['"text"', 'Filter is not an object'],
  ['[]', 'Filter is not an object'],
  ['{"a":', 'Filter is not an object'],
  ['{}', 'Empty objects are not allowed'],
  ['{"k":"v"}', '"k" must be an object or an array'],
  ['{"k":null}', '"k" must be an object or an array'],
  ['{"k":[]}', 'Empty arrays are not allowed'],
  ['{"k":[[1]]}', 'Match value must be String, number, true, false, or null'],
  ['{"k":[{"prefix":"a","suffix":"b"}]}', 'Only one key allowed in match expression'],
  ['{"k":[{}]}', 'Only one key allowed in match expression'],
  ['{"k":[{"NUMERIC":["=",1]}]}', 'Unrecognized match type NUMERIC'],
  ['{"k":[{"toString":"x"}]}', 'Unrecognized match type toString'],
  ['{"k":[{"prefix":1}]}', 'prefix match pattern must be a string'],
  ['{"k":[{"suffix":null}]}', 'suffix match pattern must be a string'],
  ['{"k":[{"equals-ignore-case":["a"]}]}', 'equals-ignore-case match pattern must be a string'],
  ['{"k":[{"exists":"true"}]}', 'exists match pattern must be either true or false.'],
])('%s: %s', (pattern, reason) => {
  expect(reasonOf(pattern)).toBe(reason)
})

test.each([
  [5, 'Value of numeric must be an array.'],
  [['!', 5], 'Unrecognized numeric range operator: !'],
  [['toString', 5], 'Unrecognized numeric range operator: toString'],
  [['<', '5'], 'Value of < must be numeric'],
  [['<'], 'Value of < must be numeric'],
  [['>', 1, '>', 2], 'Bad numeric range operator: >'],
  [['>', 1, '<', '2'], 'Value of < must be numeric'],
  [['>', 2, '<', 2], 'Bottom must be less than top'],
  [['<', 1, '>', 2], 'Too many elements in numeric expression'],
  [['>', 1, '<', 2, 3], 'Too many elements in numeric expression'],
  [['=', 5_000_000_001], 'Value must be between -5.0E9 and 5.0E9, inclusive'],
  [['>', -5_000_000_001, '<', 1], 'Value must be between -5.0E9 and 5.0E9, inclusive'],
  [['>', 1, '<=', 5_000_000_001], 'Value must be between -5.0E9 and 5.0E9, inclusive'],
])('numeric %j: %s', (operand, reason) => {
  expect(reasonOf({ k: [{ numeric: operand }] })).toBe(reason)
})

test.each([
  [null, 'Value of anything-but must be an array or single string/number value.'],
  [true, 'Value of anything-but must be an array or single string/number value.'],
  [['a', null], 'Inside anything but list, start|null|boolean is not supported.'],
  [[], 'Empty arrays are not allowed'],
  [{ prefix: '' }, 'Null prefix/suffix not allowed'],
  [{ prefix: 123 }, 'prefix match pattern must be a string'],
  [{ prefix: { 'equals-ignore-case': 'a' } }, 'prefix match pattern must be a string'],
  [{ suffix: { 'equals-ignore-case': 'a' } }, 'suffix match pattern must be a string'],
  [{ prefix: [123, 'a'] }, 'prefix match pattern must be a string'],
  [{ suffix: [null, 'a'] }, 'suffix match pattern must be a string'],
  [{ suffix: ['a', ''] }, 'Null prefix/suffix not allowed'],
  [{ 'equals-ignore-case': 123 }, 'equals-ignore-case match pattern must be a string'],
  [{ 'equals-ignore-case': [123, 'a'] }, 'equals-ignore-case match pattern must be a string'],
  [{ wildcard: ['a', 123] }, 'wildcard match pattern must be a string'],
  [{ numeric: ['=', 1] }, 'Unsupported anything-but pattern: numeric'],
  [{ prefix: 'a', suffix: 'b' }, 'Only one key allowed in match expression'],
])('anything-but %j: %s', (operand, reason) => {
  expect(reasonOf({ k: [{ 'anything-but': operand }] })).toBe(reason)
})

test.each([
  ['a**b', 'Consecutive wildcard characters at pos 1'],
  ['a\\b', 'Invalid escape character at pos 1'],
  [5, 'wildcard match pattern must be a string'],
])('wildcard %j: %s', (operand, reason) => {
  expect(reasonOf({ k: [{ wildcard: operand }] })).toBe(reason)
})

test.each([
  ['10.0.0.0', "Malformed CIDR, one '/' required"],
  ['10.0.0.0/x', 'Malformed CIDR, mask bits must be an integer'],
  ['bad/8', 'Nonstandard IP address: bad'],
  ['10.0.0.0/33', 'Malformed CIDR, mask bits exceed the address'],
  [5, 'prefix match pattern must be a string'],
])('cidr %j: %s', (operand, reason) => {
  expect(reasonOf({ k: [{ cidr: operand }] })).toBe(reason)
})

test('$or takes two objects or more, nothing else', () => {
  expect(reasonOf({ $or: [{ a: [1] }] })).toBe('"$or" must have at least two objects')
  expect(reasonOf({ $or: [{ a: [1] }, 5] })).toBe('"$or" must have only objects')
  expect(reasonOf({ $or: { a: [1] } })).toBe('"$or" must be an array')
  expect(reasonOf({ $or: [{ a: [1] }, { b: 1 }] })).toBe('"b" must be an object or an array')
})

test('a pattern has at most 1000 ways through its $or', () => {
  const ways = (n: number) => ({ $or: Array.from({ length: n }, (_, i) => ({ a: [i] })) })
  expect(reasonOf({ x: ways(10), y: ways(10), z: ways(10) })).toBe('compiles')
  expect(reasonOf({ x: ways(10), y: ways(10), z: ways(11) })).toMatch(/^Rule is too complex/)
})

test('a pattern has at most 4096 characters', () => {
  const pattern = (length: number) => `{"a":["${'x'.repeat(length - 10)}"]}`
  expect(pattern(4096)).toHaveLength(4096)
  expect(reasonOf(pattern(4096))).toBe('compiles')
  expect(reasonOf(pattern(4097))).toBe('Filter is longer than 4096 characters')
})
