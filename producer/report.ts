// Writes the producer's progress line and its final report; does no I/O.
import { formatBytes, formatMilliseconds } from '../common/quantities.ts'
import type { SenderCounts } from './sender.ts'

/** The counts at a moment of the run. */
export interface Snapshot {
  readonly elapsedMs: number
  readonly counts: SenderCounts
}

export interface Summary extends Snapshot {
  readonly topic: string
  /** Records that were due within the run but not sent, because the broker was too slow. */
  readonly late: number
}

/** One line without its end; rates are those since `before`. */
export function progressLine(before: Snapshot, now: Snapshot): string {
  const { counts } = now
  const spanMs = now.elapsedMs - before.elapsedMs
  const records = perSecond(counts.acknowledged - before.counts.acknowledged, spanMs)
  const bytes = perSecond(counts.acknowledgedBytes - before.counts.acknowledgedBytes, spanMs)
  const parts = [
    `${Math.round(now.elapsedMs / 1000)} s`,
    `sent ${count(counts.sent)}`,
    `acknowledged ${count(counts.acknowledged)}`,
    `failed ${count(counts.failed)}`,
    `${count(records)}/s`,
    `${formatBytes(bytes)}/s`,
    `p50 ${latency(counts.p50Ms)}`,
    `p99 ${latency(counts.p99Ms)}`,
  ]
  if (counts.trouble !== undefined) parts.push(`trying again: ${counts.trouble}`)
  return parts.join('  ')
}

/** The report as lines for people or as one JSON object; both end with a line feed. */
export function finalReport(summary: Summary, format: 'text' | 'json'): string {
  const { counts, elapsedMs, topic, late } = summary
  const rate = perSecond(counts.acknowledged, elapsedMs)
  if (format === 'json') {
    const { sent, acknowledged, failed, acknowledgedBytes, p50Ms, p99Ms, failure } = counts
    const report = { topic, sent, acknowledged, failed, late, bytes: acknowledgedBytes }
    const figures = { durationMs: elapsedMs, recordsPerSecond: rate, p50Ms, p99Ms }
    return `${JSON.stringify({ ...report, ...figures, ...(failure && { failure }) })}\n`
  }
  const bytesPerSecond = perSecond(counts.acknowledgedBytes, elapsedMs)
  const failure = counts.failure === undefined ? '' : ` (${counts.failure})`
  const rows: (readonly [string, string])[] = [
    ['topic', topic],
    ['sent', `${count(counts.sent)} records`],
    [
      'acknowledged',
      `${count(counts.acknowledged)} records, ${formatBytes(counts.acknowledgedBytes)}`,
    ],
    ['failed', `${count(counts.failed)} records${failure}`],
    ['rate', `${count(rate)} records/s, ${formatBytes(bytesPerSecond)}/s`],
    ['acknowledgement', `p50 ${latency(counts.p50Ms)}, p99 ${latency(counts.p99Ms)}`],
    ['duration', formatMilliseconds(elapsedMs)],
  ]
  if (late > 0) rows.splice(4, 0, ['late', `${count(late)} records due but not sent: too slow`])
  return rows.map(([name, value]) => `${name.padEnd(16)}${value}\n`).join('')
}

function perSecond(amount: number, spanMs: number): number {
  return spanMs <= 0 ? 0 : Math.round((amount * 1000) / spanMs)
}

function count(value: number): string {
  return value.toLocaleString('en-US')
}

function latency(ms: number): string {
  return ms === 0 ? '-' : formatMilliseconds(ms)
}
