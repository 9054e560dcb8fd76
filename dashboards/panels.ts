// Panels in the manner of all our boards: a title, a sentence, a unit, and legends one can read.
import type { Builder, Dataquery } from '@grafana/grafana-foundation-sdk/cog'
import {
  BigValueColorMode,
  BigValueGraphMode,
  BarGaugeDisplayMode,
  GraphThresholdsStyleConfigBuilder,
  GraphThresholdsStyleMode,
  LegendDisplayMode,
  LegendPlacement,
  LineInterpolation,
  ReduceDataOptionsBuilder,
  SortOrder,
  StackingConfigBuilder,
  StackingMode,
  TableSortByFieldStateBuilder,
  TooltipDisplayMode,
  VisibilityMode,
  VizLegendOptionsBuilder,
  VizOrientation,
  VizTooltipOptionsBuilder,
} from '@grafana/grafana-foundation-sdk/common'
import {
  FieldColorBuilder,
  FieldColorModeId,
  ThresholdsConfigBuilder,
  ThresholdsMode,
  type Panel,
  type Threshold,
} from '@grafana/grafana-foundation-sdk/dashboard'
import { PanelBuilder as BarGaugeBuilder } from '@grafana/grafana-foundation-sdk/bargauge'
import { DataqueryBuilder, PromQueryFormat } from '@grafana/grafana-foundation-sdk/prometheus'
import { PanelBuilder as StatBuilder } from '@grafana/grafana-foundation-sdk/stat'
import { PanelBuilder as TableBuilder } from '@grafana/grafana-foundation-sdk/table'
import { PanelBuilder as SeriesBuilder } from '@grafana/grafana-foundation-sdk/timeseries'
import { datasource } from './datasource.ts'

export interface Query {
  readonly expr: string
  /** With `{{label}}` for what tells the series apart. */
  readonly legend: string
}

interface Common {
  readonly title: string
  /** What a person reads who does not know the word in the title. */
  readonly description: string
  /** Grafana's name of a unit: `s`, `bytes`, `reqps`, `short`, … */
  readonly unit: string
  readonly queries: readonly Query[]
  /** Of the 24 columns of the grid. */
  readonly width: number
  readonly height?: number
  /** Values from which it is to worry (yellow) and to act (red). */
  readonly worry?: number
  readonly act?: number
}

export interface SeriesOptions extends Common {
  readonly stacked?: boolean
  /** Values stay until the next: counts that something sets now and then. */
  readonly stepped?: boolean
  /** Values below zero mean something; otherwise the axis begins at zero. */
  readonly signed?: boolean
  /** Upper end of the axis, for shares of a whole. */
  readonly max?: number
  /** A value that is a limit for every line: dashed, red. */
  readonly limit?: number
}

/** Lines over time. Legends whose text begins with `limit` are drawn as limits: dashed, no fill. */
export function series(options: SeriesOptions): Builder<Panel> {
  const { queries, stacked = false } = options
  const panel = new SeriesBuilder()
    .legend(
      new VizLegendOptionsBuilder()
        .displayMode(LegendDisplayMode.Table)
        .placement(LegendPlacement.Bottom)
        .calcs(['lastNotNull', 'max'])
        // Of many lines the legend shows a few; those that matter are high.
        .sortBy('Max')
        .sortDesc(true),
    )
    .tooltip(
      new VizTooltipOptionsBuilder().mode(TooltipDisplayMode.Multi).sort(SortOrder.Descending),
    )
    .lineWidth(2)
    .fillOpacity(stacked ? 40 : 8)
    .showPoints(VisibilityMode.Never)
    .spanNulls(15_000)
    .overrideByRegexp('/^limit/', [
      { id: 'custom.lineStyle', value: { fill: 'dash', dash: [8, 6] } },
      { id: 'custom.fillOpacity', value: 0 },
      { id: 'color', value: { mode: 'fixed', fixedColor: 'red' } },
      { id: 'custom.stacking', value: { mode: 'none' } },
    ])
  if (stacked) panel.stacking(new StackingConfigBuilder().mode(StackingMode.Normal))
  if (options.stepped === true) panel.lineInterpolation(LineInterpolation.StepAfter)
  if (options.signed !== true) panel.min(0)
  if (options.max !== undefined) panel.max(options.max)
  const { limit } = options
  if (limit === undefined) return finish(panel, options, queries.map(ranged))
  panel.thresholdsStyle(
    new GraphThresholdsStyleConfigBuilder().mode(GraphThresholdsStyleMode.Dashed),
  )
  return finish(panel, { ...options, act: limit }, queries.map(ranged))
}

