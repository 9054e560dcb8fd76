// Tests that the judge of histories finds each violation, and none where there is none.
import { expect, test } from 'vitest'
import { violations, type History, type HistoryEvent } from './history.ts'

const record = (producer: string, sequence: number, offset: number, partition = 0) => ({
  producer,
  sequence,
  partition,
  offset,
})
type Record = ReturnType<typeof record>

const log = [record('a', 0, 0), record('b', 0, 1), record('a', 1, 2), record('a', 2, 0, 1)]
const sent = (r: Record): HistoryEvent => ({
  kind: 'sent',
  producer: r.producer,
  sequence: r.sequence,
  partition: r.partition,
})
const acknowledged = (r: Record): HistoryEvent => ({ kind: 'acknowledged', ...r })
const polled = (r: Record, member = 'm', claim = 0): HistoryEvent => ({
  kind: 'polled',
  member,
  claim,
  ...r,
})
const committed = (offset: number, partition = 0): HistoryEvent => ({
  kind: 'committed',
  member: 'm',
  partition,
  offset,
})

function judged(changes: Partial<History>, idempotent: readonly string[] = []): readonly string[] {
  const events = [
    ...log.map(sent),
    ...log.map(acknowledged),
    ...log.map((r) => polled(r)),
    committed(3),
  ]
  return violations({ events, log, ...changes }, { idempotent: new Set(idempotent) })
}

/** The history of `judged` with some of its events in place of others. */
function withEvents(change: (events: HistoryEvent[]) => HistoryEvent[]): readonly string[] {
  const events = [...log.map(sent), ...log.map(acknowledged), ...log.map((r) => polled(r))]
  return judged({ events: change(events) })
}

test('a history without a flaw has none', () => {
  expect(judged({}, ['a', 'b'])).toEqual([])
})

test('a record that was acknowledged and is not in the log is lost', () => {
  const lost = record('b', 1, 3)
  expect(withEvents((events) => [...events, sent(lost), acknowledged(lost)])).toEqual([
    'b:1 was acknowledged at 0/3 and is lost',
  ])
})

test('a record that was sent and not acknowledged may be there or not', () => {
  const open = record('b', 1, 3)
  expect(withEvents((events) => [...events, sent(open)])).toEqual([])
  const events = [...log.map(sent), sent(open), ...[...log, open].map((r) => polled(r))]
  expect(judged({ events, log: [...log, open] })).toEqual([])
})

test('a record that nobody sent, or sent elsewhere, was read', () => {
  const alien = record('c', 0, 3)
  const events = [...log.map(sent), ...[...log, alien].map((r) => polled(r))]
  expect(judged({ events, log: [...log, alien] })).toEqual([
    'c:0 was read at 0/3 and never sent there',
    'c:0 was read at 0/3 and never sent there',
  ])
  const moved = record('a', 2, 3)
  const both = [...log.map(sent), ...[...log, moved].map((r) => polled(r))]
  expect(judged({ events: both, log: [...log, moved] })).toContain(
    'a:2 was read at 0/3 and never sent there',
  )
})

test('one place holds one record, whoever tells of it', () => {
  const other = record('a', 1, 1)
  const events = (one: HistoryEvent): HistoryEvent[] => [
    ...log.map(sent),
    one,
    ...log.map((r) => polled(r)),
  ]
  expect(judged({ events: events(acknowledged(other)) })).toContain('0/1 holds a:1 and b:0')
  expect(judged({ events: events(polled(other, 'other')) })).toContain('0/1 holds a:1 and b:0')
})

test('a second copy is a violation for idempotent producers alone', () => {
  const copy = record('a', 0, 3)
  const events = [...log.map(sent), ...[...log, copy].map((r) => polled(r))]
  const history = { events, log: [...log, copy] }
  expect(judged(history)).toEqual([])
  expect(judged(history, ['b'])).toEqual([])
  expect(judged(history, ['a'])).toEqual(['a:0 lies at 0/0 and at 0/3'])
})

test('a producer’s records keep their order within a partition', () => {
  const turned = [record('a', 1, 0), record('a', 0, 1)]
  const events = [...turned.map(sent), ...turned.map((r) => polled(r))]
  expect(judged({ events, log: turned })).toEqual(['a:0 at 0/1 lies behind a:1'])
})

test('the log has no gap', () => {
  const holey = [record('a', 0, 0), record('a', 1, 2)]
  const events = [
    ...holey.map(sent),
    polled(holey[0] ?? record('', 0, 0)),
    polled(record('a', 1, 2), 'n'),
  ]
  expect(judged({ events, log: holey })).toEqual(['the log of 0 has 2 where 1 is due'])
})

test('a member reads on without a skip and without going back, unless it begins anew', () => {
  const [first, second, third] = log as [Record, Record, Record]
  const seen = (...polls: HistoryEvent[]): readonly string[] =>
    judged({ events: [...log.map(sent), ...log.map((r) => polled(r, 'other')), ...polls] })
  expect(seen(polled(first), polled(third))).toEqual(['m skipped to 0/2 where 1 was due'])
  expect(seen(polled(first), polled(second), polled(first))).toEqual([
    'm went back to 0/0 where 2 was due',
  ])
  expect(seen(polled(first), polled(second), polled(first, 'm', 1))).toEqual([])
})

test('a group never goes on behind a record that nobody was handed', () => {
  const [first, , third] = log as [Record, Record, Record]
  const events = [
    ...log.map(sent),
    polled(first),
    polled(third, 'n'),
    committed(2),
    ...log.map((r) => polled(r, 'late')),
  ]
  expect(judged({ events })).toEqual(['0/2 was committed, only up to 1 was polled'])
})

test('what was committed is where the next claim begins, or later', () => {
  const [first, second, third] = log as [Record, Record, Record]
  const elsewhere = log[3] as Record
  const events = (next: Record): HistoryEvent[] => [
    ...log.map(sent),
    polled(first),
    polled(second),
    committed(2),
    polled(elsewhere),
    polled(next, 'm', 1),
    polled(third, 'n'),
  ]
  expect(judged({ events: events(second) })).toEqual(['m began at 0/1, committed was 2'])
  expect(judged({ events: events(third) })).toEqual([])
})

test('every record of the log was polled by somebody', () => {
  expect(withEvents((events) => events.slice(0, -1))).toEqual(['a:2 at 1/0 was polled by nobody'])
})
