// How modules describe what they count, without knowing who scrapes it.

/** A row of a role's metric table. Names and units follow Prometheus' conventions. */
export interface MetricDefinition {
  readonly name: string
  readonly type: 'counter' | 'gauge' | 'histogram'
  readonly help: string
  readonly labels: readonly string[]
  /** The CloudWatch metric that says the same on AWS. */
  readonly aws?: string
}

/** One series' value at the moment of a scrape. Plain data: it crosses threads. */
export interface MetricSample {
  readonly name: string
  readonly labels: Readonly<Record<string, string | number>>
  readonly value: number | HistogramValue
}

/** Cumulative counts per upper bound, as Prometheus wants them; `count` includes all. */
export interface HistogramValue {
  readonly bounds: readonly number[]
  readonly cumulative: readonly number[]
  readonly sum: number
  readonly count: number
}

/** A table and the function that reads the counters behind it. */
export interface MetricSource {
  readonly definitions: readonly MetricDefinition[]
  collect(): readonly MetricSample[] | Promise<readonly MetricSample[]>
}

/** Counts observations in fixed buckets. */
export class Histogram {
  readonly #bounds: readonly number[]
  readonly #buckets: number[]
  #sum = 0
  #count = 0

  /** `bounds` are inclusive upper bounds, ascending; what lies above the last is still counted. */
  constructor(bounds: readonly number[]) {
    this.#bounds = bounds
    this.#buckets = bounds.map(() => 0)
  }

  /** `times` are as many observations of the same value. */
  observe(value: number, times = 1): void {
    const bounds = this.#bounds
    let index = 0
    // A comparison with nothing, past the last bound, is false.
    while (value > (bounds[index] ?? Number.NaN)) index += 1
    if (index < bounds.length) this.#buckets[index] = (this.#buckets[index] ?? 0) + times
    this.#sum += value * times
    this.#count += times
  }

  read(): HistogramValue {
    let running = 0
    const cumulative = this.#buckets.map((n) => (running += n))
    return { bounds: this.#bounds, cumulative, sum: this.#sum, count: this.#count }
  }
}

/** Upper bounds in seconds that suit an in-process call as well as a fifteen-minute function. */
export const durationBoundsSeconds = [
  0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 900,
] as const

/** The same for calls of which there is a histogram for each of many streams: few, that matter for a call. */
export const callBoundsSeconds = [
  0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 2.5,
] as const
