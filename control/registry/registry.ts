// The registry's interface: desired functions and mappings, and what the poller reports of them.

/** Where a function's code lies: unpacked from a zip under its digest, or a directory of the user's. */
export type FunctionCode =
  | {
      readonly kind: 'zip'
      readonly directory: string
      readonly sha256: string
      readonly sizeBytes: number
    }
  | { readonly kind: 'hot-reload'; readonly directory: string }

/** A function as deployed. `revision` grows with every change of code or configuration. */
export interface FunctionRecord {
  readonly name: string
  readonly arn: string
  readonly revision: number
  readonly revisionId: string
  readonly lastModifiedMs: number
  readonly code: FunctionCode
  readonly runtime: string
  readonly handler: string
  readonly role: string
  readonly description: string
  readonly memorySizeMb: number
  readonly timeoutSeconds: number
  readonly ephemeralStorageMb: number
  readonly architectures: readonly string[]
  readonly environment: Readonly<Record<string, string>>
  readonly layers?: FunctionLayers
  /** Absent: as text, to the group `/aws/lambda/<name>`. */
  readonly logging?: FunctionLogging
  /** Executions kept for this function, and its limit; absent: it shares what is not reserved. */
  readonly reservedConcurrency?: number
  /** Names code and configuration where a publication gave the same ones a new revision id. */
  readonly contentId?: string
  /** The number that was published last; none is used again. */
  readonly lastVersion?: number
  readonly aliases?: readonly AliasRecord[]
  readonly tags?: Readonly<Record<string, string>>
  /** At most one for each version and each alias. */
  readonly provisioned?: readonly ProvisionedRecord[]
  /** At most one for `$LATEST`, each version and each alias. */
  readonly policies?: readonly PolicyRecord[]
  /** By version or alias, `$LATEST` included: how asynchronous invocations of it go. */
  readonly eventInvokeConfigs?: Readonly<Record<string, EventInvokeConfig>>
  /** Queue or topic for asynchronous events that are given up. */
  readonly deadLetterArn?: string
}

/** What Lambda has in /opt: versions of layers, one laid over the other in this order. */
export interface FunctionLayers {
  readonly versions: readonly {
    readonly arn: string
    readonly sha256: string
    readonly sizeBytes: number
  }[]
  /** Where all of it lies together, and a digest for it. */
  readonly directory: string
  readonly sha256: string
}

/** Environments that are to be ready for a version, or for the versions of an alias. */
export interface ProvisionedRecord {
  readonly qualifier: string
  readonly executions: number
  readonly lastModifiedMs: number
}

/** How a function logs. Levels are Lambda's words, and only where the format is JSON. */
export interface FunctionLogging {
  readonly format: 'Text' | 'JSON'
  readonly applicationLevel?: string
  readonly systemLevel?: string
  readonly group?: string
}

/** The resource policy of one qualifier, each statement as JSON text. Nobody is held to it. */
export interface PolicyRecord {
  readonly qualifier: string
  readonly revisionId: string
  readonly statements: readonly { readonly sid: string; readonly json: string }[]
  /** Of a policy that was put as a whole; else `default`, and without a version of its own 2012-10-17. */
  readonly document?: { readonly version?: string; readonly id?: string }
}

/** What was asked for of asynchronous invocations; what is absent was not. */
export interface EventInvokeConfig {
  readonly lastModifiedMs: number
  readonly maximumRetryAttempts?: number
  readonly maximumEventAgeSeconds?: number
  /** ARNs. */
  readonly onSuccess?: string
  readonly onFailure?: string
}

/** A published version: code and configuration as `$LATEST` had them, for ever. */
export interface VersionRecord extends FunctionRecord {
  /** `1`, `2`, … */
  readonly version: string
  /** Digest of what was published: a version is made only of something new. */
  readonly contentDigest: string
}

/** A name for a version, or for two by weight. */
export interface AliasRecord {
  readonly name: string
  readonly functionVersion: string
  readonly description: string
  readonly revisionId: string
  /** Gets this share of the invocations, from 0 to 1; the function version has the rest. */
  readonly additional?: { readonly version: string; readonly weight: number }
}

export type StartingPosition = 'TRIM_HORIZON' | 'LATEST' | 'AT_TIMESTAMP'

