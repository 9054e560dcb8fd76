// Asks a Prometheus over its HTTP API, and fills in what Grafana would for a panel's variables.

export interface Series {
  readonly labels: Readonly<Record<string, string>>
  /** Seconds since the epoch and value; one point for an instant query. NaN where there is none. */
  readonly points: readonly (readonly [seconds: number, value: number])[]
}

export interface TimeRange {
  readonly fromSeconds: number
  readonly toSeconds: number
  readonly stepSeconds: number
}

export interface Fillings {
  /** As PromQL writes a span: `20s`. */
  readonly rateInterval: string
  readonly range: string
  /** What variables choose: a regular expression by name; all of it unless named. */
  readonly chosen?: Readonly<Record<string, string>>
}

/** A panel's expression as Grafana would send it. */
export function filledIn(expression: string, fillings: Fillings): string {
  return expression
    .replaceAll('$__rate_interval', fillings.rateInterval)
    .replaceAll('$__range', fillings.range)
    .replace(/\$(\w+)/g, (_, name: string) => fillings.chosen?.[name] ?? '.*')
}

/** Methods reject with Prometheus's own words when it refuses an expression. */
export class PrometheusClient {
  readonly #url: string

  /** `http://host:port` */
  constructor(url: string) {
    this.#url = url
  }

  /** As it is now, or was at `atSeconds`. */
  async query(expression: string, atSeconds?: number): Promise<readonly Series[]> {
    const time: Record<string, string> = atSeconds === undefined ? {} : { time: `${atSeconds}` }
    return seriesOf(await this.#ask('query', { query: expression, ...time }))
  }

  async queryRange(expression: string, range: TimeRange): Promise<readonly Series[]> {
    const { fromSeconds, toSeconds, stepSeconds } = range
    const times = { start: `${fromSeconds}`, end: `${toSeconds}`, step: `${stepSeconds}` }
    return seriesOf(await this.#ask('query_range', { query: expression, ...times }))
  }

  async #ask(path: string, parameters: Record<string, string>): Promise<Data> {
    const body = new URLSearchParams(parameters)
    const response = await fetch(`${this.#url}/api/v1/${path}`, { method: 'POST', body })
    const answer = (await response.json()) as Answer
    if (answer.status === 'success') return answer.data
    throw new Error(`${parameters['query']}: ${answer.error}`)
  }
}

type Point = readonly [seconds: number, value: string]

/** https://prometheus.io/docs/prometheus/latest/querying/api/ */
type Data =
  | { readonly resultType: 'vector'; readonly result: readonly Sample[] }
  | { readonly resultType: 'matrix'; readonly result: readonly Samples[] }
  | { readonly resultType: 'scalar'; readonly result: Point }
type Answer =
  | { readonly status: 'success'; readonly data: Data }
  | { readonly status: 'error'; readonly error: string }
interface Sample {
  readonly metric: Readonly<Record<string, string>>
  readonly value: Point
}
interface Samples {
  readonly metric: Readonly<Record<string, string>>
  readonly values: readonly Point[]
}

function seriesOf(data: Data): readonly Series[] {
  switch (data.resultType) {
    case 'vector':
      return data.result.map(({ metric, value }) => ({ labels: metric, points: [pointOf(value)] }))
    case 'matrix':
      return data.result.map(({ metric, values }) => ({
        labels: metric,
        points: values.map(pointOf),
      }))
    case 'scalar':
      return [{ labels: {}, points: [pointOf(data.result)] }]
    default:
      return data satisfies never
  }
}

const pointOf = ([seconds, value]: Point): readonly [number, number] => [seconds, Number(value)]
