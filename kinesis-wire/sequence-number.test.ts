// Tests that sequence numbers keep what they are made of, order records, and that nothing else passes for one.
import { expect, test } from 'vitest'
import {
  decodeSequenceNumber,
  encodePosition,
  encodeSequenceNumber,
  encodeSequenceNumbers,
  offsetFrom,
  sequenceNumberPattern,
  shardEndSequenceNumber,
  writeSequenceNumber,
} from './sequence-number.ts'

const first = {
  shardIndex: 0,
  offset: 0,
  shardCreatedSecs: 1_764_000_000,
  recordSecs: 1_764_000_001,
}

test.each([
  first,
  { ...first, offset: 1 },
  { ...first, shardIndex: 17, offset: 2 ** 53 - 1 },
  { ...first, offset: -1 },
  { ...first, shardIndex: 2 ** 31 - 1, recordSecs: 16 ** 9 - 2 },
])('%j is kept', (parts) => {
  const text = encodeSequenceNumber(parts)
  expect(decodeSequenceNumber(text)).toEqual(parts)
  expect(text).toMatch(new RegExp(`^(${sequenceNumberPattern})$`))
  expect(text).toHaveLength(56)
})

test('they begin as those of AWS do', () => {
  expect(encodeSequenceNumber(first)).toMatch(/^49/)
})

test('they grow with the offset, whatever the time of a record is', () => {
  const numbers = [
    encodeSequenceNumber({ ...first, recordSecs: 16 ** 9 - 1 }),
    encodeSequenceNumber({ ...first, offset: 1, recordSecs: 5 }),
    encodeSequenceNumber({ ...first, offset: 2 ** 40 }),
    shardEndSequenceNumber(first),
  ]
  expect(numbers.toSorted((a, b) => (BigInt(a) < BigInt(b) ? -1 : 1))).toEqual(numbers)
})

test('those of records that follow each other are those of each', () => {
  const each = [5, 6, 7].map((offset) => encodeSequenceNumber({ ...first, offset }))
  expect(encodeSequenceNumbers({ ...first, offset: 5 }, 3)).toEqual(each)
})

test('a number that follows the one before, in all its digits too, is as if it were the first', () => {
  const numbers: string[] = []
  for (const offset of [9_999_998, 9_999_999, 10_000_000, 10_000_001, 2 ** 40 - 1, 2 ** 40]) {
    for (const shardIndex of [0, 0, 15]) {
      const parts = { ...first, shardIndex, offset }
      const text = encodeSequenceNumber(parts)
      expect(decodeSequenceNumber(text)).toEqual(parts)
      const bytes = Buffer.alloc(58)
      writeSequenceNumber(parts, bytes, 1)
      expect(bytes.toString('latin1')).toBe(`\0${text}\0`)
      numbers.push(text)
    }
  }
  expect(new Set(numbers).size).toBe(12)
  let last = -1n
  for (let offset = 0; offset < 2000; offset += 1) {
    const number = BigInt(encodeSequenceNumber({ ...first, offset }))
    if (last >= 0n) expect(number - last).toBe(16n ** 20n)
    last = number
  }
})

test("a shard's end lies behind every offset", () => {
  expect(decodeSequenceNumber(shardEndSequenceNumber(first))).toEqual({
    ...first,
    offset: Infinity,
  })
})

test('a time that no clock shows becomes the nearest', () => {
  const text = encodeSequenceNumber({ ...first, recordSecs: -1 })
  expect(decodeSequenceNumber(text)?.recordSecs).toBe(0)
})

test.each(['', '0', '1', 'x', '-5', '1'.repeat(56), '9'.repeat(129), ' 49'])(
  '%j is none',
  (text) => {
    expect(decodeSequenceNumber(text)).toBeUndefined()
  },
)

test('none passes whose shard is not what its digit says', () => {
  const number = BigInt(encodeSequenceNumber(first)) + (1n << 4n)
  expect(decodeSequenceNumber(number.toString())).toBeUndefined()
})

test('a position lies between two records, and reading at it or after it begins with the second', () => {
  for (const offset of [0, 1, 2 ** 40]) {
    const before = encodeSequenceNumber({ ...first, offset: offset - 1, recordSecs: 16 ** 9 })
    const position = encodePosition({ ...first, offset })
    const next = encodeSequenceNumber({ ...first, offset, recordSecs: 0 })
    expect(BigInt(position) > BigInt(before) && BigInt(position) < BigInt(next)).toBe(true)
    expect(position).toHaveLength(56)
    const parts = decodeSequenceNumber(position)
    if (parts === undefined) throw new Error('it is a number')
    expect(offsetFrom(parts, 'AT_SEQUENCE_NUMBER')).toBe(offset)
    expect(offsetFrom(parts, 'AFTER_SEQUENCE_NUMBER')).toBe(offset)
  }
})

test('a record is what reading at its number begins with, and is left out after it', () => {
  const parts = { ...first, offset: 7 }
  expect(offsetFrom(parts, 'AT_SEQUENCE_NUMBER')).toBe(7)
  expect(offsetFrom(parts, 'AFTER_SEQUENCE_NUMBER')).toBe(8)
  expect(offsetFrom({ ...first, offset: -1 }, 'AT_SEQUENCE_NUMBER')).toBe(0)
})
