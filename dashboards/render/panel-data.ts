// What a panel shows: its options out of the board's JSON, and its queries' answers.
import type { Panel } from '@grafana/grafana-foundation-sdk/dashboard'
import type { Dataquery } from '@grafana/grafana-foundation-sdk/prometheus'
import { filledIn, type PrometheusClient, type Series } from '../prometheus-client.ts'

export interface Span {
  readonly fromSeconds: number
  readonly toSeconds: number
}

export interface Line extends Series {
  readonly name: string
  readonly refId: string
}

/** About as many points as a panel of a screen has pixels to tell apart. */
const pointsWanted = 240
/** Of the data source in Grafana, which asks for no smaller step. */
const scrapeSeconds = 5

export async function linesOf(
  panel: Panel,
  prometheus: PrometheusClient,
  span: Span,
): Promise<readonly Line[]> {
  const lines: Line[] = []
  for (const target of (panel.targets ?? []) as Dataquery[]) {
    const series = await answer(target, prometheus, span)
    for (const { labels, points } of series) {
      const name = (target.legendFormat ?? '').replace(
        /\{\{\s*(\w+)\s*\}\}/g,
        (_, label: string) => labels[label] ?? '',
      )
      lines.push({ name, refId: target.refId ?? '', labels, points })
    }
  }
  return lines
}

function answer(
  target: Dataquery,
  prometheus: PrometheusClient,
  { fromSeconds, toSeconds }: Span,
): Promise<readonly Series[]> {
  const seconds = toSeconds - fromSeconds
  const stepSeconds = Math.max(scrapeSeconds, Math.ceil(seconds / pointsWanted))
  const expression = filledIn(target.expr, {
    rateInterval: `${Math.max(stepSeconds + scrapeSeconds, 4 * scrapeSeconds)}s`,
    range: `${seconds}s`,
  })
  if (target.instant === true) return prometheus.query(expression, toSeconds)
  return prometheus.queryRange(expression, { fromSeconds, toSeconds, stepSeconds })
}
