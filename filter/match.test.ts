// Tests what each rule of the pattern language lets through.
import { expect, test } from 'vitest'
import { matches } from './match.ts'
import { compilePattern } from './pattern.ts'

const holds = (pattern: unknown, event: unknown): boolean => {
  const result = compilePattern(JSON.stringify(pattern))
  if (!result.ok) throw new Error(result.reason)
  return matches(result.pattern, event)
}
const leaf = (condition: unknown, value: unknown): boolean =>
  holds({ k: [condition] }, { k: value })

test('literals match by type and value, without any normalisation', () => {
  expect(leaf('a', 'a')).toBe(true)
  expect(leaf('a', 'A')).toBe(false)
  expect(leaf('a', 'a ')).toBe(false)
  expect(leaf('😀', '😀')).toBe(true)
  expect(leaf(300, JSON.parse('300.0'))).toBe(true)
  expect(leaf(300, '300')).toBe(false)
  expect(leaf('300', 300)).toBe(false)
  expect(leaf(true, true)).toBe(true)
  expect(leaf(true, 'true')).toBe(false)
  expect(holds({ k: ['a', 'b'] }, { k: 'b' })).toBe(true)
})

test('null matches JSON null only, the empty string itself only', () => {
  expect(leaf(null, null)).toBe(true)
  expect(leaf(null, 'null')).toBe(false)
  expect(leaf(null, [])).toBe(false)
  expect(holds({ k: [null] }, {})).toBe(false)
  expect(leaf('', '')).toBe(true)
  expect(leaf('', null)).toBe(false)
})

test('keys are AND-ed, nested objects descend, keys are case-sensitive', () => {
  const pattern = { a: { b: [1] }, c: [2] }
  expect(holds(pattern, { a: { b: 1 }, c: 2 })).toBe(true)
  expect(holds(pattern, { a: { b: 1 }, c: 3 })).toBe(false)
  expect(holds(pattern, { a: { b: 1 } })).toBe(false)
  expect(holds(pattern, { A: { b: 1 }, c: 2 })).toBe(false)
  expect(holds({ a: { b: [1] } }, { a: 1 })).toBe(false)
})

test('prefix and suffix match strings, case counts unless folded, empty matches any string', () => {
  expect(leaf({ prefix: 'eu-' }, 'eu-west-1')).toBe(true)
  expect(leaf({ prefix: 'eu-' }, 'EU-west-1')).toBe(false)
  expect(leaf({ prefix: { 'equals-ignore-case': 'eu-' } }, 'EU-west-1')).toBe(true)
  expect(leaf({ suffix: '.png' }, 'a.png')).toBe(true)
  expect(leaf({ suffix: { 'equals-ignore-case': '.png' } }, 'a.PNG')).toBe(true)
  expect(leaf({ suffix: '.png' }, 'a.jpg')).toBe(false)
  expect(leaf({ prefix: '' }, '')).toBe(true)
  expect(leaf({ prefix: '1' }, 12)).toBe(false)
})

test.each([
  [['=', 5], 5, true],
  [['=', 5], 5.1, false],
  [['<', 5], 4, true],
  [['<', 5], 5, false],
  [['<=', 5], 5, true],
  [['>', 5], 5, false],
  [['>=', 5], 5, true],
  [['>', 0, '<=', 5], 0, false],
  [['>', 0, '<=', 5], 5, true],
  [['>=', 0, '<', 5], 0, true],
  [['>=', 0, '<', 5], 5, false],
  [['=', 300], '300', false],
  [['=', 0], null, false],
  [['>', -1e9], 3.018e2, true],
])('numeric %j of %j is %j', (numeric, value, expected) => {
  expect(leaf({ numeric }, value)).toBe(expected)
})

test('exists looks at leaves: an object between is absent, and so is an empty array', () => {
  expect(leaf({ exists: true }, null)).toBe(true)
  expect(leaf({ exists: true }, 'x')).toBe(true)
  expect(leaf({ exists: true }, { a: 1 })).toBe(false)
  expect(leaf({ exists: true }, [])).toBe(false)
  expect(leaf({ exists: false }, 'x')).toBe(false)
  expect(holds({ k: [{ exists: false }] }, {})).toBe(true)
  expect(holds({ a: { b: { c: [{ exists: false }] } } }, {})).toBe(true)
})

