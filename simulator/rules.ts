// Turns the model of a mapping into the rules that the poller's decisions go by.
import { payloadMaxBytes, topicPartitionsMax } from '../common/limits.ts'
import {
  awsWindowIdleMs,
  invocationsPerPoller,
  mappingBufferMaxBytes,
  streamInvocationsMax,
  windowIdleMs,
  windowRecordsMax,
} from '../common/mapping-limits.ts'
import type { MappingRules } from '../poller/batch.ts'
import { eventFrame, streamFrame, type EventFrame } from '../poller/event.ts'
import { retriesMaxOf } from '../poller/retry-policy.ts'
import { scalingPace } from '../poller/scaling-pace.ts'
import type { Depth } from './depth.ts'
import { isStream, type MappingModel, type Scenario } from './scenario.ts'

const cluster = { bootstrapServers: ['simulated:9092'] }
const stream = {
  eventSourceARN: 'arn:aws:kinesis:us-east-1:000000000000:stream/simulated',
  awsRegion: 'us-east-1',
  invokeIdentityArn: 'arn:aws:iam::000000000000:role/simulated',
}

export function rulesOf(scenario: Scenario, depth: Depth): MappingRules {
  const { mapping: model } = scenario
  return {
    batchSize: model.batchSize,
    windowMs: model.windowMs,
    payloadMaxBytes,
    frame: frameOf(scenario),
    criteria: depth.criteria,
    ...lanesOf(scenario),
    ...pollersOf(scenario),
    bufferMaxBytes: mappingBufferMaxBytes,
    commitIntervalMs: depth.commitIntervalMs,
    failure: {
      retriesMax: retriesOf(scenario),
      recordAgeMaxMs: model.recordAgeMaxMs,
      bisects: model.bisects,
      reportsItemFailures: model.reportsItemFailures,
      destination: model.hasDestination ? 'simulated' : undefined,
    },
  }
}

export function frameOf(scenario: Scenario): EventFrame {
  return isStream(scenario) ? streamFrame(stream, 'simulated') : eventFrame(cluster, 'simulated')
}

/** Lambda, streams: a destination does not end retries that have no number. */
function retriesOf(scenario: Scenario): number {
  const { retriesMax, hasDestination } = scenario.mapping
  if (isStream(scenario)) return retriesMax
  return retriesMaxOf(retriesMax === Infinity ? -1 : retriesMax, hasDestination)
}

/** Lambda, streams: as many invocations at once as there are shards, times the factor; nothing scales beside that. */
function pollersOf(
  scenario: Scenario,
): Pick<MappingRules, 'pollersMin' | 'pollersMax' | 'invocationsPerPoller' | 'pace'> {
  const { pace, mapping } = scenario
  const { provisioned } = mapping
  if (provisioned === undefined && isStream(scenario)) {
    return { pollersMin: 1, pollersMax: 1, invocationsPerPoller: streamInvocationsMax }
  }
  return {
    pollersMin: provisioned?.minimum ?? 1,
    pollersMax: provisioned?.maximum ?? topicPartitionsMax,
    invocationsPerPoller,
    pace: scalingPace(pace, provisioned === undefined ? 'on-demand' : 'provisioned'),
  }
}

function lanesOf(scenario: Scenario): Partial<MappingRules> {
  const { parallelizationFactor = 1, tumblingWindowMs }: MappingModel = scenario.mapping
  if (tumblingWindowMs === undefined && parallelizationFactor === 1 && !isStream(scenario))
    return {}
  const lanes = { parallelizationFactor, drawsOnOneLane: true }
  if (tumblingWindowMs === undefined) return lanes
  // What holds records back in a simulated topic may take longer than anything that holds a stream's back.
  const isPatient = scenario.pace === 'aws' || !isStream(scenario)
  const idleMs = isPatient ? awsWindowIdleMs : windowIdleMs
  return {
    ...lanes,
    tumbling: { lengthMs: tumblingWindowMs, idleMs, recordsMax: windowRecordsMax },
  }
}
