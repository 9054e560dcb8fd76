// Creates, changes, lists and deletes event source mappings, by Lambda's rules and in its words.
import { randomUUID } from 'node:crypto'
import type { Clock } from '../../common/clock.ts'
import { reasonOf } from '../../common/errors.ts'
import { mappingsMax } from '../../common/limits.ts'
import type { Logger } from '../../common/logger.ts'
import { latestVersion } from '../registry/function-version.ts'
import { sourceKindOf } from '../registry/mapping-source.ts'
import type { MappingRecord, MappingStatus, Registry } from '../registry/registry.ts'
import { invalidParameter, LambdaApiError, type Outcome } from './api-errors.ts'
import { qualifiedArn, targetOf } from './function-lookup.ts'
import { functionArn, resolveFunctionName, type Account } from './function-name.ts'
import { refuseTimeoutOf } from './kafka-timeouts.ts'
import { streamProblem, type Streams } from './kinesis-mapping.ts'
import { mappingConflict } from './mapping-conflicts.ts'
import {
  checkMappingShape,
  filterPatternsOf,
  refuseUnavailableOfMapping,
  sourceOf,
  startOf,
} from './mapping-rules.ts'
import { optionalSettings, withoutSettings, type MappingPace } from './mapping-settings.ts'
import { mappingState, type MappingState } from './mapping-state.ts'
import { pageOf, type Page, type PageRequest } from './paging.ts'
import type { CreateMappingInput, UpdateMappingInput } from './requests.ts'
import { Serial } from './serial.ts'
import { checkNewTags, tagsMember, type Tags } from './tag-rules.ts'
import { Violations } from '../../common/aws/validation.ts'

export interface MappingServiceOptions {
  readonly registry: Registry
  readonly account: Account
  /** With `aws` what Lambda has in provisioned mode only is refused without it. */
  readonly pace: MappingPace
  readonly streams: Streams
  readonly clock: Clock
  readonly logger: Logger
}

export interface MappingListRequest extends PageRequest {
  readonly eventSourceArn?: string | undefined
  readonly functionName?: string | undefined
}

/** Lambda: ListEventSourceMappings never gives more than 100 a page. */
const pageMax = 100

/**
 * Refusals are values (`LambdaApiError`); methods reject with AppError STORAGE_FAILED alone. A change
 * is answered at once and takes effect when the poller has seen it: `state` says which it is.
 */
export class MappingService {
  readonly #options: MappingServiceOptions
  readonly #changes = new Serial()
  #unwatch: (() => void) | undefined

  constructor(options: MappingServiceOptions) {
    this.#options = options
  }

