// What a function may be: the rules for the inputs that create or change one, in Lambda's words.
import { environmentMaxBytes } from '../../common/limits.ts'
import { invalidParameter, type LambdaApiError } from './api-errors.ts'
import { checkDeadLetterShape, refuseDeadLetter } from './dead-letter.ts'
import type {
  CodeInput,
  CreateFunctionInput,
  UpdateFunctionConfigurationInput,
} from './requests.ts'
import { checkNewTags } from './tag-rules.ts'
import { checkLoggingConfig } from './logging-config.ts'
import { retiredText } from './retired-runtimes.ts'
import { matchesWholly, saysNothing, Violations } from '../../common/aws/validation.ts'

/** Those that Lambda lets a function be created with (botocore's Runtime, without the retired). */
export const runtimes = [
  'nodejs26.x',
  'nodejs24.x',
  'nodejs22.x',
  'nodejs20.x',
  'nodejs18.x',
  'python3.15',
  'python3.14',
  'python3.13',
  'python3.12',
  'python3.11',
  'python3.10',
  'python3.9',
  'java25',
  'java21',
  'java17',
  'java17.al2023',
  'java11',
  'java11.al2023',
  'java8.al2',
  'java8.al2023',
  'dotnet10',
  'dotnet8',
  'dotnet6',
  'ruby4.0',
  'ruby3.4',
  'ruby3.3',
  'ruby3.2',
  'provided.al2023',
  'provided.al2',
] as const

const rolePattern = 'arn:(aws[a-zA-Z-]*)?:iam::\\d{12}:role/?[a-zA-Z_0-9+=,.@\\-_/]+'
const environmentNamePattern = '[a-zA-Z]([a-zA-Z0-9_])+'

/** Lambda sets these itself (D: configuration-envvars, defined runtime environment variables). */
const reservedNames = new Set([
  'AWS_REGION',
  'AWS_DEFAULT_REGION',
  'AWS_EXECUTION_ENV',
  'AWS_LAMBDA_FUNCTION_NAME',
  'AWS_LAMBDA_FUNCTION_MEMORY_SIZE',
  'AWS_LAMBDA_FUNCTION_VERSION',
  'AWS_LAMBDA_INITIALIZATION_TYPE',
  'AWS_LAMBDA_LOG_GROUP_NAME',
  'AWS_LAMBDA_LOG_STREAM_NAME',
  'AWS_LAMBDA_RUNTIME_API',
  'AWS_ACCESS_KEY',
  'AWS_ACCESS_KEY_ID',
  'AWS_SECRET_ACCESS_KEY',
  'AWS_SESSION_TOKEN',
  'LAMBDA_TASK_ROOT',
  'LAMBDA_RUNTIME_DIR',
])

/** Parameters that would change how a function runs, and what says no more than AWS's default. */
const unavailable: Readonly<Record<string, (value: unknown) => boolean>> = {
  AcceleratorConfig: saysNothing,
  CapacityProviderConfig: saysNothing,
  CodeSigningConfigArn: saysNothing,
  DurableConfig: saysNothing,
  FileSystemConfigs: saysNothing,
  ImageConfig: saysNothing,
  ImageUri: saysNothing,
  KMSKeyArn: saysNothing,
  PublishTo: saysNothing,
  RuntimeConfig: saysNothing,
  S3ObjectStorageMode: (value) => saysNothing(value) || value === 'COPY',
  SnapStart: (value) => isDefault(value, { ApplyOn: 'None' }),
  SourceKMSKeyArn: saysNothing,
  TenancyConfig: saysNothing,
  TracingConfig: (value) => isDefault(value, { Mode: 'PassThrough' }),
  VpcConfig: (value) => isDefault(value, { Ipv6AllowedForDualStack: false }),
}

/** Names the first parameter that would be ignored if it were accepted. */
export function refuseUnavailable(
  input: Readonly<Record<string, unknown>>,
): LambdaApiError | undefined {
  for (const [name, isAcceptable] of Object.entries(unavailable)) {
    if (Object.hasOwn(input, name) && !isAcceptable(input[name])) {
      return invalidParameter(`${name} is not available yet.`)
    }
  }
  return undefined
}

/** The rules for a new function, but for its name and its code. */
export function checkNewFunction(input: CreateFunctionInput): LambdaApiError | undefined {
  const violations = new Violations()
  violations.required('role', input.Role)
  violations.required('code', input.Code)
  violations.oneOf('packageType', input.PackageType, ['Zip', 'Image'])
  checkArchitectures(violations, input.Architectures)
  checkCode(violations, input.Code ?? {}, 'code.')
  const error = checkConfiguration(input, violations)
  if (error !== undefined) return error
  if (input.PackageType === 'Image') return invalidParameter('PackageType Image is not available.')
  if (input.Runtime === undefined || input.Handler === undefined) {
    return invalidParameter(
      'Runtime and Handler are mandatory parameters for functions created with deployment packages.',
    )
  }
  return checkNewTags(input.Tags) ?? refuseUnavailable(input) ?? refuseUnavailable(input.Code ?? {})
}

