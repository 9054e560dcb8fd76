// AWS::Serverless::Function: a function, and a mapping for each of its Kafka events.
import { planEvents } from './events.ts'
import { planCode } from './function-code.ts'
import { functionIdentity, functionReaders, planFunction } from './function-properties.ts'
import * as read from './readers.ts'
import type { ResourceType } from './resources.ts'

const properties = {
  read: {
    ...functionReaders,
    CodeUri: read.either(
      read.object({ Bucket: read.text, Key: read.text, Version: read.text }),
      read.text,
    ),
    InlineCode: read.text,
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

export const serverlessFunction: ResourceType = {
  globals: 'Function',
  apart: ['Events'],
  identity: functionIdentity,

  plan(resource, names) {
    const { line, logicalId, type: kind } = resource
    const at = { subject: `${kind} ${logicalId}`, kind, line, names }
    const values = read.readProperties(resource.properties, properties, at)
    const uri = values.CodeUri
    const code = planCode({
      resource,
      names,
      runtime: values.Runtime,
      handler: values.Handler,
      packageType: values.PackageType,
      inline: { property: 'InlineCode', text: values.InlineCode },
      location: {
        property: 'CodeUri',
        where: typeof uri === 'object' ? { bucket: uri.Bucket, key: uri.Key } : uri,
      },
    })
    const functions = planFunction(values, code, { resource, names })
    return { ...planEvents(resource, names, names.identity(resource).ref), functions }
  },
}
