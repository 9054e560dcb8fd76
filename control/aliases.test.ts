// A tour of aliases with the AWS SDK: every operation, weights, preconditions, every refusal's text.
import {
  CreateAliasCommand,
  CreateEventSourceMappingCommand,
  DeleteAliasCommand,
  DeleteFunctionCommand,
  GetAliasCommand,
  GetFunctionCommand,
  InvokeCommand,
  ListAliasesCommand,
  PutFunctionEventInvokeConfigCommand,
  PutProvisionedConcurrencyConfigCommand,
  paginateListAliases,
  PublishVersionCommand,
  UpdateAliasCommand,
  UpdateFunctionConfigurationCommand,
  type CreateAliasCommandInput,
  type UpdateAliasCommandInput,
} from '@aws-sdk/client-lambda'
import { expect, test } from 'vitest'
import {
  refusalOf,
  startControlForTest,
  type ControlHarness,
} from '../test/support/control-harness.ts'
import { createTyres, tyresArn as arn } from '../test/support/tyres.ts'

const FunctionName = 'tyres'

/** With versions 1 and 2. */
async function start(): Promise<ControlHarness> {
  const harness = await startControlForTest()
  const { client } = harness
  await createTyres(harness, { Publish: true })
  await client.send(new UpdateFunctionConfigurationCommand({ FunctionName, Timeout: 9 }))
  await client.send(new PublishVersionCommand({ FunctionName }))
  return harness
}

const create = ({ client }: ControlHarness, input: Partial<CreateAliasCommandInput> = {}) =>
  client.send(
    new CreateAliasCommand({ FunctionName, Name: 'live', FunctionVersion: '1', ...input }),
  )

const update = ({ client }: ControlHarness, input: Partial<UpdateAliasCommandInput>) =>
  client.send(new UpdateAliasCommand({ FunctionName, Name: 'live', ...input }))

test('an alias is answered in the form of AWS, and so is every later look at it', async () => {
  const harness = await start()
  const { client } = harness
  const { $metadata, ...alias } = await create(harness, {
    Description: 'what users see',
    RoutingConfig: { AdditionalVersionWeights: { 2: 0.2 } },
  })
  expect($metadata.httpStatusCode).toBe(201)
  expect(alias).toEqual({
    AliasArn: `${arn}:live`,
    Description: 'what users see',
    FunctionVersion: '1',
    Name: 'live',
    RevisionId: expect.stringMatching(/^[0-9a-f-]{36}$/),
    RoutingConfig: { AdditionalVersionWeights: { 2: 0.2 } },
  })
  expect(await client.send(new GetAliasCommand({ FunctionName, Name: 'live' }))).toMatchObject(
    alias,
  )
  const found = await client.send(new GetFunctionCommand({ FunctionName: `${arn}:live` }))
  expect(found.Configuration).toMatchObject({
    FunctionArn: `${arn}:live`,
    Version: '1',
    Timeout: 3,
  })
})

test('an update merges, gives a new revision, and takes weights away with an empty map', async () => {
  const harness = await start()
  const created = await create(harness, {
    Description: 'kept',
    RoutingConfig: { AdditionalVersionWeights: { 2: 1 } },
  })
  const moved = await update(harness, {
    RoutingConfig: { AdditionalVersionWeights: {} },
    FunctionVersion: '2',
    RevisionId: created.RevisionId,
  })
  expect(moved).toMatchObject({ FunctionVersion: '2', Description: 'kept' })
  expect(moved).not.toHaveProperty('RoutingConfig')
  expect(moved.RevisionId).not.toBe(created.RevisionId)
  const stale = update(harness, { Description: 'x', RevisionId: created.RevisionId })
  expect(await refusalOf(stale)).toEqual({
    name: 'PreconditionFailedException',
    status: 412,
    message:
      'The Revision Id provided does not match the latest Revision Id. Call the GetFunction/GetAlias API to retrieve the latest Revision Id',
  })
  expect(await update(harness, { Description: '' })).toMatchObject({ Description: '' })
})

