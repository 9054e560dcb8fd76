// Keeps boards, alerts and their JSON equal to the code and to what /metrics really shows.
import { globSync, readFileSync } from 'node:fs'
import type { Panel, RowPanel } from '@grafana/grafana-foundation-sdk/dashboard'
import type { Dataquery } from '@grafana/grafana-foundation-sdk/prometheus'
import * as units from '@grafana/grafana-foundation-sdk/units'
import { expect, test } from 'vitest'
import { parse } from 'yaml'
import { metricTables } from '../docs/tables.ts'
import { boardFiles, boards } from './boards.ts'
import { selectorsOf } from '../test/support/promql.ts'

const root = new URL('../', import.meta.url)
const read = (path: string): string => readFileSync(new URL(path, root), 'utf8')

interface Rule {
  readonly alert: string
  readonly expr: string
  readonly labels: { readonly severity: string }
  readonly annotations: { readonly summary: string; readonly description: string }
}
const rules = (
  parse(read('dashboards/alerts.yml')) as { groups: { rules: Rule[] }[] }
).groups.flatMap((group) => group.rules)

const isPanel = (panel: Panel | RowPanel): panel is Panel => panel.type !== 'row'
const panels = boards.flatMap((board) =>
  (board.panels ?? []).filter(isPanel).map((panel) => ({ board, panel })),
)
const targetsOf = (panel: Panel): readonly Dataquery[] => (panel.targets ?? []) as Dataquery[]
const expressions: readonly (readonly [where: string, expression: string])[] = [
  ...panels.flatMap(({ board, panel }) =>
    targetsOf(panel).map(({ expr }) => [`${board.title}: ${panel.title}`, expr] as const),
  ),
  ...boards.flatMap(({ title, annotations }) =>
    (annotations.list ?? []).map(({ name, expr = '' }) => [`${title}: ${name}`, expr] as const),
  ),
  ...rules.map(({ alert, expr }) => [alert, expr] as const),
]

test.each(Object.entries(boardFiles()))('%s is what `make docs` writes', (path, text) => {
  expect(read(path)).toBe(text)
})

test('no JSON is left over from a board that is gone', () => {
  const committed = globSync('dashboards/grafana/boards/*', { cwd: root.pathname })
  expect(committed.toSorted()).toEqual(Object.keys(boardFiles()).toSorted())
})

/** Of Prometheus itself, and of prom-client in every process. */
const foreign: Readonly<Record<string, readonly string[]>> = {
  up: [],
  ALERTS: ['alertname', 'alertstate'],
  process_start_time_seconds: [],
  process_resident_memory_bytes: [],
  process_cpu_seconds_total: [],
  nodejs_eventloop_lag_p99_seconds: [],
}
const known = new Map<string, readonly string[]>(Object.entries(foreign))
for (const { name, type, labels } of Object.values(metricTables).flat()) {
  const suffixes = type === 'histogram' ? ['_bucket', '_sum', '_count'] : ['']
  for (const suffix of suffixes) known.set(name + suffix, labels)
}

test.each(expressions)('%s asks for metrics and labels that there are', (_where, expression) => {
  const selectors = selectorsOf(expression)
  expect(selectors.length).toBeGreaterThan(0)
  for (const { metric, labels } of selectors) {
    const allowed = known.get(metric)
    expect(allowed, `there is no metric ${metric}`).toBeDefined()
    expect([...(allowed ?? []), 'job', 'instance'], metric).toEqual(
      expect.arrayContaining([...labels]),
    )
  }
})

test('selectors are found in the midst of PromQL', () => {
  const expression =
    'max by (topic) (rate(a_total{x="b{c}", y!~"z"}[$__rate_interval])) / on (topic) group_left () b:c or vector(0) and d'
  expect(selectorsOf(expression)).toEqual([
    { metric: 'a_total', labels: ['x', 'y'] },
    { metric: 'b:c', labels: [] },
    { metric: 'd', labels: [] },
  ])
})

test.each(panels.map(({ board, panel }) => [`${board.title}: ${panel.title}`, panel] as const))(
  '%s has what a person and Grafana want of a panel',
  (_where, panel) => {
    expect(panel.title).toMatch(/^[A-Z0-9]/)
    expect(panel.description).toMatch(/^.+\.$/)
    const unit = panel.fieldConfig?.defaults.unit
    expect(Object.values(units)).toContain(unit)
    const targets = targetsOf(panel)
    expect(targets.length).toBeGreaterThan(0)
    expect(new Set(targets.map(({ refId }) => refId)).size).toBe(targets.length)
    expect(panel.datasource).toEqual({ type: 'prometheus', uid: '${datasource}' })
    for (const { legendFormat } of targets) {
      if (panel.type !== 'table') expect(legendFormat).toMatch(/\S/)
    }
  },
)

