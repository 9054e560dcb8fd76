// What an alias may be: the rules for the inputs that make or change one, in Lambda's words.
import { latestVersion } from '../registry/function-version.ts'
import type { AliasRecord } from '../registry/registry.ts'
import { invalidParameter, type LambdaApiError } from './api-errors.ts'
import type { CreateAliasInput, UpdateAliasInput } from './requests.ts'
import { Violations } from '../../common/aws/validation.ts'

const namePattern = '(?!^[0-9]+$)([a-zA-Z0-9-_]+)'
const versionPattern = '(\\$LATEST|[0-9]+)'

/** The rules for the request's own members. */
export function checkNewAlias(input: CreateAliasInput): LambdaApiError | undefined {
  const violations = new Violations()
  violations.required('name', input.Name)
  violations.required('functionVersion', input.FunctionVersion)
  return checkAlias(violations, input.Name, input)
}

export function checkAliasChange(
  name: string,
  input: UpdateAliasInput,
): LambdaApiError | undefined {
  return checkAlias(new Violations(), name, input)
}

function checkAlias(
  violations: Violations,
  name: string | undefined,
  input: UpdateAliasInput,
): LambdaApiError | undefined {
  checkName(violations, name)
  checkVersion(violations, input.FunctionVersion)
  violations.length('description', input.Description, [0, 256])
  checkWeights(violations, input.RoutingConfig?.AdditionalVersionWeights ?? {})
  return violations.error()
}

export function checkName(violations: Violations, name: string | undefined): void {
  violations.length('name', name, [1, 128])
  violations.pattern('name', name, namePattern)
}

export function checkVersion(violations: Violations, version: string | undefined): void {
  violations.length('functionVersion', version, [1, 1024])
  violations.pattern('functionVersion', version, versionPattern)
}

/** What a routing configuration adds; undefined where it is empty. */
export function additionalOf(
  config: UpdateAliasInput['RoutingConfig'],
): AliasRecord['additional'] | LambdaApiError {
  const entries = Object.entries(config?.AdditionalVersionWeights ?? {})
  if (entries.length > 1) {
    return invalidParameter('Number of items in AdditionalVersionWeights cannot be greater than 1')
  }
  const [entry] = entries
  return entry === undefined ? undefined : { version: entry[0], weight: entry[1] }
}

/** Whether two versions go together under one alias. */
export function refuseRouting({ functionVersion, additional }: AliasRecord) {
  if (additional === undefined) return undefined
  if (additional.version === functionVersion) {
    return invalidParameter(
      `Invalid function version ${functionVersion}. Function version ${functionVersion} is already ` +
        'included in routing configuration.',
    )
  }
  if (functionVersion !== latestVersion) return undefined
  return invalidParameter(
    `${latestVersion} is not supported for an alias pointing to more than 1 version`,
  )
}

// AWS quotes all of the map, with Java's way of writing a number.
function checkWeights(violations: Violations, weights: Readonly<Record<string, number>>): void {
  const entries = Object.entries(weights)
  const quoted = `{${entries.map(([key, value]) => `${key}=${javaDouble(value)}`).join(', ')}}`
  const name = 'routingConfig.additionalVersionWeights'
  if (entries.some(([key]) => !/^[0-9]{1,1024}$/.test(key))) {
    violations.violatedBy(
      name,
      quoted,
      'Map keys must satisfy constraint: [Member must have length less than or equal to 1024, Member ' +
        'must have length greater than or equal to 1, Member must satisfy regular expression pattern: ' +
        '[0-9]+, Member must not be null]',
    )
  }
  if (entries.some(([, value]) => value < 0 || value > 1)) {
    violations.violatedBy(
      name,
      quoted,
      'Map value must satisfy constraint: [Member must have value less than or equal to 1.0, Member ' +
        'must have value greater than or equal to 0.0, Member must not be null]',
    )
  }
}

function javaDouble(value: number): string {
  return Number.isInteger(value) ? `${value}.0` : String(value)
}