test('aliases are listed page by page, and by the version that they refer to', async () => {
  const harness = await start()
  const { client } = harness
  for (const Name of ['a', 'b', 'c']) await create(harness, { Name })
  await create(harness, { Name: 'd', FunctionVersion: '2' })
  const pages = []
  for await (const page of paginateListAliases({ client, pageSize: 3 }, { FunctionName })) {
    pages.push(page.Aliases?.map(({ Name }) => Name))
  }
  expect(pages).toEqual([['a', 'b', 'c'], ['d']])
  const of = async (FunctionVersion: string) => {
    const page = await client.send(new ListAliasesCommand({ FunctionName, FunctionVersion }))
    return page.Aliases?.map(({ Name }) => Name)
  }
  expect(await of('2')).toEqual(['d'])
  expect(await of('3')).toEqual([])
})

test('a version that an alias refers to stays until the alias goes', async () => {
  const harness = await start()
  const { client } = harness
  await create(harness, { RoutingConfig: { AdditionalVersionWeights: { 2: 0.5 } } })
  for (const Qualifier of ['1', '2']) {
    const remove = new DeleteFunctionCommand({ FunctionName, Qualifier })
    expect(await refusalOf(client.send(remove))).toEqual({
      name: 'ResourceConflictException',
      status: 409,
      message: 'Unable to delete version because the following aliases reference it: [live]',
    })
  }
  const asVersion = new DeleteFunctionCommand({ FunctionName, Qualifier: 'live' })
  expect(await refusalOf(client.send(asVersion))).toMatchObject({
    message: 'Deletion of aliases is not currently supported.',
  })
  for (let i = 0; i < 2; i++) {
    const removed = await client.send(new DeleteAliasCommand({ FunctionName, Name: 'live' }))
    expect(removed.$metadata.httpStatusCode).toBe(204)
  }
  await client.send(new DeleteFunctionCommand({ FunctionName, Qualifier: '1' }))
})

test('what belongs to an alias goes with it, and does not come back with its name', async () => {
  const harness = await start()
  const { client, registry } = harness
  await create(harness)
  const config = { FunctionName, Qualifier: 'live' }
  await client.send(new PutFunctionEventInvokeConfigCommand({ ...config, MaximumRetryAttempts: 0 }))
  await client.send(
    new PutFunctionEventInvokeConfigCommand({ FunctionName, MaximumRetryAttempts: 1 }),
  )
  await client.send(
    new PutProvisionedConcurrencyConfigCommand({ ...config, ProvisionedConcurrentExecutions: 1 }),
  )
  await client.send(new DeleteAliasCommand({ FunctionName, Name: 'live' }))
  const record = registry.function(FunctionName)
  expect(record).not.toHaveProperty('provisioned')
  expect(Object.keys(record?.eventInvokeConfigs ?? {})).toEqual(['$LATEST'])
})

test('an alias is invoked and mapped by its name; which version it means is up to the workers', async () => {
  const harness = await start()
  const { client, invoker, registry } = harness
  await create(harness)
  await client.send(new InvokeCommand({ FunctionName: 'tyres:live' }))
  expect(invoker.seen[0]).toMatchObject({ functionName: FunctionName, qualifier: 'live' })
  const mapping = await client.send(
    new CreateEventSourceMappingCommand({
      FunctionName: 'tyres:live',
      SelfManagedEventSource: { Endpoints: { KAFKA_BOOTSTRAP_SERVERS: ['kafka:9092'] } },
      Topics: ['telemetry'],
    }),
  )
  expect(mapping.FunctionArn).toBe(`${arn}:live`)
  expect(registry.mapping(mapping.UUID ?? '')?.qualifier).toBe('live')
})

test('$LATEST may have an alias, and a change of an alias is no new revision of the function', async () => {
  const harness = await start()
  const before = harness.registry.function(FunctionName)?.revisionId
  const alias = await create(harness, { FunctionVersion: '$LATEST', RoutingConfig: {} })
  expect(alias).toMatchObject({ FunctionVersion: '$LATEST' })
  expect(alias).not.toHaveProperty('RoutingConfig')
  expect(harness.registry.function(FunctionName)?.revisionId).toBe(before)
})

