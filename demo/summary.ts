// Sums the demo up: totals, the deepest lag, and how long catching up took. Pure.
import { bucketsBetween, duration, quantile, whole, type Reading, type Row } from './table.ts'

export interface Summary {
  readonly recordsIn: number
  readonly filtered: number
  readonly invoked: number
  readonly batches: number
  readonly invocations: number
  readonly errors: number
  readonly p99Seconds: number | undefined
  readonly peakLagRecords: number
  readonly peakLagSeconds: number
  /**
   * From the row with the deepest lag to the first with less than a second of input waiting; 0 where
   * it never was more, undefined where it still is.
   */
  readonly catchUpMs: number | undefined
  /** Records that wait at the end. */
  readonly lagRecords: number
}

/** `secondOfInput` is how many records come in a second when there is no spike. */
export function summarize(
  first: Reading,
  last: Reading,
  run: { readonly rows: readonly Row[]; readonly secondOfInput: number },
): Summary {
  const { rows, secondOfInput } = run
  return {
    recordsIn: last.recordsIn - first.recordsIn,
    filtered: last.filtered - first.filtered,
    invoked: last.invoked - first.invoked,
    batches: last.batches - first.batches,
    invocations: last.invocations - first.invocations,
    errors: last.errors - first.errors,
    p99Seconds: quantile(0.99, bucketsBetween(first.durations, last.durations)),
    peakLagRecords: Math.max(0, ...rows.map((row) => row.lagRecords)),
    peakLagSeconds: Math.max(0, ...rows.map((row) => row.lagSeconds)),
    catchUpMs: catchUpMs(rows, secondOfInput),
    lagRecords: last.lagRecords,
  }
}

function catchUpMs(rows: readonly Row[], secondOfInput: number): number | undefined {
  const peak = rows.reduce((most, row) => Math.max(most, row.lagRecords), 0)
  if (peak <= secondOfInput) return 0
  const from = rows.findIndex((row) => row.lagRecords === peak)
  const caughtUp = rows.slice(from).find((row) => row.lagRecords <= secondOfInput)
  const start = rows[from]?.elapsedMs ?? 0
  return caughtUp === undefined ? undefined : caughtUp.elapsedMs - start
}

export function summaryLines(summary: Summary): readonly string[] {
  const { recordsIn, filtered, invoked, lagRecords } = summary
  const share = recordsIn === 0 ? '0' : ((invoked * 100) / recordsIn).toFixed(1)
  const rows: readonly (readonly [string, string])[] = [
    ['records in', whole(recordsIn)],
    ['filtered out', whole(filtered)],
    ['to the handler', `${whole(invoked)} (${share} %) in ${whole(summary.batches)} batches`],
    ['invocations', `${whole(summary.invocations)}, ${whole(summary.errors)} failed`],
    ['p99 duration', duration(summary.p99Seconds)],
    [
      'deepest lag',
      `${whole(summary.peakLagRecords)} records, ${summary.peakLagSeconds.toFixed(1)} s`,
    ],
    ['catching up', catchUp(summary.catchUpMs)],
    ['lag at the end', `${whole(lagRecords)} records`],
  ]
  return rows.map(([name, value]) => `${name.padEnd(16)}${value}`)
}

function catchUp(ms: number | undefined): string {
  if (ms === undefined) return 'not within the run'
  return ms === 0 ? 'never more than a second of input behind' : `${(ms / 1000).toFixed(0)} s`
}
