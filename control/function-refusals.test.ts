// Tests what a function may not be, text by text, and what is accepted as a default.
import { GetFunctionCommand, type CreateFunctionCommandInput } from '@aws-sdk/client-lambda'
import { expect, test } from 'vitest'
import { refusalOf, startControlForTest } from '../test/support/control-harness.ts'
import { createTyres as create, tyresArn as arn } from '../test/support/tyres.ts'

const notFound = (of: string): [string, number, string] => [
  'ResourceNotFoundException',
  404,
  `Function not found: ${of}`,
]
const constraint = 'failed to satisfy constraint: Member must'
const one = '1 validation error detected: '
const longName = 'n'.repeat(65)

test.each<[string, Partial<CreateFunctionCommandInput>, string, string | RegExp]>([
  [
    'a long bare name',
    { FunctionName: longName },
    'InvalidParameterValueException',
    `${one}Value '${longName}' at 'functionName' ${constraint} have length less than or equal to 64`,
  ],
  [
    'a name with a blank',
    { FunctionName: 'a b' },
    'InvalidParameterValueException',
    /^1 validation error detected: Value 'a b' at 'functionName' .* regular expression pattern: /,
  ],
  [
    'an unknown runtime',
    { Runtime: 'cobol' as never },
    'InvalidParameterValueException',
    /^Value cobol at 'runtime' failed to satisfy constraint: Member must satisfy enum value set: \[.*nodejs24\.x.*\] or be a valid ARN$/,
  ],
  [
    'no handler',
    { Handler: undefined },
    'InvalidParameterValueException',
    'Runtime and Handler are mandatory parameters for functions created with deployment packages.',
  ],
  [
    'several violations, counted',
    { MemorySize: 127, Timeout: 901, Role: 'nobody', EphemeralStorage: { Size: 1 } },
    'ValidationException',
    `4 validation errors detected: Value 'nobody' at 'role' ${constraint} satisfy regular expression pattern: arn:(aws[a-zA-Z-]*)?:iam::\\d{12}:role/?[a-zA-Z_0-9+=,.@\\-_/]+; ` +
      `Value '901' at 'timeout' ${constraint} have value less than or equal to 900; ` +
      `Value '127' at 'memorySize' ${constraint} have value greater than or equal to 128; ` +
      `Value '1' at 'ephemeralStorage.size' ${constraint} have value greater than or equal to 512`,
  ],
  [
    'a handler with a blank',
    { Handler: 'index handler' },
    'ValidationException',
    `${one}Value 'index handler' at 'handler' ${constraint} satisfy regular expression pattern: [^\\s]+`,
  ],
  [
    'a wrong architecture',
    { Architectures: ['mips' as never] },
    'ValidationException',
    `${one}Value 'mips' at 'architectures' ${constraint} satisfy enum value set: [x86_64, arm64]`,
  ],
  [
    'a wrong name of a variable',
    { Environment: { Variables: { '1A': 'x' } } },
    'ValidationException',
    "1 validation error detected: Value at 'environment.variables' failed to satisfy constraint: Map keys must satisfy constraint: [Member must satisfy regular expression pattern: [a-zA-Z]([a-zA-Z0-9_])+]",
  ],
  [
    'a reserved variable',
    { Environment: { Variables: { AWS_REGION: 'x', MY_OWN: 'y' } } },
    'InvalidParameterValueException',
    'Lambda was unable to configure your environment variables because the environment variables you have provided contains reserved keys that are currently not supported for modification. Reserved keys used in this request: AWS_REGION',
  ],
  [
    'an environment over 4 KB',
    { Environment: { Variables: { BIG: 'x'.repeat(4087) } } },
    'InvalidParameterValueException',
    `Lambda was unable to configure your environment variables because the environment variables you have provided exceeded the 4KB limit. String measured: {"BIG":"${'x'.repeat(4087)}"}`,
  ],
  [
    'no code at all',
    { Code: {} },
    'InvalidParameterValueException',
    /^Code is missing: give ZipFile, S3Bucket with S3Key, or S3Bucket hot-reload/,
  ],
  [
    'code of a bucket',
    { Code: { S3Bucket: 'mine', S3Key: 'x.zip' } },
    'InvalidParameterValueException',
    'Error occurred while GetObject. S3 Error Code: NoSuchKey. S3 Error Message: The specified key does not exist.',
  ],
  [
    'code that is no zip',
    { Code: { ZipFile: Buffer.from('x') } },
    'InvalidParameterValueException',
    'Could not unzip uploaded file. Please check your file, then try to upload again.',
  ],
  [
    'an image',
    { Code: { ImageUri: 'x' } },
    'InvalidParameterValueException',
    'ImageUri is not available yet.',
  ],
  [
    'tracing',
    { TracingConfig: { Mode: 'Active' } },
    'InvalidParameterValueException',
    'TracingConfig is not available yet.',
  ],
])('%s refuses the creation', async (_, change, code, message) => {
  const harness = await startControlForTest()
  const refusal = await refusalOf(create(harness, change))
  expect([refusal.name, refusal.status]).toEqual([code, 400])
  if (typeof message === 'string') expect(refusal.message).toBe(message)
  else expect(refusal.message).toMatch(message)
  expect(harness.registry.functions()).toEqual([])
})

test('what says no more than the default of AWS is accepted', async () => {
  const harness = await startControlForTest()
  const created = await create(harness, {
    Environment: { Variables: { BIG: 'x'.repeat(4086) } },
    DeadLetterConfig: { TargetArn: '' },
    Layers: [],
    LoggingConfig: { LogFormat: 'Text' },
    PackageType: 'Zip',
    Publish: false,
    SnapStart: { ApplyOn: 'None' },
    Tags: {},
    TracingConfig: { Mode: 'PassThrough' },
    VpcConfig: { SubnetIds: [], SecurityGroupIds: [], Ipv6AllowedForDualStack: false },
    Runtime: 'python3.14',
  })
  expect(created.Runtime).toBe('python3.14')
})

test('two creations of one name at once: one wins, the other hears of the conflict', async () => {
  const harness = await startControlForTest()
  const results = await Promise.allSettled([create(harness), create(harness)])
  expect(results.map(({ status }) => status).toSorted()).toEqual(['fulfilled', 'rejected'])
  expect(await refusalOf(create(harness))).toEqual({
    name: 'ResourceConflictException',
    status: 409,
    message: 'Function already exist: tyres',
  })
})

test.each<[string, string, number, unknown]>([
  ['tyres', ...notFound(arn)],
  ['other:prod', ...notFound('arn:aws:lambda:us-east-1:000000000000:function:other:prod')],
  [
    'arn:aws:lambda:eu-west-1:000000000000:function:tyres',
    'ResourceNotFoundException',
    404,
    "Functions from 'eu-west-1' are not reachable in this region ('us-east-1')",
  ],
  [
    'arn:aws:lambda:us-east-1:999999999999:function:tyres',
    ...notFound('arn:aws:lambda:us-east-1:999999999999:function:tyres'),
  ],
  ['a b', 'ValidationException', 400, expect.stringContaining("Value 'a b' at 'functionName'")],
])('%s is no function', async (FunctionName, name, status, message) => {
  const { client } = await startControlForTest()
  const get = client.send(new GetFunctionCommand({ FunctionName }))
  expect(await refusalOf(get)).toEqual({ name, status, message })
})
