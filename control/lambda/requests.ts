// The members of each Lambda API request that this platform reads, named as AWS names them.
import { loggingConfigMember } from './logging-config.ts'
import {
  anything,
  blob,
  decimal,
  flag,
  list,
  map,
  structure,
  text,
  timestamp,
  whole,
  type MemberValue,
} from '../../common/aws/members.ts'

const codeMembers = {
  ZipFile: blob,
  S3Bucket: text,
  S3Key: text,
  S3ObjectVersion: text,
  S3ObjectStorageMode: anything,
  ImageUri: anything,
  SourceKMSKeyArn: anything,
} as const

const configurationMembers = {
  Runtime: text,
  Role: text,
  Handler: text,
  Description: text,
  Timeout: whole,
  MemorySize: whole,
  Environment: structure({ Variables: map(text) }),
  EphemeralStorage: structure({ Size: whole }),
  VpcConfig: anything,
  DeadLetterConfig: structure({ TargetArn: text }),
  KMSKeyArn: anything,
  TracingConfig: anything,
  Layers: list(text),
  FileSystemConfigs: anything,
  ImageConfig: anything,
  SnapStart: anything,
  LoggingConfig: loggingConfigMember,
  AcceleratorConfig: anything,
  CapacityProviderConfig: anything,
  DurableConfig: anything,
  RuntimeConfig: anything,
} as const

export const createFunctionRequest = structure({
  ...configurationMembers,
  FunctionName: text,
  Code: structure(codeMembers),
  Architectures: list(text),
  PackageType: text,
  Publish: flag,
  PublishTo: anything,
  Tags: map(text),
  CodeSigningConfigArn: anything,
  TenancyConfig: anything,
})
export type CreateFunctionInput = MemberValue<typeof createFunctionRequest>
export type CodeInput = NonNullable<CreateFunctionInput['Code']>

export const updateFunctionCodeRequest = structure({
  ...codeMembers,
  Architectures: list(text),
  Publish: flag,
  PublishTo: anything,
  DryRun: flag,
  RevisionId: text,
})
/** The request's body; `FunctionName` comes from its path. */
export type UpdateFunctionCodeInput = MemberValue<typeof updateFunctionCodeRequest>

export const updateFunctionConfigurationRequest = structure({
  ...configurationMembers,
  RevisionId: text,
})
/** The request's body; `FunctionName` comes from its path. */
export type UpdateFunctionConfigurationInput = MemberValue<
  typeof updateFunctionConfigurationRequest
>

export const publishLayerVersionRequest = structure({
  Content: structure(codeMembers),
  Description: text,
  LicenseInfo: text,
  CompatibleRuntimes: list(text),
  CompatibleArchitectures: list(text),
})
/** The request's body; `LayerName` comes from its path. */
export type PublishLayerVersionInput = MemberValue<typeof publishLayerVersionRequest>

export const publishVersionRequest = structure({
  CodeSha256: text,
  Description: text,
  RevisionId: text,
  PublishTo: anything,
})
/** The request's body; `FunctionName` comes from its path. */
export type PublishVersionInput = MemberValue<typeof publishVersionRequest>

const aliasMembers = {
  FunctionVersion: text,
  Description: text,
  RoutingConfig: structure({ AdditionalVersionWeights: map(decimal) }),
} as const

export const createAliasRequest = structure({ ...aliasMembers, Name: text })
/** The request's body; `FunctionName` comes from its path. */
export type CreateAliasInput = MemberValue<typeof createAliasRequest>

export const updateAliasRequest = structure({ ...aliasMembers, RevisionId: text })
/** The request's body; `FunctionName` and `Name` come from its path. */
export type UpdateAliasInput = MemberValue<typeof updateAliasRequest>

export const tagResourceRequest = structure({ Tags: map(text) })
/** The request's body; `Resource` comes from its path. */
export type TagResourceInput = MemberValue<typeof tagResourceRequest>

