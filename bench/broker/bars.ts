// What the broker must reach beside its peers, and whether a run's medians do.

/** Row, peer, figure: the median of the rounds. */
export type Results = Readonly<
  Record<string, Readonly<Record<string, Readonly<Record<string, number>>>>>
>

export interface Bar {
  readonly name: string
  readonly value: number
  readonly bar: string
  readonly isReached: boolean
}

type At = (row: string, peer: string, figure?: string) => number

interface Rule {
  readonly name: string
  readonly value: (at: At) => number
  readonly bar: number
  readonly isCeiling?: boolean
}

const rate = 'recordsPerSecond'
const ratio =
  (row: string, peer: string, other: string, figure = rate) =>
  (at: At): number =>
    at(row, peer, figure) / at(row, other, figure)

const rules: readonly Rule[] = [
  { name: 'produce 1 KB flushed / mock', value: ratio('produce1k', 'ours', 'mock'), bar: 0.5 },
  {
    name: 'produce 1 KB flushed / Kafka flushed',
    value: ratio('produce1k', 'ours', 'kafkaFlushed'),
    bar: 2,
  },
  {
    name: 'produce 1 KB flushed / Kafka defaults',
    value: ratio('produce1k', 'ours', 'kafka'),
    bar: 1.3,
  },
  {
    name: 'produce 1 KB interval / mock',
    value: ratio('produce1k', 'oursInterval', 'mock'),
    bar: 0.8,
  },
  {
    name: 'produce 1 KB, 100 partitions / 1',
    value: (at) => at('produce1k100', 'ours') / at('produce1k', 'ours'),
    bar: 0.8,
  },
  {
    name: 'consume start / mock, 100 partitions',
    value: ratio('consumeStart100', 'ours', 'mock'),
    bar: 0.5,
  },
  { name: 'consume start / Kafka', value: ratio('consumeStart', 'ours', 'kafka'), bar: 1.5 },
  {
    name: 'consume start / Kafka, 100 partitions',
    value: ratio('consumeStart100', 'ours', 'kafka'),
    bar: 1.5,
  },
  {
    name: 'consume tail / mock, 100 partitions',
    value: ratio('consumeTail100', 'ours', 'mock'),
    bar: 0.5,
  },
  { name: 'consume tail / Kafka', value: ratio('consumeTail', 'ours', 'kafka'), bar: 1.5 },
  {
    name: 'consume tail / Kafka, 100 partitions',
    value: ratio('consumeTail100', 'ours', 'kafka'),
    bar: 1.5,
  },
  {
    name: 'p99 of acknowledgement at 50 MB/s, ms',
    value: (at) => at('latency', 'ours', 'p99Ms'),
    bar: 10,
    isCeiling: true,
  },
  {
    name: 'p99 of acknowledgement / Kafka flushed',
    value: ratio('latency', 'ours', 'kafkaFlushed', 'p99Ms'),
    bar: 0.5,
    isCeiling: true,
  },
  {
    name: 'start to first record / Kafka',
    value: ratio('start', 'ours', 'kafka', 'firstAckMs'),
    bar: 0.1,
    isCeiling: true,
  },
  {
    name: 'idle memory / Kafka',
    value: ratio('start', 'ours', 'kafka', 'idleMiB'),
    bar: 0.25,
    isCeiling: true,
  },
  {
    name: '10,000 partitions: idle CPU, %',
    value: (at) => at('many', 'ours', 'idleCpuPercent'),
    bar: 2,
    isCeiling: true,
  },
  {
    name: '10,000 partitions: ready, ms',
    value: (at) => at('many', 'ours', 'readyMs'),
    bar: 3000,
    isCeiling: true,
  },
  {
    name: '10,000 partitions: memory of one, bytes',
    value: (at) => at('many', 'ours', 'perPartitionBytes'),
    bar: 4096,
    isCeiling: true,
  },
]

/** The bars whose rows were measured. */
export function barsOf(results: Results): readonly Bar[] {
  const at: At = (row, peer, figure = rate) => results[row]?.[peer]?.[figure] ?? Number.NaN
  return rules.flatMap(({ name, value: valueOf, bar, isCeiling = false }) => {
    const value = valueOf(at)
    if (Number.isNaN(value)) return []
    const isReached = isCeiling ? value <= bar : value >= bar
    return [
      {
        name,
        value: Number(value.toFixed(3)),
        bar: `${isCeiling ? '<=' : '>='} ${bar}`,
        isReached,
      },
    ]
  })
}
