// AWS::Lambda::EventSourceMapping: a Kafka mapping as CloudFormation declares it.
import {
  commonInput,
  kafkaReaders,
  planMapping,
  warnOfProperty,
  type DeclaredMapping,
} from './kafka-mapping.ts'
import { resolve } from './intrinsics.ts'
import type { TemplateNames } from './names.ts'
import type { MappingInput } from './plan.ts'
import * as read from './readers.ts'
import type { ResourceType } from './resources.ts'
import type { Tree } from './tree.ts'

const groupConfig = read.object({
  ConsumerGroupId: read.text,
  SchemaRegistryConfig: read.anything,
})

const properties = {
  read: {
    ...kafkaReaders,
    FunctionName: read.text,
    EventSourceArn: read.text,
    SelfManagedEventSource: read.object({
      Endpoints: read.object({ KafkaBootstrapServers: read.list(read.text) }),
    }),
    AmazonManagedKafkaEventSourceConfig: groupConfig,
    SelfManagedKafkaEventSourceConfig: groupConfig,
  },
  required: ['FunctionName'],
  ignored: ['Tags'],
} as const satisfies read.PropertyTable<read.Readers>

type Values = read.ValuesOf<typeof properties.read>

/** `Ref` is the mapping's UUID on AWS, which is not known before it is deployed: here its logical id. */
export const eventSourceMapping: ResourceType = {
  identity: ({ logicalId }) => ({ ref: logicalId, attributes: { Id: logicalId } }),

  plan(resource, names) {
    const { line, logicalId, type } = resource
    if (isOtherSource(resource.properties.entries.get('EventSourceArn')?.value, names)) {
      const at = resource.properties.entries.get('EventSourceArn')?.line ?? line
      names.findings.warn(
        at,
        `${type} ${logicalId}: event sources other than Kafka are not supported`,
      )
      return {}
    }
    const subject = `${type} ${logicalId}`
    const at = { subject, kind: type, line, names }
    const values = read.readProperties(resource.properties, properties, at)
    const mapping: DeclaredMapping = {
      logicalId,
      line,
      subject,
      functionName: values.FunctionName ?? '',
      properties: resource.properties,
    }
    const input = inputOf(values, mapping, names)
    return input === undefined ? {} : planMapping(mapping, input)
  },
}

/** Of a queue or a stream even Topics would be missing: it is passed over as a whole. */
function isOtherSource(tree: Tree | undefined, names: TemplateNames): boolean {
  const source = tree === undefined ? undefined : resolve(tree, names)
  return source?.kind === 'text' && !/^arn:[^:]*:kafka:/.test(source.text)
}

function inputOf(
  values: Values,
  mapping: DeclaredMapping,
  names: TemplateNames,
): MappingInput | undefined {
  const { EventSourceArn: arn } = values
  const servers = values.SelfManagedEventSource?.Endpoints?.KafkaBootstrapServers
  if (arn === undefined && servers === undefined) {
    const { properties: given } = mapping
    if (!given.entries.has('EventSourceArn') && !given.entries.has('SelfManagedEventSource')) {
      const missing = 'EventSourceArn or SelfManagedEventSource is missing'
      names.findings.error(mapping.line, `${mapping.subject}: ${missing}`)
    }
    return undefined
  }
  if (values.Topics === undefined && !mapping.properties.entries.has('Topics')) {
    names.findings.error(mapping.line, `${mapping.subject}: Topics is missing`)
  }
  const common = commonInput(values, mapping, names)
  if (common === undefined) return undefined
  return {
    ...common,
    ...(arn === undefined ? {} : { EventSourceArn: arn }),
    ...(servers === undefined
      ? {}
      : { SelfManagedEventSource: { Endpoints: { KAFKA_BOOTSTRAP_SERVERS: servers } } }),
    ...groupsOf(values, mapping, names),
  }
}

function groupsOf(
  values: Values,
  mapping: DeclaredMapping,
  names: TemplateNames,
): Pick<MappingInput, 'AmazonManagedKafkaEventSourceConfig' | 'SelfManagedKafkaEventSourceConfig'> {
  const groups: Record<string, { readonly ConsumerGroupId: string }> = {}
  for (const name of [
    'AmazonManagedKafkaEventSourceConfig',
    'SelfManagedKafkaEventSourceConfig',
  ] as const) {
    const { ConsumerGroupId: group, SchemaRegistryConfig: schemas } = values[name] ?? {}
    if (schemas !== undefined) warnOfProperty(`${name}.SchemaRegistryConfig`, mapping, names)
    if (group !== undefined) groups[name] = { ConsumerGroupId: group }
  }
  return groups
}
