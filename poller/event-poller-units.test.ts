// Tests how many event poller units AWS would see, and what counts as read for them.
import { expect, test } from 'vitest'
import { rawRecord } from './kept-records.ts'
import type { SourceRecord } from './sources/source.ts'
import { bytesPerSecondOf, eventPollerUnits, polledBytesOf } from './event-poller-units.ts'

test.each([
  [0, 0, 0],
  [1, 0, 1],
  [10, 0, 1],
  [11, 0, 2],
  [200, 1e6, 20],
  [10, 20e6, 1],
  [10, 20_000_001, 2],
  [10, 50e6, 3],
])('%d event pollers that read %d bytes a second are %d units', (pollers, bytes, units) => {
  expect(eventPollerUnits(pollers, bytes)).toBe(units)
})

test('of a record its key, its value and its headers are read', () => {
  const record = {
    topic: 't',
    partition: 0,
    offset: 0,
    timestampMs: 0,
    timestampType: 'CREATE_TIME',
    key: Buffer.from('key'),
    value: Buffer.from('value'),
    headers: [
      { name: 'trace', value: Buffer.from('ab') },
      { name: 'none', value: Buffer.alloc(0) },
    ],
  } as const
  expect(polledBytesOf(record)).toBe(3 + 5 + 5 + 2 + 4)
  const empty = { ...record, key: null, value: null, headers: [] }
  expect(polledBytesOf(empty)).toBe(0)
  // In place, as our own consumer reads them.
  expect(polledBytesOf(rawOf(record))).toBe(3 + 5 + 5 + 2 + 4)
  expect(polledBytesOf(rawOf(empty))).toBe(0)
})

test('the rate is of the time between the first look and the last, and none of one look alone', () => {
  const looks = [
    { atMs: 1000, polledBytes: 500 },
    { atMs: 2000, polledBytes: 900 },
    { atMs: 3000, polledBytes: 2500 },
  ]
  expect(bytesPerSecondOf(looks)).toBe(1000)
  expect(bytesPerSecondOf(looks.slice(0, 1))).toBe(0)
  expect(bytesPerSecondOf([])).toBe(0)
})

function rawOf(record: SourceRecord): SourceRecord {
  return Object.assign(Object.create(record) as SourceRecord, rawRecord(record))
}
