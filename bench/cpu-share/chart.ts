// Draws durations over memory sizes as an SVG, both axes logarithmic: what is in proportion is a straight line.

export interface Line {
  readonly name: string
  readonly points: readonly (readonly [memoryMb: number, seconds: number])[]
}

const [width, height] = [720, 440]
const plot = { left: 64, right: 24, top: 56, bottom: 52 }
const colours = ['#2563eb', '#d97706', '#6b7280']
const shapes = ['circle', 'square', 'diamond'] as const
const memoryTicks = [128, 256, 512, 1024, 1769]

export function chart(lines: readonly Line[]): string {
  const seconds = lines.flatMap(({ points }) => points.map(([, value]) => value))
  const ticks = secondTicks(Math.min(...seconds), Math.max(...seconds))
  const [low, high] = [ticks[0] ?? 1, ticks.at(-1) ?? 10]
  const x = scale([110, 2050], [plot.left, width - plot.right])
  const y = scale([low, high], [height - plot.bottom, plot.top])
  const parts = [
    text(
      plot.left,
      24,
      'Seconds for 1,000 rounds of all primes up to 1,000,000',
      'font-weight="600"',
    ),
    ...ticks.map(
      (tick) =>
        `<line x1="${plot.left}" x2="${width - plot.right}" y1="${y(tick)}" y2="${y(tick)}" stroke="#e5e7eb"/>` +
        text(plot.left - 8, y(tick) + 4, `${tick} s`, 'text-anchor="end"'),
    ),
    ...memoryTicks.map((tick) =>
      text(x(tick), height - plot.bottom + 20, String(tick), 'text-anchor="middle"'),
    ),
    text((plot.left + width) / 2, height - 10, 'memory size, MB', 'text-anchor="middle"'),
    ...lines.map((line, i) => drawLine(line, i, { x, y })),
    ...lines.map(({ name }, i) => {
      const at = plot.left + 10 + i * 150
      return mark(i, at, 42) + text(at + 10, 46, name)
    }),
  ]
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" font-family="system-ui, sans-serif" font-size="12" fill="#1f2937">
<rect width="${width}" height="${height}" fill="#ffffff"/>
${parts.join('\n')}
</svg>
`
}

interface Scales {
  readonly x: (value: number) => number
  readonly y: (value: number) => number
}

function drawLine({ points }: Line, i: number, { x, y }: Scales): string {
  const path = points.map(([memory, value]) => `${x(memory)},${y(value)}`).join(' ')
  const marks = points.map(([memory, value]) => mark(i, x(memory), y(value)))
  return `<polyline points="${path}" fill="none" stroke="${colours[i]}" stroke-width="2"/>${marks.join('')}`
}

function mark(i: number, x: number, y: number): string {
  const fill = `fill="${colours[i]}"`
  // Each way has a shape of its own, and a later one is smaller: both show where they meet.
  const r = 6 - i
  if (shapes[i] === 'circle') return `<circle cx="${x}" cy="${y}" r="${r}" ${fill}/>`
  const turn = shapes[i] === 'diamond' ? ` transform="rotate(45 ${x} ${y})"` : ''
  return `<rect x="${x - r + 1}" y="${y - r + 1}" width="${2 * r - 2}" height="${2 * r - 2}" ${fill}${turn}/>`
}

function text(x: number, y: number, content: string, more = ''): string {
  return `<text x="${x}" y="${y}" ${more}>${content}</text>`
}

function scale([from, to]: readonly [number, number], [start, end]: readonly [number, number]) {
  const part = (value: number): number => Math.log(value / from) / Math.log(to / from)
  return (value: number): number => Number((start + part(value) * (end - start)).toFixed(1))
}

/** 1, 2, 5, 10, … around what is to be shown. */
function secondTicks(low: number, high: number): number[] {
  const all = [-2, -1, 0, 1, 2].flatMap((e) =>
    [1, 2, 5].map((n) => Number((n * 10 ** e).toFixed(2))),
  )
  const first = all.findLastIndex((tick) => tick <= low)
  const last = all.findIndex((tick) => tick >= high)
  return all.slice(Math.max(0, first), last === -1 ? undefined : last + 1)
}
