// A board in the manner of all ours: variables on top, alerts and starts marked, links to the others.
import type { Builder } from '@grafana/grafana-foundation-sdk/cog'
import {
  AnnotationQueryBuilder,
  DashboardBuilder,
  DashboardCursorSync,
  DashboardLinkBuilder,
  DashboardLinkType,
  DatasourceVariableBuilder,
  QueryVariableBuilder,
  RowBuilder,
  VariableRefresh,
  VariableSort,
  type Dashboard,
  type Panel,
} from '@grafana/grafana-foundation-sdk/dashboard'
import { datasource } from './datasource.ts'

export type VariableName = 'topic' | 'mapping' | 'function'

export interface BoardOptions {
  /** Part of its address in Grafana; the file's name as well. */
  readonly name: string
  readonly title: string
  readonly description: string
  readonly variables: readonly VariableName[]
  /** What is marked on this board beside alerts and starts. */
  readonly marks?: readonly AnnotationQueryBuilder[]
  /** Panels by the heading above them; an empty heading is none. */
  readonly rows: Readonly<Record<string, readonly Builder<Panel>[]>>
}

export function board(options: BoardOptions): Dashboard {
  const builder = new DashboardBuilder(`Millrace / ${options.title}`)
    .uid(`millrace-${options.name}`)
    .description(options.description)
    .tags(['millrace'])
    .time({ from: 'now-15m', to: 'now' })
    .refresh('5s')
    .timezone('browser')
    .tooltip(DashboardCursorSync.Crosshair)
    .readonly()
    .withVariable(
      new DatasourceVariableBuilder('datasource').label('Data source').type('prometheus'),
    )
    .annotations([alerts(), starts(), ...(options.marks ?? [])])
    .link(
      new DashboardLinkBuilder('Millrace')
        .type(DashboardLinkType.Dashboards)
        .tags(['millrace'])
        .includeVars(true)
        .keepTime(true),
    )
  for (const name of options.variables) builder.withVariable(variable(name))
  for (const [heading, panels] of Object.entries(options.rows)) {
    if (heading !== '') builder.withRow(new RowBuilder(heading))
    for (const panel of panels) builder.withPanel(panel)
  }
  return numbered(builder.build())
}

/** Grafana wants an id on each panel; the builder gives none. */
function numbered(dashboard: Dashboard): Dashboard {
  for (const [i, panel] of (dashboard.panels ?? []).entries()) panel.id = i + 1
  return dashboard
}

interface VariableTable {
  readonly label: string
  readonly query: string
  /** Shows `text` and queries with `value`. */
  readonly regex?: string
}

const variables: Readonly<Record<VariableName, VariableTable>> = {
  topic: { label: 'Topic', query: 'label_values(kafka_topic_partitions, topic)' },
  mapping: {
    label: 'Mapping, by its function',
    query: 'query_result(millrace_mapping_info)',
    regex: '/function="(?<text>[^"]+)".*mapping="(?<value>[^"]+)"/',
  },
  function: {
    label: 'Function',
    query: 'label_values(millrace_function_invocations_total, function)',
  },
}

function variable(name: VariableName): QueryVariableBuilder {
  const { label, query, regex } = variables[name]
  const builder = new QueryVariableBuilder(name)
    .label(label)
    .datasource(datasource)
    .query({ query, refId: name })
    .definition(query)
    .refresh(VariableRefresh.OnTimeRangeChanged)
    .sort(VariableSort.AlphabeticalAsc)
    .multi(true)
    .includeAll(true)
    .allValue('.*')
    .current({ selected: true, text: 'All', value: '$__all' })
  return regex === undefined ? builder : builder.regex(regex)
}

function alerts(): AnnotationQueryBuilder {
  return new AnnotationQueryBuilder()
    .name('Alerts')
    .datasource(datasource)
    .enable(true)
    .iconColor('red')
    .expr('ALERTS{alertname=~"Millrace.*", alertstate="firing"}')
    .titleFormat('{{alertname}}')
    .textFormat('{{function}} {{topic}} {{job}}')
}

function starts(): AnnotationQueryBuilder {
  return marksOf({
    name: 'Starts of roles',
    colour: 'blue',
    seconds: 'process_start_time_seconds{job!="prometheus"}',
    title: '{{job}} started',
    text: '{{instance}}',
  })
}

export interface Marks {
  readonly name: string
  readonly colour: string
  /** The value is the time of what happened itself, so that each is marked once. */
  readonly seconds: string
  readonly title: string
  readonly text: string
}

export function marksOf({ name, colour, seconds, title, text }: Marks): AnnotationQueryBuilder {
  return new AnnotationQueryBuilder()
    .name(name)
    .datasource(datasource)
    .enable(true)
    .iconColor(colour)
    .expr(`${seconds} * 1000`)
    .useValueForTime(true)
    .titleFormat(title)
    .textFormat(text)
}
