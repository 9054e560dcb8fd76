// Events of type SelfManagedKafka and MSK: a mapping from one topic to the function they stand in.
import { topicNameMaxLength, batchSizeMax } from '../../common/limits.ts'
import type { EventType, FunctionEvent } from './events.ts'
import type { TemplateNames } from './names.ts'
import type { MappingInput, Plan } from './plan.ts'
import * as read from './readers.ts'

// SAM's schema of both event types; MaximumBatchingWindowInSeconds is in its transform for both,
// though its documentation has it for MSK alone.
const kafkaProperties = {
  Topics: read.list(read.text),
  BatchSize: read.wholeNumber(1, batchSizeMax),
  MaximumBatchingWindowInSeconds: read.wholeNumber(0, 300),
  StartingPosition: read.oneOf('TRIM_HORIZON', 'LATEST', 'AT_TIMESTAMP'),
  StartingPositionTimestamp: read.epochSeconds,
  ConsumerGroupId: read.text,
  FilterCriteria: read.object({ Filters: read.list(read.object({ Pattern: read.text })) }),
  Enabled: read.switchValue,
  SourceAccessConfigurations: read.list(read.object({ Type: read.text, URI: read.text })),
} as const satisfies read.Readers

const selfManagedProperties = {
  read: { ...kafkaProperties, KafkaBootstrapServers: read.list(read.text) },
  // SAM asks for SourceAccessConfigurations as well; a cluster on one's own machine has none.
  required: ['KafkaBootstrapServers', 'Topics'],
} as const satisfies read.PropertyTable<read.Readers>

const mskProperties = {
  read: { ...kafkaProperties, Stream: read.text },
  required: ['Stream', 'StartingPosition', 'Topics'],
} as const satisfies read.PropertyTable<read.Readers>

export const selfManagedKafkaEvent: EventType = (event, names) => {
  const values = read.readProperties(event.properties, selfManagedProperties, { ...event, names })
  const servers = values.KafkaBootstrapServers
  const common = commonInput(values, event, names)
  if (servers === undefined || common === undefined) return {}
  const group = values.ConsumerGroupId
  const input: MappingInput = {
    ...common,
    SelfManagedEventSource: { Endpoints: { KAFKA_BOOTSTRAP_SERVERS: servers } },
    ...(group === undefined
      ? {}
      : { SelfManagedKafkaEventSourceConfig: { ConsumerGroupId: group } }),
  }
  return planned(event, input, servers)
}

export const mskEvent: EventType = (event, names) => {
  const values = read.readProperties(event.properties, mskProperties, { ...event, names })
  const common = commonInput(values, event, names)
  if (values.Stream === undefined || common === undefined) return {}
  const group = values.ConsumerGroupId
  const input: MappingInput = {
    ...common,
    EventSourceArn: values.Stream,
    ...(group === undefined
      ? {}
      : { AmazonManagedKafkaEventSourceConfig: { ConsumerGroupId: group } }),
  }
  return planned(event, input)
}

function planned(
  { logicalId, line }: FunctionEvent,
  input: MappingInput,
  bootstrapServers?: readonly string[],
): Partial<Plan> {
  const [name] = input.Topics
  const cluster = bootstrapServers === undefined ? {} : { bootstrapServers }
  return {
    mappings: [{ logicalId, line, input }],
    topics: [{ name, line, ...cluster, configs: {} }],
  }
}

function commonInput(
  values: read.ValuesOf<typeof kafkaProperties>,
  event: FunctionEvent,
  names: TemplateNames,
): MappingInput | undefined {
  const topic = topicOf(values.Topics, event, names)
  if (topic === undefined) return undefined
  warnOfAccess(values.SourceAccessConfigurations ?? [], event, names)
  const window = values.MaximumBatchingWindowInSeconds
  const timestamp = values.StartingPositionTimestamp
  const position = values.StartingPosition
  return {
    FunctionName: event.functionName,
    Topics: [topic],
    ...(position === undefined ? {} : { StartingPosition: position }),
    ...(timestamp === undefined ? {} : { StartingPositionTimestamp: Math.round(timestamp * 1000) }),
    BatchSize: values.BatchSize ?? 100,
    ...(window === undefined ? {} : { MaximumBatchingWindowInSeconds: window }),
    Enabled: values.Enabled ?? true,
    FilterCriteria: { Filters: filtersOf(values.FilterCriteria?.Filters, event, names) },
  }
}

function topicOf(
  topics: readonly string[] | undefined,
  { properties, line, subject }: FunctionEvent,
  { findings }: TemplateNames,
): string | undefined {
  if (topics === undefined) return undefined
  const [topic] = topics
  const at = properties.entries.get('Topics')?.line ?? line
  if (topic === undefined || topics.length > 1) {
    findings.error(
      at,
      `${subject}: Topics has ${topics.length} names, and Lambda takes exactly one`,
    )
    return undefined
  }
  if (isTopicName(topic)) return topic
  findings.error(at, `${subject}: Topics: "${topic}" is not a topic's name`)
  return undefined
}

/** Kafka's rule for the names of topics. */
export function isTopicName(name: string): boolean {
  return name.length <= topicNameMaxLength && /^(?!\.{1,2}$)[\w.-]+$/.test(name)
}

function filtersOf(
  filters: readonly { readonly Pattern?: string }[] | undefined,
  { properties, line, subject }: FunctionEvent,
  { findings }: TemplateNames,
): readonly { readonly Pattern: string }[] {
  const patterns = (filters ?? []).map(({ Pattern }) => Pattern)
  if (patterns.some((pattern) => pattern === undefined || !isJson(pattern))) {
    const at = properties.entries.get('FilterCriteria')?.line ?? line
    findings.error(at, `${subject}: FilterCriteria: a Pattern is missing, or is not JSON`)
    return []
  }
  return patterns.filter((pattern) => pattern !== undefined).map((Pattern) => ({ Pattern }))
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text)
    return true
  } catch (error) {
    if (error instanceof SyntaxError) return false
    throw error
  }
}

/** Networks are the operator's; what would prove who we are to a cluster cannot be left out unsaid. */
function warnOfAccess(
  configurations: readonly { readonly Type?: string }[],
  { properties, line, subject }: FunctionEvent,
  { findings }: TemplateNames,
): void {
  const at = properties.entries.get('SourceAccessConfigurations')?.line ?? line
  for (const { Type } of configurations) {
    if (Type === undefined || Type === 'VPC_SUBNET' || Type === 'VPC_SECURITY_GROUP') continue
    findings.warn(at, `${subject}: ${Type} is not supported: the cluster is reached without it`)
  }
}
