// A tour of resource policies, and of what is AWS's default for every function, with the AWS SDK.
import {
  AddPermissionCommand,
  CreateAliasCommand,
  DeleteAliasCommand,
  GetFunctionCodeSigningConfigCommand,
  GetFunctionRecursionConfigCommand,
  GetPolicyCommand,
  GetRuntimeManagementConfigCommand,
  PutFunctionRecursionConfigCommand,
  PutRuntimeManagementConfigCommand,
  RemovePermissionCommand,
  type AddPermissionCommandInput,
} from '@aws-sdk/client-lambda'
import { expect, test } from 'vitest'
import {
  refusalOf,
  startControlForTest,
  type ControlHarness,
} from '../test/support/control-harness.ts'
import { createTyres, tyresArn as arn } from '../test/support/tyres.ts'

const FunctionName = 'tyres'

async function start(): Promise<ControlHarness> {
  const harness = await startControlForTest()
  await createTyres(harness, { Publish: true })
  return harness
}

const permit = ({ client }: ControlHarness, input: Partial<AddPermissionCommandInput> = {}) =>
  client.send(
    new AddPermissionCommand({
      FunctionName,
      StatementId: 's3',
      Action: 'lambda:InvokeFunction',
      Principal: 's3.amazonaws.com',
      ...input,
    }),
  )

const policyOf = async ({ client }: ControlHarness, Qualifier?: string) => {
  const input = { FunctionName, ...(Qualifier === undefined ? {} : { Qualifier }) }
  const { Policy = '', RevisionId } = await client.send(new GetPolicyCommand(input))
  return { policy: JSON.parse(Policy) as object, RevisionId }
}

const removal = (StatementId: string, more: object = {}) =>
  new RemovePermissionCommand({ FunctionName, StatementId, ...more })

test('a permission is answered as AWS words it, read back, and taken away', async () => {
  const harness = await start()
  const { client } = harness
  const added = await permit(harness, {
    SourceArn: 'arn:aws:s3:::bucket',
    SourceAccount: '111111111111',
  })
  expect(added.$metadata.httpStatusCode).toBe(201)
  const s3 = {
    Sid: 's3',
    Effect: 'Allow',
    Principal: { Service: 's3.amazonaws.com' },
    Action: 'lambda:InvokeFunction',
    Resource: arn,
    Condition: {
      StringEquals: { 'AWS:SourceAccount': '111111111111' },
      ArnLike: { 'AWS:SourceArn': 'arn:aws:s3:::bucket' },
    },
  }
  expect(JSON.parse(added.Statement ?? '')).toEqual(s3)
  await permit(harness, { StatementId: 'all', Principal: '*' })
  await permit(harness, { StatementId: 'root', Principal: '222222222222' })
  const { policy, RevisionId } = await policyOf(harness)
  expect(policy).toMatchObject({
    Version: '2012-10-17',
    Id: 'default',
    Statement: [
      s3,
      { Sid: 'all', Principal: '*' },
      { Sid: 'root', Principal: { AWS: 'arn:aws:iam::222222222222:root' } },
    ],
  })
  const stale = removal('all', { RevisionId: 'old' })
  expect(await refusalOf(client.send(stale))).toMatchObject({ status: 412 })
  const removed = await client.send(removal('all', { RevisionId }))
  expect(removed.$metadata.httpStatusCode).toBe(204)
  await client.send(removal('s3'))
  expect(await refusalOf(client.send(removal('s3')))).toMatchObject({
    message: 'Statement s3 is not found in resource policy.',
  })
  await client.send(removal('root'))
  expect(await refusalOf(policyOf(harness))).toMatchObject({
    name: 'ResourceNotFoundException',
    message: 'The resource you requested does not exist.',
  })
  expect(await refusalOf(client.send(removal('s3')))).toMatchObject({
    message: 'No policy is associated with the given resource.',
  })
})

test('an alias has a policy of its own, which goes with it', async () => {
  const harness = await start()
  const { client } = harness
  const Name = 'live'
  await client.send(new CreateAliasCommand({ FunctionName, Name, FunctionVersion: '1' }))
  await permit(harness, { Qualifier: Name })
  await permit(harness, { FunctionName: `${arn}:1` })
  expect((await policyOf(harness, Name)).policy).toMatchObject({
    Statement: [{ Resource: `${arn}:live` }],
  })
  expect(await refusalOf(policyOf(harness))).toMatchObject({ status: 404 })
  await client.send(new DeleteAliasCommand({ FunctionName, Name }))
  await client.send(new CreateAliasCommand({ FunctionName, Name, FunctionVersion: '1' }))
  expect(await refusalOf(policyOf(harness, Name))).toMatchObject({ status: 404 })
})

