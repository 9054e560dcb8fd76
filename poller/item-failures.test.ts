// Tests which answers of a function name failed records, and which fail a whole batch.
import { expect, test } from 'vitest'
import { laneRecord } from '../test/support/lane-record.ts'
import { itemFailuresOf } from './item-failures.ts'
import { Lane } from './lane.ts'

function groupOf(partition: number, offsets: readonly number[]) {
  const lane = new Lane(partition)
  for (const offset of offsets) lane.push(laneRecord(offset))
  return { lane, partition, records: lane.take(offsets.length) }
}

const groups = [groupOf(0, [100, 101]), groupOf(1, [5])]
const read = (payload: string) => {
  const failed = itemFailuresOf(payload, groups, 'topic')
  if (typeof failed === 'string') return failed
  return groups.flatMap(({ partition, records }) =>
    records.filter((record) => failed.has(record)).map(({ offset }) => `${partition}:${offset}`),
  )
}
const naming = (...identifiers: unknown[]) =>
  read(
    JSON.stringify({
      batchItemFailures: identifiers.map((itemIdentifier) => ({ itemIdentifier })),
    }),
  )

// The first six are recorded of AWS as complete successes.
test.each([
  '""',
  '[]',
  'null',
  '{}',
  '{"batchItemFailures":[]}',
  '{"batchItemFailures":null}',
  '{"handled":3}',
  '"done"',
  '7',
  '',
  'not JSON',
])('%s names no record', (payload) => {
  expect(read(payload)).toBe('none')
})

test('records are named by topic, partition and offset', () => {
  expect(naming({ partition: 'topic-0', offset: 101 })).toEqual(['0:101'])
  expect(
    naming({ partition: 'topic-1', offset: 5 }, { partition: 'topic-0', offset: 100 }),
  ).toEqual(['0:100', '1:5'])
  const twice = { partition: 'topic-0', offset: 100 }
  expect(naming(twice, twice)).toEqual(['0:100'])
})

test.each<[string, unknown]>([
  ['nothing', undefined],
  ['null', null],
  ['an empty text', ''],
  ['a text, as for other sources', '100'],
  ['a number', 123],
  ['no offset', { partition: 'topic-0' }],
  ['an offset as text', { partition: 'topic-0', offset: '100' }],
  ['an offset that is not in the batch', { partition: 'topic-0', offset: 99 }],
  ['a partition that is not in the batch', { partition: 'topic-2', offset: 5 }],
  ['a partition as number', { partition: 0, offset: 100 }],
  ['another topic', { partition: 'other-0', offset: 100 }],
])('%s as identifier fails the whole batch', (_what, identifier) => {
  expect(naming({ partition: 'topic-0', offset: 100 }, identifier)).toBe('all')
})

test('failures that are no list, or hold something else, fail the whole batch', () => {
  expect(read('{"batchItemFailures":{}}')).toBe('all')
  expect(read('{"batchItemFailures":"x"}')).toBe('all')
  expect(read('{"batchItemFailures":[7]}')).toBe('all')
  expect(read('{"batchItemFailures":[{"foo":"bar"}]}')).toBe('all')
})
