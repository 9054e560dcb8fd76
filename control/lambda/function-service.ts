// Creates, changes, lists and deletes functions, by Lambda's rules and in its words.
import { randomUUID } from 'node:crypto'
import type { Clock, Timer } from '../../common/clock.ts'
import { reasonOf } from '../../common/errors.ts'
import { functionsMax } from '../../common/limits.ts'
import type { Logger } from '../../common/logger.ts'
import type { FunctionCode, FunctionRecord, Registry } from '../registry/registry.ts'
import { LambdaApiError, type Outcome } from './api-errors.ts'
import type { CodeStore } from './code-store.ts'
import { checkConcurrencyInput, refuseReservations, unqualifiedOnly } from './concurrency-rules.ts'
import {
  functionArn,
  functionNotFound,
  newFunctionName,
  resolveFunctionName,
  type Account,
} from './function-name.ts'
import {
  checkArchitectures,
  checkConfiguration,
  checkNewFunction,
  refuseUnavailable,
} from './function-rules.ts'
import { pageOf, type Page, type PageRequest } from './paging.ts'
import type {
  CreateFunctionInput,
  PutFunctionConcurrencyInput,
  UpdateFunctionCodeInput,
  UpdateFunctionConfigurationInput,
} from './requests.ts'
import { Serial } from './serial.ts'
import { Violations } from './validation.ts'

export interface FunctionServiceOptions {
  readonly registry: Registry
  readonly codeStore: CodeStore
  readonly account: Account
  /** Concurrent executions of all functions together. */
  readonly accountConcurrency: number
  readonly clock: Clock
  readonly logger: Logger
}

/** Lambda: ListFunctions gives at most 50 a page. */
const pageMax = 50

/** Replaced code may still run, and load more of its files, for as long as the longest timeout. */
const removalDelayMs = 16 * 60_000

/**
 * Refusals are values (`LambdaApiError`); methods reject with AppError STORAGE_FAILED alone. A name
 * may be anything that Lambda takes for one: name, partial ARN, ARN, with `:$LATEST` or without.
 */
export class FunctionService {
  readonly #options: FunctionServiceOptions
  readonly #changes = new Serial()
  /** Code that may go, by directory. */
  readonly #freed = new Map<string, Timer>()

  constructor(options: FunctionServiceOptions) {
    this.#options = options
  }

  /** Call once, before the first change: follows a moved data directory, drops unused code. */
  async start(): Promise<void> {
    const { registry, codeStore } = this.#options
    for (const record of registry.functions()) {
      if (record.code.kind !== 'zip') continue
      const directory = codeStore.directoryOf(record.code.sha256)
      if (directory === record.code.directory) continue
      const code = { ...record.code, directory }
      await registry.putFunction({ ...record, revision: record.revision + 1, code })
    }
    await codeStore.sweep(registry.functions().map(({ code }) => code))
  }

