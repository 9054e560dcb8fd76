// Tests that lines come out whole however their bytes arrive.
import { expect, test } from 'vitest'
import { LineSplitter, type Line, type LineTooLong } from './lines.ts'

function split(chunks: readonly Buffer[], maxBytes = 100): (Line | LineTooLong)[] {
  const splitter = new LineSplitter(maxBytes)
  const found: (Line | LineTooLong)[] = []
  for (const chunk of chunks) {
    const lines = splitter.push(chunk)
    if ('tooLong' in lines) return [...found, lines]
    splitter.check()
    found.push(...lines)
  }
  const last = splitter.end()
  return 'tooLong' in last ? [...found, last] : [...found, ...last]
}

const texts = (lines: (Line | LineTooLong)[]): unknown[] =>
  lines.map((line) => ('tooLong' in line ? line : [line.number, line.bytes.toString('utf8')]))
const bytesOf = (text: string): Buffer[] =>
  [...Buffer.from(text)].map((byte) => Buffer.from([byte]))

const text = '{"a":1}\n\n{"b":"ü€😀"}\r\n\r\nlast'
const lines = [
  [1, '{"a":1}'],
  [2, ''],
  [3, '{"b":"ü€😀"}'],
  [4, ''],
  [5, 'last'],
]

test('lines end with a line feed or with both; the last may end with neither', () => {
  expect(texts(split([Buffer.from(text)]))).toEqual(lines)
  expect(texts(split([Buffer.from('a\n')]))).toEqual([[1, 'a']])
  expect(split([])).toEqual([])
})

test('lines are the same when their bytes come one by one, or cut in two anywhere', () => {
  expect(texts(split(bytesOf(text)))).toEqual(lines)
  const bytes = Buffer.from(text)
  for (let cut = 0; cut <= bytes.length; cut++) {
    expect(texts(split([bytes.subarray(0, cut), bytes.subarray(cut)]))).toEqual(lines)
  }
})

test('a carriage return within a line belongs to it', () => {
  expect(texts(split(bytesOf('a\rb\r\r\nc')))).toEqual([
    [1, 'a\rb\r'],
    [2, 'c'],
  ])
})

test('a line of the longest length passes, one byte more is named and never gathered', () => {
  for (const ending of ['', '\n', '\r\n']) {
    expect(texts(split(bytesOf(`a\n12345${ending}`), 5))).toEqual([
      [1, 'a'],
      [2, '12345'],
    ])
    expect(texts(split([Buffer.from(`a\n123456${ending}`)], 5)).at(-1)).toEqual({ tooLong: 2 })
    expect(texts(split(bytesOf(`a\n123456${ending}`), 5)).at(-1)).toEqual({ tooLong: 2 })
  }
})
