// Tests that prefixes and message indexes are read as serializers write them, and that broken ones are refused.
import { deflateSync } from 'node:zlib'
import { expect, test } from 'vitest'
import { decodedJsonMaxLength } from '../../common/schema-limits.ts'
import { DecodeError } from './decode-error.ts'
import { messageIndexes, messagePlace, wireFormats } from './wire-format.ts'
import { zigzag } from './zigzag.ts'

const { schemaIdOf, bodyOf } = wireFormats.confluent
const bytes = (...values: number[]): Buffer => Buffer.from(values)

test('a schema’s id is the four bytes behind a zero', () => {
  expect(schemaIdOf(bytes(0, 0, 0, 0, 7))).toBe('7')
  expect(schemaIdOf(bytes(0, 0xff, 0xff, 0xff, 0xff, 1))).toBe('4294967295')
})

test.each([
  [bytes()],
  [bytes(0, 0, 0, 1)],
  [bytes(1, 0, 0, 0, 7)],
  [bytes(2, 0, 0, 0, 7)],
  [Buffer.from('{"a":1}')],
])('%j begins with no schema’s id', (value) => {
  expect(schemaIdOf(value)).toBeUndefined()
})

// As confluent-kafka for Python 2.16.1 wrote them.
const guid = 'e55942d9-b1f2-46d1-8b88-0a9a7252fb0e'
const header = Buffer.from('01e55942d9b1f246d18b880a9a7252fb0e040000', 'hex')

test('a GUID is the sixteen bytes behind a one, of a header alone', () => {
  expect(schemaIdOf(bytes(), header)).toBe(guid)
  expect(schemaIdOf(bytes(), header.subarray(0, 16))).toBeUndefined()
  expect(schemaIdOf(header)).toBeUndefined()
})

test('a header goes before what the bytes begin with, and has the message indexes', () => {
  const value = Buffer.from('09000000000000f0bf', 'hex')
  expect(schemaIdOf(value, header)).toBe(guid)
  expect(schemaIdOf(bytes(0, 0, 0, 0, 7), header)).toBe(guid)
  expect(schemaIdOf(value, bytes(0, 0, 0, 0, 7))).toBe('7')
  expect(schemaIdOf(bytes(0, 0, 0, 0, 7), bytes(9))).toBeUndefined()
  const body = bodyOf(value, 'PROTOBUF', header)
  expect(messageIndexes(body)).toEqual({ path: [0, 0], at: 3 })
  expect(body.subarray(3)).toEqual(value)
  expect(bodyOf(value, 'AVRO', header)).toEqual(value)
})

test('message indexes that end early, or with more behind them, are no header of protobuf', () => {
  for (const of of [
    header.subarray(0, 17),
    header.subarray(0, 18),
    Buffer.concat([header, header]),
  ]) {
    expect(() => bodyOf(bytes(9, 9, 9, 9), 'PROTOBUF', of)).toThrow(DecodeError)
  }
})

test.each([
  ['the first message, as written in short', bytes(0, 9), [0], 1],
  ['the first message, at length', bytes(2, 0, 9), [0], 2],
  ['the second message', bytes(2, 2, 9), [1], 2],
  ['a message inside the third', bytes(4, 4, 0, 9), [2, 0], 3],
  ['a far one', bytes(2, 0x80, 0x02), [128], 3],
])('%s is found by its indexes', (_, body, path, at) => {
  expect(messageIndexes(body)).toEqual({ path, at })
})

test.each([
  ['no bytes', bytes()],
  ['half of them', bytes(4, 2)],
  ['a negative count', bytes(1)],
  ['a negative index', bytes(2, 1)],
  ['too many', bytes(0xfe, 0xff, 0xff, 0xff, 0x0f)],
])('%s are no message indexes', (_, body) => {
  expect(() => messageIndexes(body)).toThrow(DecodeError)
})

test.each([
  [[0], 0],
  [[1], -1],
  [[2], 1],
  [[0xfe, 0xff, 0xff, 0xff, 0x0f], 2 ** 31 - 1],
  [[0xff, 0xff, 0xff, 0xff, 0x0f], -(2 ** 31)],
  [[0xfe, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x1f], 2 ** 52 - 1 + 2 ** 52],
  [[0xfe, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01], 2n ** 63n - 1n],
  [[0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01], -(2n ** 63n)],
])('%j is %s', (values, value) => {
  expect(zigzag(bytes(9, ...values), 1)).toEqual({ value, end: values.length + 1 })
})

test('an integer of more than 64 bits is none, and neither is half of one', () => {
  expect(() => zigzag(Buffer.alloc(11, 0xff), 0)).toThrow('more than 64 bits')
  expect(() =>
    zigzag(bytes(0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x02), 0),
  ).toThrow('more than 64 bits')
  expect(() => zigzag(bytes(0x80), 0)).toThrow('ends too early')
})

const uuid = '0f1e2d3c-4b5a-6978-8796-a5b4c3d2e1f0'
const ofGlue = (compression: number, body: Buffer): Buffer =>
  Buffer.concat([bytes(3, compression), Buffer.from(uuid.replaceAll('-', ''), 'hex'), body])

test('of Glue a schema’s id is the UUID behind a three and the compression', () => {
  const { glue } = wireFormats
  const body = Buffer.from('what there is')
  expect(glue.schemaIdOf(ofGlue(0, body))).toBe(uuid)
  expect(glue.bodyOf(ofGlue(0, body), 'AVRO')).toEqual(body)
  expect(glue.schemaIdOf(ofGlue(5, deflateSync(body)))).toBe(uuid)
  expect(glue.bodyOf(ofGlue(5, deflateSync(body)), 'AVRO')).toEqual(body)
})

test.each([
  ['a record of Confluent’s', Buffer.concat([bytes(0, 0, 0, 0, 7), Buffer.alloc(20)])],
  ['half a UUID', ofGlue(0, bytes()).subarray(0, 17)],
  ['another compression', ofGlue(6, bytes())],
  ['no bytes', bytes()],
])('%s begins with no schema’s id of Glue', (_, value) => {
  expect(wireFormats.glue.schemaIdOf(value)).toBeUndefined()
})

test('what unpacks to nothing sound, or to more than all bounds, is refused', () => {
  const { glue } = wireFormats
  expect(() => glue.bodyOf(ofGlue(5, bytes(1, 2, 3)), 'AVRO')).toThrow(DecodeError)
  const bomb = deflateSync(Buffer.alloc(decodedJsonMaxLength + 1))
  expect(bomb.length).toBeLessThan(100_000)
  expect(() => glue.bodyOf(ofGlue(5, bomb), 'AVRO')).toThrow(DecodeError)
})

test.each([
  [bytes(0, 9), 0, 1],
  [bytes(5, 9), 5, 1],
  [bytes(0x80, 0x01, 9), 128, 2],
])('%j begins with the message’s place', (body, place, at) => {
  expect(messagePlace(body)).toEqual({ place, at })
})

test('a place that does not end is none', () => {
  expect(() => messagePlace(Buffer.alloc(9, 0xff))).toThrow('its message index is none')
  expect(() => messagePlace(bytes(0x80))).toThrow('ends too early')
})
