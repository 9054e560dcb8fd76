// Writes functions and mappings as the Lambda API answers them: members, defaults and formats.
import { pathToFileURL } from 'node:url'
import { runtimeVersionArn } from '../../common/runtime-version.ts'
import { sourceKindOf } from '../registry/mapping-source.ts'
import { versionOf } from '../registry/function-version.ts'
import type {
  FunctionRecord,
  MappingRecord,
  MappingStatus,
  VersionRecord,
} from '../registry/registry.ts'
import { packageUrl } from './code-routes.ts'
import { qualifiedArn } from './function-lookup.ts'
import type { Account } from './function-name.ts'
import { loggingConfigShape } from './logging-config.ts'
import type { MappingState } from './mapping-state.ts'

export type Shape = Readonly<Record<string, unknown>>

/** FunctionConfiguration. A qualifier that was asked for shows in the ARN, as on AWS. */
export function functionConfiguration(
  record: FunctionRecord | VersionRecord,
  { region }: Account,
  qualifier?: string,
): Shape {
  const { code, environment } = record
  return {
    Architectures: record.architectures,
    CodeSha256: code.kind === 'zip' ? code.sha256 : '',
    CodeSize: code.kind === 'zip' ? code.sizeBytes : 0,
    ...(record.deadLetterArn === undefined
      ? {}
      : { DeadLetterConfig: { TargetArn: record.deadLetterArn } }),
    Description: record.description,
    ...(Object.keys(environment).length === 0 ? {} : { Environment: { Variables: environment } }),
    EphemeralStorage: { Size: record.ephemeralStorageMb },
    FunctionArn: qualifiedArn(record.arn, qualifier),
    FunctionName: record.name,
    Handler: record.handler,
    LastModified: new Date(record.lastModifiedMs).toISOString().replace('Z', '+0000'),
    LastUpdateStatus: 'Successful',
    ...layersOf(record),
    LoggingConfig: loggingConfigShape(record),
    MemorySize: record.memorySizeMb,
    PackageType: 'Zip',
    RevisionId: record.revisionId,
    Role: record.role,
    Runtime: record.runtime,
    RuntimeVersionConfig: { RuntimeVersionArn: runtimeVersionArn(region, record.runtime) },
    SnapStart: { ApplyOn: 'None', OptimizationStatus: 'Off' },
    State: 'Active',
    Timeout: record.timeoutSeconds,
    TracingConfig: { Mode: 'PassThrough' },
    Version: versionOf(record),
  }
}

function layersOf({ layers }: FunctionRecord): Shape {
  if (layers === undefined) return {}
  return { Layers: layers.versions.map((each) => ({ Arn: each.arn, CodeSize: each.sizeBytes })) }
}

/** FunctionConfiguration as lists have it: without what says how the function is. */
export function listedConfiguration(
  record: FunctionRecord | VersionRecord,
  account: Account,
  qualifier?: string,
): Shape {
  const {
    LastUpdateStatus: _update,
    RuntimeVersionConfig: _runtime,
    State: _state,
    ...listed
  } = functionConfiguration(record, account, qualifier)
  return listed
}

/** FunctionCodeLocation: a link to the zip, or the directory that is run where there is none. */
export function codeLocation({ code }: FunctionRecord, host: string | undefined): Shape {
  if (code.kind === 'zip') {
    return { Location: packageUrl(host, code.sha256), RepositoryType: 'S3' }
  }
  return { Location: pathToFileURL(code.directory).href, RepositoryType: code.kind }
}

/** Concurrency; without members where nothing is reserved. */
export function functionConcurrency({ reservedConcurrency }: FunctionRecord): Shape {
  if (reservedConcurrency === undefined) return {}
  return { ReservedConcurrentExecutions: reservedConcurrency }
}

/** EventSourceMappingConfiguration. */
export function mappingConfiguration(
  record: MappingRecord,
  state: MappingState,
  { account, status }: { account: Account; status: MappingStatus | undefined },
): Shape {
  const { batchingWindowSeconds, filterPatterns, startingPositionTimestampMs } = record
  const arn = `arn:aws:lambda:${account.region}:${account.accountId}:event-source-mapping:`
  return {
    BatchSize: record.batchSize,
    ...sourceOf(record),
    EventSourceMappingArn: `${arn}${record.uuid}`,
    ...(filterPatterns.length === 0
      ? {}
      : { FilterCriteria: { Filters: filterPatterns.map((pattern) => ({ Pattern: pattern })) } }),
    FunctionArn: record.functionArn,
    LastModified: record.lastModifiedMs / 1000,
    LastProcessingResult: status?.lastProcessingResult ?? 'No records processed',
    ...(batchingWindowSeconds === undefined
      ? {}
      : { MaximumBatchingWindowInSeconds: batchingWindowSeconds }),
    ...failureHandlingOf(record),
    ...pollersOf(record),
    ...accessOf(record),
    ...observationOf(record),
    StartingPosition: record.startingPosition,
    ...(startingPositionTimestampMs === undefined
      ? {}
      : { StartingPositionTimestamp: startingPositionTimestampMs / 1000 }),
    State: state,
    StateTransitionReason: transitionReasonOf(record, status, state),
    ...lanesOf(record),
    UUID: record.uuid,
  }
}

