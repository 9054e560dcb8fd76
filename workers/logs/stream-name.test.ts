// Tests that every environment's log stream has a name of its own, in Lambda's form.
import { expect, test } from 'vitest'
import { streamName, wordsFor } from './stream-name.ts'

const seed = Uint32Array.of(0x01234567, 0, 0xffffffff, 0xa)

test('a name has the day in UTC, the version and 32 hex digits', () => {
  expect(streamName(Date.UTC(2026, 0, 2, 23, 59), '$LATEST', seed)).toBe(
    '2026/01/02/[$LATEST]0123456700000000ffffffff0000000a',
  )
})

test('threads of one seed differ in each of their words', () => {
  const words = Array.from({ length: 10_000 }, (_, i) => [...wordsFor(seed, i + 1)])
  for (let place = 0; place < 4; place++) {
    expect(new Set(words.map((each) => each[place])).size).toBe(words.length)
  }
})

test('the same thread of another seed has another name', () => {
  const other = Uint32Array.of(0x01234568, 0, 0xffffffff, 0xa)
  expect(wordsFor(other, 1)).not.toEqual(wordsFor(seed, 1))
})
