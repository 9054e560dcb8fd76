// Tests that JSON is checked by schemas of each draft, and that nothing is fetched.
import { expect, test } from 'vitest'
import { DecodeError } from './decode-error.ts'
import { jsonCheck } from './json-schema.ts'

const check = (schema: unknown, value: string, references: readonly [string, unknown][] = []) =>
  jsonCheck(
    JSON.stringify(schema),
    references.map(([name, text]) => ({ name, text: JSON.stringify(text) })),
  )(Buffer.from(value))

const drafts = [
  undefined,
  'http://json-schema.org/draft-04/schema#',
  'http://json-schema.org/draft-06/schema#',
  'http://json-schema.org/draft-07/schema#',
  'https://json-schema.org/draft/2019-09/schema',
  'https://json-schema.org/draft/2020-12/schema',
]

test.each(drafts)(
  'of draft %s, what fits passes and what does not is refused with its place',
  (draft) => {
    const schema = {
      ...(draft === undefined ? {} : { $schema: draft }),
      title: 'Order',
      type: 'object',
      properties: {
        id: { type: 'integer', minimum: 1 },
        at: { type: 'string', format: 'date-time' },
      },
      required: ['id'],
      additionalProperties: false,
    }
    check(schema, '{"id":1,"at":"not checked"}')
    expect(() => check(schema, '{"id":0}')).toThrow(/^it is not of its schema: \/id must be >= 1$/)
    expect(() => check(schema, '{"id":1,"x":2}')).toThrow(DecodeError)
    expect(() => check(schema, '{}')).toThrow("must have required property 'id'")
  },
)

test('what a schema refers to is found by its name', () => {
  const schema = { type: 'object', properties: { total: { $ref: 'money.json' } } }
  const money: [string, unknown] = ['money.json', { type: 'integer' }]
  check(schema, '{"total":5}', [money])
  expect(() => check(schema, '{"total":"5"}', [money])).toThrow('/total must be integer')
})

test('what no reference brings along is not fetched', () => {
  const schema = { $ref: 'http://127.0.0.1:9/elsewhere.json' }
  expect(() => check(schema, '1')).toThrow(/^its schema cannot be used: can't resolve reference/)
})

test.each<[string, string, RegExp]>([
  ['no JSON', '{', /it is not JSON/],
  ['a type that there is not', '{"type":"decimal"}', /^its schema cannot be used: /],
  [
    'a draft that there is not',
    '{"$schema":"http://example.com/x"}',
    /^its schema cannot be used: /,
  ],
])('%s is no schema', (_, schema, reason) => {
  const attempt = (): unknown => jsonCheck(schema, [])
  expect(attempt).toThrow(DecodeError)
  expect(attempt).toThrow(reason)
})

test('a value as deep as it is long is refused', () => {
  const list = { type: 'array', items: { $ref: '#' } }
  check(list, '[[],[[]]]')
  expect(() => check(list, `${'['.repeat(200_000)}${']'.repeat(200_000)}`)).toThrow(DecodeError)
})

test('what is no JSON is refused', () => {
  expect(() => check(true, '{')).toThrow('it is not JSON')
})
