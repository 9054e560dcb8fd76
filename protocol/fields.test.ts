// Tests of the field combinators: versions, defaults, tagged fields and every bound of a decoder.
import { expect, test } from 'vitest'
import { DecodeError } from './decode-error.ts'
import {
  array,
  bool,
  bytes,
  int16,
  int32,
  int64,
  int8,
  nullableArray,
  nullableSince,
  nullableString,
  optional,
  since,
  string,
  struct,
  tagged,
  uint16,
  until,
  uuid,
  versions,
  type Field,
} from './fields.ts'
import { Reader } from './reader.ts'
import { Writer } from './writer.ts'

interface Form {
  readonly version?: number
  readonly flexible?: boolean
}

function encode<Write>(field: Field<unknown, Write>, value: Write, form: Form = {}): number[] {
  const writer = new Writer({ flexible: form.flexible ?? false })
  field.write(writer, value, form.version ?? 0)
  return Array.from(Buffer.concat(writer.done()))
}

function decode<Read>(field: Field<Read, never>, wire: readonly number[], form: Form = {}): Read {
  const reader = new Reader(Buffer.from(wire), { flexible: form.flexible ?? false })
  const value = field.read(reader, form.version ?? 0)
  expect(reader.position, 'every byte is read').toBe(wire.length)
  return value
}

test('numbers are big-endian', () => {
  expect(encode(int8, -2)).toEqual([0xfe])
  expect(encode(int16, 258)).toEqual([1, 2])
  expect(encode(uint16, 65_535)).toEqual([0xff, 0xff])
  expect(decode(uint16, [0xff, 0xfe])).toBe(65_534)
  expect(encode(int32, -1)).toEqual([255, 255, 255, 255])
  expect(encode(int64, -2)).toEqual([255, 255, 255, 255, 255, 255, 255, 254])
  expect(decode(int64, encode(int64, 2 ** 53 - 1))).toBe(2 ** 53 - 1)
  expect(decode(int64, encode(int64, -(2 ** 53) + 1))).toBe(-(2 ** 53) + 1)
  expect(decode(bool, [1])).toBe(true)
})

test('an int64 beyond what a number holds exactly is a decode error, never a wrong number', () => {
  expect(() => decode(int64, [0, 0x20, 0, 0, 0, 0, 0, 0])).toThrow(DecodeError)
  expect(() => decode(int64, [0x80, 0, 0, 0, 0, 0, 0, 0])).toThrow(DecodeError)
  expect(() => encode(int64, 2 ** 53)).toThrow(/not a safe integer/)
})

test('a uuid keeps its canonical form', () => {
  const id = '0f8fad5b-d9cb-469f-a165-70867728950e'
  expect(encode(uuid, id).slice(0, 3)).toEqual([0x0f, 0x8f, 0xad])
  expect(decode(uuid, encode(uuid, id))).toBe(id)
})

test('strings, bytes and arrays have plain lengths, or compact ones where flexible', () => {
  const flexible = { flexible: true }
  expect(encode(string, 'é')).toEqual([0, 2, 0xc3, 0xa9])
  expect(encode(string, 'é', flexible)).toEqual([3, 0xc3, 0xa9])
  expect(encode(nullableString, null)).toEqual([255, 255])
  expect(encode(nullableString, null, flexible)).toEqual([0])
  expect(encode(bytes, Buffer.from([9]))).toEqual([0, 0, 0, 1, 9])
  expect(encode(bytes, Buffer.from([9]), flexible)).toEqual([2, 9])
  expect(encode(array(int8), [1, 2])).toEqual([0, 0, 0, 2, 1, 2])
  expect(encode(array(int8), [1, 2], flexible)).toEqual([3, 1, 2])
  expect(encode(nullableArray(int8), null, flexible)).toEqual([0])
})

test('null is a decode error where a value is due', () => {
  expect(() => decode(string, [255, 255])).toThrow(/null where a value is due/)
  expect(() => decode(bytes, [255, 255, 255, 255])).toThrow(DecodeError)
  expect(() => decode(array(int8), [0], { flexible: true })).toThrow(DecodeError)
  const late = nullableSince(7, nullableString, '')
  expect(() => decode(late, [255, 255], { version: 6 })).toThrow(DecodeError)
  expect(decode(late, [255, 255], { version: 7 })).toBe(null)
  expect(encode(late, null, { version: 6 })).toEqual([0, 0])
})

test('byte fields are views of the frame', () => {
  const frame = Buffer.from([0, 0, 0, 1, 9])
  expect(bytes.read(new Reader(frame), 0).buffer).toBe(frame.buffer)
})

const versioned = struct({
  id: int8,
  old: until(1, int8, -1),
  middle: versions([1, 2], int8, -2),
  late: since(2, string, 'none'),
  hint: optional(int8, 5),
})

