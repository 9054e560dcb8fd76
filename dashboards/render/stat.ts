// Draws a stat panel: its last value, coloured as its thresholds judge it, over its course.
import type { Panel } from '@grafana/grafana-foundation-sdk/dashboard'
import { colours } from './colours.ts'
import type { Line, Span } from './panel-data.ts'
import { inUnit } from './units.ts'

interface Place extends Span {
  readonly width: number
  readonly height: number
}

export function numberOf(panel: Panel, lines: readonly Line[], place: Place): string {
  const { color, thresholds, unit = 'short' } = panel.fieldConfig?.defaults ?? {}
  const points = (lines[0]?.points ?? []).filter(([, value]) => Number.isFinite(value))
  const value = points.at(-1)?.[1]
  const passed = thresholds?.steps.findLast(
    ({ value: from }) => (value ?? 0) >= (from ?? -Infinity),
  )
  const colour = colours[color?.fixedColor ?? passed?.color ?? 'green'] ?? ''
  const { graphMode } = (panel.options ?? {}) as { graphMode?: string }
  const course = graphMode === 'area' ? courseOf(points, place, colour) : ''
  return `${course}<div class="number" style="color:${colour}">${inUnit(value, unit)}</div>`
}

function courseOf(
  points: readonly (readonly [number, number])[],
  { width, height: room, fromSeconds, toSeconds }: Place,
  colour: string,
): string {
  const height = room / 2
  const values = points.map(([, value]) => value)
  const [least, most] = [Math.min(0, ...values), Math.max(0, ...values)]
  if (most === least) return ''
  const corners = points.map(([seconds, value]) => {
    const x = ((seconds - fromSeconds) / (toSeconds - fromSeconds)) * width
    return `${x.toFixed(1)} ${(height - ((value - least) / (most - least)) * (height - 2)).toFixed(1)}`
  })
  const [first = ''] = corners
  const [left] = first.split(' ')
  const area = `M${left} ${height}L${corners.join('L')}L${corners.at(-1)?.split(' ')[0]} ${height}Z`
  return `<svg class="course" width="${width}" height="${height}"><path d="${area}" fill="${colour}" fill-opacity="0.15"/><path d="M${corners.join('L')}" fill="none" stroke="${colour}"/></svg>`
}
