// Draws lines over time as SVG with axes, a grid and a legend.
import { colours } from './colours.ts'
import { escaped } from './html.ts'
import type { Mark } from './marks.ts'
import type { Line, Span } from './panel-data.ts'
import { inUnit } from './units.ts'

export interface ChartOptions extends Span {
  readonly lines: readonly Line[]
  readonly marks: readonly Mark[]
  readonly unit: string
  readonly stacked: boolean
  /** Whether a value stays until the next, in place of a straight way to it. */
  readonly stepped: boolean
  /** Whether the axis goes below zero where values do. */
  readonly signed: boolean
  readonly max?: number
  /** A value that is drawn as a limit. */
  readonly limit?: number
  readonly width: number
  readonly height: number
}

const palette = [
  '#73bf69',
  '#f2cc0c',
  '#8ab8ff',
  '#ff9830',
  '#f2495c',
  '#b877d9',
  '#5794f2',
  '#c15c17',
  '#96d98d',
  '#ffa6b0',
]
const margin = { left: 62, right: 10, top: 6, bottom: 20 }
const legendRowHeight = 17
/** Grafana lets one scroll to the others. */
const legendRowsMost = 5
const limitColour = '#f2495c'
const limitStroke = `stroke="${limitColour}" stroke-width="1.6" stroke-dasharray="8 6"`
const isLimit = ({ name }: Line): boolean => name.startsWith('limit')

/** A place between a line's points is a gap, unless it is shorter than this, or than a hundredth of the picture. */
const gapSeconds = 15

export function chart(options: ChartOptions): string {
  const size = legendSize(options.lines.length, options.width)
  const plotHeight = options.height - (size.rows + 1) * legendRowHeight - 6
  const stacks = options.stacked ? stackedLines(options.lines) : options.lines
  const { limit = 0 } = options
  const { top, bottom, step } = axisOf(
    options.max ?? Math.max(highest(stacks), limit),
    options.signed ? lowest(stacks) : 0,
    options.unit,
  )
  const x = (seconds: number): number =>
    margin.left +
    ((seconds - options.fromSeconds) / (options.toSeconds - options.fromSeconds)) *
      (options.width - margin.left - margin.right)
  const y = (value: number): number =>
    plotHeight -
    margin.bottom -
    ((value - bottom) / (top - bottom)) * (plotHeight - margin.top - margin.bottom)
  const fill = options.stacked ? 0.3 : 0
  const { stepped } = options
  const gap = Math.max(gapSeconds, (options.toSeconds - options.fromSeconds) / 100)
  const paths = stacks.map((line, i) =>
    drawn(line, { x, y, gap, fill, stepped, colour: colourOf(line, i) }),
  )
  // What is stacked highest is drawn first: the areas of those below cover its lower part.
  if (options.stacked) paths.reverse()
  if (limit !== 0) {
    const ends = `x1="${margin.left}" x2="${options.width - margin.right}"`
    paths.push(`<line ${ends} y1="${y(limit)}" y2="${y(limit)}" ${limitStroke}/>`)
  }
  const marked = options.marks.map((mark) => markOf(mark, x, plotHeight)).join('')
  const axes = grid(options, { top, bottom, step, y, x, plotHeight })
  const body = `${axes}${marked}${paths.join('')}`
  const svg = `<svg width="${options.width}" height="${plotHeight}">${body}</svg>`
  return `${svg}${legend(options, size)}`
}

/** A line at the beginning, and a bar below the plot for as long as it lasted. */
function markOf(
  { fromSeconds, toSeconds, colour: name }: Mark,
  x: Scale['x'],
  plotHeight: number,
): string {
  const colour = colours[name] ?? name
  const foot = plotHeight - margin.bottom
  const [from, to] = [Math.max(x(fromSeconds), margin.left), x(toSeconds)]
  const line = `<line x1="${from.toFixed(1)}" x2="${from.toFixed(1)}" y1="${margin.top}" y2="${foot}" stroke="${colour}" stroke-dasharray="3 3" opacity="0.45"/>`
  const bar = `<rect x="${(from - 1.5).toFixed(1)}" y="${foot}" width="${Math.max(3, to - from).toFixed(1)}" height="3" fill="${colour}"/>`
  return line + bar
}

const colourOf = (line: Line, i: number): string =>
  isLimit(line) ? limitColour : (palette[i % palette.length] ?? '#fff')

function highest(lines: readonly Line[]): number {
  let most = 0
  for (const { points } of lines) {
    for (const [, value] of points) if (Number.isFinite(value)) most = Math.max(most, value)
  }
  return most
}

function lowest(lines: readonly Line[]): number {
  let least = 0
  for (const { points } of lines) {
    for (const [, value] of points) if (Number.isFinite(value)) least = Math.min(least, value)
  }
  return least
}

interface Axis {
  readonly top: number
  readonly bottom: number
  readonly step: number
}

/** Four steps or so of a round number each, with room for a line at the very top. */
function axisOf(most: number, least: number, unit: string): Axis {
  const span = most - least
  if (span <= 0) return { top: 1, bottom: 0, step: 0.5 }
  const step = roundUp(span / 4.5, unit)
  const top = Math.ceil(most / step) * step
  const bottom = Math.floor(least / step) * step
  return { top: top === most && unit !== 'percentunit' ? top + step / 4 : top, bottom, step }
}

function roundUp(value: number, unit: string): number {
  if (unit === 'bytes' && value >= 1024) return roundUp(value / 1024, unit) * 1024
  const power = 10 ** Math.floor(Math.log10(value))
  return ([1, 2, 2.5, 5].find((each) => each * power >= value) ?? 10) * power
}