const mapKeys =
  'Map keys must satisfy constraint: [Member must have length less than or equal to 1024, Member must have length greater than or equal to 1, Member must satisfy regular expression pattern: [0-9]+, Member must not be null]'
const mapValue =
  'Map value must satisfy constraint: [Member must have value less than or equal to 1.0, Member must have value greater than or equal to 0.0, Member must not be null]'
const weights = (value: Record<string, number>) => ({
  RoutingConfig: { AdditionalVersionWeights: value },
})
const violation = (quoted: string, name: string, constraint: string) =>
  `1 validation error detected: Value '${quoted}' at '${name}' failed to satisfy constraint: ${constraint}`

test.each<[string, Partial<CreateAliasCommandInput>, string, string]>([
  [
    'a number for a name',
    { Name: '12' },
    'ValidationException',
    violation(
      '12',
      'name',
      'Member must satisfy regular expression pattern: (?!^[0-9]+$)([a-zA-Z0-9-_]+)',
    ),
  ],
  [
    'a version that is no number',
    { FunctionVersion: 'one' },
    'ValidationException',
    violation(
      'one',
      'functionVersion',
      'Member must satisfy regular expression pattern: (\\$LATEST|[0-9]+)',
    ),
  ],
  [
    'three versions',
    weights({ 1: 0.1, 2: 0.2 }),
    'InvalidParameterValueException',
    'Number of items in AdditionalVersionWeights cannot be greater than 1',
  ],
  [
    'a weight above one',
    weights({ 2: 2 }),
    'ValidationException',
    violation('{2=2.0}', 'routingConfig.additionalVersionWeights', mapValue),
  ],
  [
    'a weight below nothing',
    weights({ 2: -1 }),
    'ValidationException',
    violation('{2=-1.0}', 'routingConfig.additionalVersionWeights', mapValue),
  ],
  [
    'a weight of $LATEST',
    weights({ $LATEST: 0.5 }),
    'ValidationException',
    violation('{$LATEST=0.5}', 'routingConfig.additionalVersionWeights', mapKeys),
  ],
  [
    'a version twice',
    weights({ 1: 0.5 }),
    'InvalidParameterValueException',
    'Invalid function version 1. Function version 1 is already included in routing configuration.',
  ],
  [
    '$LATEST beside a version',
    { FunctionVersion: '$LATEST', ...weights({ 1: 0.5 }) },
    'InvalidParameterValueException',
    '$LATEST is not supported for an alias pointing to more than 1 version',
  ],
  [
    'a version that is not there',
    { FunctionVersion: '10' },
    'ResourceNotFoundException',
    `Function not found: ${arn}:10`,
  ],
  [
    'a second version that is not there',
    weights({ 10: 0.5 }),
    'ResourceNotFoundException',
    `Function not found: ${arn}:10`,
  ],
  [
    'an unknown function',
    { FunctionName: 'none' },
    'ResourceNotFoundException',
    'Function not found: arn:aws:lambda:us-east-1:000000000000:function:none:1',
  ],
])('an alias with %s is refused', async (_what, input, name, message) => {
  const harness = await start()
  expect(await refusalOf(create(harness, input))).toMatchObject({ name, message })
  expect(harness.registry.function(FunctionName)?.aliases).toBeUndefined()
})

test('a second alias of the name, and one that is not there, are refused', async () => {
  const harness = await start()
  const { client } = harness
  await create(harness)
  expect(await refusalOf(create(harness))).toEqual({
    name: 'ResourceConflictException',
    status: 409,
    message: `Alias already exists: ${arn}:live`,
  })
  const get = client.send(new GetAliasCommand({ FunctionName, Name: 'none' }))
  expect(await refusalOf(get)).toMatchObject({
    name: 'ResourceNotFoundException',
    message: `Cannot find alias arn: ${arn}:none`,
  })
  expect(await refusalOf(update(harness, { Name: 'none' }))).toMatchObject({
    name: 'ResourceNotFoundException',
    message: `Alias not found: ${arn}:none`,
  })
  expect(await refusalOf(update(harness, weights({ 7: 0.5 })))).toMatchObject({
    message: `Function not found: ${arn}:7`,
  })
})