test.each<[string, Partial<AddPermissionCommandInput>, string, string]>([
  [
    'a statement id with a dot',
    { StatementId: 'example.com' },
    'ValidationException',
    "1 validation error detected: Value 'example.com' at 'statementId' failed to satisfy constraint: Member must satisfy regular expression pattern: ([a-zA-Z0-9-_]+)",
  ],
  [
    'a principal that is nobody',
    { Principal: 'invalid.nonaws.com' },
    'InvalidParameterValueException',
    'The provided principal was invalid. Please check the principal and try again.',
  ],
  [
    '$LATEST',
    { Qualifier: '$LATEST' },
    'InvalidParameterValueException',
    'We currently do not support adding policies for $LATEST.',
  ],
  [
    'an alias that is not there',
    { Qualifier: 'alias-doesnotexist' },
    'ResourceNotFoundException',
    `Cannot find alias arn: ${arn}:alias-doesnotexist`,
  ],
  [
    'a version that is not there',
    { Qualifier: '42' },
    'ResourceNotFoundException',
    `Function not found: ${arn}:42`,
  ],
  [
    'a qualifier that is neither',
    { Qualifier: 'valid-with-$-but-doesnotexist' },
    'ResourceNotFoundException',
    `Function not found: ${arn}:valid-with-$-but-doesnotexist`,
  ],
  [
    'a function that is not there',
    { FunctionName: 'doesnotexist' },
    'ResourceNotFoundException',
    'Function not found: arn:aws:lambda:us-east-1:000000000000:function:doesnotexist',
  ],
  [
    'a statement id that is there',
    { StatementId: 'there' },
    'ResourceConflictException',
    'The statement id (there) provided already exists. Please provide a new statement id, or remove the existing statement.',
  ],
  [
    'an old revision',
    { RevisionId: 'old' },
    'PreconditionFailedException',
    'The Revision Id provided does not match the latest Revision Id. Call the GetFunction/GetAlias API to retrieve the latest Revision Id',
  ],
])('a permission with %s is refused', async (_what, input, name, message) => {
  const harness = await start()
  await permit(harness, { StatementId: 'there' })
  expect(await refusalOf(permit(harness, input))).toMatchObject({ name, message })
})

test('a policy is at most 20 KB', async () => {
  const harness = await start()
  const SourceArn = `arn:aws:s3:::${'x'.repeat(9000)}`
  for (const StatementId of ['a', 'b']) await permit(harness, { StatementId, SourceArn })
  expect(await refusalOf(permit(harness, { StatementId: 'c', SourceArn }))).toMatchObject({
    name: 'PolicyLengthExceededException',
  })
})

test('a policy of what is not there is not found', async () => {
  const { client } = await start()
  const get = (FunctionName: string) =>
    refusalOf(client.send(new GetPolicyCommand({ FunctionName })))
  expect(await get('none')).toMatchObject({
    message: 'Function not found: arn:aws:lambda:us-east-1:000000000000:function:none',
  })
  expect(await get('tyres:42')).toMatchObject({
    message: 'The resource you requested does not exist.',
  })
})

test('what Terraform reads of every function is answered, and only the default can be set', async () => {
  const { client } = await start()
  const signing = await client.send(new GetFunctionCodeSigningConfigCommand({ FunctionName }))
  expect(signing.$metadata.httpStatusCode).toBe(200)
  const runtime = new GetRuntimeManagementConfigCommand({ FunctionName, Qualifier: '1' })
  expect(await client.send(runtime)).toMatchObject({
    FunctionArn: `${arn}:1`,
    UpdateRuntimeOn: 'Auto',
  })
  const set = (UpdateRuntimeOn: 'Auto' | 'Manual') =>
    client.send(new PutRuntimeManagementConfigCommand({ FunctionName, UpdateRuntimeOn }))
  expect(await set('Auto')).toMatchObject({ FunctionArn: `${arn}:$LATEST` })
  expect(await refusalOf(set('Manual'))).toMatchObject({ name: 'InvalidParameterValueException' })
  const recursion = new GetFunctionRecursionConfigCommand({ FunctionName })
  expect(await client.send(recursion)).toMatchObject({ RecursiveLoop: 'Terminate' })
  const wrong = { FunctionName, RecursiveLoop: 'Never' as 'Allow' }
  expect(await refusalOf(client.send(new PutFunctionRecursionConfigCommand(wrong)))).toMatchObject({
    message:
      "1 validation error detected: Value 'Never' at 'recursiveLoop' failed to satisfy constraint: Member must satisfy enum value set: [Terminate, Allow]",
  })
})
