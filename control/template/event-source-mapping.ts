// AWS::Lambda::EventSourceMapping: a mapping of a Kafka topic or a Kinesis stream as CloudFormation declares it.
import { kafkaConfigInput, kafkaConfigReaders } from './kafka-config.ts'
import { commonInput, kafkaReaders, planMapping, type DeclaredMapping } from './kafka-mapping.ts'
import { planStream, streamReaders } from './kinesis-mapping.ts'
import { resolve } from './intrinsics.ts'
import type { TemplateNames } from './names.ts'
import type { Plan, PlannedKafkaConfig, TopicMappingInput } from './plan.ts'
import * as read from './readers.ts'
import type { Resource, ResourceType } from './resources.ts'
import type { Tree } from './tree.ts'

const kafkaConfig = read.object(kafkaConfigReaders)

const properties = {
  read: {
    ...kafkaReaders,
    FunctionName: read.text,
    EventSourceArn: read.text,
    SelfManagedEventSource: read.object({
      Endpoints: read.object({ KafkaBootstrapServers: read.list(read.text) }),
    }),
    AmazonManagedKafkaEventSourceConfig: kafkaConfig,
    SelfManagedKafkaEventSourceConfig: kafkaConfig,
  },
  required: ['FunctionName'],
  ignored: ['Tags'],
} as const satisfies read.PropertyTable<read.Readers>

const streamProperties = {
  read: { ...streamReaders, FunctionName: read.text, EventSourceArn: read.text },
  required: ['FunctionName', 'StartingPosition'],
  ignored: ['Tags'],
} as const satisfies read.PropertyTable<read.Readers>

type Values = read.ValuesOf<typeof properties.read>

/** `Ref` is the mapping's UUID on AWS, which is not known before it is deployed: here its logical id. */
export const eventSourceMapping: ResourceType = {
  identity: ({ logicalId }) => ({ ref: logicalId, attributes: { Id: logicalId } }),

  plan(resource, names) {
    const { line, logicalId, type } = resource
    const source = textOf(resource.properties.entries.get('EventSourceArn')?.value, names)
    if (source !== undefined && /^arn:[^:]*:kinesis:/.test(source)) {
      return planOfStream(source, resource, names)
    }
    // Of a queue or a table even Topics would be missing: it is passed over as a whole.
    if (source !== undefined && !/^arn:[^:]*:kafka:/.test(source)) {
      const at = resource.properties.entries.get('EventSourceArn')?.line ?? line
      names.findings.warn(
        at,
        `${type} ${logicalId}: event sources other than Kafka and Kinesis are not supported`,
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

function textOf(tree: Tree | undefined, names: TemplateNames): string | undefined {
  const source = tree === undefined ? undefined : resolve(tree, names)
  return source?.kind === 'text' ? source.text : undefined
}

function planOfStream(
  arn: string,
  { line, logicalId, type, properties }: Resource,
  names: TemplateNames,
): Partial<Plan> {
  const subject = `${type} ${logicalId}`
  const at = { subject, kind: type, line, names }
  const values = read.readProperties(properties, streamProperties, at)
  const functionName = values.FunctionName ?? ''
  return planStream(arn, values, { logicalId, line, subject, functionName, properties }, names)
}

function inputOf(
  values: Values,
  mapping: DeclaredMapping,
  names: TemplateNames,
): TopicMappingInput | undefined {
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
    ...configsOf(values, mapping, names),
  }
}

function configsOf(
  values: Values,
  mapping: DeclaredMapping,
  names: TemplateNames,
): Pick<
  TopicMappingInput,
  'AmazonManagedKafkaEventSourceConfig' | 'SelfManagedKafkaEventSourceConfig'
> {
  const configs: Record<string, PlannedKafkaConfig> = {}
  for (const name of [
    'AmazonManagedKafkaEventSourceConfig',
    'SelfManagedKafkaEventSourceConfig',
  ] as const) {
    const config = kafkaConfigInput(values[name] ?? {}, { ...mapping, property: name }, names)
    if (config !== undefined) configs[name] = config
  }
  return configs
}
