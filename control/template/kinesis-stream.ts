// AWS::Kinesis::Stream: refused, because nothing here could take its records.
import type { ResourceType } from './resources.ts'

/**
 * An error, not a warning: a function that waits for a stream would be deployed and never invoked.
 * References to it have their value, so that it is the one thing that is reported.
 */
export const kinesisStream: ResourceType = {
  identity(resource, names) {
    const { partition, region, accountId } = names.stack
    const name = names.textProperty(resource, 'Name') ?? resource.logicalId
    const arn = `arn:${partition}:kinesis:${region}:${accountId}:stream/${name}`
    return { ref: name, attributes: { Arn: arn } }
  },
  plan(resource, names) {
    names.findings.error(
      resource.line,
      `${resource.type} ${resource.logicalId}: Kinesis streams are not available yet: take it out, ` +
        'or give it a Condition that is false here',
    )
    return {}
  },
}
