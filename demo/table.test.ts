// Tests the arithmetic of the demo's table on two recorded scrapes.
import { expect, test } from 'vitest'
import { bucketsOf, parseScrape, sumOf } from './scrape.ts'
import { Screen } from './screen.ts'
import { summarize, summaryLines } from './summary.ts'
import { headerLine, quantile, readingOf, rowBetween, rowLine, type Row } from './table.ts'

/** What a platform says; the numbers that change between scrapes are filled in. */
function scrape(of: {
  in: number
  filtered: number
  invoked: number
  batches: number
  errors: number
  buckets: readonly [number, number, number]
  lag: number
  lagSeconds: string
}): string {
  const [fast, slow, all] = of.buckets
  return `# HELP millrace_topic_records_in_total Records appended.
# TYPE millrace_topic_records_in_total counter
millrace_topic_records_in_total{topic="telemetry"} ${of.in}
millrace_topic_records_in_total{topic="__consumer_offsets"} 999
millrace_mapping_polled_events_total{mapping="m\\"1",function="TyrePressure"} ${of.filtered + of.invoked}
millrace_mapping_filtered_out_events_total{mapping="m1"} ${of.filtered}
millrace_mapping_invoked_events_total{mapping="m1"} ${of.invoked}
millrace_mapping_batches_total{mapping="m1"} ${of.batches}
millrace_function_invocations_total{function="TyrePressure"} ${of.batches}
millrace_function_errors_total{function="TyrePressure"} ${of.errors}
millrace_function_duration_seconds_bucket{le="0.01",function="TyrePressure"} ${fast}
millrace_function_duration_seconds_bucket{le="0.1",function="TyrePressure"} ${slow}
millrace_function_duration_seconds_bucket{le="+Inf",function="TyrePressure"} ${all}
millrace_function_duration_seconds_sum{function="TyrePressure"} 1.5e+00
millrace_function_duration_seconds_count{function="TyrePressure"} ${all}
kafka_consumergroup_lag_sum{consumergroup="tyre-pressure",topic="telemetry"} ${of.lag}
kafka_consumergroup_lag_sum{consumergroup="x",topic="other"} 5000
millrace_consumergroup_lag_seconds{consumergroup="tyre-pressure",topic="telemetry",partition="0"} 0.25
millrace_consumergroup_lag_seconds{consumergroup="tyre-pressure",topic="telemetry",partition="1"} ${of.lagSeconds}
millrace_mapping_lag_cause{mapping="m0",topic="telemetry",cause="none"} 1
millrace_mapping_lag_cause{mapping="m1",topic="telemetry",cause="slow-handler"} 1
millrace_mapping_lag_cause{mapping="x",topic="other",cause="throttled"} 1
`
}

const first = scrape({
  in: 1000,
  filtered: 900,
  invoked: 20,
  batches: 2,
  errors: 0,
  buckets: [2, 2, 2],
  lag: 80,
  lagSeconds: '0.5',
})
const second = scrape({
  in: 7000,
  filtered: 6780,
  invoked: 140,
  batches: 10,
  errors: 1,
  buckets: [6, 10, 10],
  lag: 80,
  lagSeconds: '1.75',
})

test('a scrape is read line by line, whatever its labels', () => {
  const samples = parseScrape(second)
  expect(samples).toHaveLength(20)
  expect(samples[2]?.labels).toEqual({ mapping: 'm"1', function: 'TyrePressure' })
  expect(sumOf(samples, 'millrace_topic_records_in_total')).toBe(7999)
  expect(bucketsOf(samples, 'millrace_function_duration_seconds')).toEqual([
    [0.01, 6],
    [0.1, 10],
    [Infinity, 10],
  ])
  expect(parseScrape('up 1 1700000000000\nbad{ 2\nnan_metric NaN\n# up 3')).toEqual([
    { name: 'up', labels: {}, value: 1 },
  ])
})