  /** Call once: removes deleted mappings as soon as the poller has let go of them. */
  start(): void {
    const { registry } = this.#options
    this.#unwatch = registry.watch((change) => {
      if (change.kind === 'status') this.#removeWhenGone(change.uuid)
    })
    // The poller may have let go while nobody was here to see it.
    for (const { uuid } of registry.mappings()) this.#removeWhenGone(uuid)
  }

  async stop(): Promise<void> {
    this.#unwatch?.()
    await this.#changes.idle()
  }

  async create(input: CreateMappingInput): Promise<Outcome<MappingRecord>> {
    // Before its turn: whoever keeps the streams may take long to answer.
    const problem = await streamProblem(input.EventSourceArn, this.#options.streams)
    return this.#changes.run(async () => {
      const record = this.#newRecord(input, problem)
      if (record instanceof LambdaApiError) return record
      await this.#options.registry.putMapping(record)
      return record
    })
  }

  get(uuid: string): Outcome<MappingRecord> {
    return this.#options.registry.mapping(uuid) ?? mappingNotFound()
  }

  state(record: MappingRecord): MappingState {
    return mappingState(record, this.status(record))
  }

  status({ uuid }: MappingRecord): MappingStatus | undefined {
    return this.#options.registry.status(uuid)
  }

  list(request: MappingListRequest = {}): Outcome<Page<MappingRecord>> {
    const violations = new Violations()
    violations.range('maxItems', request.maxItems, [1, 10_000])
    const error = violations.error()
    if (error !== undefined) return error
    const { account, registry } = this.#options
    const { eventSourceArn, functionName } = request
    const reference =
      functionName === undefined ? undefined : resolveFunctionName(account, functionName)
    if (reference instanceof LambdaApiError) return reference
    const found = registry
      .mappings()
      .filter((m) => eventSourceArn === undefined || m.eventSourceArn === eventSourceArn)
      .filter((m) => reference === undefined || m.functionName === reference.name)
      // Without a qualifier: of all versions and aliases.
      .filter(
        (m) =>
          reference?.qualifier === undefined ||
          (m.qualifier ?? latestVersion) === reference.qualifier,
      )
    return pageOf(found, ({ uuid }) => uuid, { ...request, pageMax })
  }

  update(uuid: string, input: UpdateMappingInput): Promise<Outcome<MappingRecord>> {
    const { registry, clock } = this.#options
    return this.#changes.run(async () => {
      const current = registry.mapping(uuid)
      const error =
        checkMappingShape(input, 'update') ??
        refuseUnavailableOfMapping(input, sourceKindOf(current ?? {}))
      if (error !== undefined) return error
      if (current === undefined) return mappingNotFound()
      const state = this.state(current)
      if (state === 'Creating' || state === 'Deleting') return inUse('update')
      const changed = this.#merge(current, input)
      if (changed instanceof LambdaApiError) return changed
      const conflict = mappingConflict(changed, registry.mappings())
      if (conflict !== undefined) return conflict
      const isMoved = input.FunctionName !== undefined
      const refused = isMoved ? refuseTimeoutOf(registry, changed) : undefined
      if (refused !== undefined) return refused
      const record = {
        ...changed,
        revision: current.revision + 1,
        lastModifiedMs: clock.now(),
        lastChange: lastChangeOf(current, input.Enabled),
      }
      await registry.putMapping(record)
      return record
    })
  }

  /** Answers the mapping as `Deleting`; it is gone when the poller has let go of it. */
  delete(uuid: string): Promise<Outcome<MappingRecord>> {
    const { registry, clock } = this.#options
    return this.#changes.run(async () => {
      const current = registry.mapping(uuid)
      if (current === undefined) return mappingNotFound()
      const state = this.state(current)
      if (state === 'Updating' || state === 'Deleting') return inUse('delete')
      const record: MappingRecord = {
        ...current,
        revision: current.revision + 1,
        lastModifiedMs: clock.now(),
        lastChange: 'delete',
        desired: 'deleted',
      }
      await registry.putMapping(record)
      return record
    })
  }

  /** An update like any other: the poller takes the mapping up anew. */
  changeTags(uuid: string, change: (tags: Tags) => Outcome<Tags>): Promise<Outcome<MappingRecord>> {
    return this.#changes.run(async () => {
      const current = this.get(uuid)
      if (current instanceof LambdaApiError) return current
      const { tags: before = {}, ...rest } = current
      const tags = change(before)
      if (tags instanceof LambdaApiError) return tags
      const revision = current.revision + 1
      const record = { ...rest, ...tagsMember(tags), revision, lastChange: 'update' as const }
      await this.#options.registry.putMapping(record)
      return record
    })
  }

  #newRecord(
    input: CreateMappingInput,
    streamError: LambdaApiError | undefined,
  ): Outcome<MappingRecord> {
    const { registry, clock } = this.#options
    const shapeError = checkMappingShape(input, 'create') ?? checkNewTags(input.Tags)
    if (shapeError !== undefined) return shapeError
    const source = sourceOf(input)
    if (source instanceof LambdaApiError) return source
    const kind = sourceKindOf('eventSourceArn' in source ? source : {})
    const refused = refuseUnavailableOfMapping(input, kind)
    if (refused !== undefined) return refused
    const target = this.#target(input.FunctionName ?? '')
    if (target instanceof LambdaApiError) return target
    if (streamError !== undefined) return streamError
    const start = startOf(input, clock.now())
    if (start instanceof LambdaApiError) return start
    const filterPatterns = filterPatternsOf(input, kind)
    if (filterPatterns instanceof LambdaApiError) return filterPatterns
    const optional = optionalSettings(input, source, this.#options.pace)
    if (optional instanceof LambdaApiError) return optional
    if (registry.mappings().length >= mappingsMax) {
      return invalidParameter(`There cannot be more than ${mappingsMax} event source mappings.`)
    }
    const uuid = randomUUID()
    const config =
      input.SelfManagedKafkaEventSourceConfig ?? input.AmazonManagedKafkaEventSourceConfig
    const batchingWindowSeconds =
      input.MaximumBatchingWindowInSeconds ?? (kind === 'kinesis' ? 0 : undefined)
    const record: MappingRecord = {
      uuid,
      revision: 1,
      lastModifiedMs: clock.now(),
      lastChange: 'create',
      desired: input.Enabled === false ? 'disabled' : 'enabled',
      ...target,
      ...source,
      consumerGroupId: config?.ConsumerGroupId ?? uuid,
      batchSize: input.BatchSize ?? 100,
      ...(batchingWindowSeconds === undefined ? {} : { batchingWindowSeconds }),
      ...start,
      filterPatterns,
      ...optional,
      ...tagsMember(input.Tags),
    }
    return (
      mappingConflict(record, registry.mappings()) ?? refuseTimeoutOf(registry, record) ?? record
    )
  }

  #merge(current: MappingRecord, input: UpdateMappingInput): Outcome<MappingRecord> {
    const target = input.FunctionName === undefined ? {} : this.#target(input.FunctionName)
    if (target instanceof LambdaApiError) return target
    const config =
      input.SelfManagedKafkaEventSourceConfig ?? input.AmazonManagedKafkaEventSourceConfig
    if (config?.ConsumerGroupId !== undefined) {
      if (config.ConsumerGroupId !== current.consumerGroupId) {
        return invalidParameter('ConsumerGroupId cannot be changed after creation.')
      }
    }
    // Update merges; an empty FilterCriteria takes the filters away.
    const filterPatterns =
      input.FilterCriteria === undefined
        ? current.filterPatterns
        : filterPatternsOf(input, sourceKindOf(current))
    if (filterPatterns instanceof LambdaApiError) return filterPatterns
    const kept = withoutSettings(current)
    const { qualifier: _qualifier, ...unqualified } = kept
    const rest = input.FunctionName === undefined ? kept : unqualified
    const optional = optionalSettings(input, current, this.#options.pace)
    if (optional instanceof LambdaApiError) return optional
    const { Enabled, MaximumBatchingWindowInSeconds: batchingWindowSeconds } = input
    return {
      ...rest,
      ...optional,
      ...target,
      ...(Enabled === undefined ? {} : { desired: Enabled ? 'enabled' : 'disabled' }),
      batchSize: input.BatchSize ?? current.batchSize,
      ...(batchingWindowSeconds === undefined ? {} : { batchingWindowSeconds }),
      filterPatterns,
    }
  }

  /** The function that a mapping invokes. Any name that leads to none is answered the same. */
  #target(name: string): Outcome<Target> {
    const { account, registry } = this.#options
    const missing = invalidParameter('Function does not exist')
    const reference = resolveFunctionName(account, name)
    if (reference instanceof LambdaApiError) {
      return reference.code === 'ResourceNotFoundException' ? missing : reference
    }
    const { qualifier, fullArn } = reference
    const latest = registry.function(reference.name)
    if (latest === undefined) return missing
    if (targetOf(registry, latest, qualifier ?? latestVersion) === undefined) return missing
    // Recorded on AWS: `$LATEST` is echoed from a partial ARN, and dropped from a full one.
    const isEchoed = qualifier !== latestVersion || !fullArn
    const arn = functionArn(account, reference.name)
    return {
      functionName: reference.name,
      functionArn: qualifiedArn(arn, isEchoed ? qualifier : undefined),
      ...(qualifier === undefined || qualifier === latestVersion ? {} : { qualifier }),
    }
  }

  #removeWhenGone(uuid: string): void {
    const { registry, logger } = this.#options
    const isOver = (): boolean =>
      registry.mapping(uuid)?.desired === 'deleted' && registry.status(uuid)?.state === 'gone'
    if (!isOver()) return
    this.#changes
      .run(async () => {
        if (isOver()) await registry.removeMapping(uuid)
      })
      .catch((error: unknown) => {
        // It stays `Deleting`, and is tried again at the next start.
        logger.error('mapping not removed', { uuid, reason: reasonOf(error) })
      })
  }
}

type Target = Pick<MappingRecord, 'functionName' | 'functionArn' | 'qualifier'>

function lastChangeOf(
  current: MappingRecord,
  enabled: boolean | undefined,
): MappingRecord['lastChange'] {
  if (enabled === undefined || enabled === (current.desired === 'enabled')) return 'update'
  return enabled ? 'enable' : 'disable'
}

function mappingNotFound(): LambdaApiError {
  const text = 'The resource you requested does not exist.'
  return new LambdaApiError('ResourceNotFoundException', text)
}

function inUse(operation: 'update' | 'delete'): LambdaApiError {
  const text = `Cannot ${operation} the event source mapping because it is in use.`
  return new LambdaApiError('ResourceInUseException', text)
}
