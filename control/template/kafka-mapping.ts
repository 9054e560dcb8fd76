// What every Kafka mapping of a template has, whether an event or a resource of its own declares it.
import { batchSizeMax, topicNameMaxLength } from '../../common/limits.ts'
import { maximumPollersMax, minimumPollersMax } from '../../common/mapping-limits.ts'
import { accessInput, accessReaders } from './mapping-access.ts'
import { failureInput, failureReaders } from './mapping-failures.ts'
import type { TemplateNames } from './names.ts'
import type { MappingInput, Plan, TopicMappingInput } from './plan.ts'
import * as read from './readers.ts'
import type { Mapping } from './tree.ts'

/** A mapping as declared. */
export interface DeclaredMapping {
  /** Of an event the function's and the event's name, which SAM joins to an id of its own. */
  readonly logicalId: string
  readonly line: number
  /** Opens sentences about it. */
  readonly subject: string
  readonly functionName: string
  readonly properties: Mapping
}

/** How a mapping is watched and kept. */
export const observationReaders = {
  KmsKeyArn: read.text,
  LoggingConfig: read.object({ SystemLogLevel: read.oneOf('DEBUG', 'INFO', 'WARN') }),
  MetricsConfig: read.object({
    Metrics: read.list(read.oneOf('EventCount', 'ErrorCount', 'KafkaMetrics')),
  }),
} as const satisfies read.Readers

// MaximumBatchingWindowInSeconds is in SAM's transform for both types of event, though its
// documentation has it for MSK alone.
export const kafkaReaders = {
  ...observationReaders,
  ...failureReaders,
  ...accessReaders,
  Topics: read.list(read.text),
  BatchSize: read.wholeNumber(1, batchSizeMax),
  MaximumBatchingWindowInSeconds: read.wholeNumber(0, 300),
  StartingPosition: read.oneOf('TRIM_HORIZON', 'LATEST', 'AT_TIMESTAMP'),
  StartingPositionTimestamp: read.epochSeconds,
  FilterCriteria: read.object({ Filters: read.list(read.object({ Pattern: read.text })) }),
  Enabled: read.switchValue,
  // Beyond AWS, which has it for streams alone; whether it is taken depends on the platform's pace.
  ParallelizationFactor: read.wholeNumber(1, 10),
  ProvisionedPollerConfig: read.object({
    MinimumPollers: read.wholeNumber(1, minimumPollersMax),
    MaximumPollers: read.wholeNumber(1, maximumPollersMax),
    PollerGroupName: read.text,
  }),
} as const satisfies read.Readers

export type KafkaValues = read.ValuesOf<typeof kafkaReaders>

/** One mapping, and the topic that it reads on the cluster that it reads from. */
export function planMapping(
  { logicalId, line }: DeclaredMapping,
  input: TopicMappingInput,
): Partial<Plan> {
  const [name] = input.Topics
  const bootstrapServers = input.SelfManagedEventSource?.Endpoints.KAFKA_BOOTSTRAP_SERVERS
  const cluster = bootstrapServers === undefined ? {} : { bootstrapServers }
  return {
    mappings: [{ logicalId, line, input }],
    topics: [{ name, line, ...cluster, configs: {} }],
  }
}

/** Undefined where a topic is missing or wrong, which has been reported. */
export function commonInput(
  values: KafkaValues,
  mapping: DeclaredMapping,
  names: TemplateNames,
): TopicMappingInput | undefined {
  const topic = topicOf(values.Topics, mapping, names)
  if (topic === undefined) return undefined
  const isStandIn = (value: string): boolean => names.isStandIn(value)
  const window = values.MaximumBatchingWindowInSeconds
  const timestamp = values.StartingPositionTimestamp
  const position = values.StartingPosition
  const pollers = values.ProvisionedPollerConfig
  const factor = values.ParallelizationFactor
  return {
    FunctionName: mapping.functionName,
    Topics: [topic],
    ...(position === undefined ? {} : { StartingPosition: position }),
    ...(timestamp === undefined ? {} : { StartingPositionTimestamp: Math.round(timestamp * 1000) }),
    BatchSize: values.BatchSize ?? 100,
    ...(window === undefined ? {} : { MaximumBatchingWindowInSeconds: window }),
    Enabled: values.Enabled ?? true,
    FilterCriteria: { Filters: filtersOf(values.FilterCriteria?.Filters, mapping, names) },
    ...failureInput(values, {
      isStandIn,
      warn: (name) => warnOfProperty(name, mapping, names),
    }),
    ...accessInput(values, { isStandIn, warn: (type) => warnOfAccess(type, mapping, names) }),
    ...(pollers === undefined ? {} : { ProvisionedPollerConfig: pollers }),
    ...(factor === undefined ? {} : { ParallelizationFactor: factor }),
    ...observationInput(values),
  }
}

function topicOf(
  topics: readonly string[] | undefined,
  { properties, line, subject }: DeclaredMapping,
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

/** A filter that is none was reported. */
export function filtersOf(
  filters: readonly { readonly Pattern?: string }[] | undefined,
  { properties, line, subject }: DeclaredMapping,
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

/** What would prove who we are to a cluster cannot be left out unsaid. */
function warnOfAccess(
  type: string,
  { properties, line, subject }: DeclaredMapping,
  { findings }: TemplateNames,
): void {
  const at = properties.entries.get('SourceAccessConfigurations')?.line ?? line
  findings.warn(
    at,
    `${subject}: nothing makes the secret of ${type}: the cluster is reached without it`,
  )
}

export function observationInput({
  KmsKeyArn,
  LoggingConfig,
  MetricsConfig,
}: read.ValuesOf<typeof observationReaders>): Pick<
  MappingInput,
  'KMSKeyArn' | 'LoggingConfig' | 'MetricsConfig'
> {
  return {
    ...(KmsKeyArn === undefined ? {} : { KMSKeyArn: KmsKeyArn }),
    ...(LoggingConfig === undefined ? {} : { LoggingConfig }),
    ...(MetricsConfig === undefined ? {} : { MetricsConfig }),
  }
}

/** Says that the mapping does without a property, which may be one inside another (`A.B`). */
export function warnOfProperty(
  name: string,
  { properties, line, subject }: DeclaredMapping,
  { findings }: TemplateNames,
): void {
  const at = properties.entries.get(name.split('.')[0] ?? name)?.line ?? line
  findings.warn(at, `${subject}: ${name} is not available yet: the mapping goes without it`)
}