export const addPermissionRequest = structure({
  StatementId: text,
  Action: text,
  Principal: text,
  SourceArn: text,
  SourceAccount: text,
  EventSourceToken: text,
  PrincipalOrgID: text,
  FunctionUrlAuthType: text,
  InvokedViaFunctionUrl: flag,
  RevisionId: text,
})
/** The request's body; `FunctionName` and `Qualifier` come from elsewhere. */
export type AddPermissionInput = MemberValue<typeof addPermissionRequest>

export const putResourcePolicyRequest = structure({ Policy: text, RevisionId: text })
/** The request's body; `ResourceArn` comes from its path. */
export type PutResourcePolicyInput = MemberValue<typeof putResourcePolicyRequest>

export const putProvisionedRequest = structure({ ProvisionedConcurrentExecutions: whole })
/** The request's body; `FunctionName` and `Qualifier` come from elsewhere. */
export type PutProvisionedInput = MemberValue<typeof putProvisionedRequest>

export const runtimeManagementRequest = structure({
  UpdateRuntimeOn: text,
  RuntimeVersionArn: text,
})
export const recursionRequest = structure({ RecursiveLoop: text })

export const putFunctionConcurrencyRequest = structure({ ReservedConcurrentExecutions: whole })
/** The request's body; `FunctionName` comes from its path. */
export type PutFunctionConcurrencyInput = MemberValue<typeof putFunctionConcurrencyRequest>

const destination = structure({ Destination: text })

export const eventInvokeConfigRequest = structure({
  MaximumRetryAttempts: whole,
  MaximumEventAgeInSeconds: whole,
  DestinationConfig: structure({ OnSuccess: destination, OnFailure: destination }),
})
/** The request's body; `FunctionName` and `Qualifier` come from its path. */
export type EventInvokeConfigInput = MemberValue<typeof eventInvokeConfigRequest>

const accessConfigurations = list(structure({ Type: text, URI: text }))

const kafkaConfig = structure({
  ConsumerGroupId: text,
  SchemaRegistryConfig: structure({
    SchemaRegistryURI: text,
    EventRecordFormat: text,
    AccessConfigs: accessConfigurations,
    SchemaValidationConfigs: list(structure({ Attribute: text })),
  }),
})

const mappingMembers = {
  FunctionName: text,
  Enabled: flag,
  BatchSize: whole,
  MaximumBatchingWindowInSeconds: whole,
  FilterCriteria: structure({ Filters: list(structure({ Pattern: text })) }),
  ParallelizationFactor: whole,
  MaximumRetryAttempts: whole,
  MaximumRecordAgeInSeconds: whole,
  TumblingWindowInSeconds: whole,
  BisectBatchOnFunctionError: flag,
  FunctionResponseTypes: list(text),
  DestinationConfig: structure({
    OnSuccess: anything,
    OnFailure: structure({ Destination: text }),
  }),
  SourceAccessConfigurations: accessConfigurations,
  KMSKeyArn: text,
  MetricsConfig: structure({ Metrics: list(text) }),
  LoggingConfig: structure({ SystemLogLevel: text }),
  ScalingConfig: anything,
  ProvisionedPollerConfig: structure({
    MinimumPollers: whole,
    MaximumPollers: whole,
    PollerGroupName: text,
  }),
  DocumentDBEventSourceConfig: anything,
  AmazonManagedKafkaEventSourceConfig: kafkaConfig,
  SelfManagedKafkaEventSourceConfig: kafkaConfig,
} as const

export const createMappingRequest = structure({
  ...mappingMembers,
  EventSourceArn: text,
  SelfManagedEventSource: structure({ Endpoints: map(list(text)) }),
  Topics: list(text),
  Queues: anything,
  StartingPosition: text,
  /** Epoch seconds in JSON, milliseconds once read. */
  StartingPositionTimestamp: timestamp,
  Tags: map(text),
})
export type CreateMappingInput = MemberValue<typeof createMappingRequest>

export const updateMappingRequest = structure(mappingMembers)
/** The request's body; `UUID` comes from its path. */
export type UpdateMappingInput = MemberValue<typeof updateMappingRequest>
