// Tests how filters see Kafka records: decoded data, metadata, and data of another kind.
import { expect, test } from 'vitest'
import { compileCriteria, criteriaMatches, type FilterableRecord } from './criteria.ts'

const record = (value: string | Buffer | null, more: Partial<FilterableRecord> = {}) => ({
  topic: 'orders',
  partition: 3,
  offset: 15,
  timestampMs: 1_545_084_650_987,
  timestampType: 'CREATE_TIME',
  key: Buffer.from('k-1'),
  value: typeof value === 'string' ? Buffer.from(value) : value,
  ...more,
})
const passes = (patterns: readonly unknown[], given: FilterableRecord): boolean => {
  const result = compileCriteria(
    patterns.map((pattern) => JSON.stringify(pattern)),
    'value',
  )
  if (!result.ok) throw new Error(result.reason)
  return criteriaMatches(result.criteria, given)
}
const pressure = { value: { tire_pressure: [{ numeric: ['<', 32] }] } }

test('no filters let everything through', () => {
  expect(passes([], record('anything'))).toBe(true)
})

test('data is decoded and parsed, and filters are OR-ed', () => {
  expect(passes([pressure], record('{"tire_pressure":31}'))).toBe(true)
  expect(passes([pressure], record('{"tire_pressure":33}'))).toBe(false)
  expect(passes([pressure, { topic: ['orders'] }], record('{"tire_pressure":33}'))).toBe(true)
})

test('metadata is filtered by its names in the event', () => {
  const given = record('{}')
  expect(passes([{ topic: ['orders'], partition: [3] }], given)).toBe(true)
  expect(passes([{ partition: [4] }], given)).toBe(false)
  expect(passes([{ offset: [{ numeric: ['>=', 15] }] }], given)).toBe(true)
  expect(passes([{ timestamp: [1_545_084_650_987] }], given)).toBe(true)
  expect(passes([{ timestampType: ['CREATE_TIME'] }], given)).toBe(true)
  expect(passes([{ key: [{ prefix: 'k-' }] }], given)).toBe(true)
  expect(passes([{ key: [{ exists: false }] }], record('{}', { key: null }))).toBe(true)
  expect(passes([{ key: { id: [1] } }], record('{}', { key: Buffer.from('{"id":1}') }))).toBe(true)
  expect(passes([{ nonsense: ['x'] }], given)).toBe(false)
})

test('a plain text is matched by an array on the data key itself', () => {
  const pattern = { value: [{ 'anything-but': ['error'] }] }
  expect(passes([pattern], record('fine'))).toBe(true)
  expect(passes([pattern], record('error'))).toBe(false)
  expect(passes([{ value: [{ numeric: ['>', 5] }] }], record('6'))).toBe(true)
})

test('data of another kind than the pattern leaves only the metadata to filter by', () => {
  expect(passes([pressure], record('not json'))).toBe(true)
  expect(passes([{ value: ['text'] }], record('{"a":1}'))).toBe(true)
  expect(passes([{ ...pressure, partition: [4] }], record('not json'))).toBe(false)
  expect(passes([{ ...pressure, partition: [3] }], record('not json'))).toBe(true)
})

test.each([
  ['JSON', '{"a":1}', { a: [1] }, true],
  ['JSON', '{"a":2}', { a: [1] }, false],
  ['JSON', '"text"', { a: [1] }, true],
  ['JSON', '7', { a: [1] }, true],
  ['JSON', 'text', { a: [1] }, true],
  ['a plain string', 'text', ['text'], true],
  ['a plain string', 'other', ['text'], false],
  ['a plain string', '{"a":1}', ['text'], true],
  ['a plain string', '[1]', ['text'], true],
])('a pattern for %s meets %s by the table of formats', (_, value, data, expected) => {
  expect(passes([{ value: data }], record(value))).toBe(expected)
  // What is decided by metadata alone is decided all the same.
  expect(passes([{ value: data, partition: [4] }], record(value))).toBe(false)
})

test('data that is not UTF-8 leaves only the metadata to filter by', () => {
  const bytes = Buffer.from([0xff, 0xfe, 0x00])
  expect(passes([pressure], record(bytes))).toBe(true)
  expect(passes([{ ...pressure, topic: ['other'] }], record(bytes))).toBe(false)
})