/** One number, with its course behind it. */
export function stat(options: Common & { readonly course?: boolean }): Builder<Panel> {
  const { worry, act, course = true } = options
  const judged = worry !== undefined || act !== undefined
  const panel = new StatBuilder()
    .graphMode(course ? BigValueGraphMode.Area : BigValueGraphMode.None)
    .colorMode(judged ? BigValueColorMode.Background : BigValueColorMode.Value)
    .reduceOptions(new ReduceDataOptionsBuilder().calcs(['lastNotNull']))
    .noValue('–')
  if (!judged) panel.colorScheme(fixedColor('blue'))
  return finish(panel, { height: 4, ...options }, options.queries.map(ranged))
}

/** A bar for each query, longest is most. Queries are asked once, for the end of the range. */
export function bars(options: Common): Builder<Panel> {
  const panel = new BarGaugeBuilder()
    .orientation(VizOrientation.Horizontal)
    .displayMode(BarGaugeDisplayMode.Basic)
    .reduceOptions(new ReduceDataOptionsBuilder().calcs(['lastNotNull']))
    .min(0)
    .colorScheme(fixedColor('blue'))
  return finish(panel, options, options.queries.map(instant))
}

export interface Column {
  readonly expr: string
  readonly title: string
  readonly unit: string
  readonly act?: number
}

export interface TableOptions extends Pick<Common, 'title' | 'description' | 'width' | 'height'> {
  /** Labels that a row is told apart by, in their order, with the titles of their columns. */
  readonly labels: Readonly<Record<string, string>>
  readonly columns: readonly Column[]
}

/** A row for each set of labels, sorted by the first; each query gives a column. */
export function table({ labels, columns, ...options }: TableOptions): Builder<Panel> {
  const renameByName: Record<string, string> = { ...labels }
  columns.forEach(({ title }, i) => (renameByName[`Value #${refId(i)}`] = title))
  if (columns.length === 1) renameByName['Value'] = columns[0]?.title ?? ''
  const indexByName = Object.fromEntries(Object.keys(renameByName).map((name, i) => [name, i]))
  const panel = new TableBuilder()
    .withTransformation({ id: 'merge', options: {} })
    .withTransformation({
      id: 'organize',
      options: { excludeByName: { Time: true }, indexByName, renameByName },
    })
    .sortBy([new TableSortByFieldStateBuilder().displayName(Object.values(labels)[0] ?? '')])
    .noValue('–')
  for (const { title, unit, act } of columns) {
    panel.overrideByName(title, [
      { id: 'unit', value: unit },
      ...(act === undefined ? [] : judgedCell(act)),
    ])
  }
  const queries = columns.map(({ expr }, i) =>
    new DataqueryBuilder().expr(expr).refId(refId(i)).instant().format(PromQueryFormat.Table),
  )
  return finish(panel, { unit: 'short', queries: [], ...options }, queries)
}

function judgedCell(act: number): { id: string; value: unknown }[] {
  return [
    { id: 'custom.cellOptions', value: { type: 'color-text' } },
    { id: 'color', value: { mode: 'thresholds' } },
    { id: 'thresholds', value: { mode: 'absolute', steps: steps(undefined, act) } },
  ]
}

type AnyPanelBuilder = SeriesBuilder | StatBuilder | BarGaugeBuilder | TableBuilder

function finish(
  panel: AnyPanelBuilder,
  options: Common,
  targets: Builder<Dataquery>[],
): Builder<Panel> {
  const { title, description, unit, width, height = 8, worry, act } = options
  panel.title(title).description(description).datasource(datasource).unit(unit).targets(targets)
  panel.thresholds(
    new ThresholdsConfigBuilder().mode(ThresholdsMode.Absolute).steps(steps(worry, act)),
  )
  return panel.span(width).height(height)
}

function steps(worry: number | undefined, act: number | undefined): Threshold[] {
  return [
    { value: null, color: 'green' },
    ...(worry === undefined ? [] : [{ value: worry, color: 'orange' }]),
    ...(act === undefined ? [] : [{ value: act, color: 'red' }]),
  ]
}

function ranged({ expr, legend }: Query, i: number): Builder<Dataquery> {
  return new DataqueryBuilder().expr(expr).legendFormat(legend).refId(refId(i)).range()
}

function instant({ expr, legend }: Query, i: number): Builder<Dataquery> {
  return new DataqueryBuilder().expr(expr).legendFormat(legend).refId(refId(i)).instant()
}

const fixedColor = (color: string): FieldColorBuilder =>
  new FieldColorBuilder().mode(FieldColorModeId.Fixed).fixedColor(color)

const refId = (i: number): string => String.fromCharCode('A'.charCodeAt(0) + i)
