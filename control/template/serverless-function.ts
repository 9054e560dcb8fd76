// AWS::Serverless::Function: a function, and a mapping for each of its Kafka events.
import { resolve as resolvePath } from 'node:path'
import { planEvents } from './events.ts'
import type { TemplateNames } from './names.ts'
import type { FunctionConfiguration, PlannedCode } from './plan.ts'
import * as read from './readers.ts'
import type { Resource, ResourceType } from './resources.ts'

const properties = {
  read: {
    FunctionName: read.text,
    Description: read.text,
    Runtime: read.text,
    Handler: read.text,
    CodeUri: read.either(
      read.object({ Bucket: read.text, Key: read.text, Version: read.text }),
      read.text,
    ),
    InlineCode: read.text,
    PackageType: read.oneOf('Zip', 'Image'),
    // Lambda: quotas of a function.
    MemorySize: read.wholeNumber(128, 10_240),
    Timeout: read.wholeNumber(1, 900),
    EphemeralStorage: read.object({ Size: read.wholeNumber(512, 10_240) }),
    Architectures: read.list(read.oneOf('x86_64', 'arm64')),
    Environment: read.object({ Variables: read.record(read.text) }),
  },
  required: ['Handler', 'Runtime'],
  // Permissions are not enforced on one's own machine; Events are read apart.
  ignored: [
    'Role',
    'RolePath',
    'Policies',
    'PermissionsBoundary',
    'AssumeRolePolicyDocument',
    'Tags',
    'PropagateTags',
    'Events',
  ],
} as const satisfies read.PropertyTable<read.Readers>

type Values = read.ValuesOf<typeof properties.read>

export const serverlessFunction: ResourceType = {
  globals: 'Function',
  apart: ['Events'],

  identity(resource, names) {
    const { partition, region, accountId } = names.stack
    const name = names.textProperty(resource, 'FunctionName') ?? resource.logicalId
    const arn = `arn:${partition}:lambda:${region}:${accountId}:function:${name}`
    return { ref: name, attributes: { Arn: arn } }
  },

  plan(resource, names) {
    const { line, logicalId, type: kind } = resource
    const subject = `${kind} ${logicalId}`
    const at = { subject, kind, line, names }
    const values = read.readProperties(resource.properties, properties, at)
    const code = planCode(values, { resource, names, subject })
    const name = names.identity(resource).ref
    const configuration = configurationOf(values, { name, resource, names })
    if (!/^[a-zA-Z0-9-_]{1,64}$/.test(name)) {
      const nameLine = resource.properties.entries.get('FunctionName')?.line ?? line
      names.findings.error(nameLine, `${subject}: "${name}" is not a function's name`)
    }
    const events = planEvents(resource, names, name)
    const planned = code !== undefined && configuration !== undefined
    return { ...events, functions: planned ? [{ logicalId, line, configuration, code }] : [] }
  },
}

function configurationOf(
  values: Values,
  of: { readonly name: string; readonly resource: Resource; readonly names: TemplateNames },
): FunctionConfiguration | undefined {
  if (values.Runtime === undefined || values.Handler === undefined) return undefined
  const { partition, accountId } = of.names.stack
  return {
    FunctionName: of.name,
    Runtime: values.Runtime,
    Handler: values.Handler,
    // SAM makes a role of this name; nothing here assumes it.
    Role: `arn:${partition}:iam::${accountId}:role/${of.resource.logicalId}Role`,
    Description: values.Description ?? '',
    MemorySize: values.MemorySize ?? 128,
    Timeout: values.Timeout ?? 3,
    Architectures: values.Architectures ?? ['x86_64'],
    EphemeralStorage: { Size: values.EphemeralStorage?.Size ?? 512 },
    Environment: { Variables: values.Environment?.Variables ?? {} },
  }
}

interface CodeContext {
  readonly resource: Resource
  readonly names: TemplateNames
  readonly subject: string
}

function planCode(values: Values, context: CodeContext): PlannedCode | undefined {
  const { resource, names, subject } = context
  const { entries } = resource.properties
  const refuse = (property: string, reason: string): undefined => {
    names.findings.error(entries.get(property)?.line ?? resource.line, `${subject}: ${reason}`)
    return undefined
  }
  if (values.PackageType === 'Image') {
    return refuse('PackageType', 'container images are not supported')
  }
  if (values.InlineCode !== undefined) {
    if (values.Runtime === undefined || values.Handler === undefined) return undefined
    if (!values.Runtime.startsWith('nodejs')) {
      return refuse('InlineCode', `InlineCode is not supported for ${values.Runtime}`)
    }
    // Lambda gives inline code the name `index`, whatever the handler says.
    if (!values.Handler.startsWith('index.')) {
      return refuse('Handler', `InlineCode is the module index, and Handler is ${values.Handler}`)
    }
    return { kind: 'inline', text: values.InlineCode, fileName: 'index.js' }
  }
  const uri = values.CodeUri
  if (uri === undefined) {
    const given = entries.has('CodeUri') || entries.has('InlineCode')
    return given ? undefined : refuse('', 'CodeUri or InlineCode is missing')
  }
  const local = localPath(uri)
  if (local === undefined) return refuse('CodeUri', 'code in S3 is not supported')
  const path = resolvePath(names.stack.directory, local)
  return path.endsWith('.zip')
    ? { kind: 'zip', file: path }
    : { kind: 'directory', directory: path }
}

/** The bucket `hot-reload` has local directories for keys, as in CreateFunction. */
function localPath(uri: NonNullable<Values['CodeUri']>): string | undefined {
  if (typeof uri !== 'string') return uri.Bucket === 'hot-reload' ? uri.Key : undefined
  const [, bucket, key] = /^s3:\/\/([^/]+)\/(.+)$/.exec(uri) ?? []
  if (bucket === undefined) return uri
  return bucket === 'hot-reload' ? key : undefined
}
