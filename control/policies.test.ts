// A tour of resource policies, and of what is AWS's default for every function, with the AWS SDK.
import {
  AddPermissionCommand,
  CreateAliasCommand,
  DeleteAliasCommand,
  DeleteResourcePolicyCommand,
  GetFunctionCodeSigningConfigCommand,
  GetFunctionRecursionConfigCommand,
  GetPolicyCommand,
  GetResourcePolicyCommand,
  GetRuntimeManagementConfigCommand,
  PutFunctionRecursionConfigCommand,
  PutResourcePolicyCommand,
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
  await permit(harness, {
    StatementId: 'home',
    Principal: 'alexa-connectedhome.amazon.com',
    EventSourceToken: 'skill',
  })
  const { policy, RevisionId } = await policyOf(harness)
  expect(policy).toMatchObject({
    Version: '2012-10-17',
    Id: 'default',
    Statement: [
      s3,
      { Sid: 'all', Principal: '*' },
      { Sid: 'root', Principal: { AWS: 'arn:aws:iam::222222222222:root' } },
      {
        Sid: 'home',
        Principal: { Service: 'alexa-connectedhome.amazon.com' },
        Condition: { StringEquals: { 'lambda:EventSourceToken': 'skill' } },
      },
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
  await client.send(removal('home'))
  expect(await refusalOf(policyOf(harness))).toMatchObject({
    name: 'ResourceNotFoundException',
    message: 'The resource you requested does not exist.',
  })
  expect(await refusalOf(client.send(removal('s3')))).toMatchObject({
    message: 'No policy is associated with the given resource.',
  })
})

test('every value of a condition is a text', async () => {
  const harness = await start()
  await permit(harness, {
    Principal: '*',
    FunctionUrlAuthType: 'NONE',
    InvokedViaFunctionUrl: true,
  })
  expect((await policyOf(harness)).policy).toMatchObject({
    Statement: [
      {
        Condition: {
          StringEquals: { 'lambda:FunctionUrlAuthType': 'NONE' },
          Bool: { 'lambda:InvokedViaFunctionUrl': 'true' },
        },
      },
    ],
  })
})

test('a policy is put as a whole, read back as it was, extended, and taken away', async () => {
  const harness = await start()
  const { client } = harness
  const ResourceArn = `${arn}:1`
  const put = (policy: object | string, more: object = {}) => {
    const Policy = typeof policy === 'string' ? policy : JSON.stringify(policy)
    return client.send(new PutResourcePolicyCommand({ ResourceArn, Policy, ...more }))
  }
  const get = () => client.send(new GetResourcePolicyCommand({ ResourceArn }))
  const one = { Sid: 'one', Effect: 'Allow', Principal: '*', Action: ['lambda:InvokeFunction'] }
  const whole = { Version: '2008-10-17', Statement: [one, { ...one, Sid: 'two', Effect: 'Deny' }] }
  await permit(harness, { FunctionName: ResourceArn, StatementId: 'before' })
  const answered = await put(whole)
  expect(JSON.parse(answered.Policy ?? '')).toEqual(whole)
  expect(await get()).toMatchObject({
    Policy: answered.Policy,
    RevisionId: answered.RevisionId,
  })
  const [stale, RevisionId] = ['00000000-0000-0000-0000-000000000000', answered.RevisionId]
  expect(await refusalOf(put(whole, { RevisionId: stale }))).toMatchObject({ status: 412 })
  await put({ ...whole, Id: 'mine', Statement: one }, { RevisionId })
  await permit(harness, { FunctionName: ResourceArn, StatementId: 'after' })
  await client.send(removal('one', { Qualifier: '1' }))
  expect((await policyOf(harness, '1')).policy).toMatchObject({
    Version: '2008-10-17',
    Id: 'mine',
    Statement: [{ Sid: 'after' }],
  })
  const remove = (more: object = {}) =>
    client.send(new DeleteResourcePolicyCommand({ ResourceArn, ...more }))
  expect(await refusalOf(remove({ RevisionId: stale }))).toMatchObject({ status: 412 })
  expect((await remove()).$metadata.httpStatusCode).toBe(204)
  expect(await refusalOf(get())).toMatchObject({ name: 'ResourceNotFoundException' })
  expect(await refusalOf(remove())).toMatchObject({ name: 'ResourceNotFoundException' })
})

test.each<[string, string, object]>([
  ['no JSON', 'x', { name: 'InvalidParameterValueException' }],
  ['no structure', '[]', { name: 'InvalidParameterValueException' }],
  ['no statement', '{"Statement":[]}', { message: 'The policy has no statement.' }],
  ['a statement of nothing', '{"Version":"2012-10-17"}', { status: 400 }],
  [
    'no effect',
    '{"Statement":{"Principal":"*","Action":"*"}}',
    { message: 'The Effect of a statement is Allow or Deny.' },
  ],
  [
    'no principal',
    '{"Statement":{"Effect":"Allow","Action":"*"}}',
    { message: 'A statement of the policy needs a Principal and an Action.' },
  ],
  [
    'a Sid twice',
    JSON.stringify({
      Statement: [1, 2].map(() => ({ Sid: 'a', Effect: 'Deny', Principal: '*', Action: '*' })),
    }),
    { message: 'Two statements of the policy have the same Sid.' },
  ],
  ['more than 20 KB', `{"Statement":"${'x'.repeat(20_480)}"}`, { name: 'ValidationException' }],
])('a whole policy with %s is refused, and nothing is kept', async (_what, Policy, refusal) => {
  const harness = await start()
  const put = new PutResourcePolicyCommand({ ResourceArn: arn, Policy })
  expect(await refusalOf(harness.client.send(put))).toMatchObject(refusal)
  expect(await refusalOf(policyOf(harness))).toMatchObject({ status: 404 })
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
