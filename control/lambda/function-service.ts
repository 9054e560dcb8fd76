// Creates, changes, lists and deletes functions, by Lambda's rules and in its words.
import { randomUUID } from 'node:crypto'
import type { Clock } from '../../common/clock.ts'
import { functionsMax } from '../../common/limits.ts'
import type { Logger } from '../../common/logger.ts'
import { LiveCopies } from '../registry/live-copies.ts'
import type { FunctionRecord, Registry, VersionRecord } from '../registry/registry.ts'
import { AliasService } from './alias-service.ts'
import { LambdaApiError, type Outcome } from './api-errors.ts'
import { CodeKeeper } from './code-keeper.ts'
import type { CodeStore } from './code-store.ts'
import { checkConcurrencyInput, refuseReservations } from './concurrency-rules.ts'
import { EventInvokeConfigService } from './event-invoke-config-service.ts'
import { findChangeable, findFunction, findLatest, type FoundFunction } from './function-lookup.ts'
import { functionArn, newFunctionName, type Account } from './function-name.ts'
import { refuseTimeoutBeside } from './kafka-timeouts.ts'
import { withLayers, type Layers } from './layers.ts'
import { changedLogging, withLogging } from './logging-config.ts'
import {
  checkArchitectures,
  checkCode,
  checkConfiguration,
  checkNewFunction,
  refuseUnavailable,
} from './function-rules.ts'
import { changedConfiguration, newFunction } from './new-function.ts'
import { pageOf, type Page, type PageRequest } from './paging.ts'
import { PolicyService } from './policy-service.ts'
import { ProvisionedService } from './provisioned-service.ts'
import type {
  CreateFunctionInput,
  PutFunctionConcurrencyInput,
  UpdateFunctionCodeInput,
  UpdateFunctionConfigurationInput,
} from './requests.ts'
import { revisionMismatch } from './revisions.ts'
import type { Serial } from './serial.ts'
import { tagsMember, type Tags } from './tag-rules.ts'
import { Violations } from '../../common/aws/validation.ts'
import { VersionService } from './version-service.ts'

export interface FunctionServiceOptions {
  readonly registry: Registry
  readonly codeStore: CodeStore
  readonly layers: Layers
  /** One change at a time, of functions and of layers. */
  readonly changes: Serial
  readonly account: Account
  /** Concurrent executions of all functions together. */
  readonly accountConcurrency: number
  readonly clock: Clock
  readonly logger: Logger
}

/** Lambda: ListFunctions gives at most 50 a page. */
const pageMax = 50

/**
 * Refusals are values (`LambdaApiError`); methods reject with AppError STORAGE_FAILED alone. A name
 * may be anything that Lambda takes for one: name, partial ARN, ARN, with `:$LATEST` or without.
 */
export class FunctionService {
  readonly versions: VersionService
  readonly aliases: AliasService
  readonly policies: PolicyService
  readonly eventInvokeConfigs: EventInvokeConfigService
  readonly provisioned: ProvisionedService
  readonly codeKeeper: CodeKeeper
  readonly #options: FunctionServiceOptions
  readonly #changes: Serial
  readonly #copies: LiveCopies

  constructor(options: FunctionServiceOptions) {
    this.#options = options
    this.#changes = options.changes
    this.codeKeeper = new CodeKeeper(options)
    this.aliases = new AliasService(options)
    this.#copies = new LiveCopies(options.registry, options.clock)
    this.provisioned = new ProvisionedService({ ...options, copies: this.#copies })
    this.policies = new PolicyService(options)
    this.eventInvokeConfigs = new EventInvokeConfigService(options)
    this.versions = new VersionService({ ...options, codeKeeper: this.codeKeeper })
  }

  /** Call once, before the first change: follows a moved data directory, drops unused code. */
  async start(): Promise<void> {
    await this.versions.sweep()
    await this.codeKeeper.start()
  }

  /** Waits for running changes. */
  async stop(): Promise<void> {
    await this.#options.codeStore.downloaded()
    await this.#changes.idle()
    this.codeKeeper.stop()
    this.#copies.close()
  }

  async create(input: CreateFunctionInput): Promise<Outcome<FunctionRecord>> {
    const { registry, codeStore, account, clock } = this.#options
    const refused = this.#nameToCreate(input)
    if (refused instanceof LambdaApiError) return refused
    return codeStore.withDownload(input.Code ?? {}, (downloaded) =>
      this.#changes.run(async () => {
        // Others had their turn meanwhile.
        const name = this.#nameToCreate(input)
        if (name instanceof LambdaApiError) return name
        const logging = changedLogging(undefined, input.LoggingConfig)
        if (logging instanceof LambdaApiError) return logging
        const code = await codeStore.store(input.Code ?? {}, downloaded)
        if (code instanceof LambdaApiError) return code
        const plain = withLogging(
          newFunction(input, { arn: functionArn(account, name), name, code, nowMs: clock.now() }),
          logging,
        )
        const record = await this.#withLayers(plain, input.Layers)
        if (record instanceof LambdaApiError) return record
        // What a crash left of a function of this name is not this one's.
        await this.versions.removeAll(name)
        await registry.putFunction(record)
        return input.Publish === true ? this.versions.publishNow(record) : record
      }),
    )
  }

