// AWS::Kinesis::Stream: a stream that is made where mappings read streams.
import type { PlannedStream } from './plan.ts'
import * as read from './readers.ts'
import type { ResourceType } from './resources.ts'

const properties = {
  read: {
    Name: read.text,
    ShardCount: read.wholeNumber(1, 10_000),
    RetentionPeriodHours: read.wholeNumber(24, 8760),
    MaxRecordSizeInKiB: read.wholeNumber(1024, 10_240),
    StreamModeDetails: read.object({ StreamMode: read.oneOf('ON_DEMAND', 'PROVISIONED') }),
    Tags: read.list(read.object({ Key: read.text, Value: read.text })),
  },
  ignored: ['DesiredShardLevelMetrics', 'StreamEncryption', 'WarmThroughputMiBps'],
} as const satisfies read.PropertyTable<read.Readers>

const retentionDefaultHours = 24

export const kinesisStream: ResourceType = {
  identity(resource, names) {
    const { partition, region, accountId } = names.stack
    const name = names.textProperty(resource, 'Name') ?? resource.logicalId
    const arn = `arn:${partition}:kinesis:${region}:${accountId}:stream/${name}`
    return { ref: name, attributes: { Arn: arn } }
  },

  plan(resource, names) {
    const { line, logicalId, type } = resource
    const subject = `${type} ${logicalId}`
    const at = { subject, kind: type, line, names }
    const values = read.readProperties(resource.properties, properties, at)
    const { ref: name, attributes } = names.identity(resource)
    const { ShardCount: shardCount, MaxRecordSizeInKiB: maxRecordKib, Tags: tags } = values
    const refuse = (what: string): object => {
      names.findings.error(line, `${subject}: ${what}`)
      return {}
    }
    if (!/^[a-zA-Z0-9_.-]{1,128}$/.test(name)) return refuse(`"${name}" is not a stream's name`)
    const isOnDemand = values.StreamModeDetails?.StreamMode === 'ON_DEMAND'
    const saysShards = resource.properties.entries.has('ShardCount')
    if (isOnDemand && saysShards) return refuse('a stream on demand has no ShardCount')
    if (!isOnDemand && !saysShards) return refuse('ShardCount is missing')
    const stream: PlannedStream = {
      name,
      arn: attributes['Arn'] ?? '',
      line,
      // One that could not be read was reported.
      ...(isOnDemand ? {} : { shardCount: shardCount ?? 1 }),
      retentionHours: values.RetentionPeriodHours ?? retentionDefaultHours,
      ...(maxRecordKib === undefined ? {} : { maxRecordKib }),
      ...(tags === undefined
        ? {}
        : { tags: Object.fromEntries(tags.map(({ Key = '', Value = '' }) => [Key, Value])) }),
    }
    return { streams: [stream] }
  },
}
