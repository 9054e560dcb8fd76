// Draws a simulation over time as one SVG: rate, lag in seconds, event pollers and concurrency.
import type { Sample } from './measurements.ts'
import type { Report } from './report.ts'

const width = 860
const plot = { left: 70, right: 20, height: 110, gap: 44, top: 56 }

interface Panel {
  readonly title: string
  readonly colour: string
  readonly value: (sample: Sample) => number
}

const panels: readonly Panel[] = [
  { title: 'records written per second', colour: '#2563eb', value: (s) => s.ratePerSecond },
  {
    title: 'lag: age of the oldest unfinished record, s',
    colour: '#dc2626',
    value: (s) => s.lagSeconds,
  },
  { title: 'event pollers', colour: '#d97706', value: (s) => s.pollers },
  { title: 'executions at once, at most', colour: '#059669', value: (s) => s.concurrencyMost },
]

export function chart({ scenario, samples }: Report): string {
  const { name, pace, traffic, mapping, seed } = scenario
  const terms = `${traffic.partitions} partitions, batch size ${mapping.batchSize}`
  return timeChart(`${name}: pace ${pace}, ${terms}, seed ${seed}`, samples)
}

/** The same of whatever was measured. */
export function timeChart(heading: string, samples: readonly Sample[]): string {
  const height = plot.top + panels.length * (plot.height + plot.gap)
  const parts = panels.map((panel, index) =>
    panelOf(panel, samples, plot.top + index * (plot.height + plot.gap)),
  )
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" font-family="system-ui, sans-serif" font-size="12" fill="#1f2937">
<rect width="${width}" height="${height}" fill="#ffffff"/>
${text(plot.left, 24, escaped(heading), 'font-size="14" font-weight="600"')}
${parts.join('\n')}
</svg>
`
}

function panelOf({ title, colour, value }: Panel, samples: readonly Sample[], top: number): string {
  const endSecond = Math.max(1, samples.at(-1)?.second ?? 1)
  const ceiling = roundUp(Math.max(0, ...samples.map(value)))
  const bottom = top + plot.height
  const x = (second: number): number =>
    plot.left + (second / endSecond) * (width - plot.left - plot.right)
  const y = (of: number): number => bottom - (of / ceiling) * plot.height
  const points = samples.map((s) => `${x(s.second).toFixed(1)},${y(value(s)).toFixed(1)}`)
  const rows = [0, 0.5, 1].map((part) => {
    const at = y(part * ceiling).toFixed(1)
    const line = `<line x1="${plot.left}" x2="${width - plot.right}" y1="${at}" y2="${at}" stroke="#e5e7eb"/>`
    return `${line}${text(plot.left - 8, Number(at) + 4, number(part * ceiling), 'text-anchor="end"')}`
  })
  const columns = [0, 0.25, 0.5, 0.75, 1].map((part) => {
    const anchor = part === 1 ? 'text-anchor="end"' : 'text-anchor="middle"'
    return text(x(part * endSecond), bottom + 16, `${number(part * endSecond)} s`, anchor)
  })
  const line = `<polyline points="${points.join(' ')}" fill="none" stroke="${colour}" stroke-width="1.6"/>`
  return [text(plot.left, top - 8, title), ...rows, ...columns, line].join('')
}

function text(x: number, y: number, content: string, more = ''): string {
  return `<text x="${x.toFixed(1)}" y="${y}" ${more}>${content}</text>`
}

function escaped(content: string): string {
  return content.replaceAll('&', '&amp;').replaceAll('<', '&lt;')
}

/** To the next of 1, 2, 5, 10, … */
function roundUp(value: number): number {
  if (value <= 0) return 1
  const power = 10 ** Math.floor(Math.log10(value))
  return ([1, 2, 5].find((each) => each * power >= value) ?? 10) * power
}

function number(value: number): string {
  return Number(value.toFixed(2)).toLocaleString('en-US')
}