  /** Waits for running changes. Code that was to be removed later is removed at the next start. */
  async stop(): Promise<void> {
    await this.#changes.idle()
    for (const timer of this.#freed.values()) timer.cancel()
  }

  create(input: CreateFunctionInput): Promise<Outcome<FunctionRecord>> {
    const { registry, codeStore, account } = this.#options
    return this.#changes.run(async () => {
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
      const code = await codeStore.store(input.Code ?? {})
      if (code instanceof LambdaApiError) return code
      const record = this.#newRecord(name, input, code)
      await registry.putFunction(record)
      return record
    })
  }

  get(name: string, qualifier?: string): Outcome<FunctionRecord> {
    const { registry, account } = this.#options
    const reference = resolveFunctionName(account, name)
    if (reference instanceof LambdaApiError) return reference
    if (
      qualifier !== undefined &&
      reference.qualifier !== undefined &&
      qualifier !== reference.qualifier
    ) {
      return new LambdaApiError(
        'InvalidParameterValueException',
        'The derived qualifier from the function name does not match the specified qualifier.',
      )
    }
    const asked = qualifier ?? reference.qualifier ?? '$LATEST'
    const arn = functionArn(account, reference.name)
    const record = registry.function(reference.name)
    // Versions and aliases are not published yet, so no other qualifier exists.
    if (asked !== '$LATEST') return functionNotFound(`${arn}:${asked}`)
    return record ?? functionNotFound(arn)
  }

  list(request: PageRequest = {}): Outcome<Page<FunctionRecord>> {
    const violations = new Violations()
    violations.range('maxItems', request.maxItems, [1, 10_000])
    const functions = this.#options.registry.functions()
    return violations.error() ?? pageOf(functions, ({ name }) => name, { ...request, pageMax })
  }

  updateCode(name: string, input: UpdateFunctionCodeInput): Promise<Outcome<FunctionRecord>> {
    return this.#update(name, input.RevisionId, async (current) => {
      const violations = new Violations()
      checkArchitectures(violations, input.Architectures)
      const error = violations.error() ?? refuseUnavailable(input)
      if (error !== undefined) return error
      const code = await this.#options.codeStore.store(input)
      if (code instanceof LambdaApiError) return code
      const architectures = input.Architectures ?? current.architectures
      return { ...current, code, architectures, dryRun: input.DryRun === true }
    })
  }

  updateConfiguration(
    name: string,
    input: UpdateFunctionConfigurationInput,
  ): Promise<Outcome<FunctionRecord>> {
    return this.#update(name, input.RevisionId, async (current) => {
      const error = checkConfiguration(input) ?? refuseUnavailable(input)
      if (error !== undefined) return error
      return {
        ...current,
        runtime: input.Runtime ?? current.runtime,
        role: input.Role ?? current.role,
        handler: input.Handler ?? current.handler,
        description: input.Description ?? current.description,
        timeoutSeconds: input.Timeout ?? current.timeoutSeconds,
        memorySizeMb: input.MemorySize ?? current.memorySizeMb,
        ephemeralStorageMb: input.EphemeralStorage?.Size ?? current.ephemeralStorageMb,
        environment:
          input.Environment === undefined
            ? current.environment
            : (input.Environment.Variables ?? {}),
      }
    })
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
    return unqualifiedOnly(this.#options.account, name) ?? this.get(name)
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

  /** Mappings of the function stay, as on AWS. */
  delete(name: string, qualifier?: string): Promise<Outcome<FunctionRecord>> {
    return this.#changes.run(async () => {
      const record = this.get(name, qualifier)
      if (record instanceof LambdaApiError) return record
      await this.#options.registry.removeFunction(record.name)
      this.#free(record.code)
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

  #update(
    name: string,
    revisionId: string | undefined,
    change: (current: FunctionRecord) => Promise<Outcome<FunctionRecord & { dryRun?: boolean }>>,
  ): Promise<Outcome<FunctionRecord>> {
    const { registry, clock } = this.#options
    return this.#changes.run(async () => {
      const current = this.get(name)
      if (current instanceof LambdaApiError) return current
      if (revisionId !== undefined && revisionId !== current.revisionId) {
        return new LambdaApiError(
          'PreconditionFailedException',
          'The Revision Id provided does not match the latest Revision Id. Call the ' +
            'GetFunction/GetAlias API to retrieve the latest Revision Id',
        )
      }
      const changed = await change(current)
      if (changed instanceof LambdaApiError) return changed
      const { dryRun = false, ...next } = changed
      this.#free(dryRun ? next.code : current.code)
      if (dryRun) return next
      const record = {
        ...next,
        revision: current.revision + 1,
        revisionId: randomUUID(),
        lastModifiedMs: clock.now(),
      }
      await registry.putFunction(record)
      return record
    })
  }

  #newRecord(name: string, input: CreateFunctionInput, code: FunctionCode): FunctionRecord {
    const { account, clock } = this.#options
    return {
      name,
      arn: functionArn(account, name),
      // Not 1: a function that is deleted and created again must not look unchanged to the workers.
      revision: clock.now(),
      revisionId: randomUUID(),
      lastModifiedMs: clock.now(),
      code,
      runtime: input.Runtime ?? '',
      handler: input.Handler ?? '',
      role: input.Role ?? '',
      description: input.Description ?? '',
      memorySizeMb: input.MemorySize ?? 128,
      timeoutSeconds: input.Timeout ?? 3,
      ephemeralStorageMb: input.EphemeralStorage?.Size ?? 512,
      architectures: input.Architectures ?? ['x86_64'],
      environment: input.Environment?.Variables ?? {},
    }
  }

  /** Removes code later, unless a function refers to it then. */
  #free(code: FunctionCode): void {
    const { clock, codeStore, registry, logger } = this.#options
    const { directory } = code
    this.#freed.get(directory)?.cancel()
    const timer = clock.after(removalDelayMs, () => {
      this.#freed.delete(directory)
      this.#changes
        .run(async () => {
          const used = registry.functions().some((record) => record.code.directory === directory)
          if (!used) await codeStore.remove(code)
        })
        .catch((error: unknown) => {
          logger.warn('unused code not removed', { directory, reason: reasonOf(error) })
        })
    })
    this.#freed.set(directory, timer)
  }
}
