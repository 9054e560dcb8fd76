// Keeps one mapping of the registry in the state that was asked for, a change at a time.
import type { Clock } from '../common/clock.ts'
import type { FunctionInvoker } from '../common/invocation.ts'
import {
  kafkaBatchingWindowDefaultMs,
  payloadMaxBytes,
  topicPartitionsMax,
} from '../common/limits.ts'
import {
  invocationsPerPoller,
  mappingBufferMaxBytes,
  mappingCommitIntervalMs,
} from '../common/mapping-limits.ts'
import type { Logger } from '../common/logger.ts'
import type { SecretsOptions } from '../common/secrets.ts'
import type { MappingRecord, MappingStatus, Registry } from '../control/registry/registry.ts'
import type { LogWriter } from '../function-logs/log-writer.ts'
import { compileCriteria } from '../filter/criteria.ts'
import type { Destination } from './destinations/destination.ts'
import { eventFrame, type EventOrigin } from './event.ts'
import { topicLaneRules } from './lane-rules.ts'
import { MappingCounters } from './mapping-counters.ts'
import { MappingRunner } from './mapping-runner.ts'
import type { MappingRules } from './batch.ts'
import type { MeasuredMapping } from './metrics.ts'
import { noFailureRules, retriesMaxOf, type FailureRules } from './retry-policy.ts'
import { registrySource } from './schema-registry/registry-source.ts'
import { scalingPace, type PaceName } from './scaling-pace.ts'
import { isSecured } from './source-access.ts'
import type { Source } from './sources/source.ts'
import { StatusReporter } from './status-reporter.ts'
import { streamOf, streamRulesOf } from './stream-rules.ts'
import { SystemLog } from './system-log.ts'

/** What every mapping of a poller shares. */
export interface MappingSlotOptions {
  readonly registry: Registry
  readonly invoker: FunctionInvoker
  readonly clock: Clock
  readonly logger: Logger
  readonly random: () => number
  readonly pace?: PaceName
  /** Where functions' logs are kept; absent where none are. */
  readonly logWriter?: LogWriter | undefined
  /** Where a schema registry's login is found. */
  readonly secrets?: SecretsOptions
  readonly serversOf: (record: MappingRecord) => SourceServers
  readonly createSource: (record: MappingRecord, brokers: readonly string[]) => Source
  /** `name` as the API has it; a topic is on the mapping's own cluster. */
  readonly createDestination: (
    record: MappingRecord,
    brokers: readonly string[],
    name: string,
  ) => Destination
}

/** Where a mapping reads; `isOwn` of the platform's own cluster. */
export interface SourceServers {
  readonly servers: readonly string[]
  readonly isOwn: boolean
}

export class MappingSlot implements MeasuredMapping {
  readonly uuid: string
  readonly counters = new MappingCounters()
  readonly #options: MappingSlotOptions
  readonly #logger: Logger
  readonly #status: StatusReporter
  #record: MappingRecord
  #runner: MappingRunner | undefined
  #working: Promise<void> | undefined
  #isWorking = false
  #actedOn = -1
  #isStopping = false

  constructor(record: MappingRecord, options: MappingSlotOptions) {
    this.uuid = record.uuid
    this.#record = record
    this.#options = options
    this.#logger = options.logger.child(record.uuid)
    this.#status = new StatusReporter({ ...options, uuid: record.uuid, logger: this.#logger })
  }

  get functionName(): string {
    return this.#record.functionName
  }

  get topic(): string {
    return this.#record.topic
  }

  get consumerGroupId(): string {
    return this.#record.consumerGroupId
  }

  get isProvisioned(): boolean {
    return this.#record.provisionedPollers !== undefined
  }

  get mapping(): MeasuredMapping['mapping'] {
    return this.#runner?.mapping
  }

  get lag(): MeasuredMapping['lag'] {
    return this.#runner?.lag
  }