/** The rules for what CreateFunction and UpdateFunctionCode have in common; `at` is where it stands. */
export function checkCode(violations: Violations, code: CodeInput, at: string): void {
  violations.length(`${at}s3Bucket`, code.S3Bucket, [3, 63])
  violations.pattern(`${at}s3Bucket`, code.S3Bucket, '[0-9A-Za-z\\.\\-_]*(?<!\\.)')
  for (const [name, value] of [
    ['s3Key', code.S3Key],
    ['s3ObjectVersion', code.S3ObjectVersion],
  ] as const) {
    violations.length(at + name, value, [1, 1024])
    violations.pattern(at + name, value, '.*')
  }
}

export const architectures = ['x86_64', 'arm64'] as const

export function checkArchitectures(
  violations: Violations,
  given: readonly string[] | undefined,
): void {
  violations.length('architectures', given, [1, 1])
  for (const architecture of given ?? []) {
    violations.oneOf('architectures', architecture, architectures)
  }
}

/** The rules for what CreateFunction and UpdateFunctionConfiguration have in common. */
export function checkConfiguration(
  input: UpdateFunctionConfigurationInput,
  violations = new Violations(),
): LambdaApiError | undefined {
  violations.length('role', input.Role, [0, 10_000])
  violations.pattern('role', input.Role, rolePattern)
  violations.length('handler', input.Handler, [0, 128])
  violations.pattern('handler', input.Handler, '[^\\s]+')
  violations.length('description', input.Description, [0, 256])
  violations.range('timeout', input.Timeout, [1, 900])
  violations.range('memorySize', input.MemorySize, [128, 10_240])
  if (input.EphemeralStorage !== undefined) {
    violations.required('ephemeralStorage.size', input.EphemeralStorage.Size)
    violations.range('ephemeralStorage.size', input.EphemeralStorage.Size, [512, 10_240])
  }
  checkLayers(violations, input.Layers)
  checkDeadLetterShape(violations, input)
  checkLoggingConfig(violations, input.LoggingConfig)
  const variables = input.Environment?.Variables ?? {}
  if (
    Object.keys(variables).some((name) => !new RegExp(`^${environmentNamePattern}$`).test(name))
  ) {
    violations.violated(
      'environment.variables',
      'Map keys must satisfy constraint: [Member must satisfy regular expression pattern: ' +
        `${environmentNamePattern}]`,
    )
  }
  return (
    violations.error() ??
    checkRuntime(input.Runtime) ??
    checkEnvironment(variables) ??
    refuseDeadLetter(input)
  )
}

const layerVersionPattern =
  '(arn:(aws[a-zA-Z-]*)?:lambda:(eusc-)?[a-z]{2}((-gov)|(-iso([a-z]?)))?-[a-z]+-\\d{1}:\\d{12}:layer:' +
  '[a-zA-Z0-9-_]+:[0-9]+)|(arn:[a-zA-Z0-9-]+:lambda:::awslayer:[a-zA-Z0-9-_]+)'

function checkLayers(violations: Violations, arns: readonly string[] | undefined): void {
  const isSound = (arn: string): boolean =>
    arn.length <= 2048 && matchesWholly(layerVersionPattern, arn)
  if (arns === undefined || arns.every(isSound)) return
  violations.violatedBy(
    'layers',
    `[${arns.join(', ')}]`,
    'Member must satisfy constraint: [Member must have length less than or equal to 2048, Member ' +
      'must have length greater than or equal to 1, Member must satisfy regular expression pattern: ' +
      `${layerVersionPattern}, Member must not be null]`,
  )
}

// As LocalStack has it, no recording seen: unlike other enums this one is InvalidParameterValueException.
function checkRuntime(runtime: string | undefined): LambdaApiError | undefined {
  if (runtime === undefined || (runtimes as readonly string[]).includes(runtime)) return undefined
  const retired = retiredText(runtime)
  if (retired !== undefined) return invalidParameter(retired)
  return invalidParameter(
    `Value ${runtime} at 'runtime' failed to satisfy constraint: Member must satisfy enum value ` +
      `set: [${runtimes.join(', ')}] or be a valid ARN`,
  )
}

function checkEnvironment(variables: Readonly<Record<string, string>>): LambdaApiError | undefined {
  const failed =
    'Lambda was unable to configure your environment variables because the environment variables ' +
    'you have provided'
  const reserved = Object.keys(variables).filter((name) => reservedNames.has(name))
  if (reserved.length > 0) {
    return invalidParameter(
      `${failed} contains reserved keys that are currently not supported for modification. ` +
        `Reserved keys used in this request: ${reserved.join(', ')}`,
    )
  }
  const measured = JSON.stringify(variables)
  if (Buffer.byteLength(measured) <= environmentMaxBytes) return undefined
  return invalidParameter(`${failed} exceeded the 4KB limit. String measured: ${measured}`)
}

/** Whether every member of a structure is absent or has AWS's default. */
function isDefault(value: unknown, defaults: Readonly<Record<string, unknown>>): boolean {
  if (saysNothing(value)) return true
  return (
    typeof value === 'object' &&
    value !== null &&
    Object.entries(value).every(([name, each]) => saysNothing(each) || each === defaults[name])
  )
}
