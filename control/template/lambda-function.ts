// AWS::Lambda::Function: a function as CloudFormation declares it.
import { planCode } from './function-code.ts'
import { functionIdentity, functionReaders, planFunction } from './function-properties.ts'
import * as read from './readers.ts'
import type { ResourceType } from './resources.ts'

const properties = {
  read: {
    ...functionReaders,
    // A path as a text is what `aws cloudformation package` uploads, and replaces by its bucket and key.
    Code: read.either(
      read.object({
        ZipFile: read.text,
        S3Bucket: read.text,
        S3Key: read.text,
        S3ObjectVersion: read.text,
        ImageUri: read.text,
        SourceKMSKeyArn: read.text,
      }),
      read.text,
    ),
    DeadLetterConfig: read.object({ TargetArn: read.text }),
    Tags: read.list(read.object({ Key: read.text, Value: read.text })),
  },
  required: ['Code', 'Handler', 'Runtime'],
  // Permissions are not enforced on one's own machine.
  ignored: ['Role'],
} as const satisfies read.PropertyTable<read.Readers>

export const lambdaFunction: ResourceType = {
  identity: functionIdentity,

  plan(resource, names) {
    const { line, logicalId, type: kind } = resource
    const at = { subject: `${kind} ${logicalId}`, kind, line, names }
    const { Code, Tags, DeadLetterConfig, ...own } = read.readProperties(
      resource.properties,
      properties,
      at,
    )
    const deadLetter = { property: 'DeadLetterConfig', arn: DeadLetterConfig?.TargetArn }
    const values = DeadLetterConfig === undefined ? own : { ...own, deadLetter }
    const { ZipFile, S3Bucket, S3Key, ImageUri } = typeof Code === 'object' ? Code : {}
    const inS3 = Code === undefined ? undefined : { bucket: S3Bucket, key: S3Key }
    const code = planCode({
      resource,
      names,
      runtime: values.Runtime,
      handler: values.Handler,
      packageType: ImageUri === undefined ? values.PackageType : 'Image',
      inline: { property: 'Code', text: ZipFile },
      location: { property: 'Code', where: typeof Code === 'string' ? Code : inS3 },
    })
    const tags = Object.fromEntries(
      (Tags ?? []).map(({ Key = '', Value = '' }) => [Key, Value] as const),
    )
    const functions = planFunction(values, code, { resource, names }).map((planned) =>
      Object.assign({}, planned, Tags === undefined ? {} : { tags }),
    )
    return { functions }
  },
}
