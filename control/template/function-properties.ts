// What SAM's and CloudFormation's functions have in common: properties, identity, configuration.
import { arnOf, type InTemplate } from './async-events.ts'
import type { TemplateNames } from './names.ts'
import type { FunctionConfiguration, PlannedCode, PlannedFunction } from './plan.ts'
import * as read from './readers.ts'
import type { Identity, Resource } from './resources.ts'

export const functionReaders = {
  FunctionName: read.text,
  Description: read.text,
  Runtime: read.text,
  Handler: read.text,
  PackageType: read.oneOf('Zip', 'Image'),
  // Lambda: quotas of a function.
  MemorySize: read.wholeNumber(128, 10_240),
  Timeout: read.wholeNumber(1, 900),
  EphemeralStorage: read.object({ Size: read.wholeNumber(512, 10_240) }),
  Architectures: read.list(read.oneOf('x86_64', 'arm64')),
  Environment: read.object({ Variables: read.record(read.text) }),
  ReservedConcurrentExecutions: read.wholeNumber(0, 2_147_483_647),
  LoggingConfig: read.object({
    LogFormat: read.oneOf('JSON', 'Text'),
    ApplicationLogLevel: read.oneOf('TRACE', 'DEBUG', 'INFO', 'WARN', 'ERROR', 'FATAL'),
    SystemLogLevel: read.oneOf('DEBUG', 'INFO', 'WARN'),
    LogGroup: read.text,
  }),
} as const satisfies read.Readers

export type FunctionValues = read.ValuesOf<typeof functionReaders> & {
  /** SAM and CloudFormation have their own words for it; `property` is the one of the template. */
  readonly deadLetter?: { readonly property: string; readonly arn: string | undefined }
}

/** `Ref` is the name, `Arn` the ARN. */
export function functionIdentity(resource: Resource, names: TemplateNames): Identity {
  const { partition, region, accountId } = names.stack
  const name = names.textProperty(resource, 'FunctionName') ?? resource.logicalId
  const arn = `arn:${partition}:lambda:${region}:${accountId}:function:${name}`
  return { ref: name, attributes: { Arn: arn } }
}

/** The function of a resource; none where something is missing or wrong, which has been reported. */
export function planFunction(
  values: FunctionValues,
  code: PlannedCode | undefined,
  { resource, names }: InTemplate,
): readonly PlannedFunction[] {
  const configuration = planConfiguration(values, resource, names)
  if (code === undefined || configuration === undefined) return []
  const { logicalId, line } = resource
  const reservedConcurrency = values.ReservedConcurrentExecutions
  const reservation = reservedConcurrency === undefined ? {} : { reservedConcurrency }
  return [{ logicalId, line, configuration, ...reservation, code }]
}

function planConfiguration(
  values: FunctionValues,
  resource: Resource,
  names: TemplateNames,
): FunctionConfiguration | undefined {
  const { line, logicalId, properties, type } = resource
  const name = names.identity(resource).ref
  if (!/^[a-zA-Z0-9-_]{1,64}$/.test(name)) {
    const nameLine = properties.entries.get('FunctionName')?.line ?? line
    names.findings.error(nameLine, `${type} ${logicalId}: "${name}" is not a function's name`)
  }
  if (values.Runtime === undefined || values.Handler === undefined) return undefined
  const { partition, accountId } = names.stack
  return {
    FunctionName: name,
    Runtime: values.Runtime,
    Handler: values.Handler,
    // SAM makes a role of this name; nothing here assumes it.
    Role: `arn:${partition}:iam::${accountId}:role/${logicalId}Role`,
    Description: values.Description ?? '',
    MemorySize: values.MemorySize ?? 128,
    Timeout: values.Timeout ?? 3,
    Architectures: values.Architectures ?? ['x86_64'],
    EphemeralStorage: { Size: values.EphemeralStorage?.Size ?? 512 },
    Environment: { Variables: values.Environment?.Variables ?? {} },
    ...(values.LoggingConfig === undefined ? {} : { LoggingConfig: values.LoggingConfig }),
    ...deadLetterOf(values.deadLetter, { resource, names }),
  }
}

function deadLetterOf(
  deadLetter: FunctionValues['deadLetter'],
  at: InTemplate,
): Pick<FunctionConfiguration, 'DeadLetterConfig'> {
  if (deadLetter === undefined) return {}
  const TargetArn = arnOf(deadLetter.arn, deadLetter.property, at)
  return TargetArn === undefined ? {} : { DeadLetterConfig: { TargetArn } }
}
