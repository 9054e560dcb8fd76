// What can be set of a stream while it runs: mode, retention, encryption, monitoring, record size, throughput, distribution.
import { list, text, whole } from '../../../common/aws/members.ts'
import type { Violations } from '../../../common/aws/validation.ts'
import {
  modeChangesMax,
  retentionHoursMax,
  retentionHoursMin,
} from '../../../common/stream-limits.ts'
import { lacking, type StreamRecord } from '../streams/stream-record.ts'
import type { KinesisContext } from './kinesis-context.ts'
import { invalidArgument, KinesisError } from './kinesis-errors.ts'
import { recent } from './resharding.ts'
import { streamOperation } from './stream-operation.ts'
import { streamArn } from './stream-shapes.ts'
import { checkMode, distributions, modeMembers } from './streams.ts'

export const updateStreamMode = streamOperation({
  members: { StreamModeDetails: modeMembers, WarmThroughputMiBps: whole },
  wantsActive: true,
  check: (violations, input) => {
    violations.required('streamARN', (input as { StreamARN?: string }).StreamARN)
    violations.required('streamModeDetails', input.StreamModeDetails)
    checkMode(violations, input.StreamModeDetails)
    violations.range('warmThroughputMiBps', input.WarmThroughputMiBps, [0, Number.MAX_SAFE_INTEGER])
  },
  handle: async ({ catalog, clock }, stream, { StreamModeDetails, WarmThroughputMiBps: warm }) => {
    const mode = StreamModeDetails?.StreamMode === 'ON_DEMAND' ? 'ON_DEMAND' : 'PROVISIONED'
    const nowMs = clock.now()
    const changes = recent(stream.record.modeChangesMs, nowMs)
    if (mode !== stream.record.mode && changes.length >= modeChangesMax) {
      const reason = `The mode of stream ${stream.name} was changed ${modeChangesMax} times in the last 24 hours, which is the limit.`
      return new KinesisError('LimitExceededException', reason)
    }
    await catalog.change(stream, (record) => ({
      ...record,
      mode,
      modeChangesMs: mode === record.mode ? record.modeChangesMs : [...changes, nowMs],
      ...(warm === undefined ? {} : { warmThroughputMiBps: warm }),
    }))
    return undefined
  },
})

const retentionMembers = { RetentionPeriodHours: whole }

export const increaseStreamRetentionPeriod = streamOperation({
  members: retentionMembers,
  wantsActive: true,
  check: (violations, { RetentionPeriodHours }) =>
    violations.required('retentionPeriodHours', RetentionPeriodHours),
  handle: (context, { name, retentionHours: present }, { RetentionPeriodHours: hours = 0 }) => {
    const other = `existing retention period (${present} hours). Use DecreaseStreamRetentionPeriod API.`
    const flaw =
      hours < present
        ? invalidArgument(
            `Requested retention period (${hours} hours) for stream ${name} can not be shorter than ${other}`,
          )
        : undefined
    return flaw ?? setRetention(context, name, hours)
  },
})

export const decreaseStreamRetentionPeriod = streamOperation({
  members: retentionMembers,
  wantsActive: true,
  check: (violations, { RetentionPeriodHours }) =>
    violations.required('retentionPeriodHours', RetentionPeriodHours),
  handle: (context, { name, retentionHours: present }, { RetentionPeriodHours: hours = 0 }) => {
    const other = `existing retention period (${present} hours). Use IncreaseStreamRetentionPeriod API.`
    const flaw =
      hours > present
        ? invalidArgument(
            `Requested retention period (${hours} hours) for stream ${name} can not be longer than ${other}`,
          )
        : undefined
    return flaw ?? setRetention(context, name, hours)
  },
})

/** The topic's own configuration: what Kafka's clients see is the same. */
async function setRetention(
  { store }: KinesisContext,
  name: string,
  hours: number,
): Promise<KinesisError | undefined> {
  if (hours < retentionHoursMin) {
    return invalidArgument(
      `Minimum allowed retention period is ${retentionHoursMin} hours. Requested retention period (${hours} hours) is too short.`,
    )
  }
  if (hours > retentionHoursMax) {
    return invalidArgument(
      `Maximum allowed retention period is ${retentionHoursMax} hours. Requested retention period (${hours} hours) is too long.`,
    )
  }
  const retention = { 'retention.ms': String(hours * 3_600_000) }
  await store.configureTopic(name, (configs) => ({ ...configs, ...retention }))
  return undefined
}

const encryptionMembers = { EncryptionType: text, KeyId: text }

function checkEncryption(
  violations: Violations,
  { EncryptionType, KeyId }: { readonly EncryptionType?: string; readonly KeyId?: string },
): void {
  violations.required('encryptionType', EncryptionType)
  violations.oneOf('encryptionType', EncryptionType, ['NONE', 'KMS'])
  violations.required('keyId', KeyId)
  violations.length('keyId', KeyId, [1, 2048])
}

