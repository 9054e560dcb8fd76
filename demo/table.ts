// Turns scrapes into the rows of the demo's table: rates, percentiles, lag. Pure.
import { bucketsOf, maxOf, sumOf, type Buckets, type Sample } from './scrape.ts'

/** What one scrape says: totals since the platform's start, and lag as it is. */
export interface Reading {
  readonly atMs: number
  readonly recordsIn: number
  readonly polled: number
  readonly filtered: number
  readonly invoked: number
  readonly batches: number
  readonly invocations: number
  readonly errors: number
  /** Of invocations, in seconds. */
  readonly durations: Buckets
  readonly lagRecords: number
  readonly lagSeconds: number
  /** Why; of several mappings one that is behind. */
  readonly lagCause: string
}

/** What went on between two readings; `…PerSecond` are rates over that time. */
export interface Row {
  readonly elapsedMs: number
  readonly recordsInPerSecond: number
  readonly filteredPerSecond: number
  readonly batchesPerSecond: number
  readonly invocationsPerSecond: number
  /** Since the start. */
  readonly errors: number
  /** Undefined where nothing was invoked. */
  readonly p99Seconds: number | undefined
  readonly lagRecords: number
  readonly lagSeconds: number
  readonly lagCause: string
}

export function readingOf(samples: readonly Sample[], topic: string, atMs: number): Reading {
  const sum = (name: string): number => sumOf(samples, name)
  return {
    atMs,
    recordsIn: sumOf(samples, 'millrace_topic_records_in_total', { topic }),
    polled: sum('millrace_mapping_polled_events_total'),
    filtered: sum('millrace_mapping_filtered_out_events_total'),
    invoked: sum('millrace_mapping_invoked_events_total'),
    batches: sum('millrace_mapping_batches_total'),
    invocations: sum('millrace_function_invocations_total'),
    errors: sum('millrace_function_errors_total'),
    durations: bucketsOf(samples, 'millrace_function_duration_seconds'),
    lagRecords: sumOf(samples, 'kafka_consumergroup_lag_sum', { topic }),
    lagSeconds: maxOf(samples, 'millrace_consumergroup_lag_seconds', { topic }),
    lagCause: causeOf(samples, topic),
  }
}

/** `startedAtMs` is when the clock of the table stands at zero. */
export function rowBetween(before: Reading, now: Reading, startedAtMs: number): Row {
  const spanMs = now.atMs - before.atMs
  const perSecond = (total: (reading: Reading) => number): number =>
    spanMs <= 0 ? 0 : ((total(now) - total(before)) * 1000) / spanMs
  return {
    elapsedMs: now.atMs - startedAtMs,
    recordsInPerSecond: perSecond((reading) => reading.recordsIn),
    filteredPerSecond: perSecond((reading) => reading.filtered),
    batchesPerSecond: perSecond((reading) => reading.batches),
    invocationsPerSecond: perSecond((reading) => reading.invocations),
    errors: now.errors,
    p99Seconds: quantile(0.99, bucketsBetween(before.durations, now.durations)),
    lagRecords: now.lagRecords,
    lagSeconds: now.lagSeconds,
    lagCause: now.lagCause,
  }
}

function causeOf(samples: readonly Sample[], topic: string): string {
  const causes = samples
    .filter(({ name, labels, value }) => {
      return name === 'millrace_mapping_lag_cause' && labels['topic'] === topic && value === 1
    })
    .map(({ labels }) => labels['cause'] ?? 'none')
  return causes.find((cause) => cause !== 'none') ?? 'none'
}

/** What was counted between two readings of a histogram. */
export function bucketsBetween(before: Buckets, now: Buckets): Buckets {
  const earlier = new Map(before)
  return now.map(([bound, count]) => [bound, count - (earlier.get(bound) ?? 0)])
}

/**
 * The value below which this share of the observations lies, on a straight line within its bucket;
 * the last finite bound where it lies above; undefined without observations.
 */
export function quantile(share: number, buckets: Buckets): number | undefined {
  const total = buckets.at(-1)?.[1] ?? 0
  if (total <= 0) return undefined
  const rank = share * total
  let [lowerBound, below] = [0, 0]
  for (const [bound, count] of buckets) {
    if (count >= rank) {
      if (bound === Infinity) return lowerBound
      const part = count === below ? 1 : (rank - below) / (count - below)
      return lowerBound + (bound - lowerBound) * part
    }
    lowerBound = bound
    below = count
  }
  return lowerBound
}

interface Column {
  readonly title: string
  readonly width: number
  text(row: Row): string
}

const columns: readonly Column[] = [
  { title: 'time', width: 6, text: (row) => `${Math.round(row.elapsedMs / 1000)} s` },
  { title: 'records in/s', width: 14, text: (row) => whole(row.recordsInPerSecond) },
  { title: 'filtered/s', width: 12, text: (row) => whole(row.filteredPerSecond) },
  { title: 'batches/s', width: 11, text: (row) => oneDigit(row.batchesPerSecond) },
  { title: 'invocations/s', width: 14, text: (row) => oneDigit(row.invocationsPerSecond) },
  { title: 'errors', width: 8, text: (row) => whole(row.errors) },
  { title: 'p99', width: 10, text: (row) => duration(row.p99Seconds) },
  { title: 'lag', width: 10, text: (row) => whole(row.lagRecords) },
  { title: 'lag in s', width: 10, text: (row) => oneDigit(row.lagSeconds) },
  {
    title: 'why',
    width: 24,
    text: ({ lagCause }) => (lagCause === 'none' ? '' : lagCause.replaceAll('-', ' ')),
  },
]

export function headerLine(): string {
  return columns.map(({ title, width }) => title.padStart(width)).join('')
}

export function rowLine(row: Row): string {
  return columns.map(({ text, width }) => text(row).padStart(width)).join('')
}

export function whole(value: number): string {
  return Math.round(value).toLocaleString('en-US')
}

export function duration(seconds: number | undefined): string {
  if (seconds === undefined) return '-'
  return seconds < 1 ? `${(seconds * 1000).toFixed(1)} ms` : `${seconds.toFixed(2)} s`
}

function oneDigit(value: number): string {
  return value.toFixed(1)
}
