// Lays a board's panels out on Grafana's grid and draws each from its data.
import type { Dashboard, Panel, RowPanel } from '@grafana/grafana-foundation-sdk/dashboard'
import type { PrometheusClient } from '../prometheus-client.ts'
import { chart } from './chart.ts'
import { escaped } from './html.ts'
import { linesOf, type Line, type Span } from './panel-data.ts'
import { dataTable } from './table.ts'
import { inUnit } from './units.ts'

const column = 60
const row = 36
const gap = 8

const style = `
body { margin: 0; background: #111217; color: #ccccdc; font: 12px Inter, 'DejaVu Sans', sans-serif; }
h1 { font-size: 18px; margin: 14px 12px 2px; } .about { margin: 0 12px 8px; color: #8e8e9c; }
.grid-area { position: relative; } .panel { position: absolute; background: #181b1f; border: 1px solid #2a2d33; border-radius: 3px; overflow: hidden; box-sizing: border-box; }
.panel h2 { font-size: 12.5px; font-weight: 600; margin: 6px 8px 2px; white-space: nowrap; overflow: hidden; text-overflow: ellipsis; }
.row { position: absolute; font-size: 15px; font-weight: 600; padding: 8px 6px 0; }
.number { text-align: center; font-size: 34px; font-weight: 600; padding-top: 14px; } .judged { height: 100%; }
svg text { fill: #9a9aa8; font-size: 10.5px; } .grid { stroke: #2a2d33; } .note { margin: 0 8px; color: #8e8e9c; }
table { border-collapse: collapse; width: 100%; } td, th { padding: 2px 8px; text-align: right; white-space: nowrap; } .name, th:first-child { text-align: left; }
.legend td { padding: 0 8px; line-height: 17px; } .legend .name { max-width: 0; width: 99%; overflow: hidden; text-overflow: ellipsis; }
i { display: inline-block; width: 12px; height: 4px; margin: 0 6px 2px 0; } .data th { color: #6e9fff; border-bottom: 1px solid #2a2d33; } .data td, .data th { padding: 5px 8px; } .text { text-align: left; }
.bar { display: grid; grid-template-columns: 130px 1fr 70px; gap: 8px; margin: 9px 8px; align-items: center; } .bar b { background: #5794f2; height: 20px; display: block; } .red { color: #f2495c; }
`

export async function renderBoard(
  board: Dashboard,
  prometheus: PrometheusClient,
  span: Span,
): Promise<string> {
  const panels = board.panels ?? []
  const drawn: string[] = []
  for (const panel of panels) drawn.push(await placed(panel, prometheus, span))
  const rows = Math.max(0, ...panels.map(({ gridPos }) => (gridPos?.y ?? 0) + (gridPos?.h ?? 0)))
  return `<!doctype html><meta charset="utf-8"><title>${escaped(board.title ?? '')}</title><style>${style}</style>
<h1>${escaped(board.title ?? '')}</h1><p class="about">${escaped(board.description ?? '')}</p>
<div class="grid-area" style="height:${rows * row + gap}px">${drawn.join('\n')}</div>\n`
}

async function placed(
  panel: Panel | RowPanel,
  prometheus: PrometheusClient,
  span: Span,
): Promise<string> {
  const { x, y, w, h } = panel.gridPos ?? { x: 0, y: 0, w: 24, h: 8 }
  const at = `left:${x * column + gap}px;top:${y * row}px`
  const title = escaped(panel.title ?? '')
  if (!isPanel(panel)) return `<div class="row" style="${at}">▾ ${title}</div>`
  const [width, height] = [w * column - gap, h * row - gap]
  const lines = await linesOf(panel, prometheus, span)
  const content = contentOf(panel, lines, { ...span, width, height: height - 28 })
  return `<div class="panel" style="${at};width:${width}px;height:${height}px"><h2>${title}</h2>${content}</div>`
}

const isPanel = (panel: Panel | RowPanel): panel is Panel => panel.type !== 'row'

interface Place extends Span {
  readonly width: number
  readonly height: number
}

function contentOf(panel: Panel, lines: readonly Line[], place: Place): string {
  const defaults = panel.fieldConfig?.defaults
  const unit = defaults?.unit ?? 'short'
  switch (panel.type) {
    case 'stat':
      return number(panel, lines, unit)
    case 'bargauge':
      return barsOf(lines, unit)
    case 'table':
      return dataTable(panel, lines)
    default: {
      if (lines.length === 0) return '<div class="number">No data</div>'
      const custom = (defaults?.custom ?? {}) as { stacking?: { mode?: string } }
      const stacked = custom.stacking?.mode === 'normal'
      const max = defaults?.max === undefined ? {} : { max: defaults.max }
      return chart({ ...place, ...max, lines, unit, stacked, signed: defaults?.min === undefined })
    }
  }
}

const colours: Readonly<Record<string, string>> = {
  green: '#73bf69',
  orange: '#ff9830',
  red: '#f2495c',
  blue: '#8ab8ff',
}

function number(panel: Panel, lines: readonly Line[], unit: string): string {
  const value = lines[0]?.points.map(([, each]) => each).findLast(Number.isFinite)
  const { color, thresholds } = panel.fieldConfig?.defaults ?? {}
  const passed = thresholds?.steps.findLast(
    ({ value: from }) => (value ?? 0) >= (from ?? -Infinity),
  )
  const name = color?.fixedColor ?? passed?.color ?? 'green'
  return `<div class="number" style="color:${colours[name]}">${inUnit(value, unit)}</div>`
}

function barsOf(lines: readonly Line[], unit: string): string {
  const values = lines.map(({ name, points }) => ({ name, value: points[0]?.[1] ?? 0 }))
  const most = Math.max(1, ...values.map(({ value }) => value))
  return values
    .map(({ name, value }) => {
      const bar = `<b style="width:${((value / most) * 100).toFixed(1)}%"></b>`
      return `<div class="bar"><span>${escaped(name)}</span>${bar}<span>${inUnit(value, unit)}</span></div>`
    })
    .join('')
}
