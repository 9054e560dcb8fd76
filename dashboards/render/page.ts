// Lays a board's panels out on Grafana's grid and draws each from its data.
import type { Dashboard, Panel, RowPanel } from '@grafana/grafana-foundation-sdk/dashboard'
import type { PrometheusClient } from '../prometheus-client.ts'
import { chart } from './chart.ts'
import { colours } from './colours.ts'
import { escaped } from './html.ts'
import { marksOf, type Mark } from './marks.ts'
import { linesOf, type Line, type Span } from './panel-data.ts'
import { dataTable } from './table.ts'
import { numberOf } from './stat.ts'
import { inUnit } from './units.ts'

const column = 60
const row = 36
const gap = 8
const headHeight = 76

const style = `
body { margin: 0; background: #111217; color: #ccccdc; font: 12px Inter, 'DejaVu Sans', sans-serif; }
body * { box-sizing: border-box; } .head { height: ${headHeight}px; padding: 12px 12px 0; position: relative; }
h1 { font-size: 18px; margin: 0 0 4px; } .about { margin: 0; color: #8e8e9c; font-size: 13px; } .key { position: absolute; right: 12px; top: 14px; margin: 0; } .key span { margin-left: 18px; }
.grid-area { position: relative; } .panel { position: absolute; background: #181b1f; border: 1px solid #2a2d33; border-radius: 3px; overflow: hidden; box-sizing: border-box; }
.panel h2 { font-size: 12.5px; font-weight: 600; margin: 6px 8px 2px; white-space: nowrap; overflow: hidden; text-overflow: ellipsis; }
.row { position: absolute; font-size: 15px; font-weight: 600; padding: 8px 6px 0; }
.number { text-align: center; font-size: 34px; font-weight: 600; padding-top: 14px; position: relative; } .course { position: absolute; left: 0; bottom: 0; }
svg text { fill: #9a9aa8; font-size: 10.5px; } .grid { stroke: #2a2d33; } .note { margin: 0 8px; color: #8e8e9c; }
table { border-collapse: collapse; width: 100%; } td, th { padding: 2px 8px; text-align: right; white-space: nowrap; } .name, th:first-child { text-align: left; }
.legend { display: flex; gap: 16px; align-items: flex-start; } .legend table { flex: 1; } .legend td { padding: 0 8px; line-height: 17px; } .more { color: #8e8e9c; } .legend .name { max-width: 0; width: 99%; overflow: hidden; text-overflow: ellipsis; }
i { display: inline-block; width: 12px; height: 4px; margin: 0 6px 2px 0; } .data th { color: #6e9fff; border-bottom: 1px solid #2a2d33; } .data td, .data th { padding: 5px 8px; } .text { text-align: left; }
.bar { display: grid; grid-template-columns: 170px 1fr 60px; gap: 8px; margin: 9px 8px; align-items: center; } .bar b { background: #5794f2; height: 20px; display: block; } .red { color: #f2495c; }
`

export interface Page {
  readonly html: string
  readonly widthPixels: number
  readonly heightPixels: number
}

export async function renderBoard(
  board: Dashboard,
  prometheus: PrometheusClient,
  span: Span,
): Promise<Page> {
  const panels = board.panels ?? []
  const marks = await marksOf(board, prometheus, span)
  const drawn: string[] = []
  for (const panel of panels) drawn.push(await placed(panel, prometheus, { ...span, marks }))
  const rows = Math.max(0, ...panels.map(({ gridPos }) => (gridPos?.y ?? 0) + (gridPos?.h ?? 0)))
  const heightPixels = headHeight + rows * row + gap
  const html = `<!doctype html><meta charset="utf-8"><title>${escaped(board.title ?? '')}</title><style>${style}</style>
<div class="head"><h1>${escaped(board.title ?? '')}</h1><p class="about">${escaped(board.description ?? '')}</p>${keyOf(board)}</div>
<div class="grid-area" style="height:${rows * row + gap}px">${drawn.join('\n')}</div>\n`
  return { html, widthPixels: 24 * column + 2 * gap, heightPixels }
}

/** What the marks on the panels are, in the colours that they are drawn in. */
function keyOf({ annotations }: Dashboard): string {
  const names = (annotations.list ?? []).map(({ name, iconColor }) => {
    return `<span><i style="background:${colours[iconColor] ?? iconColor}"></i>${escaped(name)}</span>`
  })
  return `<p class="key">${names.join('')}</p>`
}

interface Scene extends Span {
  readonly marks: readonly Mark[]
}

async function placed(
  panel: Panel | RowPanel,
  prometheus: PrometheusClient,
  scene: Scene,
): Promise<string> {
  const { x, y, w, h } = panel.gridPos ?? { x: 0, y: 0, w: 24, h: 8 }
  const at = `left:${x * column + gap}px;top:${y * row}px`
  const title = escaped(panel.title ?? '')
  if (!isPanel(panel)) return `<div class="row" style="${at}">▾ ${title}</div>`
  const [width, height] = [w * column - gap, h * row - gap]
  const lines = await linesOf(panel, prometheus, scene)
  const content = contentOf(panel, lines, { ...scene, width, height: height - 28 })
  return `<div class="panel" style="${at};width:${width}px;height:${height}px"><h2>${title}</h2>${content}</div>`
}

const isPanel = (panel: Panel | RowPanel): panel is Panel => panel.type !== 'row'

interface Place extends Scene {
  readonly width: number
  readonly height: number
}

interface Custom {
  readonly lineInterpolation?: string
  readonly stacking?: { readonly mode?: string }
  readonly thresholdsStyle?: { readonly mode?: string }
}

function contentOf(panel: Panel, lines: readonly Line[], place: Place): string {
  const defaults = panel.fieldConfig?.defaults
  const unit = defaults?.unit ?? 'short'
  switch (panel.type) {
    case 'stat':
      return numberOf(panel, lines, place)
    case 'bargauge':
      return barsOf(lines, unit)
    case 'table':
      return dataTable(panel, lines)
    default: {
      if (lines.length === 0) return '<div class="number">No data</div>'
      const custom = (defaults?.custom ?? {}) as Custom
      const stacked = custom.stacking?.mode === 'normal'
      const max = defaults?.max === undefined ? {} : { max: defaults.max }
      const last = defaults?.thresholds?.steps.at(-1)?.value ?? undefined
      const isLimited = custom.thresholdsStyle?.mode === 'dashed' && last !== undefined
      const limit = isLimited ? { limit: last } : {}
      const signed = defaults?.min === undefined
      const stepped = custom.lineInterpolation === 'stepAfter'
      return chart({ ...place, ...max, ...limit, lines, unit, stacked, stepped, signed })
    }
  }
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