/** Each line on top of those before it; limits stay where they are. */
function stackedLines(lines: readonly Line[]): readonly Line[] {
  const below = new Map<number, number>()
  return lines.map((line) => {
    if (isLimit(line)) return line
    const points = line.points.map(([seconds, value]) => {
      const sum = (below.get(seconds) ?? 0) + (Number.isFinite(value) ? value : 0)
      below.set(seconds, sum)
      return [seconds, sum] as const
    })
    return { ...line, points }
  })
}

interface Scale {
  readonly x: (seconds: number) => number
  readonly y: (value: number) => number
}

interface Pen extends Scale {
  /** In seconds. */
  readonly gap: number
  readonly stepped: boolean
  readonly colour: string
  /** How dense the area below the line is; 0 draws none. */
  readonly fill: number
}

function drawn(line: Line, { x, y, gap, colour, fill, stepped }: Pen): string {
  let path = ''
  let area = ''
  for (const run of runsOf(line, gap)) {
    const corners = run.flatMap(([seconds, value], i) => {
      const to = x(seconds).toFixed(1)
      const before = stepped ? run[i - 1] : undefined
      const corner = `${to} ${y(value).toFixed(1)}`
      return before === undefined ? [corner] : [`${to} ${y(before[1]).toFixed(1)}`, corner]
    })
    const [first = 0, last = 0] = [run[0]?.[0], run.at(-1)?.[0]]
    path += `M${corners.join('L')}`
    area += `M${x(first).toFixed(1)} ${y(0)}L${corners.join('L')}L${x(last).toFixed(1)} ${y(0)}Z`
  }
  if (isLimit(line)) {
    return `<path d="${path}" fill="none" ${limitStroke}/>`
  }
  const below =
    fill === 0
      ? ''
      : `<path d="${area}" fill="#181b1f"/><path d="${area}" fill="${colour}" fill-opacity="${fill}"/>`
  return `${below}<path d="${path}" fill="none" stroke="${colour}" stroke-width="1.6"/>`
}

/** The points of a line that are drawn as one, without a gap. */
function runsOf(
  { points }: Line,
  gap: number,
): readonly (readonly (readonly [number, number])[])[] {
  const runs: (readonly [number, number])[][] = []
  for (const point of points) {
    if (!Number.isFinite(point[1])) continue
    const run = runs.at(-1)
    const before = run?.at(-1)
    if (run === undefined || before === undefined || point[0] - before[0] > gap) {
      runs.push([point])
    } else run.push(point)
  }
  return runs
}

function grid(
  { unit, width, fromSeconds, toSeconds }: ChartOptions,
  { top, bottom, step, y, x, plotHeight }: Scale & Axis & { readonly plotHeight: number },
): string {
  const steps = Math.floor((top - bottom) / step + 0.01)
  const rows = Array.from({ length: steps + 1 }, (_, i) => {
    // Sums of fractions are not round; their products are.
    const value = (Math.round(bottom / step) + i) * step
    const at = y(value).toFixed(1)
    const line = `<line x1="${margin.left}" x2="${width - margin.right}" y1="${at}" y2="${at}" class="grid"/>`
    return `${line}<text x="${margin.left - 6}" y="${Number(at) + 4}" text-anchor="end">${inUnit(value, unit)}</text>`
  })
  const columns = [0, 0.25, 0.5, 0.75].map((part) => {
    const seconds = fromSeconds + part * (toSeconds - fromSeconds)
    const text = new Date(seconds * 1000).toISOString().slice(11, 19)
    return `<text x="${x(seconds).toFixed(1)}" y="${plotHeight - 4}">${text}</text>`
  })
  return [...rows, ...columns].join('')
}

/** Rows beneath the plot, in as many columns as there is width for; the highest first, as the boards ask for. */
function legend({ lines, unit }: ChartOptions, { rows, columns }: LegendSize): string {
  const entries = lines.map((line, i) => {
    const values = line.points.map(([, value]) => value).filter(Number.isFinite)
    return { line, colour: colourOf(line, i), last: values.at(-1), most: Math.max(...values) }
  })
  entries.sort((a, b) => b.most - a.most)
  const room = rows * columns
  const shown = entries.slice(0, lines.length > room ? room - 1 : room)
  const cells = shown.map(({ line, colour, last, most }) => {
    const name = `<i style="background:${colour}"></i>${escaped(line.name)}`
    return `<td class="name">${name}</td><td>${inUnit(last, unit)}</td><td>${inUnit(most, unit)}</td>`
  })
  const others = lines.length - shown.length
  if (others > 0) cells.push(`<td class="name more" colspan="3">and ${others} more</td>`)
  const tables = Array.from({ length: columns }, (_, column) => {
    const part = cells.slice(column * rows, (column + 1) * rows)
    if (part.length === 0) return ''
    const head = '<tr class="more"><td class="name">Name</td><td>Last</td><td>Max</td></tr>'
    return `<table>${head}${part.map((cell) => `<tr>${cell}</tr>`).join('')}</table>`
  })
  return `<div class="legend">${tables.join('')}</div>`
}

interface LegendSize {
  readonly rows: number
  readonly columns: number
}

function legendSize(count: number, width: number): LegendSize {
  const columns = count > legendRowsMost && width > 600 ? 2 : 1
  return { columns, rows: Math.min(Math.ceil(count / columns), legendRowsMost) }
}
