// Reads a scrape: the lines of Prometheus' text format that the demo needs, and no more of it.

/** One line of a scrape. */
export interface Sample {
  readonly name: string
  readonly labels: Readonly<Record<string, string>>
  readonly value: number
}

/** Counts per upper bound, cumulative, in ascending order; the last bound is Infinity. */
export type Buckets = readonly (readonly [bound: number, count: number])[]

/** Comments and lines that are no samples are passed over. */
export function parseScrape(text: string): readonly Sample[] {
  return text.split('\n').flatMap((line) => {
    const [, name, labels = '', value] =
      /^([a-zA-Z_:][\w:]*)(?:\{(.*)\})?\s+(\S+)(?:\s+-?\d+)?\s*$/.exec(line) ?? []
    if (name === undefined || value === undefined) return []
    const number = numberOf(value)
    return Number.isNaN(number) ? [] : [{ name, labels: parseLabels(labels), value: number }]
  })
}

/** The sum of a metric over all of its series that carry these labels; 0 where there are none. */
export function sumOf(
  samples: readonly Sample[],
  name: string,
  labels: Sample['labels'] = {},
): number {
  return valuesOf(samples, name, labels).reduce((sum, value) => sum + value, 0)
}

/** The largest value of a metric among its series that carry these labels; 0 where there are none. */
export function maxOf(
  samples: readonly Sample[],
  name: string,
  labels: Sample['labels'] = {},
): number {
  return valuesOf(samples, name, labels).reduce((most, value) => Math.max(most, value), 0)
}

/** A histogram's buckets, its series added up. */
export function bucketsOf(samples: readonly Sample[], name: string): Buckets {
  const counts = new Map<number, number>()
  for (const { name: found, labels, value } of samples) {
    if (found !== `${name}_bucket`) continue
    const bound = numberOf(labels['le'] ?? '')
    counts.set(bound, (counts.get(bound) ?? 0) + value)
  }
  return [...counts].sort(([a], [b]) => a - b)
}

function valuesOf(
  samples: readonly Sample[],
  name: string,
  labels: Sample['labels'],
): readonly number[] {
  const wanted = Object.entries(labels)
  return samples
    .filter((sample) => sample.name === name)
    .filter((sample) => wanted.every(([key, value]) => sample.labels[key] === value))
    .map(({ value }) => value)
}

function parseLabels(text: string): Sample['labels'] {
  const pairs = text.matchAll(/([a-zA-Z_]\w*)="((?:[^"\\]|\\.)*)"/g)
  return Object.fromEntries(
    [...pairs].map(([, name = '', value = '']) => [name, unescapeLabel(value)]),
  )
}

function unescapeLabel(text: string): string {
  return text.replace(/\\(.)/g, (_, letter: string) => (letter === 'n' ? '\n' : letter))
}

function numberOf(text: string): number {
  if (text === '+Inf') return Infinity
  return text === '-Inf' ? -Infinity : Number(text)
}
