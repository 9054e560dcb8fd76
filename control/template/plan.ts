// What a template comes to: functions, mappings, topics and streams to be there, as plain data.

/** Everything a template asks for. Each item has the line of the template that it comes from. */
export interface Plan {
  readonly functions: readonly PlannedFunction[]
  readonly mappings: readonly PlannedMapping[]
  readonly topics: readonly PlannedTopic[]
  readonly streams: readonly PlannedStream[]
  readonly consumers: readonly PlannedConsumer[]
}

export interface PlannedFunction {
  readonly logicalId: string
  readonly line: number
  readonly configuration: FunctionConfiguration
  /** Absent: none is reserved. */
  readonly reservedConcurrency?: number
  /** Each change is published under this name, and the function's own events go there. */
  readonly alias?: { readonly name: string; readonly provisioned?: number }
  /** Each change is published, whether under an alias or not. */
  readonly publishes?: true
  /** Absent: Lambda's defaults. */
  readonly eventInvoke?: PlannedEventInvokeConfig
  /** Absent: tags are left as they are. */
  readonly tags?: Readonly<Record<string, string>>
  readonly code: PlannedCode
}

/**
 * Members of CreateFunction. Those that a template leaves out have Lambda's defaults, so that taking
 * a property out of a template takes it back.
 */
export interface FunctionConfiguration {
  readonly FunctionName: string
  readonly Runtime: string
  readonly Handler: string
  readonly Role: string
  readonly Description: string
  readonly MemorySize: number
  readonly Timeout: number
  readonly Architectures: readonly string[]
  readonly EphemeralStorage: { readonly Size: number }
  readonly Environment: { readonly Variables: Readonly<Record<string, string>> }
  /** Absent: as text, to the function's own group. */
  readonly LoggingConfig?: PlannedLogging
  /** Absent: events that are given up go nowhere. */
  readonly DeadLetterConfig?: { readonly TargetArn: string }
}

export interface PlannedLogging {
  readonly LogFormat?: string
  readonly ApplicationLogLevel?: string
  readonly SystemLogLevel?: string
  readonly LogGroup?: string
}

/** Members of PutFunctionEventInvokeConfig. */
export interface PlannedEventInvokeConfig {
  readonly MaximumEventAgeInSeconds?: number
  readonly MaximumRetryAttempts?: number
  readonly DestinationConfig?: {
    readonly OnSuccess?: { readonly Destination: string }
    readonly OnFailure?: { readonly Destination: string }
  }
}

/** Where code comes from; paths are absolute. A directory is read anew when it changes. */
export type PlannedCode =
  | { readonly kind: 'directory'; readonly directory: string }
  | { readonly kind: 'zip'; readonly file: string }
  | { readonly kind: 'inline'; readonly text: string; readonly fileName: string }

export interface PlannedMapping {
  /** Function and event: the id that SAM gives the mapping that it makes of an event. */
  readonly logicalId: string
  readonly line: number
  readonly input: MappingInput
}

/** Members of CreateEventSourceMapping. */
export interface MappingInput {
  readonly FunctionName: string
  readonly EventSourceArn?: string
  readonly SelfManagedEventSource?: {
    readonly Endpoints: { readonly KAFKA_BOOTSTRAP_SERVERS: readonly string[] }
  }
  /** Absent for a stream. */
  readonly Topics?: readonly [string]
  readonly StartingPosition?: string
  /** Milliseconds since the epoch, as the API's requests are once they are read. */
  readonly StartingPositionTimestamp?: number
  readonly BatchSize: number
  readonly MaximumBatchingWindowInSeconds?: number
  readonly Enabled: boolean
  readonly FilterCriteria: { readonly Filters: readonly { readonly Pattern: string }[] }
  readonly ParallelizationFactor?: number
  readonly TumblingWindowInSeconds?: number
  readonly MaximumRetryAttempts?: number
  readonly MaximumRecordAgeInSeconds?: number
  readonly BisectBatchOnFunctionError?: boolean
  readonly FunctionResponseTypes?: readonly string[]
  readonly DestinationConfig?: { readonly OnFailure: { readonly Destination: string } }
  readonly SourceAccessConfigurations?: readonly { readonly Type: string; readonly URI: string }[]
  /** Absent for a mapping that scales on demand. */
  readonly ProvisionedPollerConfig?: {
    readonly MinimumPollers?: number
    readonly MaximumPollers?: number
    readonly PollerGroupName?: string
  }
  readonly KMSKeyArn?: string
  readonly LoggingConfig?: { readonly SystemLogLevel?: string }
  readonly MetricsConfig?: { readonly Metrics?: readonly string[] }
  readonly AmazonManagedKafkaEventSourceConfig?: PlannedKafkaConfig
  readonly SelfManagedKafkaEventSourceConfig?: PlannedKafkaConfig
}

export interface PlannedKafkaConfig {
  readonly ConsumerGroupId?: string
  readonly SchemaRegistryConfig?: {
    readonly SchemaRegistryURI?: string
    readonly EventRecordFormat?: string
    readonly AccessConfigs?: readonly { readonly Type: string; readonly URI: string }[]
    readonly SchemaValidationConfigs?: readonly { readonly Attribute?: string }[]
  }
}

/** Of a Kafka topic. */
export type TopicMappingInput = MappingInput & { readonly Topics: readonly [string] }

export interface PlannedStream {
  readonly name: string
  readonly arn: string
  readonly line: number
  /** Absent for a stream on demand, which has as many as it needs. */
  readonly shardCount?: number
  readonly retentionHours: number
  readonly maxRecordKib?: number
  readonly tags?: Readonly<Record<string, string>>
}

/** With enhanced fan-out. */
export interface PlannedConsumer {
  readonly name: string
  readonly streamArn: string
  /** What stands in the plan in place of its ARN, which is known when it is registered. */
  readonly plannedArn: string
  readonly line: number
  readonly tags?: Readonly<Record<string, string>>
}

export interface PlannedTopic {
  readonly name: string
  readonly line: number
  /** The self-managed cluster of the mapping that reads it; absent for the platform's own. */
  readonly bootstrapServers?: readonly string[]
  /** Absent leaves the number to the broker. */
  readonly partitions?: number
  /** Kafka's names of topic configurations: `retention.ms`. */
  readonly configs: Readonly<Record<string, string>>
}

/** Lambda's rule for the names of aliases. */
export function isAliasName(name: string): boolean {
  return /^(?![0-9]+$)[a-zA-Z0-9-_]{1,128}$/.test(name)
}
