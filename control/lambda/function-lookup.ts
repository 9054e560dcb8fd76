// Finds what a caller's name and qualifier lead to: `$LATEST`, a version, or what an alias stands for.
import { latestVersion } from '../registry/function-version.ts'
import type { AliasRecord, FunctionRecord, Registry, VersionRecord } from '../registry/registry.ts'
import { invalidParameter, LambdaApiError, type Outcome } from './api-errors.ts'
import {
  functionArn,
  functionNotFound,
  resolveFunctionName,
  type Account,
  type FunctionReference,
} from './function-name.ts'
import { Violations } from '../../common/aws/validation.ts'

/** Where functions are looked up. */
export interface FunctionDirectory {
  readonly registry: Registry
  readonly account: Account
}

export interface FoundFunction {
  /** The function as a whole. */
  readonly latest: FunctionRecord
  /** What runs: `latest` itself or a version; of an alias, the version that it names first. */
  readonly target: FunctionRecord | VersionRecord
  /** As asked for, in the name or beside it. */
  readonly qualifier: string | undefined
  readonly alias?: AliasRecord
}

/** A function's ARN, with a qualifier where there is one. */
export function qualifiedArn(arn: string, qualifier: string | undefined): string {
  return qualifier === undefined ? arn : `${arn}:${qualifier}`
}

/** `name` in any form that Lambda takes; a qualifier in it and one beside it must not disagree. */
export function findFunction(
  directory: FunctionDirectory,
  name: string,
  beside?: string,
): Outcome<FoundFunction> {
  const reference = referenceOf(directory.account, name, beside)
  if (reference instanceof LambdaApiError) return reference
  const qualifier = beside ?? reference.qualifier
  const arn = functionArn(directory.account, reference.name)
  const latest = directory.registry.function(reference.name)
  if (latest === undefined) return functionNotFound(qualifiedArn(arn, qualifier))
  const found = targetOf(directory.registry, latest, qualifier ?? latestVersion)
  return found === undefined
    ? functionNotFound(qualifiedArn(arn, qualifier))
    : { latest, qualifier, ...found }
}

/** For what concerns a function with all its versions: the name must come without a qualifier. */
export function findLatest(
  { registry, account }: FunctionDirectory,
  name: string,
): Outcome<FunctionRecord> {
  const reference = resolveFunctionName(account, name)
  if (reference instanceof LambdaApiError) return reference
  if (reference.qualifier !== undefined) return functionsOnly()
  return registry.function(reference.name) ?? functionNotFound(functionArn(account, reference.name))
}

/** The same for what changes `$LATEST`, which may be named. */
export function findChangeable(
  directory: FunctionDirectory,
  name: string,
): Outcome<FunctionRecord> {
  const found = findFunction(directory, name)
  if (found instanceof LambdaApiError) return found
  const isLatest = found.qualifier === undefined || found.qualifier === latestVersion
  return isLatest ? found.latest : functionsOnly()
}

/** Version or alias of a function that exists. */
export function targetOf(
  registry: Registry,
  latest: FunctionRecord,
  qualifier: string,
): Pick<FoundFunction, 'target' | 'alias'> | undefined {
  if (qualifier === latestVersion) return { target: latest }
  const alias = latest.aliases?.find((each) => each.name === qualifier)
  const version = alias?.functionVersion ?? qualifier
  const target = version === latestVersion ? latest : registry.version(latest.name, version)
  if (target === undefined) return undefined
  return alias === undefined ? { target } : { target, alias }
}

function referenceOf(
  account: Account,
  name: string,
  beside: string | undefined,
): Outcome<FunctionReference> {
  const violations = new Violations()
  violations.length('qualifier', beside, [1, 128])
  violations.pattern('qualifier', beside, '(|[a-zA-Z0-9$_-]+)')
  const error = violations.error()
  if (error !== undefined) return error
  const reference = resolveFunctionName(account, name)
  if (reference instanceof LambdaApiError) return reference
  const { qualifier } = reference
  if (beside === undefined || qualifier === undefined || beside === qualifier) return reference
  return invalidParameter(
    'The derived qualifier from the function name does not match the specified qualifier.',
  )
}

function functionsOnly(): LambdaApiError {
  return invalidParameter(
    'This operation is permitted on Lambda functions only. Aliases and versions do not support this ' +
      'operation. Please specify either a function name or an unqualified function ARN.',
  )
}