/** An event source mapping as asked for. `revision` grows with every change. */
export interface MappingRecord {
  readonly uuid: string
  readonly revision: number
  readonly lastModifiedMs: number
  /** What the last change was, so that the API can answer with AWS's state while it takes effect. */
  readonly lastChange: 'create' | 'update' | 'enable' | 'disable' | 'delete'
  readonly desired: 'enabled' | 'disabled' | 'deleted'
  readonly functionName: string
  /** Version or alias that is invoked; absent for `$LATEST`. */
  readonly qualifier?: string
  readonly functionArn: string
  /**
   * A managed cluster's ARN, a Kinesis stream's or its consumer's; absent for a self-managed cluster, which has
   * `bootstrapServers`.
   */
  readonly eventSourceArn?: string
  readonly bootstrapServers?: readonly string[]
  /** Of a Kinesis source its stream's name. */
  readonly topic: string
  /** Of a Kinesis source its UUID: there are no groups. */
  readonly consumerGroupId: string
  readonly batchSize: number
  /** Absent means Lambda's default for Kafka, 500 ms, which cannot be expressed in seconds; Kinesis always has one. */
  readonly batchingWindowSeconds?: number
  readonly startingPosition: StartingPosition
  readonly startingPositionTimestampMs?: number
  /** Filter patterns as JSON texts, OR-ed; empty lets everything through. */
  readonly filterPatterns: readonly string[]
  /** Absent for an on-demand mapping, which scales by itself. */
  readonly provisionedPollers?: ProvisionedPollers
  /** Batches of one partition or shard side by side; absent: one. */
  readonly parallelizationFactor?: number
  /** Length of a tumbling window; absent: there are none. */
  readonly tumblingWindowSeconds?: number
  /** Absent where failed batches are retried until they succeed. */
  readonly failureHandling?: FailureHandling
  /** How to get into the cluster; secrets by their names only. Absent for a plain door. */
  readonly sourceAccess?: readonly SourceAccess[]
  /** Whose schemas its records are checked and read by; absent: records are bytes. Of topics alone. */
  readonly schemaRegistry?: SchemaRegistry
  /** Groups of metrics that were asked for, in AWS's words. */
  readonly metrics?: readonly string[]
  /** From which level on events of the mapping are in its function's log; absent: none. */
  readonly systemLogLevel?: SystemLogLevel
  /** Reported, and nothing more: filter criteria are not encrypted here. */
  readonly kmsKeyArn?: string
  readonly tags?: Readonly<Record<string, string>>
}

/** What becomes of records that a function fails on; -1 is without end, as in the API. */
export interface FailureHandling {
  readonly maximumRetryAttempts: number
  readonly maximumRecordAgeSeconds: number
  readonly bisects: boolean
  readonly reportsItemFailures: boolean
  /** `kafka://topic`, of the cluster that the mapping reads, or an ARN of a queue, topic or bucket. */
  readonly destination?: string
}

/** An entry of SourceAccessConfigurations: AWS's type, and what the secret or the network is called. */
export interface SourceAccess {
  readonly type: string
  readonly uri: string
}

export const schemaFormats = ['JSON', 'SOURCE'] as const
export type SchemaFormat = (typeof schemaFormats)[number]
export const schemaAttributes = ['KEY', 'VALUE'] as const
export type SchemaAttribute = (typeof schemaAttributes)[number]

/** As SchemaRegistryConfig has it; `access` calls secrets by their names. */
export interface SchemaRegistry {
  readonly uri: string
  readonly format: SchemaFormat
  readonly attributes: readonly SchemaAttribute[]
  readonly access?: readonly SourceAccess[]
}

export const systemLogLevels = ['DEBUG', 'INFO', 'WARN'] as const
export type SystemLogLevel = (typeof systemLogLevels)[number]

/** Event pollers of a mapping in provisioned mode. */
export interface ProvisionedPollers {
  readonly minimum: number
  readonly maximum: number
  readonly groupName?: string
}