test('anything-but needs a value that is there; null is one', () => {
  expect(leaf({ 'anything-but': 'a' }, 'b')).toBe(true)
  expect(leaf({ 'anything-but': 'a' }, 'a')).toBe(false)
  expect(holds({ k: [{ 'anything-but': 'a' }] }, {})).toBe(false)
  expect(leaf({ 'anything-but': 'a' }, null)).toBe(true)
  expect(leaf({ 'anything-but': [100, 200, 300] }, 300)).toBe(false)
  expect(leaf({ 'anything-but': [100, 200, 300] }, '300')).toBe(true)
  expect(leaf({ 'anything-but': 0 }, 0)).toBe(false)
})

test('anything-but negates prefix, suffix, equals-ignore-case and wildcard, one or a list', () => {
  expect(leaf({ 'anything-but': { prefix: 'init' } }, 'initialised')).toBe(false)
  expect(leaf({ 'anything-but': { prefix: 'init' } }, 12)).toBe(true)
  expect(leaf({ 'anything-but': { prefix: ['a', 'b'] } }, null)).toBe(true)
  expect(leaf({ 'anything-but': { wildcard: '' } }, 'dir/file')).toBe(true)
  expect(leaf({ 'anything-but': { prefix: ['a', 'b'] } }, 'bc')).toBe(false)
  expect(leaf({ 'anything-but': { suffix: 'x' } }, 'ax')).toBe(false)
  expect(leaf({ 'anything-but': { 'equals-ignore-case': ['A', 'B'] } }, 'b')).toBe(false)
  expect(leaf({ 'anything-but': { wildcard: '*/lib/*' } }, 'a/lib/b')).toBe(false)
  expect(leaf({ 'anything-but': { wildcard: '*/lib/*' } }, 'a/bin/b')).toBe(true)
  expect(holds({ k: [{ 'anything-but': { prefix: 'a' } }] }, {})).toBe(false)
})

test('equals-ignore-case folds case and nothing else', () => {
  expect(leaf({ 'equals-ignore-case': 'aLiCe' }, 'ALICE')).toBe(true)
  expect(leaf({ 'equals-ignore-case': 'alice' }, 'alice ')).toBe(false)
  expect(leaf({ 'equals-ignore-case': '1' }, 1)).toBe(false)
  expect(leaf({ 'equals-ignore-case': '' }, '')).toBe(true)
  expect(leaf({ 'equals-ignore-case': '' }, 'a')).toBe(false)
})

test.each([
  ['a*c', 'abbc', true],
  ['a*c', 'ac', true],
  ['a*c', 'acb', false],
  ['*.png', 'x.png', true],
  ['dir/*/f*', 'dir/a/b/file', true],
  ['a*a', 'a', false],
  ['a*b*b', 'ab', false],
  ['*ab*ab*', 'abab', true],
  ['*ab*ab*', 'aba', false],
  ['\\*x', '*x', true],
  ['\\*x', 'ax', false],
  ['\\\\*', '\\abc', true],
  ['', '', false],
])('wildcard %j of %j is %j', (wildcard, value, expected) => {
  expect(leaf({ wildcard }, value)).toBe(expected)
})

test('cidr matches addresses inside the block, of its own family', () => {
  expect(leaf({ cidr: '10.0.0.0/24' }, '10.0.0.255')).toBe(true)
  expect(leaf({ cidr: '10.0.0.0/24' }, '10.0.1.0')).toBe(false)
  expect(leaf({ cidr: '2001:db8::/32' }, '2001:db8:1::1')).toBe(true)
  expect(leaf({ cidr: '2001:db8::/32' }, '2001:db9::1')).toBe(false)
  expect(leaf({ cidr: '::/0' }, '10.0.0.1')).toBe(false)
  expect(leaf({ cidr: '10.0.0.0/24' }, 'xx')).toBe(false)
  expect(leaf({ cidr: '10.0.0.0/24' }, 10)).toBe(false)
})

test('any element of an array is enough; an empty array has none', () => {
  expect(leaf('b', ['a', 'b'])).toBe(true)
  expect(leaf('c', ['a', 'b'])).toBe(false)
  expect(leaf('a', [])).toBe(false)
  expect(leaf({ 'anything-but': 'a' }, [])).toBe(false)
  expect(leaf({ 'anything-but': 'a' }, ['a', 'b'])).toBe(true)
})

test('arrays of objects are walked, and one element has to satisfy all of a level', () => {
  const event = {
    a: [
      { id: 1, n: 'x' },
      { id: 2, n: 'y' },
    ],
  }
  expect(holds({ a: { id: [2] } }, event)).toBe(true)
  expect(holds({ a: { id: [2], n: ['y'] } }, event)).toBe(true)
  expect(holds({ a: { id: [1], n: ['y'] } }, event)).toBe(false)
  expect(holds({ a: { id: [{ exists: true }] } }, { a: [{ id: 1 }, { x: 2 }] })).toBe(true)
})