function sourceOf(record: MappingRecord): Shape {
  const { bootstrapServers, consumerGroupId, eventSourceArn } = record
  if (sourceKindOf(record) === 'kinesis') return { EventSourceArn: eventSourceArn }
  const config = { ConsumerGroupId: consumerGroupId, ...schemasOf(record) }
  return eventSourceArn === undefined
    ? {
        SelfManagedEventSource: { Endpoints: { KAFKA_BOOTSTRAP_SERVERS: bootstrapServers ?? [] } },
        SelfManagedKafkaEventSourceConfig: config,
      }
    : { AmazonManagedKafkaEventSourceConfig: config, EventSourceArn: eventSourceArn }
}

function schemasOf({ schemaRegistry }: MappingRecord): Shape {
  if (schemaRegistry === undefined) return {}
  const { uri, format, attributes, access } = schemaRegistry
  return {
    SchemaRegistryConfig: {
      SchemaRegistryURI: uri,
      EventRecordFormat: format,
      ...(access === undefined
        ? {}
        : { AccessConfigs: access.map((each) => ({ Type: each.type, URI: each.uri })) }),
      SchemaValidationConfigs: attributes.map((attribute) => ({ Attribute: attribute })),
    },
  }
}

// Recorded for Kinesis: both are always there.
function lanesOf(record: MappingRecord): Shape {
  const { parallelizationFactor: factor, tumblingWindowSeconds: windowSeconds, topic } = record
  if (sourceKindOf(record) === 'kinesis') {
    return { ParallelizationFactor: factor ?? 1, TumblingWindowInSeconds: windowSeconds ?? 0 }
  }
  return {
    ...(factor === undefined ? {} : { ParallelizationFactor: factor }),
    ...(windowSeconds === undefined ? {} : { TumblingWindowInSeconds: windowSeconds }),
    Topics: [topic],
  }
}

// Recorded for Kafka: a mapping that was told nothing of failures has none of these.
function failureHandlingOf({ failureHandling: handling }: MappingRecord): Shape {
  if (handling === undefined) return {}
  const { destination } = handling
  return {
    BisectBatchOnFunctionError: handling.bisects,
    DestinationConfig: {
      OnFailure: destination === undefined ? {} : { Destination: destination },
    },
    FunctionResponseTypes: handling.reportsItemFailures ? ['ReportBatchItemFailures'] : [],
    MaximumRecordAgeInSeconds: handling.maximumRecordAgeSeconds,
    MaximumRetryAttempts: handling.maximumRetryAttempts,
  }
}

function accessOf({ sourceAccess }: MappingRecord): Shape {
  if (sourceAccess === undefined) return {}
  return {
    SourceAccessConfigurations: sourceAccess.map(({ type, uri }) => ({ Type: type, URI: uri })),
  }
}

function observationOf({ kmsKeyArn, metrics, systemLogLevel }: MappingRecord): Shape {
  return {
    ...(kmsKeyArn === undefined ? {} : { KMSKeyArn: kmsKeyArn }),
    ...(systemLogLevel === undefined ? {} : { LoggingConfig: { SystemLogLevel: systemLogLevel } }),
    ...(metrics === undefined ? {} : { MetricsConfig: { Metrics: metrics } }),
  }
}

/** What the poller found counts for the mapping as it is, not for one that is being changed. */
function transitionReasonOf(
  record: MappingRecord,
  status: MappingStatus | undefined,
  state: MappingState,
): string {
  // Recorded: streams have words of their own for what Kafka and queues call by a code.
  const changed = sourceKindOf(record) === 'kinesis' ? 'User action' : 'USER_INITIATED'
  return (state === 'Enabled' ? status?.stateTransitionReason : undefined) ?? changed
}

function pollersOf({ provisionedPollers: pollers }: MappingRecord): Shape {
  if (pollers === undefined) return {}
  const { minimum, maximum, groupName } = pollers
  const group = groupName === undefined ? {} : { PollerGroupName: groupName }
  return {
    ProvisionedPollerConfig: { MinimumPollers: minimum, MaximumPollers: maximum, ...group },
  }
}
