// Tests the progress line and the report word by word.
import { expect, test } from 'vitest'
import { finalReport, progressLine } from './report.ts'
import type { SenderCounts } from './sender.ts'

const counts: SenderCounts = {
  sent: 60_100,
  acknowledged: 60_000,
  failed: 0,
  acknowledgedBytes: 90_000_000,
  p50Ms: 3,
  p99Ms: 1200,
  trouble: undefined,
  failure: undefined,
}
const nothing: SenderCounts = {
  ...counts,
  sent: 0,
  acknowledged: 0,
  acknowledgedBytes: 0,
  p50Ms: 0,
  p99Ms: 0,
}

test('the progress line shows totals, and the rate since the line before', () => {
  const before = { elapsedMs: 18_000, counts: { ...counts, acknowledged: 54_000 } }
  expect(progressLine(before, { elapsedMs: 20_000, counts })).toBe(
    '20 s  sent 60,100  acknowledged 60,000  failed 0  3,000/s  0 B/s  p50 3 ms  p99 1.2 s',
  )
})

test('the progress line says what is in the way', () => {
  const now = { elapsedMs: 2000, counts: { ...nothing, trouble: 'no broker answers' } }
  expect(progressLine({ elapsedMs: 0, counts: nothing }, now)).toBe(
    '2 s  sent 0  acknowledged 0  failed 0  0/s  0 B/s  p50 -  p99 -  trying again: no broker answers',
  )
})

test('the report has a line for each figure', () => {
  const summary = { topic: 't', elapsedMs: 20_000, late: 0, counts }
  expect(finalReport(summary, 'text')).toBe(
    [
      'topic           t',
      'sent            60,100 records',
      'acknowledged    60,000 records, 85.8 MiB',
      'failed          0 records',
      'rate            3,000 records/s, 4.3 MiB/s',
      'acknowledgement p50 3 ms, p99 1.2 s',
      'duration        20.0 s',
      '',
    ].join('\n'),
  )
})

test('failures come with their reason, and what could not be sent in time is told', () => {
  const failed = { ...counts, failed: 100, failure: 'too large' }
  const report = finalReport({ topic: 't', elapsedMs: 1000, late: 2500, counts: failed }, 'text')
  expect(report).toContain('failed          100 records (too large)\n')
  expect(report).toContain('late            2,500 records due but not sent: too slow\n')
})

test('as JSON the report is one object with plain numbers', () => {
  const summary = { topic: 't', elapsedMs: 20_000, late: 1, counts }
  const report = finalReport(summary, 'json')
  expect(report.endsWith('}\n')).toBe(true)
  expect(JSON.parse(report)).toEqual({
    topic: 't',
    sent: 60_100,
    acknowledged: 60_000,
    failed: 0,
    late: 1,
    bytes: 90_000_000,
    durationMs: 20_000,
    recordsPerSecond: 3000,
    p50Ms: 3,
    p99Ms: 1200,
  })
})

test('a run of no time has no rate', () => {
  const report = finalReport({ topic: 't', elapsedMs: 0, late: 0, counts: nothing }, 'text')
  expect(report).toContain('rate            0 records/s, 0 B/s\nacknowledgement p50 -, p99 -\n')
})
