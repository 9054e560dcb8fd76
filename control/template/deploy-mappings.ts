// Brings one mapping of a plan about: recognizes it by function, source and topic, and updates in place.
import { isDeepStrictEqual } from 'node:util'
import { sleep, type Clock } from '../../common/clock.ts'
import { LambdaApiError, type Outcome } from '../lambda/api-errors.ts'
import { failureDefaults, failureHandlingOf } from '../lambda/failure-handling.ts'
import { observationOf } from '../lambda/mapping-observation.ts'
import type { MappingService } from '../lambda/mapping-service.ts'
import { provisionedPollersOf } from '../lambda/provisioned-pollers.ts'
import type { UpdateMappingInput } from '../lambda/requests.ts'
import { schemaRegistryOf } from '../lambda/schema-registry.ts'
import { sourceAccessOf } from '../lambda/source-access.ts'
import type { MappingRecord } from '../registry/registry.ts'
import type { Action } from './deploy-functions.ts'
import type { MappingInput, PlannedMapping } from './plan.ts'

export type MappingDeployer = Pick<MappingService, 'get' | 'list' | 'create' | 'update'>

export interface DeployedMapping {
  readonly action: Action
  readonly uuid: string
  readonly warnings: readonly string[]
}

/** A mapping that is being created cannot be changed; the poller is given so long to be done. */
const inUseRetryDelayMs = 200
const inUseRetriesMax = 25

/** Creates or updates the mapping. Rejects with AppError STORAGE_FAILED. */
export async function deployMapping(
  { input, logicalId }: PlannedMapping,
  mappings: MappingDeployer,
  clock: Clock,
): Promise<Outcome<DeployedMapping>> {
  const current = find(input, mappings)
  if (current instanceof LambdaApiError) return current
  if (current === undefined) {
    const created = await mappings.create(input)
    if (created instanceof LambdaApiError) return created
    return { action: 'created', uuid: created.uuid, warnings: [] }
  }
  const { uuid } = current
  const warnings = fixedDifferences(current, input).map(
    (what) => `mapping ${logicalId}: ${what} cannot be changed; delete mapping ${uuid} first`,
  )
  const changes = changesOf(current, input)
  if (Object.keys(changes).length === 0) return { action: 'unchanged', uuid, warnings }
  for (let retries = 0; ; retries++) {
    const updated = await mappings.update(uuid, changes)
    if (!(updated instanceof LambdaApiError)) return { action: 'updated', uuid, warnings }
    const inUse = updated.code === 'ResourceInUseException'
    if (!inUse || retries === inUseRetriesMax) return updated
    await sleep(clock, inUseRetryDelayMs)
  }
}

/** Rather one of the very version or alias; else one that has to be moved there. */
function find(input: MappingInput, mappings: MappingDeployer): Outcome<MappingRecord> | undefined {
  const { name, qualifier } = targetOf(input)
  let other: MappingRecord | undefined
  for (let marker: string | undefined; ;) {
    const page = mappings.list({ functionName: name, marker })
    if (page instanceof LambdaApiError) return page
    const same = page.items.filter((record) => isSame(record, input))
    const found = same.find((record) => record.qualifier === qualifier)
    if (found !== undefined) return found
    other ??= same[0]
    if (page.nextMarker === undefined) return other
    marker = page.nextMarker
  }
}

/** Name or ARN without its qualifier, and that. */
function targetOf({ FunctionName }: MappingInput): {
  readonly name: string
  readonly qualifier: string | undefined
} {
  const [, name = FunctionName, qualifier] =
    /^((?:arn:[^:]*:lambda:[^:]*:\d+:function:)?[^:]+)(?::([^:]+))?$/.exec(FunctionName) ?? []
  return { name, qualifier: qualifier === '$LATEST' ? undefined : qualifier }
}

function isSame(record: MappingRecord, input: MappingInput): boolean {
  if (record.desired === 'deleted') return false
  if (input.Topics !== undefined && record.topic !== input.Topics[0]) return false
  if (input.EventSourceArn !== undefined) return record.eventSourceArn === input.EventSourceArn
  const servers = input.SelfManagedEventSource?.Endpoints.KAFKA_BOOTSTRAP_SERVERS ?? []
  return servers.some((server) => record.bootstrapServers?.includes(server) === true)
}

/** Members of an update, only those that differ. */
function changesOf(record: MappingRecord, input: MappingInput): UpdateMappingInput {
  const window = input.MaximumBatchingWindowInSeconds
  const patterns = input.FilterCriteria.Filters.map(({ Pattern }) => Pattern)
  return {
    ...(record.qualifier === targetOf(input).qualifier ? {} : { FunctionName: input.FunctionName }),
    ...(record.batchSize === input.BatchSize ? {} : { BatchSize: input.BatchSize }),
    ...(window === undefined || window === record.batchingWindowSeconds
      ? {}
      : { MaximumBatchingWindowInSeconds: window }),
    ...((record.desired === 'enabled') === input.Enabled ? {} : { Enabled: input.Enabled }),
    ...(isDeepStrictEqual(record.filterPatterns, patterns)
      ? {}
      : { FilterCriteria: input.FilterCriteria }),
    ...changeOfLanes(record, input),
    ...changeOfPollers(record, input),
    ...changeOfFailures(record, input),
    ...changeOfObservation(record, input),
    ...changeOfAccess(record, input),
    ...changeOfSchemas(record, input),
  }
}

