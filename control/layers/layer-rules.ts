// What a layer may be called, and what a request for one may say, in Lambda's words.
import { Violations } from '../../common/aws/validation.ts'
import { invalidParameter, LambdaApiError, type Outcome } from '../lambda/api-errors.ts'
import type { Account } from '../lambda/function-name.ts'
import { architectures, checkCode, refuseUnavailable, runtimes } from '../lambda/function-rules.ts'
import type { PublishLayerVersionInput } from '../lambda/requests.ts'

const region = '(eusc-)?[a-z]{2}((-gov)|(-iso([a-z]?)))?-[a-z]+-\\d{1}'
const arnPattern = `arn:(aws[a-zA-Z-]*)?:lambda:${region}:\\d{12}:layer:`
const namePattern = `(${arnPattern}[a-zA-Z0-9-_]{1,140}|[a-zA-Z0-9-_]{1,140})`
const awsLayerPattern = 'arn:[a-zA-Z0-9-]+:lambda:::awslayer:[a-zA-Z0-9-_]+'
const versionArnPattern = `((${arnPattern}[a-zA-Z0-9-_]+:[0-9]+)|(${awsLayerPattern}))`

const parts =
  /^arn:[^:]*:lambda:(?<region>[^:]*):(?<accountId>[^:]*):layer:(?<name>[^:]+)(?::(?<version>\d+))?$/

/** What was named, wherever it is. */
export interface LayerReference extends Account {
  readonly name: string
  /** Undefined where a layer is named and no version. */
  readonly version: number | undefined
}

/** Undefined for what is none, as a layer of AWS's own. */
export function parseLayerArn(arn: string): LayerReference | undefined {
  const { region: place, accountId, name, version } = parts.exec(arn)?.groups ?? {}
  if (place === undefined || accountId === undefined || name === undefined) return undefined
  const number = version === undefined ? undefined : Number(version)
  return { region: place, accountId, name, version: number }
}

/** The name of one of the account's own; of another account's, or none, undefined. */
export function ownLayerName(account: Account, text: string): Outcome<string | undefined> {
  const violations = new Violations()
  violations.length('layerName', text, [1, 2048])
  violations.pattern('layerName', text, namePattern)
  const error = violations.error()
  if (error !== undefined) return error
  if (!text.includes(':')) return text
  const reference = parseLayerArn(text)
  return reference !== undefined && isOwn(account, reference) ? reference.name : undefined
}

export function isOwn(account: Account, reference: Account): boolean {
  return reference.region === account.region && reference.accountId === account.accountId
}

export function versionNumber(text: string): Outcome<number> {
  if (!/^-?\d{1,15}$/.test(text)) {
    const reason = "STRING_VALUE can not be converted to a Long (at 'versionNumber')"
    return new LambdaApiError('SerializationException', reason)
  }
  if (Number(text) < 1) return invalidParameter('Layer Version Cannot be less than 1.')
  return Number(text)
}

export function checkVersionArn(arn: string | undefined): LambdaApiError | undefined {
  const violations = new Violations()
  violations.required('arn', arn)
  violations.length('arn', arn, [1, 2048])
  violations.pattern('arn', arn, versionArnPattern)
  return violations.error()
}

/** The rules for a new version, but for its layer's name and its content. */
export function checkNewVersion(input: PublishLayerVersionInput): LambdaApiError | undefined {
  const violations = new Violations()
  violations.required('content', input.Content)
  checkCode(violations, input.Content ?? {}, 'content.')
  violations.length('description', input.Description, [0, 256])
  violations.length('licenseInfo', input.LicenseInfo, [0, 512])
  violations.length('compatibleRuntimes', input.CompatibleRuntimes, [0, 15])
  checkWords(violations, 'compatibleRuntimes', input.CompatibleRuntimes, layerRuntimes)
  violations.length('compatibleArchitectures', input.CompatibleArchitectures, [0, 2])
  checkWords(violations, 'compatibleArchitectures', input.CompatibleArchitectures, architectures)
  return violations.error() ?? refuseUnavailable(input.Content ?? {})
}

export interface LayerFilter {
  readonly runtime: string | undefined
  readonly architecture: string | undefined
}

export function checkFilter(
  { runtime, architecture }: LayerFilter,
  maxItems: number | undefined,
  most: number,
): LambdaApiError | undefined {
  const violations = new Violations()
  violations.oneOf('compatibleRuntime', runtime, layerRuntimes)
  violations.oneOf('compatibleArchitecture', architecture, architectures)
  violations.range('maxItems', maxItems, [1, most])
  return violations.error()
}

/** Layers may name what no function can be created with any more; old ones do. */
const layerRuntimes: readonly string[] = [
  ...runtimes,
  ...(
    'nodejs nodejs4.3 nodejs4.3-edge nodejs6.10 nodejs8.10 nodejs10.x nodejs12.x nodejs14.x nodejs16.x java8 ' +
    'python2.7 python3.6 python3.7 python3.8 dotnetcore1.0 dotnetcore2.0 dotnetcore2.1 dotnetcore3.1 go1.x ' +
    'ruby2.5 ruby2.7 provided custom'
  ).split(' '),
]

function checkWords(
  violations: Violations,
  name: string,
  values: readonly string[] | undefined,
  words: readonly string[],
): void {
  if (values === undefined || values.every((value) => words.includes(value))) return
  violations.violatedBy(
    name,
    `[${values.join(', ')}]`,
    `Member must satisfy constraint: [Member must satisfy enum value set: [${words.join(', ')}], ` +
      'Member must not be null]',
  )
}
