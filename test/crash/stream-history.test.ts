// Tests that the judge of streams' histories finds each kind of wrong, and nothing in a sound one.
import { expect, test } from 'vitest'
import { streamViolations, type Found, type Put } from './stream-history.ts'

const put = (sequence: number, number?: string): Put => ({
  key: 'k',
  sequence,
  ...(number === undefined ? {} : { place: { shard: 's', number } }),
})
const record = (sequence: number, number: string, shard = 's'): Found => ({
  shard,
  number,
  key: 'k',
  text: `k:${sequence}`,
})

test('what is acknowledged, in order and once, is sound, and what nobody answered may be there or not', () => {
  const puts = [put(0, '10'), put(1), put(2), put(3, '12')]
  expect(streamViolations(puts, [record(0, '10'), record(2, '11'), record(3, '12')])).toEqual([])
  expect(streamViolations(puts, [record(0, '10'), record(3, '12')])).toEqual([])
})

test.each<[string, readonly Put[], readonly Found[]]>([
  ['k:0 was acknowledged and is missing', [put(0, '10')], []],
  ['k:0 was acknowledged as 10 and is 11', [put(0, '10')], [record(0, '11')]],
  ['k:1 of k was never sent', [put(0)], [record(1, '10')]],
  ['k:0 is there twice', [put(0)], [record(0, '10'), record(0, '11', 't')]],
  ['k:1: 10 does not grow', [put(0), put(1)], [record(0, '10'), record(1, '10')]],
  ['k:0 is out of order', [put(0), put(1)], [record(1, '10'), record(0, '11')]],
])('%s', (violation, puts, found) => {
  expect(streamViolations(puts, found)).toContain(violation)
})
