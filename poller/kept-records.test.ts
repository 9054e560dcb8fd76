// Tests that records keep their content whatever bytes they came in, and hold on to little that is others'.
import { expect, test } from 'vitest'
import { keyOf, valueOf, type RawRecord } from '../events/raw-record.ts'
import { keptRecords, rawRecord } from './kept-records.ts'
import type { SourceRecord } from './sources/source.ts'

const record = (parts: Partial<SourceRecord> = {}): SourceRecord => ({
  topic: 't',
  partition: 0,
  offset: 7,
  timestampMs: 1000,
  timestampType: 'CREATE_TIME',
  key: Buffer.from('key'),
  value: Buffer.from('value'),
  headers: [],
  ...parts,
})

const contentOf = (of: RawRecord) => ({
  offset: of.offset,
  key: keyOf(of)?.toString('latin1') ?? null,
  value: valueOf(of)?.toString('latin1') ?? null,
  headers: of.headers.map(({ name, value }) => [name, value.toString('latin1')]),
})

/** One fetch of many records, one after another. */
function fetch(count: number, valueBytes: number): { fetched: Buffer; records: SourceRecord[] } {
  const sizeBytes = 10 + valueBytes
  const fetched = Buffer.alloc(count * sizeBytes, 'v')
  const records = Array.from({ length: count }, (_, offset) => {
    const start = offset * sizeBytes
    fetched.write(String(offset).padStart(3, 'k'), start)
    const [key, value] = [
      fetched.subarray(start, start + 3),
      fetched.subarray(start + 10, start + sizeBytes),
    ]
    return record({ offset, key, value })
  })
  return { fetched, records }
}

test.each([
  [Buffer.from('k'), Buffer.from('v')],
  [Buffer.alloc(9000, 'k'), Buffer.alloc(9000, 'v')],
  [null, Buffer.alloc(9000, 'v')],
  [Buffer.alloc(9000, 'k'), null],
  [null, null],
  [Buffer.alloc(0), Buffer.alloc(0)],
  [Buffer.alloc(9000).subarray(5, 9), Buffer.from('in the pool')],
])('keys and values are what they were, with memory in common or not (%#)', (key, value) => {
  const raw = rawRecord(record({ key, value }))
  const expected = {
    key: key?.toString('latin1') ?? null,
    value: value?.toString('latin1') ?? null,
  }
  expect(contentOf(raw)).toMatchObject(expected)
  expect(keptRecords([raw]).map(contentOf)).toEqual([contentOf(raw)])
})

test('a record that says where its parts lie is kept as it is', () => {
  const raw = rawRecord(record())
  const placed = Object.assign(record(), raw)
  expect(rawRecord(placed)).toBe(placed)
})

test('records that are most of a fetch are views of it', () => {
  const { fetched, records } = fetch(100, 1000)
  const kept = keptRecords(records.map(rawRecord))
  expect(kept.every(({ bytes }) => bytes.buffer === fetched.buffer)).toBe(true)
})

test('few records of a large fetch are copied, together, and do not hold on to it', () => {
  const { fetched, records } = fetch(100, 1000)
  const headers = [{ name: 'h', value: fetched.subarray(0, 3) }]
  const few = [records[3], records[50]].flatMap((each) =>
    each === undefined ? [] : [{ ...each, headers }],
  )
  const kept = keptRecords(few.map(rawRecord))
  expect(kept.map(contentOf)).toEqual(few.map(rawRecord).map(contentOf))
  expect(new Set(kept.map(({ bytes }) => bytes.buffer)).size).toBe(1)
  expect(kept[0]?.bytes.buffer.byteLength).toBe(2 * 1003)
  fetched.fill(0)
  expect(kept.map(contentOf)).toMatchObject([
    { key: 'kk3', value: 'v'.repeat(1000), headers: [['h', 'kk0']] },
    { key: 'k50', value: 'v'.repeat(1000), headers: [['h', 'kk0']] },
  ])
})
