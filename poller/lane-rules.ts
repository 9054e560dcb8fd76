// Turns a mapping's parallelization factor and tumbling window into the rules that its lanes go by.
import { awsWindowIdleMs, windowIdleMs, windowRecordsMax } from '../common/mapping-limits.ts'
import type { MappingRecord } from '../control/registry/registry.ts'
import type { MappingRules } from './batch.ts'
import type { PaceName } from './scaling-pace.ts'

export type LaneRules = Pick<MappingRules, 'parallelizationFactor' | 'drawsOnOneLane' | 'tumbling'>

/** Of a topic. Where a factor splits partitions, a batch is of one lane: a partition is in an event once. */
export function topicLaneRules({ parallelizationFactor = 1 }: MappingRecord): LaneRules {
  return parallelizationFactor === 1 ? {} : { parallelizationFactor, drawsOnOneLane: true }
}

/** Of a stream, whose batches are of one lane each. */
export function streamLaneRules(record: MappingRecord, pace: PaceName): LaneRules {
  const { parallelizationFactor = 1, tumblingWindowSeconds = 0 } = record
  const lanes = { parallelizationFactor, drawsOnOneLane: true }
  if (tumblingWindowSeconds === 0) return lanes
  const idleMs = pace === 'aws' ? awsWindowIdleMs : windowIdleMs
  const lengthMs = tumblingWindowSeconds * 1000
  return { ...lanes, tumbling: { lengthMs, idleMs, recordsMax: windowRecordsMax } }
}
