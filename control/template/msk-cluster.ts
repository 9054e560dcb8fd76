// AWS::MSK::Cluster: stands for the platform's own broker, whatever it asks for.
import type { ResourceType } from './resources.ts'

// A real ARN ends in a UUID and a number of the service's own.
const clusterSuffix = '00000000-0000-0000-0000-000000000000-1'

/** `Ref` and `Arn` are the cluster's ARN, which an event of type MSK takes as its Stream. */
export const mskCluster: ResourceType = {
  identity(resource, names) {
    const { partition, region, accountId } = names.stack
    const name = names.textProperty(resource, 'ClusterName') ?? resource.logicalId
    const arn = `arn:${partition}:kafka:${region}:${accountId}:cluster/${name}/${clusterSuffix}`
    return { ref: arn, attributes: { Arn: arn } }
  },
  plan(resource, names) {
    names.findings.warn(
      resource.line,
      `${resource.type} ${resource.logicalId}: the platform's own broker takes its place`,
    )
    return {}
  },
}
