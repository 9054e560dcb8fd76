// Tests that large texts are parsed as JSON.parse does, also those that are made to look like something else.
import { expect, test } from 'vitest'
import { randomFrom, seed } from '../../test/support/seeded-random.ts'
import { parseLargeJson } from './large-json.ts'

const long = 'x'.repeat(600)
const parse = (bytes: Buffer): unknown => parseLargeJson(bytes, 'mark:')
const both = (text: string): void => {
  expect(parse(Buffer.from(text, 'latin1'))).toEqual(JSON.parse(text))
}

test('records of one shape, with their long strings in place', () => {
  both(
    JSON.stringify({
      records: {
        'a-0': Array.from({ length: 50 }, (_, i) => ({ i, key: 'k', value: `${i}${long}`, h: [] })),
        'a-1': [{ value: long }, { value: 'short' }, { value: long, next: long }],
      },
    }),
  )
})

test.each([
  ['escapes in long strings', JSON.stringify([`${long}"\n\\${long}`, long, `${long}\\`, long])],
  ['long names', `{"${long}":1,"${long}2":"${long}","b":"${long}"}`],
  ['names twice', `{"a":"${long}","a":1,"b":"${long}","b":"${long}2"}`],
  ['__proto__', `{"__proto__":{"a":"${long}"},"b":{"__proto__":"${long}"}}`],
  [
    'gaps that look like strings',
    `["x:",${'1,'.repeat(400)}",b",${'1,'.repeat(400)}",c","${long}","${long}"]`,
  ],
  ['much space', `[ "a" ${' '.repeat(2000)}, "${long}" ${' '.repeat(2000)}, "b", "${long}" ]`],
  [
    'what a marker looks like, in a string',
    JSON.stringify([{ d: long }, { d: `"d":"${long}"` }, { d: long }]),
  ],
  ['nothing but long strings', JSON.stringify([long, long, long])],
  ['one long string', JSON.stringify(long)],
  ['depth', `${'['.repeat(300)}"${long}","${long}"${']'.repeat(300)}`],
])('%s', (_, text) => both(text))

test(`random values, SEED=${seed}`, () => {
  const next = randomFrom(seed)
  const random = (most: number): number => Math.floor(next() * most)
  const pieces = ['a', '"', '\\', ':', ',', '{', '}', '[', ']', '":"', '\n', long, 'y'.repeat(515)]
  const text = (): string =>
    Array.from({ length: random(4) }, () => pieces[random(pieces.length)]).join('')
  const value = (depth: number): unknown => {
    const kind = random(depth > 4 ? 3 : 6)
    if (kind === 0) return random(1e6)
    if (kind < 3) return text()
    if (kind === 3) return Array.from({ length: random(6) }, () => value(depth + 1))
    const entries = Array.from({ length: random(6) }, () => [text(), value(depth + 1)] as const)
    return Object.fromEntries(entries)
  }
  for (let i = 0; i < 3000; i++) {
    const json = JSON.stringify([value(0), value(0), value(0)])
    expect(parse(Buffer.from(json)), json).toEqual(JSON.parse(json))
  }
})

test.each([
  ['cut short', `[{"a":"${long}"},{"a":"${long}"`],
  ['without a comma', `["${long}" "${long}"]`],
  ['two values', `["${long}","${long}"] 1`],
  ['a string that does not end', `["${long}","${long}","a]`],
])('what is no JSON is refused with the words of JSON.parse: %s', (_, text) => {
  let message = ''
  try {
    JSON.parse(text)
  } catch (error) {
    message = (error as SyntaxError).message
  }
  expect(() => parse(Buffer.from(text))).toThrow(new SyntaxError(message))
})
