// AWS::Serverless::Function: a function, and a mapping for each of its Kafka events.
import { eventInvokeReader, planEventInvoke } from './async-events.ts'
import { planEvents } from './events.ts'
import { planCode } from './function-code.ts'
import { functionIdentity, functionReaders, planFunction } from './function-properties.ts'
import { isAliasName } from './plan.ts'
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
    AutoPublishAlias: read.text,
    ProvisionedConcurrencyConfig: read.object({
      ProvisionedConcurrentExecutions: read.wholeNumber(1, 2_147_483_647),
    }),
    DeadLetterQueue: read.object({ Type: read.oneOf('SQS', 'SNS'), TargetArn: read.text }),
    EventInvokeConfig: eventInvokeReader,
    Tags: read.record(read.text),
  },
  required: ['Handler', 'Runtime'],
  // Permissions are not enforced on one's own machine; Events are read apart.
  ignored: [
    'Role',
    'RolePath',
    'Policies',
    'PermissionsBoundary',
    'AssumeRolePolicyDocument',
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
    const { DeadLetterQueue, EventInvokeConfig, ...own } = read.readProperties(
      resource.properties,
      properties,
      at,
    )
    const deadLetter = { property: 'DeadLetterQueue', arn: DeadLetterQueue?.TargetArn }
    const values = DeadLetterQueue === undefined ? own : { ...own, deadLetter }
    const eventInvoke =
      EventInvokeConfig === undefined
        ? undefined
        : planEventInvoke(EventInvokeConfig, { resource, names })
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
    const { AutoPublishAlias: alias, Tags: tags } = values
    const provisioned = values.ProvisionedConcurrencyConfig?.ProvisionedConcurrentExecutions
    if (provisioned !== undefined && alias === undefined) {
      const text = 'ProvisionedConcurrencyConfig wants an AutoPublishAlias'
      names.findings.error(line, `${kind} ${logicalId}: ${text}`)
    }
    if (alias !== undefined && !isAliasName(alias)) {
      const text = `AutoPublishAlias: "${alias}" is not an alias's name`
      names.findings.error(line, `${kind} ${logicalId}: ${text}`)
    }
    const functions = planFunction(values, code, { resource, names }).map((planned) =>
      Object.assign(
        {},
        planned,
        tags === undefined ? {} : { tags },
        eventInvoke === undefined ? {} : { eventInvoke },
        alias === undefined
          ? {}
          : { alias: { name: alias, ...(provisioned === undefined ? {} : { provisioned }) } },
      ),
    )
    const { ref } = names.identity(resource)
    // SAM: events go to the alias.
    const target = alias === undefined ? ref : `${ref}:${alias}`
    return { ...planEvents(resource, names, target), functions }
  },
}