/** What the poller says of a mapping; `revision` is the record's that it acts on. */
export interface MappingStatus {
  readonly uuid: string
  readonly revision: number
  readonly state: 'enabled' | 'disabled' | 'gone'
  /** AWS's words: `No records processed`, `OK`, `PROBLEM: Function call failed`, … */
  readonly lastProcessingResult: string
  /** AWS's code for why nothing can be read, `EVENT_SOURCE_AUTHN_ERROR`; absent while it can be. */
  readonly stateTransitionReason?: string
  /** Absent until the mapping was behind for the first time. */
  readonly lag?: MappingLag
}

/** How far a mapping was behind at a moment, and why. */
export interface MappingLag {
  readonly atMs: number
  readonly cause: string
  readonly detail: string
  readonly records: number
  /** Of the oldest record that is not finished. */
  readonly ageMs: number
  /** Records a second; negative where the lag falls. */
  readonly trendPerSecond: number
  /** Those furthest behind. */
  readonly partitions: readonly PartitionLag[]
}

export interface PartitionLag {
  readonly partition: number
  readonly records: number
  /** Absent where nothing of it has been read yet. */
  readonly ageMs?: number
}

/** How far a mapping has come in its stream; written by the poller. */
export interface MappingCheckpoint {
  readonly uuid: string
  /** When the stream was made that the rest is of: one made anew under its name is another. */
  readonly streamCreatedMs: number
  readonly shards: readonly ShardCheckpoint[]
}

/** Where to read on in a shard; from its oldest record where no member but its id says otherwise. */
export interface ShardCheckpoint {
  readonly shardId: string
  /** The last record before which all are finished. */
  readonly after?: string
  /** From this moment on, where nothing is finished yet. */
  readonly fromMs?: number
  /** All of it is finished, or it was over before the mapping began. */
  readonly ended?: true
}

/** What one copy of the workers has ready. `beat` grows: a copy that is silent for long is dead. */
export interface WorkersStatus {
  readonly copy: string
  readonly beat: number
  readonly provisioned: readonly ProvisionedStatus[]
}

export interface ProvisionedStatus {
  readonly functionName: string
  readonly version: string
  /** Of this copy: what it is to have, and what of it is initialised. */
  readonly wanted: number
  readonly ready: number
  /** Why the rest is not. */
  readonly failure?: string
}

export type RegistryChange =
  | { readonly kind: 'function'; readonly name: string }
  | { readonly kind: 'version'; readonly name: string; readonly version: string }
  | { readonly kind: 'mapping'; readonly uuid: string }
  | { readonly kind: 'status'; readonly uuid: string }
  | { readonly kind: 'workers'; readonly copy: string }

/**
 * Reads answer at once from memory; writes resolve when they are durable. Each kind of entry has one
 * writer: control writes functions, versions and mappings, the poller writes status and checkpoints,
 * each copy of the workers its own entry.
 * Writes reject with AppError STORAGE_FAILED and change nothing.
 */
export interface Registry {
  functions(): readonly FunctionRecord[]
  function(name: string): FunctionRecord | undefined
  putFunction(record: FunctionRecord): Promise<void>
  removeFunction(name: string): Promise<void>

  /** Of all functions; some may be left of one that is gone. */
  versions(): readonly VersionRecord[]
  version(name: string, version: string): VersionRecord | undefined
  putVersion(record: VersionRecord): Promise<void>
  removeVersion(name: string, version: string): Promise<void>

  mappings(): readonly MappingRecord[]
  mapping(uuid: string): MappingRecord | undefined
  putMapping(record: MappingRecord): Promise<void>
  /** Forgets the mapping, its status and its checkpoint. */
  removeMapping(uuid: string): Promise<void>

  status(uuid: string): MappingStatus | undefined
  putStatus(status: MappingStatus): Promise<void>

  checkpoint(uuid: string): MappingCheckpoint | undefined
  /** Nobody is told of it. */
  putCheckpoint(checkpoint: MappingCheckpoint): Promise<void>

  workers(): readonly WorkersStatus[]
  putWorkers(status: WorkersStatus): Promise<void>
  removeWorkers(copy: string): Promise<void>

  /** Looks now for functions and versions that another process wrote and this one has not heard of. */
  refresh(): Promise<void>
  /** Calls `listener` after every change, whoever made it; returns how to stop. */
  watch(listener: (change: RegistryChange) => void): () => void
  /** What is wrong with the store, a sentence each, for `/health`; absent where nothing can be. */
  problems?(): readonly string[]
  close(): Promise<void>
}
