// What SchemaRegistryConfig may say: which registry has the schemas of a topic's records, and what becomes of these.
import { saysNothing, type Violations } from '../../common/aws/validation.ts'
import { schemaAttributesMax, schemaRegistryUriMaxLength } from '../../common/schema-limits.ts'
import { isSecretUri } from '../../common/secrets.ts'
import {
  schemaAttributes,
  schemaFormats,
  type MappingRecord,
  type SchemaAttribute,
  type SchemaFormat,
  type SchemaRegistry,
  type SourceAccess,
} from '../registry/registry.ts'
import { invalidParameter, type LambdaApiError, type Outcome } from './api-errors.ts'
import type { UpdateMappingInput } from './requests.ts'

/** Lambda's types (botocore), and those of them that say who we are. */
const accessTypes = ['BASIC_AUTH', 'CLIENT_CERTIFICATE_TLS_AUTH', 'SERVER_ROOT_CA_CERTIFICATE']
const identities = new Set(accessTypes.slice(0, 2))

/** Lambda's pattern (botocore). */
const uriPattern = '[a-zA-Z0-9-\\/*:_+=.@-]*'
/** With the region that it is asked in. */
const glueArn = /^arn:aws[\w-]*:glue:[a-z0-9-]+:\d{12}:registry\/[\w$#.-]{1,255}$/

const kafkaConfigs = [
  'AmazonManagedKafkaEventSourceConfig',
  'SelfManagedKafkaEventSourceConfig',
] as const

export function checkSchemaShape(violations: Violations, input: UpdateMappingInput): void {
  for (const name of kafkaConfigs) {
    const config = input[name]?.SchemaRegistryConfig
    if (config === undefined) continue
    const at = `${name.charAt(0).toLowerCase()}${name.slice(1)}.schemaRegistryConfig`
    violations.length(`${at}.schemaRegistryURI`, config.SchemaRegistryURI, [
      1,
      schemaRegistryUriMaxLength,
    ])
    violations.pattern(`${at}.schemaRegistryURI`, config.SchemaRegistryURI, uriPattern)
    violations.oneOf(`${at}.eventRecordFormat`, config.EventRecordFormat, schemaFormats)
    for (const [index, { Type, URI }] of (config.AccessConfigs ?? []).entries()) {
      const member = `${at}.accessConfigs.${index + 1}.member`
      violations.oneOf(`${member}.type`, Type, accessTypes)
      violations.length(`${member}.uRI`, URI, [1, schemaRegistryUriMaxLength])
      violations.pattern(`${member}.uRI`, URI, uriPattern)
    }
    for (const [index, { Attribute }] of (config.SchemaValidationConfigs ?? []).entries()) {
      const member = `${at}.schemaValidationConfigs.${index + 1}.member`
      violations.oneOf(`${member}.attribute`, Attribute, schemaAttributes)
    }
  }
}

type Current = Pick<MappingRecord, 'eventSourceArn' | 'schemaRegistry'>

/**
 * The registry of a mapping that had `current`; undefined for none. Lambda: an update has to say all of it again, `{}`
 * takes it away, and what is left out altogether stays.
 */
export function schemaRegistryOf(
  input: UpdateMappingInput,
  { eventSourceArn, schemaRegistry }: Current,
): Outcome<SchemaRegistry | undefined> {
  const [own, other] = eventSourceArn === undefined ? kafkaConfigs.toReversed() : kafkaConfigs
  if (other !== undefined && !saysNothing(input[other]?.SchemaRegistryConfig)) {
    return invalidParameter(`${other} does not fit the event source of this mapping.`)
  }
  const config = own === undefined ? undefined : input[own]?.SchemaRegistryConfig
  if (config === undefined) return schemaRegistry
  if (saysNothing(config)) return undefined
  const { SchemaRegistryURI: uri, EventRecordFormat: format } = config
  if (uri === undefined) return refused('SchemaRegistryURI is missing.')
  if (format === undefined) return refused('EventRecordFormat is missing.')
  const problem = uriProblem(uri)
  if (problem !== undefined) return refused(problem)
  const attributes = (config.SchemaValidationConfigs ?? []).map(({ Attribute = '' }) => Attribute)
  if (attributes.length === 0 || attributes.includes('')) {
    return refused('SchemaValidationConfigs has to name KEY, VALUE or both as Attribute.')
  }
  if (attributes.length > schemaAttributesMax || new Set(attributes).size < attributes.length) {
    return refused('SchemaValidationConfigs can name each Attribute once.')
  }
  const access: SourceAccess[] = []
  for (const { Type: type = '', URI: secret = '' } of config.AccessConfigs ?? []) {
    const wrong = accessProblem({ type, uri: secret }, access)
    if (wrong !== undefined) return refused(`AccessConfigs: ${wrong}`)
    if (glueArn.test(uri)) {
      return refused(
        'AccessConfigs do not fit a registry of AWS Glue, which is asked with the credentials of AWS.',
      )
    }
    access.push({ type, uri: secret })
  }
  return {
    uri,
    format: format as SchemaFormat,
    attributes: attributes as SchemaAttribute[],
    ...(access.length === 0 ? {} : { access }),
  }
}

function refused(why: string): LambdaApiError {
  return invalidParameter(`SchemaRegistryConfig: ${why}`)
}

function uriProblem(uri: string): string | undefined {
  if (glueArn.test(uri)) return undefined
  const url = URL.parse(uri)
  if (url === null || !['http:', 'https:'].includes(url.protocol)) {
    return (
      `SchemaRegistryURI ${uri} is neither the http or https URL of a schema registry, nor the ARN of one of ` +
      'AWS Glue.'
    )
  }
  if (url.username === '' && url.password === '') return undefined
  return 'SchemaRegistryURI has a login in it, which belongs into a secret: give it by AccessConfigs.'
}

function accessProblem(
  { type, uri }: SourceAccess,
  before: readonly SourceAccess[],
): string | undefined {
  if (type === '' || uri === '') return 'each needs a Type and a URI.'
  if (!isSecretUri(uri)) {
    return (
      `the URI of ${type} must call a secret: its ARN in AWS Secrets Manager, file:/a/path.json, or ` +
      `env:A_VARIABLE; it is ${uri}.`
    )
  }
  if (before.some((other) => other.type === type)) return `${type} can be given once.`
  const isIdentity = identities.has(type)
  const other = before.find((each) => isIdentity && identities.has(each.type))
  if (other === undefined) return undefined
  return `${other.type} and ${type} are two ways to authenticate, and there can be one.`
}
