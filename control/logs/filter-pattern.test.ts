// Tests filter patterns: terms, phrases, and selectors of JSON events.
import { expect, test } from 'vitest'
import { JsonApiError } from '../json/json-service.ts'
import { compileFilterPattern } from './filter-pattern.ts'

function matches(pattern: string, message: string): boolean {
  const compiled = compileFilterPattern(pattern)
  if (compiled instanceof JsonApiError) throw new Error(compiled.message)
  return compiled === undefined || compiled(message)
}

test.each([
  ['', 'anything', true],
  ['ERROR', 'an ERROR', true],
  ['ERROR', 'an error', false],
  ['ERROR timeout', 'timeout: ERROR', true],
  ['ERROR timeout', 'ERROR', false],
  ['"a phrase"', 'it has a phrase in it', true],
  ['"a phrase"', 'a long phrase', false],
  ['?one ?two', 'two', true],
  ['?one ?two', 'three', false],
  ['?"one two" ?x', 'one two', true],
  ['ERROR -expected', 'ERROR unexpected', false],
  ['ERROR -"not this"', 'ERROR not that', true],
  ['-ERROR', 'INFO', true],
  // AWS: with other terms the optional ones do not count.
  ['REQUEST ?never', 'REQUEST', true],
  ['"with \\"quotes\\""', 'a line with "quotes"', true],
  ['8f14e45f-ceea-467f-9575-6c1f0a5ab8d3', 'RequestId: 8f14e45f-ceea-467f-9575-6c1f0a5ab8d3', true],
])('%s on %j: %j', (pattern, message, expected) => {
  expect(matches(pattern, message)).toBe(expected)
})

const event = JSON.stringify({
  level: 'ERROR',
  ms: 12.5,
  ok: false,
  none: null,
  message: { text: 'disk is full', codes: [1, 'two'] },
  'with-dash': 1,
})

test.each([
  ['{ $.level = "ERROR" }', true],
  ['{ $.level = ERROR }', true],
  ['{$.level="INFO"}', false],
  ['{ $.level != "INFO" }', true],
  ['{ $.missing != "INFO" }', false],
  ['{ $.level = "ERR*" }', true],
  ['{ $.level = "*RO*" }', true],
  ['{ $.level = "*X*" }', false],
  ['{ $.ms > 10 && $.ms <= 12.5 }', true],
  ['{ $.ms < 10 || $.ms = 12.5 }', true],
  ['{ $.ms >= 13 }', false],
  ['{ $.message.text = "*full" }', true],
  ['{ $.message.codes[1] = "two" }', true],
  ['{ $.message.codes[0] = 1 }', true],
  ['{ $.none IS NULL }', true],
  ['{ $.ok IS FALSE }', true],
  ['{ $.ok IS TRUE }', false],
  ['{ $.nothing NOT EXISTS }', true],
  ['{ $.level NOT EXISTS }', false],
  ['{ $.with-dash = 1 }', true],
  ['{ $[\'level\'] = "ERROR" }', true],
  ['{ ($.level = "INFO" || $.ms > 1) && $.ok IS FALSE }', true],
  ['{ $.__proto__ = "x" }', false],
])('%s: %j', (pattern, expected) => {
  expect(matches(pattern, event)).toBe(expected)
})

test('a selector matches no message that is no JSON object', () => {
  for (const message of ['{', '[1]', 'ERROR', '', `2026\tid\tINFO\t${event}`]) {
    expect(matches('{ $.level = "ERROR" }', message)).toBe(false)
  }
})

test.each([
  ['"open', /Invalid filter pattern at: "open/],
  ['{ $.a = }', /Invalid filter pattern/],
  ['{ $.a = 1', /Invalid filter pattern/],
  ['{ a = 1 }', /Invalid filter pattern/],
  ['{ $.a > "text" }', /Invalid filter pattern/],
  ['{ ($.a = 1 }', /Invalid filter pattern/],
  ['{ $.a = 1 && }', /Invalid filter pattern/],
  ['{}', /Invalid filter pattern/],
  ['%regex.*%', /regular expressions/],
  ['[a, b]', /space-delimited/],
])('%s is refused', (pattern, text) => {
  const compiled = compileFilterPattern(pattern)
  expect(compiled).toBeInstanceOf(JsonApiError)
  expect(compiled).toMatchObject({
    type: 'InvalidParameterException',
    message: expect.stringMatching(text),
  })
})