  /** A sentence for `/health` where our own cluster cannot be read; others' are in the status. */
  get problem(): string | undefined {
    const reason = this.#runner?.sourceProblem
    if (reason === undefined || !this.#options.serversOf(this.#record).isOwn) return undefined
    // Who it is to the cluster is the mapping's own affair.
    if (isSecured(this.#record.sourceAccess)) return undefined
    return `mapping ${this.uuid}: ${reason}`
  }

  /** Brings the mapping to what `record` asks for, after what is under way. */
  reconcile(record: MappingRecord): void {
    this.#record = record
    this.#work()
  }

  /**
   * Finishes what is in flight, commits, and does nothing from then on. `silently`: the mapping is
   * another's already, whose word on its status counts.
   */
  async stop({ silently = false } = {}): Promise<void> {
    this.#isStopping = true
    if (silently) this.#status.close()
    this.#work()
    await this.#working
    this.#status.close()
  }

  #work(): void {
    if (!this.#isWorking) this.#working = this.#settle()
  }

  async #settle(): Promise<void> {
    this.#isWorking = true
    while (this.#hasWork) {
      const runner = this.#runner
      await runner?.stop()
      this.#runner = undefined
      if (this.#isStopping) continue
      // What was asked for while the last state came to its end counts, not what was before.
      const record = this.#record
      this.#actedOn = record.revision
      if (record.desired === 'enabled') this.#start(record)
      else this.#report(record, record.desired === 'disabled' ? 'disabled' : 'gone')
    }
    this.#isWorking = false
  }

  get #hasWork(): boolean {
    return this.#isStopping ? this.#runner !== undefined : this.#actedOn !== this.#record.revision
  }

  #start(record: MappingRecord): void {
    const brokers = this.#options.serversOf(record).servers
    const rules = this.#rulesOf(record, brokers)
    if (typeof rules === 'string') {
      this.#logger.error('filter does not compile', { reason: rules })
      this.#report(record, 'enabled', 'PROBLEM: Invalid filter pattern definition.')
      return
    }
    const source = this.#sourceOf(record, brokers)
    const { destination: name } = rules.failure
    const destination =
      name === undefined ? undefined : this.#options.createDestination(record, brokers, name)
    this.#runner = new MappingRunner({
      ...this.#options,
      record,
      rules,
      origin: originOf(record, brokers),
      source,
      destination,
      counters: this.counters,
      status: this.#status,
      systemLog: new SystemLog({
        ...this.#options,
        record,
        brokers,
        writer: this.#options.logWriter,
      }),
      logger: this.#logger,
    })
    this.#runner.start()
    this.#logger.info('mapping runs', { topic: record.topic, function: record.functionName })
  }

  /** With a schema registry, records come by way of its schemas. */
  #sourceOf(record: MappingRecord, brokers: readonly string[]): Source {
    const inner = this.#options.createSource(record, brokers)
    const { schemaRegistry: registry } = record
    if (registry === undefined) return inner
    const { secrets = { directory: '', environment: {} } } = this.#options
    return registrySource({
      ...this.#options,
      registry,
      inner,
      secrets,
      counters: this.counters,
      logger: this.#logger,
      // It starts with the mapping, and so after this.
      problem: (error) => this.#runner?.schemaProblem(error),
    })
  }

  #rulesOf(record: MappingRecord, brokers: readonly string[]): MappingRules | string {
    const { pace = 'local', registry } = this.#options
    const stream = streamOf(record)
    if (stream === undefined) return rulesOf(record, brokers, pace)
    return streamRulesOf(record, stream, {
      pace,
      role: registry.function(record.functionName)?.role ?? '',
    })
  }

  #report(record: MappingRecord, state: MappingStatus['state'], result?: string): void {
    const lastProcessingResult =
      result ?? this.#status.stored?.lastProcessingResult ?? 'No records processed'
    this.#status.report({ revision: record.revision, state, lastProcessingResult })
  }
}

/** A record's rules, or the reason why its filters do not compile. */
export function rulesOf(
  record: MappingRecord,
  brokers: readonly string[],
  pace: PaceName = 'local',
): MappingRules | string {
  const compiled = compileCriteria(record.filterPatterns, 'value')
  if (!compiled.ok) return compiled.reason
  const { batchingWindowSeconds, topic, batchSize, provisionedPollers } = record
  return {
    batchSize,
    windowMs:
      batchingWindowSeconds === undefined
        ? kafkaBatchingWindowDefaultMs
        : batchingWindowSeconds * 1000,
    payloadMaxBytes,
    frame: eventFrame(originOf(record, brokers), topic),
    criteria: compiled.criteria,
    ...topicLaneRules(record),
    pollersMin: provisionedPollers?.minimum ?? 1,
    pollersMax: provisionedPollers?.maximum ?? topicPartitionsMax,
    pace: scalingPace(pace, provisionedPollers === undefined ? 'on-demand' : 'provisioned'),
    invocationsPerPoller,
    bufferMaxBytes: mappingBufferMaxBytes,
    commitIntervalMs: mappingCommitIntervalMs,
    failure: failureRulesOf(record),
  }
}

function originOf(
  { eventSourceArn }: MappingRecord,
  bootstrapServers: readonly string[],
): EventOrigin {
  return { bootstrapServers, ...(eventSourceArn === undefined ? {} : { eventSourceArn }) }
}

function failureRulesOf({ failureHandling: handling }: MappingRecord): FailureRules {
  if (handling === undefined) return noFailureRules
  const { maximumRetryAttempts, maximumRecordAgeSeconds, destination } = handling
  return {
    retriesMax: retriesMaxOf(maximumRetryAttempts, destination !== undefined),
    recordAgeMaxMs: maximumRecordAgeSeconds < 0 ? Infinity : maximumRecordAgeSeconds * 1000,
    bisects: handling.bisects,
    reportsItemFailures: handling.reportsItemFailures,
    destination,
  }
}