test('a field is on the wire in its versions alone, and reads as its default in the others', () => {
  const value = { id: 1, old: 2, middle: 3, late: 'x', hint: 4 }
  expect(encode(versioned, value, { version: 0 })).toEqual([1, 2, 4])
  expect(encode(versioned, value, { version: 1 })).toEqual([1, 2, 3, 4])
  expect(encode(versioned, value, { version: 3 })).toEqual([1, 0, 1, 120, 4])
  expect(decode(versioned, [1, 2, 4])).toEqual({ id: 1, old: 2, middle: -2, late: 'none', hint: 4 })
})

test('a field with a default may be left out when written', () => {
  expect(encode(versioned, { id: 1 }, { version: 1 })).toEqual([1, 255, 254, 5])
})

const taggable = struct({
  id: int8,
  second: tagged({ tag: 7, since: 2 }, string, ''),
  first: tagged({ tag: 0, since: 1 }, array(struct({ n: int8 })), []),
})
const at2 = { version: 2, flexible: true }

test('tagged fields are written in the order of their numbers, and only where given', () => {
  const value = { id: 1, second: 'x', first: [{ n: 3 }] }
  expect(encode(taggable, value, at2)).toEqual([1, 2, 0, 3, 2, 3, 0, 7, 2, 2, 120])
  expect(encode(taggable, value, { version: 1, flexible: true })).toEqual([1, 1, 0, 3, 2, 3, 0])
  expect(encode(taggable, { id: 1 }, at2)).toEqual([1, 0])
  expect(encode(taggable, value)).toEqual([1])
})

test('tagged fields are read in any order, and unknown ones are skipped', () => {
  const wire = [1, 3, 7, 2, 2, 120, 0, 3, 2, 3, 0, 100, 2, 0xaa, 0xbb]
  expect(decode(taggable, wire, at2)).toEqual({ id: 1, second: 'x', first: [{ n: 3 }] })
  expect(decode(taggable, [1, 0], at2)).toEqual({ id: 1, second: '', first: [] })
})

test('a tagged field must take exactly the bytes that are its own', () => {
  expect(() => decode(taggable, [1, 1, 7, 3, 2, 120, 9], at2)).toThrow(/not as long as it says/)
  expect(() => decode(taggable, [1, 1, 7, 1, 2, 120], at2)).toThrow(DecodeError)
  expect(() => decode(taggable, [1, 1, 7, 100, 2, 120], at2)).toThrow(DecodeError)
})

test('a length that the frame cannot hold is refused before anything is allotted', () => {
  const huge = [0x7f, 0xff, 0xff, 0xff]
  expect(() => decode(array(int8), huge)).toThrow(/array of 2147483647 elements/)
  expect(() => decode(array(int8), [0, 0, 0, 3, 1, 2])).toThrow(DecodeError)
  expect(() => decode(bytes, huge)).toThrow(DecodeError)
  expect(() => decode(array(int8), [255, 255, 255, 254])).toThrow(/length is -2/)
})

test('arrays over a million elements and sections over ten thousand tags are refused', () => {
  const million = Buffer.alloc(1_000_006)
  million.writeInt32BE(1_000_001)
  expect(() => array(int8).read(new Reader(million), 0)).toThrow(/array of 1000001 elements/)
  million.writeInt32BE(1_000_000)
  expect(array(int8).read(new Reader(million), 0)).toHaveLength(1_000_000)
  // 10,001 empty fields of tag 9: count as a varint, then a tag and a size of 0 each.
  const tags = Buffer.concat([
    Buffer.from([1, 0x91, 0x4e]),
    Buffer.from(Array.from({ length: 10_001 }, () => [9, 0]).flat()),
  ])
  expect(() => taggable.read(new Reader(tags, { flexible: true }), 2)).toThrow(/10001 tagged/)
})

test('byte fields from 4 KB on are handed on as they are, in order', () => {
  const big = Buffer.alloc(4096, 1)
  const table = struct({ id: int8, small: bytes, big: bytes, end: int8 })
  const writer = new Writer()
  table.write(writer, { id: 1, small: Buffer.from([2]), big, end: 3 }, 0)
  expect(writer.sizeBytes).toBe(1 + 5 + 4 + 4096 + 1)
  const pieces = writer.done()
  expect(pieces.includes(big)).toBe(true)
  expect(Buffer.concat(pieces)).toEqual(
    Buffer.concat([Buffer.from([1, 0, 0, 0, 1, 2, 0, 0, 16, 0]), big, Buffer.from([3])]),
  )
})

test('a writer grows past its first piece without losing a byte', () => {
  const value = Array.from({ length: 3000 }, (_, index) => `topic-${index}`)
  const wire = encode(array(string), value, { flexible: true })
  expect(decode(array(string), wire, { flexible: true })).toEqual(value)
})

test('a string that is not UTF-8, or longer than an int16 can say, is a decode error', () => {
  expect(decode(string, [0, 2, 0xc3, 0xa9])).toBe('é')
  expect(() => decode(string, [0, 2, 0xc3, 0x28])).toThrow('not UTF-8')
  const length = [0x81, 0x80, 0x02]
  expect(() =>
    decode(string, [...length, ...Array<number>(32_768).fill(97)], { flexible: true }),
  ).toThrow('string of 32768 bytes')
})
