// Writes the pages of docs/ that are tables in the code, so that a test can keep both equal.
import { brokerMetricDefinitions } from '../broker/metric-definitions.ts'
import { flagOf, variableOf } from '../common/config.ts'
import { errorTable } from '../common/errors.ts'
import { healthMetricDefinitions } from '../common/health-metrics.ts'
import type { MetricDefinition } from '../common/metrics.ts'
import { redisMetricDefinitions } from '../common/redis-metrics.ts'
import { settingsTable, type Setting } from '../common/settings.ts'
import { asyncMetricDefinitions } from '../control/async/metrics.ts'
import { functionLogMetricDefinitions } from '../function-logs/log-metrics.ts'
import { controlMetricDefinitions } from '../control/metrics.ts'
import { leaseMetricDefinitions } from '../poller/lease-metrics.ts'
import { pollerMetricDefinitions } from '../poller/metrics.ts'
import { apis } from '../protocol/apis.ts'
import { logTargetMetricDefinitions } from '../workers/logs/log-targets.ts'
import { workersMetricDefinitions } from '../workers/metrics.ts'

/** Every generated page by its path from the root of the repository. */
export function generatedPages(): Readonly<Record<string, string>> {
  return {
    'docs/settings.md': settingsPage(),
    'docs/errors.md': errorsPage(),
    'docs/kafka-apis.md': kafkaApisPage(),
    'docs/metrics.md': metricsPage(),
  }
}

const origin = 'Written by `make docs`; a test keeps it equal to'

function settingsPage(): string {
  const rows = Object.entries(settingsTable as Record<string, Setting>).map(([name, setting]) => {
    const initial = setting.default === '' ? '' : code(setting.default)
    const choices =
      setting.choices === undefined ? '' : ` One of ${setting.choices.map(code).join(', ')}.`
    return [
      code(flagOf(name)),
      code(variableOf(name)),
      initial,
      setting.roles.join(' '),
      `${setting.help}${choices}`,
    ]
  })
  return page(
    'Settings',
    `A flag wins over its environment variable, a variable over the default. ${origin} \`common/settings.ts\`.`,
    table(['flag', 'variable', 'default', 'roles', 'meaning'], rows),
  )
}

function errorsPage(): string {
  const rows = Object.entries(errorTable).map(([name, { message, retriable }]) => [
    code(name),
    message,
    retriable ? 'yes' : 'no',
  ])
  return page(
    'Errors',
    `Operating errors: what machine, disk, network or configuration can do. "Retriable" means that the same call may succeed later with nothing changed. ${origin} \`common/errors.ts\`.`,
    table(['code', 'text', 'retriable'], rows),
  )
}

function kafkaApisPage(): string {
  const rows = Object.values(apis)
    .toSorted((a, b) => a.key - b.key)
    .map(({ key, name, minVersion, maxVersion, flexibleSince }) => [
      String(key),
      name,
      `${minVersion} to ${maxVersion}`,
      String(flexibleSince),
    ])
  return page(
    'Kafka APIs',
    `What the broker advertises in ApiVersions and answers. ${origin} \`protocol/apis.ts\`; each API's file there and in \`broker/api/\` says what its versions mean.`,
    table(['key', 'API', 'versions', 'flexible from'], rows),
  )
}

/** Every role's metrics, as its page and the boards may name them. */
export const metricTables: Readonly<Record<string, readonly MetricDefinition[]>> = {
  each: healthMetricDefinitions,
  broker: brokerMetricDefinitions,
  control: [...controlMetricDefinitions, ...asyncMetricDefinitions],
  poller: [...pollerMetricDefinitions, ...leaseMetricDefinitions],
  workers: [
    ...workersMetricDefinitions,
    ...functionLogMetricDefinitions,
    ...logTargetMetricDefinitions,
  ],
  'control poller workers': redisMetricDefinitions,
}

function metricsPage(): string {
  const rows = Object.entries(metricTables).flatMap(([role, definitions]) =>
    definitions.map(({ name, type, labels, help, aws }) => [
      code(name),
      type,
      labels.join(' '),
      role,
      help,
      aws ?? '',
    ]),
  )
  return page(
    'Metrics',
    `What \`/metrics\` shows, beside the \`process_\` and \`nodejs_\` metrics of every process. Names that begin with \`kafka_\` are those of kafka_exporter. Units are in the names. ${origin} each role's \`metrics.ts\`.`,
    table(['metric', 'type', 'labels', 'role', 'meaning', 'on AWS'], rows),
  )
}

function page(title: string, introduction: string, body: string): string {
  return `# ${title}\n\n${introduction}\n\n${body}`
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]): string =>
    `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |\n`
  return [line(head), line(head.map(() => '---')), ...rows.map(line)].join('')
}

function code(text: string): string {
  return `\`${text}\``
}
