// What an event source mapping may be: the rules for the inputs that create or change one.
import { compileCriteria } from '../../filter/criteria.ts'
import { batchSizeMax, filtersMax, topicNameMaxLength } from '../../common/limits.ts'
import type { MappingSourceKind } from '../registry/mapping-source.ts'
import type { StartingPosition } from '../registry/registry.ts'
import { invalidParameter, LambdaApiError, type Outcome } from './api-errors.ts'
import { checkFailureShape } from './failure-handling.ts'
import { checkFunctionName } from './function-name.ts'
import { checkObservationShape } from './mapping-observation.ts'
import { missingPosition, refuseOfStream } from './kinesis-mapping.ts'
import { checkPollersShape } from './provisioned-pollers.ts'
import type { CreateMappingInput, UpdateMappingInput } from './requests.ts'
import { checkSchemaShape } from './schema-registry.ts'
import { checkAccessShape } from './source-access.ts'
import { parseKinesisArn } from '../../common/kinesis-arn.ts'
import { matchesWholly, saysNothing, Violations } from '../../common/aws/validation.ts'

/** Where a mapping reads: a managed cluster or a stream by its ARN, or a self-managed cluster by its servers. */
export type MappingSource = { readonly topic: string } & (
  | { readonly eventSourceArn: string }
  | { readonly bootstrapServers: readonly string[] }
)

/** Lambda's patterns (botocore). */
const arnPattern =
  'arn:(aws[a-zA-Z0-9-]*):([a-zA-Z0-9\\-])+:((eusc-)?[a-z]{2}((-gov)|(-iso([a-z]?)))?-[a-z]+-\\d{1})?:(\\d{12})?:(.*)'
const topicPattern = '[^.]([a-zA-Z0-9\\-_.]+)'
const endpointPattern =
  '(([a-zA-Z0-9]|[a-zA-Z0-9][a-zA-Z0-9\\-]*[a-zA-Z0-9])\\.)*([A-Za-z0-9]|[A-Za-z0-9][A-Za-z0-9\\-]*[A-Za-z0-9]):[0-9]{1,5}'
const groupPattern = '[a-zA-Z0-9-\\/*:_+=.@-]*'
const clusterArn = 'arn:aws[a-zA-Z-]*:kafka:[a-z0-9-]+:\\d{12}:(cluster|vpc-connection)/[^/]+/.+'
const startingPositions = ['LATEST', 'AT_TIMESTAMP', 'TRIM_HORIZON'] as const

/** What AWS takes for these when they are not given; nothing else can be honoured yet. */
const onlyDefaults: Readonly<Record<string, (value: unknown) => boolean>> = {
  DocumentDBEventSourceConfig: saysNothing,
  Queues: saysNothing,
  ScalingConfig: saysNothing,
  TumblingWindowInSeconds: (value) => value === 0,
}

/** Violations of the shape that both requests share. */
export function checkMappingShape(
  input: CreateMappingInput & UpdateMappingInput,
  operation: 'create' | 'update',
): LambdaApiError | undefined {
  const violations = new Violations()
  if (operation === 'create' || input.FunctionName !== undefined) {
    checkFunctionName(violations, input.FunctionName)
  }
  violations.range('batchSize', input.BatchSize, [1, batchSizeMax])
  violations.range('maximumBatchingWindowInSeconds', input.MaximumBatchingWindowInSeconds, [0, 300])
  violations.range('parallelizationFactor', input.ParallelizationFactor, [1, 10])
  violations.range('tumblingWindowInSeconds', input.TumblingWindowInSeconds, [0, 900])
  checkFailureShape(violations, input)
  checkPollersShape(violations, input)
  checkAccessShape(violations, input)
  checkSchemaShape(violations, input)
  checkObservationShape(violations, input)
  checkFilterLengths(violations, input)
  if (operation === 'create') checkSourceShape(violations, input)
  return violations.error()
}

function checkFilterLengths(violations: Violations, { FilterCriteria }: UpdateMappingInput): void {
  for (const [index, { Pattern }] of (FilterCriteria?.Filters ?? []).entries()) {
    violations.length(`filterCriteria.filters.${index + 1}.member.pattern`, Pattern, [0, 4096])
  }
}

function checkSourceShape(violations: Violations, input: CreateMappingInput): void {
  violations.pattern('eventSourceArn', input.EventSourceArn, arnPattern)
  violations.oneOf('startingPosition', input.StartingPosition, startingPositions)
  violations.length('topics', input.Topics, [1, 1])
  for (const topic of input.Topics ?? []) {
    violations.length('topics', topic, [1, topicNameMaxLength])
    violations.pattern('topics', topic, topicPattern)
  }
  for (const name of Object.keys(input.SelfManagedEventSource?.Endpoints ?? {})) {
    violations.oneOf('selfManagedEventSource.endpoints', name, ['KAFKA_BOOTSTRAP_SERVERS'])
  }
  const endpoint = 'selfManagedEventSource.endpoints.KAFKA_BOOTSTRAP_SERVERS'
  const servers = input.SelfManagedEventSource?.Endpoints?.['KAFKA_BOOTSTRAP_SERVERS']
  violations.length(endpoint, servers, [1, 10])
  for (const server of servers ?? []) {
    violations.length(endpoint, server, [1, 300])
    violations.pattern(endpoint, server, endpointPattern)
  }
  for (const [name, config] of [
    ['amazonManagedKafkaEventSourceConfig', input.AmazonManagedKafkaEventSourceConfig],
    ['selfManagedKafkaEventSourceConfig', input.SelfManagedKafkaEventSourceConfig],
  ] as const) {
    violations.length(`${name}.consumerGroupId`, config?.ConsumerGroupId, [1, 200])
    violations.pattern(`${name}.consumerGroupId`, config?.ConsumerGroupId, groupPattern)
  }
}

