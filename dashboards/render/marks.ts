// Finds what a board marks on its panels, starts, alerts and the like, in the time that is drawn.
import type { AnnotationQuery, Dashboard } from '@grafana/grafana-foundation-sdk/dashboard'
import { filledIn, type PrometheusClient, type Series } from '../prometheus-client.ts'
import type { Span } from './panel-data.ts'

/** A moment, where both ends are the same, or a time that something lasted. */
export interface Mark extends Span {
  readonly name: string
  readonly colour: string
}

/** Enough to tell apart what happens in one second of a picture of minutes. */
const pointsMost = 600

export async function marksOf(
  board: Dashboard,
  prometheus: Pick<PrometheusClient, 'queryRange'>,
  span: Span,
): Promise<readonly Mark[]> {
  const stepSeconds = Math.max(1, Math.ceil((span.toSeconds - span.fromSeconds) / pointsMost))
  const marks: Mark[] = []
  for (const annotation of board.annotations.list ?? []) {
    const { name, iconColor: colour, expr = '' } = annotation
    const expression = filledIn(expr, {
      rateInterval: `${4 * stepSeconds}s`,
      range: `${span.toSeconds - span.fromSeconds}s`,
    })
    const series = await prometheus.queryRange(expression, { ...span, stepSeconds })
    const spans = series.flatMap((each) =>
      isTime(annotation) ? momentsOf(each) : runsOf(each, stepSeconds),
    )
    const seen = spans.filter(
      ({ fromSeconds, toSeconds }) =>
        toSeconds >= span.fromSeconds && fromSeconds <= span.toSeconds,
    )
    marks.push(
      ...seen.map(({ fromSeconds, toSeconds }) => ({ name, colour, fromSeconds, toSeconds })),
    )
  }
  return marks
}

const isTime = (annotation: AnnotationQuery): boolean =>
  (annotation as { useValueForTime?: boolean }).useValueForTime ?? false

/** The values are the moments, in milliseconds; each is asked for again and again while it is the last. */
function momentsOf({ points }: Series): readonly Span[] {
  const times = new Set(points.map(([, value]) => value / 1000).filter(Number.isFinite))
  return [...times].map((seconds) => ({ fromSeconds: seconds, toSeconds: seconds }))
}

/** From each point that has none just before it to the last before the next gap. */
function runsOf({ points }: Series, stepSeconds: number): readonly Span[] {
  const runs: { fromSeconds: number; toSeconds: number }[] = []
  for (const [seconds] of points) {
    const last = runs.at(-1)
    if (last !== undefined && seconds - last.toSeconds <= stepSeconds) last.toSeconds = seconds
    else runs.push({ fromSeconds: seconds, toSeconds: seconds })
  }
  return runs
}
