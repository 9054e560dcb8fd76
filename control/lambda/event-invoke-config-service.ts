// Keeps how functions' asynchronous invocations are to go, a configuration for each version or alias.
import type { Clock } from '../../common/clock.ts'
import { eventInvokeConfigOf } from '../registry/event-invoke-config.ts'
import { latestVersion } from '../registry/function-version.ts'
import type { EventInvokeConfig, FunctionRecord } from '../registry/registry.ts'
import { LambdaApiError, type Outcome } from './api-errors.ts'
import {
  checkConfigShape,
  checkDestinations,
  checkNames,
  configOf,
} from './event-invoke-config-rules.ts'
import { findFunction, targetOf, type FunctionDirectory } from './function-lookup.ts'
import { functionArn, resolveFunctionName } from './function-name.ts'
import { pageOf, type Page, type PageRequest } from './paging.ts'
import type { EventInvokeConfigInput } from './requests.ts'
import type { Serial } from './serial.ts'

export interface EventInvokeConfigServiceOptions extends FunctionDirectory {
  /** One change of functions at a time, whichever service makes it. */
  readonly changes: Serial
  readonly clock: Clock
}

/** A configuration with what it belongs to. */
export interface QualifiedConfig {
  readonly functionArn: string
  readonly config: EventInvokeConfig
}

/** Whose configuration a request means. */
export interface ConfigName {
  readonly name: string
  readonly qualifier: string | undefined
}

type Configs = Readonly<Record<string, EventInvokeConfig>>

/** Lambda: at most 50 a page. */
const pageMax = 50

/** Refusals are values; methods reject with AppError STORAGE_FAILED alone. */
export class EventInvokeConfigService {
  readonly #options: EventInvokeConfigServiceOptions

  constructor(options: EventInvokeConfigServiceOptions) {
    this.#options = options
  }

  /** Overwrites what was configured. */
  put(of: ConfigName, input: EventInvokeConfigInput): Promise<Outcome<QualifiedConfig>> {
    return this.#configure(of, input, () => undefined)
  }

  /** Keeps what the request does not say. */
  update(of: ConfigName, input: EventInvokeConfigInput): Promise<Outcome<QualifiedConfig>> {
    return this.#configure(of, input, (found) => found ?? this.#notConfigured(of))
  }

  get(of: ConfigName): Outcome<QualifiedConfig> {
    const found = this.#find(of)
    if (found instanceof LambdaApiError) return isMissing(found) ? this.#notConfigured(of) : found
    const { record, key } = found
    const config = eventInvokeConfigOf(record, key)
    if (config === undefined) return this.#notConfigured(of)
    return { functionArn: `${record.arn}:${key}`, config }
  }

  delete(of: ConfigName): Promise<Outcome<undefined>> {
    return this.#options.changes.run(async () => {
      const current = this.get(of)
      if (current instanceof LambdaApiError) return current
      const found = this.#find(of)
      if (found instanceof LambdaApiError) return found
      const { [found.key]: _, ...others } = found.record.eventInvokeConfigs ?? {}
      await this.#store(found.record, others)
      return undefined
    })
  }

  list(name: string, request: PageRequest): Outcome<Page<QualifiedConfig>> {
    const violations = checkNames(name, undefined)
    violations.range('maxItems', request.maxItems, [1, pageMax])
    const error = violations.error()
    if (error !== undefined) return error
    const found = findFunction(this.#options, name)
    if (found instanceof LambdaApiError) return isMissing(found) ? noFunction() : found
    const { latest } = found
    // A version or alias may be gone since.
    const configs = Object.entries(latest.eventInvokeConfigs ?? {})
      .filter(([key]) => targetOf(this.#options.registry, latest, key) !== undefined)
      .map(([key, config]) => ({ functionArn: `${latest.arn}:${key}`, config }))
    return pageOf(configs, (each) => each.functionArn, { ...request, pageMax })
  }

  /** `base` gives what is kept of the current configuration, or refuses. */
  #configure(
    of: ConfigName,
    input: EventInvokeConfigInput,
    base: (found: EventInvokeConfig | undefined) => Outcome<EventInvokeConfig | undefined>,
  ): Promise<Outcome<QualifiedConfig>> {
    const { registry, account, clock, changes } = this.#options
    return changes.run(async () => {
      const error = checkConfigShape(checkNames(of.name, of.qualifier), input)
      if (error !== undefined) return error
      const found = this.#find(of)
      if (found instanceof LambdaApiError) return isMissing(found) ? noFunction() : found
      const { record, key } = found
      const kept = base(eventInvokeConfigOf(record, key))
      if (kept instanceof LambdaApiError) return kept
      const exists = (name: string): boolean => registry.function(name) !== undefined
      const refused = checkDestinations(input, { account, arn: record.arn, exists })
      if (refused !== undefined) return refused
      const config = configOf(input, clock.now(), kept)
      await this.#store(record, { ...record.eventInvokeConfigs, [key]: config })
      return { functionArn: `${record.arn}:${key}`, config }
    })
  }

  /** Code and configuration are the same, so the revision id and the environments stay. */
  async #store(record: FunctionRecord, configs: Configs): Promise<void> {
    const { eventInvokeConfigs: _, ...rest } = record
    const kept = Object.keys(configs).length === 0 ? {} : { eventInvokeConfigs: configs }
    await this.#options.registry.putFunction({ ...rest, ...kept, revision: record.revision + 1 })
  }

  #find({ name, qualifier }: ConfigName): Outcome<{ record: FunctionRecord; key: string }> {
    const error = checkNames(name, qualifier).error()
    if (error !== undefined) return error
    const found = findFunction(this.#options, name, qualifier)
    if (found instanceof LambdaApiError) return found
    return { record: found.latest, key: found.qualifier ?? latestVersion }
  }

  #notConfigured(of: ConfigName): LambdaApiError {
    const { account } = this.#options
    const reference = resolveFunctionName(account, of.name)
    if (reference instanceof LambdaApiError) return reference
    const qualifier = of.qualifier ?? reference.qualifier ?? latestVersion
    return new LambdaApiError(
      'ResourceNotFoundException',
      `The function ${functionArn(account, reference.name)}:${qualifier} doesn't have an EventInvokeConfig`,
    )
  }
}

function noFunction(): LambdaApiError {
  return new LambdaApiError('ResourceNotFoundException', "The function doesn't exist.")
}

function isMissing({ code }: LambdaApiError): boolean {
  return code === 'ResourceNotFoundException'
}
