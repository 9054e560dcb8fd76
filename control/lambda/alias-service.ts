// Makes, changes, lists and removes aliases of functions, by Lambda's rules and in its words.
import { randomUUID } from 'node:crypto'
import { functionAliasesMax } from '../../common/limits.ts'
import { versionOf } from '../registry/function-version.ts'
import type { AliasRecord, FunctionRecord } from '../registry/registry.ts'
import {
  additionalOf,
  checkAliasChange,
  checkName,
  checkNewAlias,
  checkVersion,
  refuseRouting,
} from './alias-rules.ts'
import { invalidParameter, LambdaApiError, type Outcome } from './api-errors.ts'
import {
  findFunction,
  findLatest,
  qualifiedArn,
  type FunctionDirectory,
} from './function-lookup.ts'
import { functionNotFound } from './function-name.ts'
import { refuseTimeoutBehind } from './kafka-timeouts.ts'
import { pageOf, type Page, type PageRequest } from './paging.ts'
import { unpublished } from './provisioned-service.ts'
import type { CreateAliasInput, UpdateAliasInput } from './requests.ts'
import { revisionMismatch } from './revisions.ts'
import type { Serial } from './serial.ts'
import { Violations } from '../../common/aws/validation.ts'
import { withoutQualifier } from './without-qualifier.ts'

export interface AliasServiceOptions extends FunctionDirectory {
  /** One change of functions at a time, whichever service makes it. */
  readonly changes: Serial
}

/** An alias, and the ARN that it is known by. */
export interface NamedAlias {
  readonly arn: string
  readonly alias: AliasRecord
}

/** Lambda: ListAliases gives at most 50 a page. */
const pageMax = 50

/** Refusals are values; methods reject with AppError STORAGE_FAILED alone. */
export class AliasService {
  readonly #options: AliasServiceOptions

  constructor(options: AliasServiceOptions) {
    this.#options = options
  }