test('a row has the rates between two scrapes, and the lag of the second', () => {
  const before = readingOf(parseScrape(first), 'telemetry', 10_000)
  const now = readingOf(parseScrape(second), 'telemetry', 12_000)
  const row = rowBetween(before, now, 5_000)
  expect(row).toEqual({
    elapsedMs: 7000,
    recordsInPerSecond: 3000,
    filteredPerSecond: 2940,
    batchesPerSecond: 4,
    invocationsPerSecond: 4,
    errors: 1,
    // Of 8 observations 4 are within 10 ms, 4 within 100 ms: the 7.92nd is at 0.98 of the second.
    p99Seconds: expect.closeTo(0.01 + 0.09 * 0.98, 9) as number,
    lagRecords: 80,
    lagSeconds: 1.75,
    lagCause: 'slow-handler',
  })
  expect(rowLine(row).trim().split(/ {2,}/)).toEqual([
    '7 s',
    '3,000',
    '2,940',
    '4.0',
    '4.0',
    '1',
    '98.2 ms',
    '80',
    '1.8',
    'slow handler',
  ])
  expect(rowLine(row)).toHaveLength(headerLine().length)
})

test('no time between two readings is no rate, not an infinite one', () => {
  const before = readingOf(parseScrape(first), 'telemetry', 10_000)
  const now = readingOf(parseScrape(second), 'telemetry', 10_000)
  expect(rowBetween(before, now, 0).recordsInPerSecond).toBe(0)
})

test.each<[number, [number, number][], number | undefined]>([
  [0.99, [], undefined],
  [
    0.99,
    [
      [1, 0],
      [Infinity, 0],
    ],
    undefined,
  ],
  [
    0.5,
    [
      [1, 10],
      [2, 20],
      [Infinity, 20],
    ],
    1,
  ],
  [
    0.75,
    [
      [1, 10],
      [2, 20],
      [Infinity, 20],
    ],
    1.5,
  ],
  [
    0.99,
    [
      [1, 0],
      [2, 0],
      [Infinity, 5],
    ],
    2,
  ],
])('the %d quantile of %j is %s', (share, buckets, value) => {
  expect(quantile(share, buckets)).toBe(value)
})

const rows = [100, 4000, 20_000, 12_000, 2900, 3100].map((lagRecords, index): Row => ({
  elapsedMs: (index + 1) * 1000,
  recordsInPerSecond: 0,
  filteredPerSecond: 0,
  batchesPerSecond: 0,
  invocationsPerSecond: 0,
  errors: 0,
  p99Seconds: undefined,
  lagRecords,
  lagSeconds: lagRecords / 10_000,
  lagCause: 'none',
}))

test('the summary has totals, the deepest lag and the time from there to less than a second of input', () => {
  const before = readingOf(parseScrape(first), 'telemetry', 0)
  const now = readingOf(parseScrape(second), 'telemetry', 6000)
  const summary = summarize(before, now, { rows, secondOfInput: 3000 })
  expect(summary).toMatchObject({
    recordsIn: 6000,
    filtered: 5880,
    invoked: 120,
    batches: 8,
    errors: 1,
    peakLagRecords: 20_000,
    peakLagSeconds: 2,
    catchUpMs: 2000,
    lagRecords: 80,
  })
  expect(summaryLines(summary)).toContain('to the handler  120 (2.0 %) in 8 batches')
  expect(summaryLines(summary)).toContain('catching up     2 s')
})

test('a run that never caught up says so, as does one that never fell behind', () => {
  const reading = readingOf(parseScrape(first), 'telemetry', 0)
  const run = (some: readonly Row[]) =>
    summarize(reading, reading, { rows: some, secondOfInput: 3000 }).catchUpMs
  expect(run(rows.slice(0, 4))).toBeUndefined()
  expect(run(rows.slice(0, 1))).toBe(0)
  expect(run([])).toBe(0)
})

test('without a terminal there is a header, and a line of every second row', () => {
  const written: string[] = []
  const screen = new Screen({ write: (text) => written.push(text) })
  for (const row of rows) screen.add(row)
  expect(written).toEqual([
    `${headerLine()}\n`,
    ...[1, 3, 5].map((index) => `${rowLine(rows[index] as Row)}\n`),
  ])
})

test('on a terminal the table is erased as tall as it was drawn', () => {
  const written: string[] = []
  const screen = new Screen({ write: (text) => written.push(text), isTTY: true, columns: 40 })
  for (const row of rows.slice(0, 2)) screen.add(row)
  const [header, first, second] = [headerLine(), ...rows.slice(0, 2).map(rowLine)].map((line) =>
    line.slice(0, 39),
  )
  expect(written).toEqual([
    `${header}\n${first}\n`,
    `\u001B[2F\u001B[J${header}\n${first}\n${second}\n`,
  ])
})
