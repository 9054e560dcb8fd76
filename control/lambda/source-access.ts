// What SourceAccessConfigurations may say: how a mapping gets into its cluster, secrets by their names.
import { sourceAccessMax, sourceAccessUriMaxLength } from '../../common/mapping-limits.ts'
import { isSecretUri } from '../../common/secrets.ts'
import type { SourceAccess } from '../registry/registry.ts'
import { invalidParameter, type Outcome } from './api-errors.ts'
import type { UpdateMappingInput } from './requests.ts'
import type { Violations } from '../../common/aws/validation.ts'

/** Lambda's types (botocore), of all event sources. */
const types = [
  'BASIC_AUTH',
  'VPC_SUBNET',
  'VPC_SECURITY_GROUP',
  'SASL_SCRAM_512_AUTH',
  'SASL_SCRAM_256_AUTH',
  'VIRTUAL_HOST',
  'CLIENT_CERTIFICATE_TLS_AUTH',
  'SERVER_ROOT_CA_CERTIFICATE',
  'OAUTHBEARER_AUTH',
  'OAUTHBEARER_SCOPE',
  'OAUTHBEARER_AUDIENCE',
  'OAUTHBEARER_LOGICAL_CLUSTER',
  'OAUTHBEARER_IDENTITY_POOL',
  'IAM_AUTH',
  'IAM_OAUTHBEARER_AUTH',
] as const

/** A mapping shows who it is in one of these ways. */
const identities = new Set([
  'BASIC_AUTH',
  'SASL_SCRAM_512_AUTH',
  'SASL_SCRAM_256_AUTH',
  'CLIENT_CERTIFICATE_TLS_AUTH',
])
const secretTypes = new Set([...identities, 'SERVER_ROOT_CA_CERTIFICATE'])
/** Networks have no meaning here: the platform is where it is. */
const networkTypes = new Set(['VPC_SUBNET', 'VPC_SECURITY_GROUP'])

/** Lambda's pattern (botocore). */
const uriPattern = '[ a-zA-Z0-9-\\/*:_+=.@-]*'

export function checkAccessShape(
  violations: Violations,
  { SourceAccessConfigurations: configurations }: UpdateMappingInput,
): void {
  const name = 'sourceAccessConfigurations'
  if ((configurations?.length ?? 0) > sourceAccessMax) {
    violations.violated(name, `Member must have length less than or equal to ${sourceAccessMax}`)
  }
  for (const [index, { Type, URI }] of (configurations ?? []).entries()) {
    const at = `${name}.${index + 1}.member`
    violations.oneOf(`${at}.type`, Type, types)
    violations.length(`${at}.uRI`, URI, [1, sourceAccessUriMaxLength])
    violations.pattern(`${at}.uRI`, URI, uriPattern)
  }
}

/**
 * How a mapping that had `current` gets into its cluster; undefined for a plain door. What is left out
 * stays as it was, and an empty list takes it away.
 */
export function sourceAccessOf(
  { SourceAccessConfigurations: configurations }: UpdateMappingInput,
  current?: readonly SourceAccess[],
): Outcome<readonly SourceAccess[] | undefined> {
  if (configurations === undefined) return current
  const access: SourceAccess[] = []
  for (const { Type: type = '', URI: uri = '' } of configurations) {
    const problem = problemOf({ type, uri }, access)
    if (problem !== undefined) return invalidParameter(`SourceAccessConfigurations: ${problem}`)
    access.push({ type, uri })
  }
  return access.length === 0 ? undefined : access
}

function problemOf(
  { type, uri }: SourceAccess,
  before: readonly SourceAccess[],
): string | undefined {
  if (type === '' || uri === '') return 'each needs a Type and a URI.'
  if (networkTypes.has(type)) return undefined
  if (!secretTypes.has(type)) return `${type} is not available for a Kafka event source.`
  if (!isSecretUri(uri)) {
    return (
      `the URI of ${type} must call a secret: its ARN in AWS Secrets Manager, file:/a/path.json, or ` +
      `env:A_VARIABLE; it is ${uri}.`
    )
  }
  const isSame = (other: string): boolean =>
    other === type || (identities.has(type) && identities.has(other))
  const other = before.find((each) => isSame(each.type))
  if (other === undefined) return undefined
  return other.type === type
    ? `${type} can be given once.`
    : `${other.type} and ${type} are two ways to authenticate, and there can be one.`
}
