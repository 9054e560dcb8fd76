// AWS::Kinesis::StreamConsumer: a consumer with enhanced fan-out, registered where mappings read streams.
import { parseKinesisArn } from '../../common/kinesis-arn.ts'
import type { PlannedConsumer } from './plan.ts'
import * as read from './readers.ts'
import type { ResourceType } from './resources.ts'

const properties = {
  read: {
    ConsumerName: read.text,
    StreamARN: read.text,
    Tags: read.list(read.object({ Key: read.text, Value: read.text })),
  },
  required: ['ConsumerName', 'StreamARN'],
} as const satisfies read.PropertyTable<read.Readers>

/** `Ref` and `ConsumerARN` end in the time of the registration, which is not known yet: 0 stands for it until it is deployed. */
export const kinesisConsumer: ResourceType = {
  identity(resource, names) {
    const name = names.textProperty(resource, 'ConsumerName') ?? resource.logicalId
    const stream = names.textProperty(resource, 'StreamARN') ?? ''
    const arn = `${stream}/consumer/${name}:0`
    const attributes = { ConsumerARN: arn, ConsumerName: name, StreamARN: stream }
    return { ref: arn, attributes }
  },

  plan(resource, names) {
    const { line, logicalId, type } = resource
    const subject = `${type} ${logicalId}`
    const at = { subject, kind: type, line, names }
    const { ConsumerName, StreamARN, Tags } = read.readProperties(
      resource.properties,
      properties,
      at,
    )
    if (ConsumerName === undefined || StreamARN === undefined) return {}
    const { ref: arn } = names.identity(resource)
    const streamArn = parseKinesisArn(arn)?.streamArn
    if (streamArn !== StreamARN) {
      const what = `"${ConsumerName}" of "${StreamARN}" is no consumer of a stream`
      names.findings.error(line, `${subject}: ${what}`)
      return {}
    }
    const tags = Tags && Object.fromEntries(Tags.map(({ Key = '', Value = '' }) => [Key, Value]))
    const consumer: PlannedConsumer = {
      name: ConsumerName,
      streamArn,
      plannedArn: arn,
      line,
      ...(tags === undefined ? {} : { tags }),
    }
    return { consumers: [consumer] }
  },
}
