// Serves /metrics and /health: renders the roles' metric tables through prom-client.
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { Metric, Registry } from 'prom-client'
import type { Clock } from './clock.ts'
import { reasonOf } from './errors.ts'
import { healthMetricDefinitions, healthSamples } from './health-metrics.ts'
import { scrapeGraceMs } from './door-limits.ts'
import { closeHttpServer, listen } from './listen.ts'
import type { Logger } from './logger.ts'
import type { HistogramValue, MetricDefinition, MetricSample, MetricSource } from './metrics.ts'

/** What the door shows: the metrics of every role of this process, and what is wrong with them. */
export interface TelemetrySource {
  readonly name: string
  readonly metrics: MetricSource
  problems(): readonly string[]
}

export interface TelemetryOptions {
  readonly host: string
  readonly port: number
  readonly clock: Clock
  readonly logger: Logger
  /** Read at every request, so that the door may open before the roles are up. */
  readonly sources: () => readonly TelemetrySource[]
  /** Whether all of them are up; `/health` says 503 and `starting` until then. Up unless given. */
  readonly isReady?: () => boolean
}

export interface Telemetry {
  /** The address of the scrape: `http://host:port/metrics`. */
  readonly url: string
  stop(): Promise<void>
}

/** Opens the metrics door. Rejects with AppError PORT_TAKEN or DOOR_NOT_OPENED. */
export async function startTelemetry(options: TelemetryOptions): Promise<Telemetry> {
  const page = new MetricsPage(options)
  const server: Server = createServer((request, response) => {
    answer(request, response, { page, options }).catch((error: unknown) => {
      options.logger.error('request failed', { path: request.url, reason: reasonOf(error) })
      response.writeHead(500).end()
    })
  })
  const address = await listen(server, { door: 'metrics', ...options })
  const ending = { clock: options.clock, graceMs: scrapeGraceMs }
  return { url: `http://${address}/metrics`, stop: () => closeHttpServer(server, ending) }
}

async function answer(
  request: IncomingMessage,
  response: ServerResponse,
  { page, options }: { page: MetricsPage; options: TelemetryOptions },
): Promise<void> {
  switch (request.url?.split('?')[0]) {
    case '/metrics': {
      const { contentType, body } = await page.render()
      response.writeHead(200, { 'content-type': contentType }).end(body)
      return
    }
    case '/health': {
      const roles = options.sources().map((s) => ({ name: s.name, problems: s.problems() }))
      const isWell = roles.every(({ problems }) => problems.length === 0)
      const isReady = options.isReady?.() ?? true
      const status = isReady ? (isWell ? 'ok' : 'unhealthy') : 'starting'
      response.writeHead(status === 'ok' ? 200 : 503, { 'content-type': 'application/json' })
      response.end(`${JSON.stringify({ status, roles })}\n`)
      return
    }
    default:
      response.writeHead(404, { 'content-type': 'text/plain' }).end('try /metrics or /health\n')
  }
}

/** Collects every source once per scrape and lets prom-client write the exposition format. */
class MetricsPage {
  readonly #options: TelemetryOptions
  #registry: Registry | undefined
  readonly #registered = new Set<string>()
  #samples = new Map<string, MetricSample[]>()

  constructor(options: TelemetryOptions) {
    this.#options = options
  }

  async render(): Promise<{ contentType: string; body: string }> {
    const registry = (this.#registry ??= await createRegistry())
    const sources = this.#options.sources()
    const definitions = sources.flatMap(({ metrics }) => metrics.definitions)
    for (const definition of [...healthMetricDefinitions, ...definitions]) {
      this.#register(registry, definition)
    }
    const samples = (await Promise.all(sources.map(this.#collect))).flat()
    this.#samples = Map.groupBy([...healthSamples(sources), ...samples], (s) => s.name)
    return { contentType: registry.contentType, body: await registry.metrics() }
  }

  // One role that cannot answer must not hide the others from the scrape.
  readonly #collect = async (source: TelemetrySource): Promise<readonly MetricSample[]> => {
    try {
      return await source.metrics.collect()
    } catch (error) {
      this.#options.logger.error('metrics not collected', {
        role: source.name,
        reason: reasonOf(error),
      })
      return []
    }
  }

  #register(registry: Registry, definition: MetricDefinition): void {
    if (this.#registered.has(definition.name)) return
    this.#registered.add(definition.name)
    const { name, help, type } = definition
    const get = async () => ({
      name,
      help,
      type,
      aggregator: 'sum',
      values: (this.#samples.get(name) ?? []).flatMap(valuesOf),
    })
    // prom-client's types know its own four classes; its registry asks no more than name and get().
    registry.registerMetric({ name, help, get } as unknown as Metric)
  }
}

// Loaded at the first scrape, not at start: nobody waits for it who does not scrape.
async function createRegistry(): Promise<Registry> {
  const { Registry, collectDefaultMetrics } = await import('prom-client')
  const registry = new Registry()
  collectDefaultMetrics({ register: registry })
  return registry
}

interface Value {
  readonly value: number
  readonly labels: Readonly<Record<string, string | number>>
  readonly metricName?: string
}

function valuesOf({ name, labels, value }: MetricSample): readonly Value[] {
  return typeof value === 'number' ? [{ labels, value }] : histogramValues(name, labels, value)
}

function histogramValues(
  name: string,
  labels: MetricSample['labels'],
  histogram: HistogramValue,
): readonly Value[] {
  const buckets = histogram.bounds.map((le, i) => ({
    metricName: `${name}_bucket`,
    labels: { le, ...labels },
    value: histogram.cumulative[i] ?? 0,
  }))
  return [
    ...buckets,
    { metricName: `${name}_bucket`, labels: { le: '+Inf', ...labels }, value: histogram.count },
    { metricName: `${name}_sum`, labels, value: histogram.sum },
    { metricName: `${name}_count`, labels, value: histogram.count },
  ]
}