test('a record without a value is null to filters', () => {
  expect(passes([{ value: [null] }], record(null))).toBe(true)
  expect(passes([pressure], record(null))).toBe(false)
})

test('a JSON array is walked like any array of an event', () => {
  expect(passes([pressure], record('[{"tire_pressure":40},{"tire_pressure":30}]'))).toBe(true)
  expect(passes([pressure], record('[{"tire_pressure":40}]'))).toBe(false)
})

test('$or may join data and metadata', () => {
  const pattern = { $or: [pressure, { partition: [3] }] }
  expect(passes([pattern], record('{"tire_pressure":40}'))).toBe(true)
  expect(passes([pattern], record('{"tire_pressure":40}', { partition: 1 }))).toBe(false)
  expect(passes([pattern], record('{"tire_pressure":20}', { partition: 1 }))).toBe(true)
})

test('dotted patterns reach into the data', () => {
  expect(passes([{ 'value.tire_pressure': [30] }], record('{"tire_pressure":30}'))).toBe(true)
  expect(passes([{ 'value.tire_pressure': [31] }], record('{"tire_pressure":30}'))).toBe(false)
})

test('a wrong pattern and a sixth one are refused', () => {
  expect(compileCriteria(['{"a":[1]}', '{"k":"v"}'], 'value')).toEqual({
    ok: false,
    reason: '"k" must be an object or an array',
  })
  const six = Array.from({ length: 6 }, () => '{"a":[1]}')
  expect(compileCriteria(six, 'value')).toEqual({ ok: false, reason: 'More than 5 filters' })
})

const stream = { shardId: 'shardId-000000000006', partitionKey: 'car-1', sequenceNumber: '4959' }
const constants = { eventSource: 'aws:kinesis', awsRegion: 'eu-west-1' }
const passesOfStream = (pattern: unknown, data: string | Buffer): boolean => {
  const result = compileCriteria([JSON.stringify(pattern)], 'data', constants)
  if (!result.ok) throw new Error(result.reason)
  return criteriaMatches(result.criteria, record(data, { stream, key: null }))
}
const hot = { data: { tire_pressure: [{ numeric: ['<', 32] }] } }

test('of a stream, data is JSON under its own key, and what is not JSON is dropped', () => {
  expect(passesOfStream(hot, '{"tire_pressure":31}')).toBe(true)
  expect(passesOfStream(hot, '{"tire_pressure":33}')).toBe(false)
  expect(passesOfStream(hot, 'tire_pressure 31')).toBe(false)
  expect(passesOfStream(hot, Buffer.from([0xff, 0xfe]))).toBe(false)
  expect(passesOfStream({ value: { tire_pressure: [31] } }, '{"tire_pressure":31}')).toBe(false)
})

test('of a stream, metadata alone lets through whatever the data is', () => {
  const arrived = { approximateArrivalTimestamp: [1_545_084_650.987] }
  for (const pattern of [
    { partitionKey: [{ prefix: 'car-' }] },
    { sequenceNumber: ['4959'] },
    { eventID: ['shardId-000000000006:4959'] },
    { eventSource: ['aws:kinesis'], awsRegion: ['eu-west-1'] },
    arrived,
  ]) {
    expect(passesOfStream(pattern, 'not JSON')).toBe(true)
  }
  expect(passesOfStream({ partitionKey: ['car-2'] }, '{}')).toBe(false)
  expect(passesOfStream({ topic: ['orders'] }, '{}')).toBe(false)
  expect(passesOfStream({ partitionKey: ['car-1'], ...hot }, 'not JSON')).toBe(false)
})

test('of a stream, a pattern of plain text on the data does not compile', () => {
  const text = { data: [{ prefix: 'a' }] }
  for (const pattern of [text, { $or: [text, hot] }]) {
    expect(compileCriteria([JSON.stringify(pattern)], 'data').ok).toBe(false)
    expect(compileCriteria([JSON.stringify(pattern)], 'value').ok).toBe(true)
  }
})