/** The source of a new mapping, or why there is none that can be read. */
export function sourceOf(input: CreateMappingInput): Outcome<MappingSource> {
  const servers = input.SelfManagedEventSource?.Endpoints?.['KAFKA_BOOTSTRAP_SERVERS']
  const { EventSourceArn: eventSourceArn } = input
  if (eventSourceArn === undefined && servers === undefined) {
    return invalidParameter('Unrecognized event source.')
  }
  if (eventSourceArn !== undefined && servers !== undefined) {
    return invalidParameter('Give either EventSourceArn or SelfManagedEventSource, not both.')
  }
  const stream = eventSourceArn === undefined ? undefined : parseKinesisArn(eventSourceArn)
  if (eventSourceArn !== undefined && stream !== undefined) {
    return missingPosition(input) ?? { eventSourceArn, topic: stream.streamName }
  }
  if (eventSourceArn !== undefined && !matchesWholly(clusterArn, eventSourceArn)) {
    return invalidParameter(
      `Event source ${eventSourceArn} is not available yet: a Kinesis stream is, or its consumer, and ` +
        'Kafka, as SelfManagedEventSource or as the ARN of an Amazon MSK cluster.',
    )
  }
  const [topic] = input.Topics ?? []
  if (topic === undefined) return invalidParameter('Topics must name exactly one topic.')
  const unusable =
    eventSourceArn === undefined
      ? input.AmazonManagedKafkaEventSourceConfig
      : input.SelfManagedKafkaEventSourceConfig
  if (!saysNothing(unusable)) {
    return invalidParameter(
      eventSourceArn === undefined
        ? 'AmazonManagedKafkaEventSourceConfig does not fit a self-managed event source.'
        : 'SelfManagedKafkaEventSourceConfig does not fit an Amazon MSK event source.',
    )
  }
  return eventSourceArn === undefined
    ? { bootstrapServers: servers ?? [], topic }
    : { eventSourceArn, topic }
}

/** Names the first parameter that would be ignored if it were accepted. */
export function refuseUnavailableOfMapping(
  input: CreateMappingInput & UpdateMappingInput,
  kind: MappingSourceKind,
): LambdaApiError | undefined {
  if (!saysNothing(input.DestinationConfig?.OnSuccess)) {
    return invalidParameter(
      'Unsupported DestinationConfig parameter for given event source mapping type.',
    )
  }
  if (kind === 'kinesis') return refuseOfStream(input)
  const given = Object.entries(input)
  const refused = given.find(([name, value]) => onlyDefaults[name]?.(value) === false)
  return refused === undefined
    ? undefined
    : invalidParameter(`${refused[0]} is not available yet for a Kafka event source.`)
}

/** Where reading starts: TRIM_HORIZON unless told otherwise, as recorded for Kafka. */
export function startOf(
  input: CreateMappingInput,
  nowMs: number,
): Outcome<{ startingPosition: StartingPosition; startingPositionTimestampMs?: number }> {
  const { StartingPosition: position = 'TRIM_HORIZON', StartingPositionTimestamp: atMs } = input
  const startingPosition = position as StartingPosition
  if (startingPosition !== 'AT_TIMESTAMP') {
    return atMs === undefined
      ? { startingPosition }
      : invalidParameter('StartingPositionTimestamp needs StartingPosition AT_TIMESTAMP.')
  }
  if (atMs === undefined) {
    return invalidParameter('StartingPosition AT_TIMESTAMP needs StartingPositionTimestamp.')
  }
  if (atMs < 0 || atMs > nowMs) {
    return invalidParameter('StartingPositionTimestamp must not be in the future.')
  }
  return { startingPosition, startingPositionTimestampMs: atMs }
}

/** The patterns of a FilterCriteria; whatever is wrong with one, AWS says the same sentence. */
export function filterPatternsOf(
  input: UpdateMappingInput,
  kind: MappingSourceKind,
): Outcome<readonly string[]> {
  const filters = input.FilterCriteria?.Filters ?? []
  if (filters.length > filtersMax) {
    return invalidParameter(`There cannot be more than ${filtersMax} filters.`)
  }
  const patterns = filters.flatMap(({ Pattern }) => (Pattern === undefined ? [] : [Pattern]))
  const dataKey = kind === 'kinesis' ? 'data' : 'value'
  const sound = patterns.length === filters.length && compileCriteria(patterns, dataKey).ok
  return sound ? patterns : invalidParameter('Invalid filter pattern definition.')
}