  create(name: string, input: CreateAliasInput): Promise<Outcome<NamedAlias>> {
    return this.#options.changes.run(async () => {
      const error = checkNewAlias(input)
      if (error !== undefined) return error
      const { Name = '', FunctionVersion: functionVersion = '' } = input
      const target = findFunction(this.#options, name, functionVersion)
      if (target instanceof LambdaApiError) return target
      const { latest } = target
      const aliases = latest.aliases ?? []
      if (aliases.some((each) => each.name === Name)) {
        const text = `Alias already exists: ${qualifiedArn(latest.arn, Name)}`
        return new LambdaApiError('ResourceConflictException', text)
      }
      if (aliases.length >= functionAliasesMax) {
        const text = `A function cannot have more than ${functionAliasesMax} aliases.`
        return new LambdaApiError('ResourceConflictException', text)
      }
      const additional = additionalOf(input.RoutingConfig)
      if (additional instanceof LambdaApiError) return additional
      const alias = {
        name: Name,
        functionVersion,
        description: input.Description ?? '',
        revisionId: randomUUID(),
        ...(additional === undefined ? {} : { additional }),
      }
      return this.#refuse(latest, alias) ?? this.#put(latest, alias)
    })
  }

  update(name: string, aliasName: string, input: UpdateAliasInput): Promise<Outcome<NamedAlias>> {
    return this.#options.changes.run(async () => {
      const error = checkAliasChange(aliasName, input)
      if (error !== undefined) return error
      const latest = findLatest(this.#options, name)
      if (latest instanceof LambdaApiError) return latest
      const current = latest.aliases?.find((each) => each.name === aliasName)
      if (current === undefined) {
        const text = `Alias not found: ${qualifiedArn(latest.arn, aliasName)}`
        return new LambdaApiError('ResourceNotFoundException', text)
      }
      const mismatch = revisionMismatch(input.RevisionId, current.revisionId)
      if (mismatch !== undefined) return mismatch
      const routed =
        input.RoutingConfig === undefined ? current.additional : additionalOf(input.RoutingConfig)
      if (routed instanceof LambdaApiError) return routed
      const { additional: _, ...rest } = current
      const alias = {
        ...rest,
        functionVersion: input.FunctionVersion ?? current.functionVersion,
        description: input.Description ?? current.description,
        revisionId: randomUUID(),
        ...(routed === undefined ? {} : { additional: routed }),
      }
      return this.#refuse(latest, alias) ?? this.#put(latest, alias)
    })
  }

  get(name: string, aliasName: string): Outcome<NamedAlias> {
    const violations = new Violations()
    checkName(violations, aliasName)
    const latest = violations.error() ?? findLatest(this.#options, name)
    if (latest instanceof LambdaApiError) return latest
    const alias = latest.aliases?.find((each) => each.name === aliasName)
    const arn = qualifiedArn(latest.arn, aliasName)
    if (alias !== undefined) return { arn, alias }
    return new LambdaApiError('ResourceNotFoundException', `Cannot find alias arn: ${arn}`)
  }

  list(
    name: string,
    request: PageRequest & { readonly functionVersion?: string | undefined } = {},
  ): Outcome<Page<NamedAlias>> {
    const violations = new Violations()
    violations.range('maxItems', request.maxItems, [1, 10_000])
    checkVersion(violations, request.functionVersion)
    const latest = violations.error() ?? findLatest(this.#options, name)
    if (latest instanceof LambdaApiError) return latest
    const { functionVersion } = request
    const aliases = (latest.aliases ?? [])
      .filter((each) => functionVersion === undefined || refersTo(each, functionVersion))
      .map((alias) => ({ arn: qualifiedArn(latest.arn, alias.name), alias }))
    return pageOf(aliases, ({ alias }) => alias.name, { ...request, pageMax })
  }

  /** Also of an alias that is not there, as on AWS. */
  delete(name: string, aliasName: string): Promise<Outcome<undefined>> {
    return this.#options.changes.run(async () => {
      const violations = new Violations()
      checkName(violations, aliasName)
      const latest = violations.error() ?? findLatest(this.#options, name)
      if (latest instanceof LambdaApiError) return latest
      const left = (latest.aliases ?? []).filter((each) => each.name !== aliasName)
      if (left.length === (latest.aliases?.length ?? 0)) return undefined
      await this.#putAliases(withoutQualifier(latest, aliasName), left)
      return undefined
    })
  }

  #refuse(latest: FunctionRecord, alias: AliasRecord): LambdaApiError | undefined {
    const refused = refuseRouting(alias)
    if (refused !== undefined) return refused
    const isProvisioned = latest.provisioned?.some(({ qualifier }) => qualifier === alias.name)
    if (isProvisioned === true && alias.functionVersion === versionOf(latest)) {
      return invalidParameter(unpublished)
    }
    const { registry } = this.#options
    const versions = [alias.functionVersion, alias.additional?.version]
    const missing = versions.find(
      (version) =>
        version !== undefined &&
        version !== versionOf(latest) &&
        registry.version(latest.name, version) === undefined,
    )
    if (missing !== undefined) return functionNotFound(qualifiedArn(latest.arn, missing))
    return refuseTimeoutBehind(registry, latest, alias)
  }

  async #put(latest: FunctionRecord, alias: AliasRecord): Promise<NamedAlias> {
    const others = (latest.aliases ?? []).filter((each) => each.name !== alias.name)
    await this.#putAliases(latest, [...others, alias])
    return { arn: qualifiedArn(latest.arn, alias.name), alias }
  }

  /** Code and configuration are the same: the function's revision id and its environments stay. */
  #putAliases(latest: FunctionRecord, aliases: readonly AliasRecord[]): Promise<void> {
    const { aliases: _, ...rest } = latest
    return this.#options.registry.putFunction({
      ...rest,
      ...(aliases.length === 0 ? {} : { aliases }),
      revision: latest.revision + 1,
    })
  }
}

/** Whether an alias sends invocations to the version. */
export function refersTo({ functionVersion, additional }: AliasRecord, version: string): boolean {
  return functionVersion === version || additional?.version === version
}
