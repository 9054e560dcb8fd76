// What metrics say of a lag: its trend, its cause, and its partitions where those are not too many.
import { partitionSeriesMax } from '../common/mapping-limits.ts'
import type { MetricDefinition, MetricSample } from '../common/metrics.ts'
import { lagCauses } from './lag-cause.ts'
import type { MeasuredMapping } from './metrics.ts'

const labels = ['mapping', 'function', 'topic'] as const

const [trend, cause, partitionRecords, partitionSeconds] = [
  {
    name: 'millrace_mapping_lag_trend',
    type: 'gauge',
    help: 'Records a second by which the offset lag grows; negative where it falls.',
    labels,
  },
  {
    name: 'millrace_mapping_lag_cause',
    type: 'gauge',
    help: `1 for the one cause of the lag that holds now: ${lagCauses.join(', ')}.`,
    labels: [...labels, 'cause'],
  },
  {
    name: 'millrace_mapping_partition_lag',
    type: 'gauge',
    help: `Records after the checkpoint of a partition that is behind; of all mappings together at most ${partitionSeriesMax} series, or none.`,
    labels: [...labels, 'partition'],
  },
  {
    name: 'millrace_mapping_partition_lag_seconds',
    type: 'gauge',
    help: 'Age of the oldest record of it that was read and is not finished.',
    labels: [...labels, 'partition'],
  },
] as const satisfies readonly MetricDefinition[]

export const lagMetricDefinitions: readonly MetricDefinition[] = [
  trend,
  cause,
  partitionRecords,
  partitionSeconds,
]

export function lagSamples(mappings: readonly MeasuredMapping[]): readonly MetricSample[] {
  const behind = mappings.reduce((sum, { lag }) => sum + (lag?.lanes.length ?? 0), 0)
  const areFew = behind <= partitionSeriesMax
  return mappings.flatMap((measured) => samplesOf(measured, areFew))
}

function samplesOf(
  { uuid, functionName, topic, lag }: MeasuredMapping,
  withPartitions: boolean,
): readonly MetricSample[] {
  if (lag === undefined) return []
  const values = { mapping: uuid, function: functionName, topic }
  const { judgement, lanes } = lag
  const samples: MetricSample[] = [
    { name: trend.name, labels: values, value: judgement.trendPerSecond },
    { name: cause.name, labels: { ...values, cause: judgement.cause }, value: 1 },
  ]
  if (!withPartitions) return samples
  for (const { partition, records, ageMs } of lanes) {
    const of = { ...values, partition: String(partition) }
    samples.push({ name: partitionRecords.name, labels: of, value: records })
    if (ageMs === undefined) continue
    samples.push({ name: partitionSeconds.name, labels: of, value: ageMs / 1000 })
  }
  return samples
}
