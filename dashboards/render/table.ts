// Draws a table panel: merges its queries' answers by their labels, a row each, as Grafana's merge does.
import type { Panel } from '@grafana/grafana-foundation-sdk/dashboard'
import { escaped } from './html.ts'
import type { Line } from './panel-data.ts'
import { inUnit } from './units.ts'

interface Organize {
  readonly renameByName: Readonly<Record<string, string>>
}

export function dataTable(panel: Panel, lines: readonly Line[]): string {
  const organize = panel.transformations?.find(({ id }) => id === 'organize')?.options as Organize
  const names = Object.entries(organize.renameByName).filter(([name]) => name !== 'Value')
  const isValue = (name: string): boolean => name.startsWith('Value #')
  const rows = Map.groupBy(lines, ({ labels }) =>
    JSON.stringify(names.map(([name]) => labels[name] ?? '')),
  )
  const head = names.map(([name, title]) => {
    return `<th${isValue(name) ? '' : ' class="text"'}>${escaped(title)}</th>`
  })
  const [first = ''] = names.map(([name]) => name)
  const firstOf = (row: readonly Line[]): string => row[0]?.labels[first] ?? ''
  const sorted = [...rows.values()].toSorted((a, b) => firstOf(a).localeCompare(firstOf(b)))
  const body = sorted.map((row) =>
    names.map(([name, title]) => {
      if (!isValue(name)) return `<td class="text">${escaped(row[0]?.labels[name] ?? '')}</td>`
      const value = row.find(({ refId }) => name === `Value #${refId}`)?.points[0]?.[1]
      const { unit, act } = columnOf(panel, title)
      return `<td${value !== undefined && value >= act ? ' class="red"' : ''}>${inUnit(value, unit)}</td>`
    }),
  )
  const line = (cells: readonly string[]): string => `<tr>${cells.join('')}</tr>`
  return `<table class="data">${line(head)}${body.map(line).join('')}</table>`
}

function columnOf(panel: Panel, title: string): { unit: string; act: number } {
  const override = panel.fieldConfig?.overrides.find(({ matcher }) => matcher.options === title)
  const property = (id: string): unknown => override?.properties.find((p) => p.id === id)?.value
  const thresholds = property('thresholds') as { steps: { value: number | null }[] } | undefined
  return {
    unit: (property('unit') as string | undefined) ?? 'short',
    act: thresholds?.steps.at(-1)?.value ?? Infinity,
  }
}