function changeOfLanes(record: MappingRecord, input: MappingInput): UpdateMappingInput {
  const { ParallelizationFactor: factor = 1, TumblingWindowInSeconds: windowSeconds = 0 } = input
  return {
    ...(factor === (record.parallelizationFactor ?? 1) ? {} : { ParallelizationFactor: factor }),
    ...(windowSeconds === (record.tumblingWindowSeconds ?? 0)
      ? {}
      : { TumblingWindowInSeconds: windowSeconds }),
  }
}

// An update keeps what it leaves out, a template takes it back: so all of it is said.
function changeOfPollers(
  { provisionedPollers: current }: MappingRecord,
  { ProvisionedPollerConfig = {} }: MappingInput,
): UpdateMappingInput {
  const wanted = provisionedPollersOf({ ProvisionedPollerConfig })
  if (isDeepStrictEqual(wanted, current)) return {}
  if (wanted === undefined || wanted instanceof LambdaApiError) return { ProvisionedPollerConfig }
  const { minimum, maximum, groupName = '' } = wanted
  return {
    ProvisionedPollerConfig: {
      MinimumPollers: minimum,
      MaximumPollers: maximum,
      PollerGroupName: groupName,
    },
  }
}

function changeOfFailures(
  { failureHandling: current, topic }: MappingRecord,
  input: MappingInput,
): UpdateMappingInput {
  const wanted = failureHandlingOf(input, topic)
  // The plan was looked at before: what would be refused does not come here.
  if (wanted instanceof LambdaApiError) return {}
  if (isDeepStrictEqual(wanted ?? failureDefaults, current ?? failureDefaults)) return {}
  const { destination = '', ...handling } = wanted ?? failureDefaults
  return {
    MaximumRetryAttempts: handling.maximumRetryAttempts,
    MaximumRecordAgeInSeconds: handling.maximumRecordAgeSeconds,
    BisectBatchOnFunctionError: handling.bisects,
    FunctionResponseTypes: handling.reportsItemFailures ? ['ReportBatchItemFailures'] : [],
    DestinationConfig: { OnFailure: { Destination: destination } },
  }
}

function changeOfObservation(record: MappingRecord, input: MappingInput): UpdateMappingInput {
  const current = observationOf({}, record)
  const wanted = observationOf(input, {})
  if (isDeepStrictEqual(wanted, current)) return {}
  return {
    KMSKeyArn: input.KMSKeyArn ?? '',
    LoggingConfig: input.LoggingConfig ?? {},
    MetricsConfig: input.MetricsConfig ?? {},
  }
}

function changeOfAccess(
  { sourceAccess: current }: MappingRecord,
  { SourceAccessConfigurations = [] }: MappingInput,
): UpdateMappingInput {
  const wanted = sourceAccessOf({ SourceAccessConfigurations })
  return isDeepStrictEqual(wanted, current) ? {} : { SourceAccessConfigurations }
}

function changeOfSchemas(
  { eventSourceArn, schemaRegistry: current }: MappingRecord,
  input: MappingInput,
): UpdateMappingInput {
  const source = eventSourceArn === undefined ? {} : { eventSourceArn }
  const wanted = schemaRegistryOf(input, source)
  // The plan was looked at before: what would be refused does not come here.
  if (wanted instanceof LambdaApiError || isDeepStrictEqual(wanted, current)) return {}
  const name =
    eventSourceArn === undefined
      ? 'SelfManagedKafkaEventSourceConfig'
      : 'AmazonManagedKafkaEventSourceConfig'
  return { [name]: { SchemaRegistryConfig: input[name]?.SchemaRegistryConfig ?? {} } }
}

/** What Lambda lets nobody change in a mapping once it is there. */
function fixedDifferences(record: MappingRecord, input: MappingInput): readonly string[] {
  const { StartingPosition: position = 'TRIM_HORIZON', StartingPositionTimestamp: atMs } = input
  const group = input.SelfManagedKafkaEventSourceConfig ?? input.AmazonManagedKafkaEventSourceConfig
  const servers = input.SelfManagedEventSource?.Endpoints.KAFKA_BOOTSTRAP_SERVERS
  const differences: readonly (readonly [string, boolean])[] = [
    ['StartingPosition', record.startingPosition !== position],
    ['StartingPositionTimestamp', record.startingPositionTimestampMs !== atMs],
    // Without one the group is the mapping's UUID.
    ['ConsumerGroupId', record.consumerGroupId !== (group?.ConsumerGroupId ?? record.uuid)],
    ['KafkaBootstrapServers', !isDeepStrictEqual(record.bootstrapServers, servers)],
    [
      'the default MaximumBatchingWindowInSeconds',
      record.batchingWindowSeconds !== undefined &&
        input.MaximumBatchingWindowInSeconds === undefined,
    ],
  ]
  return differences.filter(([, differs]) => differs).map(([name]) => name)
}
