// Turns the record of a mapping that reads a Kinesis stream into the rules that its core goes by.
import { checkpointIntervalMs } from '../common/kinesis-client-limits.ts'
import { payloadMaxBytes } from '../common/limits.ts'
import {
  invocationsPerPoller,
  mappingBufferMaxBytes,
  streamInvocationsMax,
} from '../common/mapping-limits.ts'
import { parseKinesisArn, type KinesisArn } from '../common/kinesis-arn.ts'
import type { MappingRecord } from '../control/registry/registry.ts'
import { compileCriteria } from '../filter/criteria.ts'
import type { MappingRules } from './batch.ts'
import { streamFrame, type StreamOrigin } from './event.ts'
import type { FailureRules } from './retry-policy.ts'
import { streamLaneRules } from './lane-rules.ts'
import { scalingPace, type PaceName } from './scaling-pace.ts'

export interface StreamRulesOptions {
  readonly pace: PaceName
  /** Of the function: what events call their `invokeIdentityArn`. */
  readonly role: string
}

/** The stream that a mapping reads; undefined of a mapping that reads a topic. */
export function streamOf({ eventSourceArn }: MappingRecord): KinesisArn | undefined {
  return eventSourceArn === undefined ? undefined : parseKinesisArn(eventSourceArn)
}

/** A record's rules, or the reason why its filters do not compile. */
export function streamRulesOf(
  record: MappingRecord,
  stream: KinesisArn,
  { pace, role }: StreamRulesOptions,
): MappingRules | string {
  const origin: StreamOrigin = {
    eventSourceARN: stream.consumerArn ?? stream.streamArn,
    awsRegion: stream.region,
    invokeIdentityArn: role,
  }
  const constants = {
    ...origin,
    kinesisSchemaVersion: '1.0',
    eventSource: 'aws:kinesis',
    eventVersion: '1.0',
    eventName: 'aws:kinesis:record',
  }
  const compiled = compileCriteria(record.filterPatterns, 'data', constants)
  if (!compiled.ok) return compiled.reason
  const { provisionedPollers: pollers } = record
  return {
    batchSize: record.batchSize,
    windowMs: (record.batchingWindowSeconds ?? 0) * 1000,
    payloadMaxBytes,
    frame: streamFrame(origin, stream.streamName),
    criteria: compiled.criteria,
    // Lambda: as many invocations at once as there are shards, times the factor; nothing scales beside that.
    pollersMin: pollers?.minimum ?? 1,
    pollersMax: pollers?.maximum ?? 1,
    invocationsPerPoller: pollers === undefined ? streamInvocationsMax : invocationsPerPoller,
    ...(pollers === undefined ? {} : { pace: scalingPace(pace, 'provisioned') }),
    bufferMaxBytes: mappingBufferMaxBytes,
    commitIntervalMs: checkpointIntervalMs,
    failure: failureRulesOf(record),
    ...streamLaneRules(record, pace),
  }
}

/** Lambda, streams: without a number of retries it is as many as the age of the records lets be, destination or not. */
function failureRulesOf({ failureHandling: handling }: MappingRecord): FailureRules {
  const { maximumRetryAttempts = -1, maximumRecordAgeSeconds = -1 } = handling ?? {}
  return {
    retriesMax: maximumRetryAttempts < 0 ? Infinity : maximumRetryAttempts,
    recordAgeMaxMs: maximumRecordAgeSeconds < 0 ? Infinity : maximumRecordAgeSeconds * 1000,
    bisects: handling?.bisects === true,
    reportsItemFailures: handling?.reportsItemFailures === true,
    destination: handling?.destination,
  }
}