test.each(boards.map((board) => [board.title ?? '', board] as const))(
  '%s has its panels side by side on the grid, each with an id, and every variable it uses',
  (_title, board) => {
    const all = board.panels ?? []
    expect(new Set(all.map(({ id }) => id)).size).toBe(all.length)
    const taken = new Set<string>()
    for (const { title, gridPos } of all) {
      const { x, y, w, h } = gridPos ?? { x: 0, y: 0, w: 0, h: 0 }
      expect(w * h, title).toBeGreaterThan(0)
      expect(x + w, title).toBeLessThanOrEqual(24)
      for (let cell = 0; cell < w * h; cell++) {
        const place = `${x + (cell % w)},${y + Math.floor(cell / w)}`
        expect(taken, title).not.toContain(place)
        taken.add(place)
      }
    }
    const declared = (board.templating.list ?? []).map(({ name }) => name)
    const used = [...JSON.stringify(all).matchAll(/\$\{?(?!__)(\w+)/g)].map(([, name = '']) => name)
    expect(declared.toSorted()).toEqual([...new Set(used)].toSorted())
    for (const { name, query } of board.templating.list ?? []) {
      const text = typeof query === 'object' ? String(query['query']) : ''
      if (name === 'datasource') continue
      const [, metric = ''] = /\((\w+)/.exec(text) ?? []
      const names = [...known.keys()]
      expect(names, text).toContain(metric)
    }
  },
)

/** The properties that the SDK's types, which are made from Grafana's schema, give an object. */
function schema(module: string, name: string): readonly string[] {
  const types = read(`node_modules/@grafana/grafana-foundation-sdk/dist/${module}/types.gen.d.ts`)
  const body =
    new RegExp(`export interface ${name} \\{\\n([\\s\\S]*?)\\n\\}`).exec(types)?.[1] ?? ''
  return [...body.matchAll(/^ {4}(\w+)\??:/gm)].map(([, property = '']) => property)
}

function expectOnly(value: object | undefined, [module, name]: readonly [string, string]): void {
  const properties = schema(module, name)
  expect(properties.length, name).toBeGreaterThan(0)
  expect(properties, name).toEqual(expect.arrayContaining(Object.keys(value ?? {})))
}

test.each(Object.keys(boardFiles()))('%s has no property that the schema does not know', (path) => {
  const board = JSON.parse(read(path)) as (typeof boards)[number]
  expectOnly(board, ['dashboard', 'Dashboard'])
  for (const variable of board.templating.list ?? []) {
    expectOnly(variable, ['dashboard', 'VariableModel'])
  }
  for (const annotation of board.annotations.list ?? []) {
    expectOnly(annotation, ['dashboard', 'AnnotationQuery'])
  }
  for (const panel of board.panels ?? []) {
    if (!isPanel(panel)) {
      expectOnly(panel, ['dashboard', 'RowPanel'])
      continue
    }
    expectOnly(panel, ['dashboard', 'Panel'])
    expectOnly(panel.fieldConfig?.defaults, ['dashboard', 'FieldConfig'])
    expectOnly(panel.options as object, [panel.type, 'Options'])
    for (const target of targetsOf(panel)) expectOnly(target, ['prometheus', 'Dataquery'])
  }
})

test.each(rules.map((rule) => [rule.alert, rule] as const))(
  'alert %s says how bad it is, what happened and what to do',
  (alert, { labels, annotations }) => {
    expect(alert).toMatch(/^Millrace[A-Z]/)
    expect(['warning', 'critical']).toContain(labels.severity)
    expect(annotations.summary.length).toBeGreaterThan(15)
    // What happened, and at least one more sentence: what to do.
    expect(annotations.description).toMatch(/^[A-Z].+[.;] [A-Z].+\.$|^[A-Z].+, and mend .+\.$/s)
  },
)

test('the folder, the data source and the place of the boards are what provisioning reads', () => {
  const provisioning = 'dashboards/grafana/provisioning'
  expect(parse(read(`${provisioning}/dashboards/millrace.yaml`))).toMatchObject({
    apiVersion: 1,
    providers: [{ folder: 'Millrace', type: 'file' }],
  })
  expect(parse(read(`${provisioning}/datasources/prometheus.yaml`))).toMatchObject({
    apiVersion: 1,
    datasources: [{ type: 'prometheus', isDefault: true, jsonData: { timeInterval: '5s' } }],
  })
  expect(parse(read('dashboards/prometheus.yml'))).toMatchObject({
    global: { scrape_interval: '5s' },
    rule_files: ['alerts.yml'],
  })
})