/** Kept and reported: records lie on the disk as they came, and their key is nobody's to ask here. */
export const startStreamEncryption = streamOperation({
  members: encryptionMembers,
  wantsActive: true,
  check: checkEncryption,
  handle: async ({ catalog }, stream, { EncryptionType, KeyId = '' }) => {
    if (EncryptionType !== 'KMS') return invalidArgument('Encryption is started with the type KMS.')
    await catalog.change(stream, (record) => ({ ...record, encryptionKeyId: KeyId }))
    return undefined
  },
})

export const stopStreamEncryption = streamOperation({
  members: encryptionMembers,
  wantsActive: true,
  check: checkEncryption,
  handle: async ({ catalog }, stream) => {
    await catalog.change(stream, (record) => lacking(record, 'encryptionKeyId'))
    return undefined
  },
})

const metricNames = [
  'IncomingBytes',
  'IncomingRecords',
  'OutgoingBytes',
  'OutgoingRecords',
  'WriteProvisionedThroughputExceeded',
  'ReadProvisionedThroughputExceeded',
  'IteratorAgeMilliseconds',
] as const

const monitoringMembers = { ShardLevelMetrics: list(text) }

const monitoring = (change: (present: ReadonlySet<string>, named: readonly string[]) => string[]) =>
  streamOperation({
    members: monitoringMembers,
    check: (violations, { ShardLevelMetrics: metrics }) => {
      violations.required('shardLevelMetrics', metrics)
      violations.length('shardLevelMetrics', metrics, [1, 7])
      for (const metric of metrics ?? []) {
        violations.oneOf('shardLevelMetrics.member', metric, [...metricNames, 'ALL'])
      }
    },
    handle: async (context, stream, { ShardLevelMetrics: named = [] }) => {
      const before = stream.record.shardLevelMetrics
      const all = named.includes('ALL') ? metricNames : named
      await context.catalog.change(stream, (record) => {
        const wanted = change(new Set(record.shardLevelMetrics), all)
        return { ...record, shardLevelMetrics: metricNames.filter((name) => wanted.includes(name)) }
      })
      return {
        StreamName: stream.name,
        CurrentShardLevelMetrics: before,
        DesiredShardLevelMetrics: stream.record.shardLevelMetrics,
        StreamARN: streamArn(context, stream.name),
      }
    },
  })

export const enableEnhancedMonitoring = monitoring((present, named) => [...present, ...named])
export const disableEnhancedMonitoring = monitoring((present, named) =>
  [...present].filter((name) => !named.includes(name)),
)

export const updateMaxRecordSize = streamOperation({
  members: { MaxRecordSizeInKiB: whole },
  wantsActive: true,
  check: (violations, { MaxRecordSizeInKiB }) => {
    violations.required('maxRecordSizeInKiB', MaxRecordSizeInKiB)
    violations.range('maxRecordSizeInKiB', MaxRecordSizeInKiB, [1024, 10_240])
  },
  handle: async ({ catalog }, stream, { MaxRecordSizeInKiB: recordMaxKiB = 1024 }) => {
    await catalog.change(stream, (record) => ({ ...record, recordMaxKiB }))
    return undefined
  },
})

/** Kept and reported: a local stream takes what the machine does. */
export const updateStreamWarmThroughput = streamOperation({
  members: { WarmThroughputMiBps: whole },
  wantsActive: true,
  check: (violations, { WarmThroughputMiBps }) => {
    violations.required('warmThroughputMiBps', WarmThroughputMiBps)
    violations.range('warmThroughputMiBps', WarmThroughputMiBps, [0, Number.MAX_SAFE_INTEGER])
  },
  handle: async (context, stream, { WarmThroughputMiBps: warmThroughputMiBps = 0 }) => {
    const before = stream.record.warmThroughputMiBps
    await context.catalog.change(stream, (record): StreamRecord => ({
      ...record,
      warmThroughputMiBps,
    }))
    return {
      StreamARN: streamArn(context, stream.name),
      StreamName: stream.name,
      WarmThroughput: { TargetMiBps: warmThroughputMiBps, CurrentMiBps: before ?? 0 },
    }
  },
})

export const updateStreamRecordDistributionStrategy = streamOperation({
  members: { RecordDistributionStrategy: text },
  wantsActive: true,
  check: (violations, { RecordDistributionStrategy: strategy }) => {
    violations.required('recordDistributionStrategy', strategy)
    violations.oneOf('recordDistributionStrategy', strategy, distributions)
  },
  handle: async ({ catalog }, stream, { RecordDistributionStrategy: strategy }) => {
    const distribution = strategy === 'AUTO' ? 'AUTO' : 'USER_PARTITION_KEY'
    await catalog.change(stream, (record): StreamRecord => ({ ...record, distribution }))
    return undefined
  },
})