test('dotted keys and nested ones are the same, in patterns and in events', () => {
  expect(holds({ 'state.status': ['r'] }, { state: { status: 'r' } })).toBe(true)
  expect(holds({ state: { status: ['r'] } }, { 'state.status': 'r' })).toBe(true)
  expect(holds({ 'a.b': ['r'], a: { c: [1] } }, { a: { b: 'r', c: 1 } })).toBe(true)
  expect(holds({ a: { b: { c: [1] } } }, { 'a.b': { c: 1 } })).toBe(true)
  expect(holds({ state: { status: ['r'] } }, { 'state.other': 'r' })).toBe(false)
  // Both at once are a longer way.
  expect(holds({ 'state.status': { status: ['r'] } }, { state: { status: 'r' } })).toBe(false)
  expect(holds({ state: { status: ['r'] } }, { 'state.status': { status: 'r' } })).toBe(false)
})

test('$or takes any branch, beside other keys and at any level', () => {
  const pattern = { z: [1], $or: [{ a: [1] }, { b: [{ numeric: ['>', 5] }] }] }
  expect(holds(pattern, { z: 1, a: 1 })).toBe(true)
  expect(holds(pattern, { z: 1, b: 6 })).toBe(true)
  expect(holds(pattern, { z: 1, b: 5 })).toBe(false)
  expect(holds(pattern, { z: 2, a: 1 })).toBe(false)
  expect(holds({ d: { $or: [{ a: [1] }, { b: [1] }] } }, { d: { b: 1 } })).toBe(true)
})

test('operators mixed in one array are OR-ed', () => {
  const pattern = { k: [{ 'anything-but': ['roses'] }, { exists: false }] }
  expect(holds(pattern, {})).toBe(true)
  expect(holds(pattern, { k: 'lilies' })).toBe(true)
  expect(holds(pattern, { k: 'roses' })).toBe(false)
})

test('a JSON text in a field is a string like any other', () => {
  expect(holds({ k: { a: [1] } }, { k: '{"a":1}' })).toBe(false)
})

test('arrays nested without end do not match, and do not overflow the stack', () => {
  const nested = (depth: number): unknown =>
    JSON.parse(`{"k":${'['.repeat(depth)}1${']'.repeat(depth)}}`)
  expect(holds({ k: [1] }, nested(50))).toBe(true)
  expect(holds({ k: [1] }, nested(200_000))).toBe(false)
})

test('of a key that is given twice the last counts', () => {
  const twice = compiled('{"k":["a"],"k":["b"]}')
  expect(matches(twice, { k: 'b' })).toBe(true)
  expect(matches(twice, { k: 'a' })).toBe(false)
  const inside = compiled('{"k":[{"prefix":"a","prefix":"b"}]}')
  expect(matches(inside, { k: 'bc' })).toBe(true)
  expect(matches(inside, { k: 'ac' })).toBe(false)
})

test('a number is its value, however it is written', () => {
  for (const written of ['300', '300.0', '3.0e2', '3E+2']) {
    expect(matches(compiled('{"k":[300]}'), JSON.parse(`{"k":${written}}`))).toBe(true)
    expect(matches(compiled(`{"k":[${written}]}`), { k: 300 })).toBe(true)
  }
})

test('exists:false holds where any part of the way is missing, or ends in something else', () => {
  const pattern = { a: { b: [{ exists: false }] } }
  for (const event of [{}, { a: {} }, { a: { c: 1 } }, { a: 1 }, { a: null }]) {
    expect(holds(pattern, event)).toBe(true)
  }
  for (const b of [1, null, 'x', ['x']]) expect(holds(pattern, { a: { b } })).toBe(false)
})

test('names of the language of the implementation are ordinary keys', () => {
  expect(holds({ constructor: { name: ['Object'] } }, {})).toBe(false)
  expect(holds({ toString: [{ exists: true }] }, {})).toBe(false)
  expect(matches(compiled('{"__proto__":{"a":[1]}}'), JSON.parse('{"__proto__":{"a":1}}'))).toBe(
    true,
  )
})

function compiled(json: string) {
  const result = compilePattern(json)
  if (!result.ok) throw new Error(result.reason)
  return result.pattern
}