  /** What runs under this name: `$LATEST`, or a version. */
  get(name: string, qualifier?: string): Outcome<FunctionRecord | VersionRecord> {
    const found = this.find(name, qualifier)
    return found instanceof LambdaApiError ? found : found.target
  }

  find(name: string, qualifier?: string): Outcome<FoundFunction> {
    return findFunction(this.#options, name, qualifier)
  }

  /** With `functionVersion` ALL, every version of every function. */
  list(
    request: PageRequest & { readonly functionVersion?: string | undefined } = {},
  ): Outcome<Page<FunctionRecord | VersionRecord>> {
    const violations = new Violations()
    violations.range('maxItems', request.maxItems, [1, 10_000])
    violations.oneOf('functionVersion', request.functionVersion, ['ALL'])
    const error = violations.error()
    if (error !== undefined) return error
    if (request.functionVersion !== undefined) return this.versions.listAll(request)
    const functions = this.#options.registry.functions()
    return pageOf(functions, ({ name }) => name, { ...request, pageMax })
  }

  async updateCode(
    name: string,
    input: UpdateFunctionCodeInput,
  ): Promise<Outcome<FunctionRecord | VersionRecord>> {
    const { codeStore } = this.#options
    const violations = new Violations()
    checkArchitectures(violations, input.Architectures)
    checkCode(violations, input, '')
    const current = this.#changeable(name, input.RevisionId)
    if (current instanceof LambdaApiError) return current
    const error = violations.error() ?? refuseUnavailable(input)
    if (error !== undefined) return error
    return codeStore.withDownload(input, (downloaded) =>
      this.#update(name, input.RevisionId, async (latest) => {
        const code = await codeStore.store(input, downloaded)
        if (code instanceof LambdaApiError) return code
        const architectures = input.Architectures ?? latest.architectures
        const { DryRun: dryRun = false, Publish: publishes = false } = input
        return { record: { ...latest, code, architectures }, dryRun, publishes }
      }),
    )
  }

  updateConfiguration(
    name: string,
    input: UpdateFunctionConfigurationInput,
  ): Promise<Outcome<FunctionRecord>> {
    const { registry } = this.#options
    return this.#update(name, input.RevisionId, async (current) => {
      const error =
        checkConfiguration(input) ??
        refuseUnavailable(input) ??
        refuseTimeoutBeside(registry, current, input.Timeout)
      if (error !== undefined) return error
      const logging = changedLogging(current.logging, input.LoggingConfig)
      if (logging instanceof LambdaApiError) return logging
      const record = changedConfiguration(withLogging(current, logging), input)
      return { record, layers: input.Layers }
    })
  }

  /** What was taken in for a record that is refused goes again. */
  async #withLayers(
    record: FunctionRecord,
    arns: readonly string[] | undefined,
  ): Promise<Outcome<FunctionRecord>> {
    const laid = await withLayers(this.#options.layers, record, arns)
    if (laid instanceof LambdaApiError) this.codeKeeper.free(record)
    return laid
  }

  /** Keeps executions for a function, and holds it to them; 0 stops it. */
  putConcurrency(
    name: string,
    input: PutFunctionConcurrencyInput,
  ): Promise<Outcome<FunctionRecord>> {
    return this.#changeConcurrency(name, (current) => {
      const reservedConcurrency = checkConcurrencyInput(input)
      if (reservedConcurrency instanceof LambdaApiError) return reservedConcurrency
      const refused = this.refuseReservations(new Map([[current.name, reservedConcurrency]]))
      return refused ?? reservedConcurrency
    })
  }

  deleteConcurrency(name: string): Promise<Outcome<FunctionRecord>> {
    return this.#changeConcurrency(name, () => undefined)
  }

  getConcurrency(name: string): Outcome<FunctionRecord> {
    return findLatest(this.#options, name)
  }

  /** Whether these reservations (undefined: none), beside those of all others, leave too little. */
  refuseReservations(planned: ReadonlyMap<string, number | undefined>): LambdaApiError | undefined {
    const { registry, accountConcurrency } = this.#options
    return refuseReservations(registry.functions(), planned, accountConcurrency)
  }

  get accountConcurrency(): number {
    return this.#options.accountConcurrency
  }

  /** Every function. */
  all(): readonly FunctionRecord[] {
    return this.#options.registry.functions()
  }

  /** Mappings of the function stay, as on AWS. With a qualifier, one version goes. */
  async delete(name: string, qualifier?: string): Promise<Outcome<FunctionRecord>> {
    const found = this.find(name, qualifier)
    if (found instanceof LambdaApiError) return found
    if (found.qualifier !== undefined) return this.versions.delete(name, qualifier)
    return this.#changes.run(async () => {
      const record = this.get(name)
      if (record instanceof LambdaApiError) return record
      await this.#options.registry.removeFunction(record.name)
      this.codeKeeper.free(record)
      await this.versions.removeAll(record.name)
      return record
    })
  }

  /** Tags belong to a function with all its versions. */
  changeTags(
    name: string,
    change: (tags: Tags) => Outcome<Tags>,
  ): Promise<Outcome<FunctionRecord>> {
    return this.#changes.run(async () => {
      const current = findLatest(this.#options, name)
      if (current instanceof LambdaApiError) return current
      const { tags: before = {}, ...rest } = current
      const tags = change(before)
      if (tags instanceof LambdaApiError) return tags
      const record = { ...rest, ...tagsMember(tags), revision: current.revision + 1 }
      await this.#options.registry.putFunction(record)
      return record
    })
  }

  /** Its code and configuration are the same, so its revision id and its environments stay. */
  #changeConcurrency(
    name: string,
    change: (current: FunctionRecord) => Outcome<number | undefined>,
  ): Promise<Outcome<FunctionRecord>> {
    return this.#changes.run(async () => {
      const current = this.getConcurrency(name)
      if (current instanceof LambdaApiError) return current
      const reserved = change(current)
      if (reserved instanceof LambdaApiError) return reserved
      const { reservedConcurrency, ...rest } = current
      if (reserved === reservedConcurrency) return current
      const reservation = reserved === undefined ? {} : { reservedConcurrency: reserved }
      const record = { ...rest, ...reservation, revision: current.revision + 1 }
      await this.#options.registry.putFunction(record)
      return record
    })
  }

  #changeable(name: string, revisionId: string | undefined): Outcome<FunctionRecord> {
    const current = findChangeable(this.#options, name)
    if (current instanceof LambdaApiError) return current
    return revisionMismatch(revisionId, current.revisionId) ?? current
  }

  #update(
    name: string,
    revisionId: string | undefined,
    change: (current: FunctionRecord) => Promise<Outcome<Change>>,
  ): Promise<Outcome<FunctionRecord | VersionRecord>> {
    const { registry, clock } = this.#options
    return this.#changes.run(async () => {
      const current = this.#changeable(name, revisionId)
      if (current instanceof LambdaApiError) return current
      const changed = await change(current)
      if (changed instanceof LambdaApiError) return changed
      const { dryRun = false, publishes = false } = changed
      const laid = await this.#withLayers(changed.record, changed.layers)
      if (laid instanceof LambdaApiError) return laid
      this.codeKeeper.free(dryRun ? laid : current)
      if (dryRun) return laid
      const { contentId: _, ...next } = laid
      const record = {
        ...next,
        revision: current.revision + 1,
        revisionId: randomUUID(),
        lastModifiedMs: clock.now(),
      }
      await registry.putFunction(record)
      return publishes ? this.versions.publishNow(record) : record
    })
  }

  /** The name of a function that may be created now. */
  #nameToCreate(input: CreateFunctionInput): Outcome<string> {
    const { registry, account } = this.#options
    const name = newFunctionName(account, input.FunctionName)
    if (name instanceof LambdaApiError) return name
    const error = checkNewFunction(input)
    if (error !== undefined) return error
    if (registry.function(name) !== undefined) {
      return new LambdaApiError('ResourceConflictException', `Function already exist: ${name}`)
    }
    if (registry.functions().length >= functionsMax) {
      const text = `There cannot be more than ${functionsMax} functions.`
      return new LambdaApiError('CodeStorageExceededException', text)
    }
    const logging = changedLogging(undefined, input.LoggingConfig)
    return logging instanceof LambdaApiError ? logging : name
  }
}

/** What an update comes to. */
interface Change {
  readonly record: FunctionRecord
  /** ARNs of versions, in place of those that it has. */
  readonly layers?: readonly string[] | undefined
  /** Only looked at: nothing is kept. */
  readonly dryRun?: boolean
  readonly publishes?: boolean
}
