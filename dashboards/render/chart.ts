// Draws lines over time as SVG with axes, a grid and a legend.
import type { Line, Span } from './panel-data.ts'
import { escaped } from './html.ts'
import { inUnit } from './units.ts'

export interface ChartOptions extends Span {
  readonly lines: readonly Line[]
  readonly unit: string
  readonly stacked: boolean
  /** Whether the axis goes below zero where values do. */
  readonly signed: boolean
  readonly max?: number
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
  '#e0b400',
  '#96d98d',
  '#ffa6b0',
]
const margin = { left: 62, right: 10, top: 6, bottom: 20 }
const isLimit = ({ name }: Line): boolean => name.startsWith('limit')

/** A place between a line's points is a gap, unless it is shorter than this. */
const gapSeconds = 15

export function chart(options: ChartOptions): string {
  const legendRows = Math.min(options.lines.length, 6)
  const plotHeight = options.height - legendRows * 17 - 6
  const stacks = options.stacked ? stackedLines(options.lines) : options.lines
  const top = niceTop(options.max ?? highest(stacks), options.unit)
  const bottom = options.signed ? -niceTop(-lowest(stacks), options.unit) : 0
  const x = (seconds: number): number =>
    margin.left +
    ((seconds - options.fromSeconds) / (options.toSeconds - options.fromSeconds)) *
      (options.width - margin.left - margin.right)
  const y = (value: number): number =>
    plotHeight -
    margin.bottom -
    ((value - bottom) / (top - bottom)) * (plotHeight - margin.top - margin.bottom)
  const paths = stacks.map((line, i) => drawn(line, { x, y, colour: colourOf(line, i) }))
  const body = `${grid(options, { top, bottom, y, x, plotHeight })}${paths.join('')}`
  const svg = `<svg width="${options.width}" height="${plotHeight}">${body}</svg>`
  return `${svg}${legend(options, legendRows)}`
}

const colourOf = (line: Line, i: number): string =>
  isLimit(line) ? '#f2495c' : (palette[i % palette.length] ?? '#fff')

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

/** The next round number that a quarter of still reads well. */
function niceTop(value: number, unit: string): number {
  if (value <= 0) return 1
  if (unit === 'bytes' && value >= 1024) return niceTop(value / 1024, unit) * 1024
  const power = 10 ** Math.floor(Math.log10(value))
  const step = [1, 1.5, 2, 3, 4, 5, 6, 8, 10].find((each) => each * power >= value) ?? 10
  return step * power
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

function drawn(line: Line, { x, y, colour }: Scale & { readonly colour: string }): string {
  let path = ''
  let before: number | undefined
  for (const [seconds, value] of line.points) {
    if (!Number.isFinite(value)) continue
    const starts = before === undefined || seconds - before > gapSeconds
    path += `${starts ? 'M' : 'L'}${x(seconds).toFixed(1)} ${y(value).toFixed(1)}`
    before = seconds
  }
  const dash = isLimit(line) ? ' stroke-dasharray="8 6"' : ''
  return `<path d="${path}" fill="none" stroke="${colour}" stroke-width="1.6"${dash}/>`
}

function grid(
  { unit, width, fromSeconds, toSeconds }: ChartOptions,
  {
    top,
    bottom,
    y,
    x,
    plotHeight,
  }: Scale & { readonly top: number; readonly bottom: number; readonly plotHeight: number },
): string {
  const rows = [0, 0.25, 0.5, 0.75, 1].map((part) => {
    const value = bottom + part * (top - bottom)
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

function legend({ lines, unit }: ChartOptions, rows: number): string {
  const entries = lines.slice(0, rows).map((line, i) => {
    const values = line.points.map(([, value]) => value).filter(Number.isFinite)
    const mark = `<i style="background:${colourOf(line, i)}"></i>`
    const numbers = `<td>${inUnit(values.at(-1), unit)}</td><td>${inUnit(values.length === 0 ? undefined : Math.max(...values), unit)}</td>`
    return `<tr><td class="name">${mark}${escaped(line.name)}</td>${numbers}</tr>`
  })
  return `<table class="legend">${entries.join('')}</table>`
}
