// A tour of provisioned concurrency with the AWS SDK: what is asked for, how far the workers are, every refusal.
import {
  CreateAliasCommand,
  DeleteAliasCommand,
  DeleteProvisionedConcurrencyConfigCommand,
  GetAccountSettingsCommand,
  GetProvisionedConcurrencyConfigCommand,
  ListProvisionedConcurrencyConfigsCommand,
  PublishVersionCommand,
  PutFunctionConcurrencyCommand,
  PutProvisionedConcurrencyConfigCommand,
  UpdateAliasCommand,
  UpdateFunctionConfigurationCommand,
} from '@aws-sdk/client-lambda'
import { expect, test } from 'vitest'
import type { ProvisionedStatus } from './registry/registry.ts'
import {
  refusalOf,
  startControlForTest,
  type ControlHarness,
} from '../test/support/control-harness.ts'
import { ManualClock } from '../test/support/manual-clock.ts'
import { createTyres, tyresArn as arn } from '../test/support/tyres.ts'

const FunctionName = 'tyres'

/** With versions 1 and 2, and alias `live` of both: three quarters and one. */
async function start(options: Parameters<typeof startControlForTest>[0] = {}) {
  const harness = await startControlForTest(options)
  const { client, registry } = harness
  await createTyres(harness, { Publish: true })
  await client.send(new UpdateFunctionConfigurationCommand({ FunctionName, Timeout: 9 }))
  await client.send(new PublishVersionCommand({ FunctionName }))
  await client.send(
    new CreateAliasCommand({
      FunctionName,
      Name: 'live',
      FunctionVersion: '1',
      RoutingConfig: { AdditionalVersionWeights: { 2: 0.25 } },
    }),
  )
  let beat = 0
  /** A copy of the workers says what it has ready. */
  const say = (provisioned: readonly Partial<ProvisionedStatus>[], copy = 'local') =>
    registry.putWorkers({
      copy,
      beat: ++beat,
      provisioned: provisioned.map((status) => ({
        functionName: FunctionName,
        version: '1',
        wanted: 0,
        ready: 0,
        ...status,
      })),
    })
  return { ...harness, say }
}

type Client = Pick<ControlHarness, 'client'>
const put = ({ client }: Client, Qualifier: string, ProvisionedConcurrentExecutions: number) =>
  client.send(
    new PutProvisionedConcurrencyConfigCommand({
      FunctionName,
      Qualifier,
      ProvisionedConcurrentExecutions,
    }),
  )
const get = ({ client }: Client, Qualifier: string) =>
  client.send(new GetProvisionedConcurrencyConfigCommand({ FunctionName, Qualifier }))
const remove = ({ client }: Client, Qualifier: string) =>
  client.send(new DeleteProvisionedConcurrencyConfigCommand({ FunctionName, Qualifier }))

test('what is asked for is in progress until the workers have it ready', async () => {
  const harness = await start()
  const asked = await put(harness, '1', 3)
  expect(asked).toMatchObject({
    $metadata: { httpStatusCode: 202 },
    AllocatedProvisionedConcurrentExecutions: 0,
    AvailableProvisionedConcurrentExecutions: 0,
    LastModified: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}\+0000$/) as string,
    RequestedProvisionedConcurrentExecutions: 3,
    Status: 'IN_PROGRESS',
  })
  await harness.say([{ wanted: 3, ready: 2 }])
  expect(await get(harness, '1')).toMatchObject({
    AvailableProvisionedConcurrentExecutions: 2,
    Status: 'IN_PROGRESS',
  })
  await harness.say([{ wanted: 2, ready: 2 }])
  await harness.say([{ wanted: 1, ready: 1 }], 'other')
  expect(await get(harness, '1')).toMatchObject({
    AllocatedProvisionedConcurrentExecutions: 3,
    AvailableProvisionedConcurrentExecutions: 3,
    Status: 'READY',
  })
})

test('a function that does not initialise has failed, with the word of AWS', async () => {
  const harness = await start()
  await put(harness, '1', 1)
  await harness.say([{ wanted: 1, ready: 0, failure: 'FUNCTION_ERROR_INIT_FAILURE' }])
  expect(await get(harness, '1')).toMatchObject({
    Status: 'FAILED',
    StatusReason: 'FUNCTION_ERROR_INIT_FAILURE',
  })
})

test('what a copy said that has fallen silent counts no more', async () => {
  const clock = new ManualClock()
  const harness = await start({ clock })
  await put(harness, '1', 1)
  await harness.say([{ wanted: 1, ready: 1 }])
  expect((await get(harness, '1')).Status).toBe('READY')
  clock.advance(30_001)
  expect((await get(harness, '1')).Status).toBe('IN_PROGRESS')
})

test('an alias is ready when its part of both versions is', async () => {
  const harness = await start()
  await put(harness, 'live', 4)
  await harness.say([
    { version: '1', wanted: 3, ready: 3 },
    { version: '2', wanted: 1, ready: 0 },
  ])
  expect(await get(harness, 'live')).toMatchObject({
    AvailableProvisionedConcurrentExecutions: 3,
    Status: 'IN_PROGRESS',
  })
  await harness.say([
    { version: '1', wanted: 3, ready: 3 },
    { version: '2', wanted: 1, ready: 1 },
  ])
  expect((await get(harness, 'live')).Status).toBe('READY')
})

test('configurations are listed, replaced and deleted, and go with their alias', async () => {
  const harness = await start()
  const { client, registry } = harness
  await client.send(new CreateAliasCommand({ FunctionName, Name: 'one', FunctionVersion: '1' }))
  await put(harness, 'one', 1)
  await put(harness, 'one', 2)
  await put(harness, '2', 1)
  const list = async () => {
    const page = await client.send(new ListProvisionedConcurrencyConfigsCommand({ FunctionName }))
    return page.ProvisionedConcurrencyConfigs?.map((config) => [
      config.FunctionArn,
      config.RequestedProvisionedConcurrentExecutions,
    ])
  }
  expect(await list()).toEqual([
    [`${arn}:2`, 1],
    [`${arn}:one`, 2],
  ])
  for (let i = 0; i < 2; i++) {
    expect((await remove(harness, '2')).$metadata.httpStatusCode).toBe(204)
  }
  await client.send(new DeleteAliasCommand({ FunctionName, Name: 'one' }))
  expect(await list()).toEqual([])
  expect(registry.function(FunctionName)).not.toHaveProperty('provisioned')
  expect(await refusalOf(get(harness, '2'))).toEqual({
    name: 'ProvisionedConcurrencyConfigNotFoundException',
    status: 404,
    message: 'No Provisioned Concurrency Config found for this function',
  })
})

test.each([
  [
    '$LATEST',
    '$LATEST',
    1,
    'InvalidParameterValueException',
    'Provisioned Concurrency Configs cannot be applied to unpublished function versions.',
  ],
  [
    'nothing',
    '1',
    0,
    'ValidationException',
    "1 validation error detected: Value '0' at 'provisionedConcurrentExecutions' failed to satisfy constraint: Member must have value greater than or equal to 1",
  ],
  [
    'an alias that is not there',
    'none',
    1,
    'ResourceNotFoundException',
    `Cannot find alias arn: ${arn}:none`,
  ],
  [
    'a version that is not there',
    '7',
    1,
    'ResourceNotFoundException',
    `Function not found: ${arn}:7`,
  ],
  [
    'more than the account has',
    '1',
    1001,
    'InvalidParameterValueException',
    "Specified ConcurrentExecutions for function is greater than account's unreserved concurrency [1000].",
  ],
  [
    'what must stay unreserved',
    '1',
    901,
    'InvalidParameterValueException',
    "Specified ConcurrentExecutions for function decreases account's UnreservedConcurrentExecution below its minimum value of [100].",
  ],
] as const)('%s is refused', async (...[, qualifier, count, name, message]) => {
  const harness = await start()
  expect(await refusalOf(put(harness, qualifier, count))).toMatchObject({ name, message })
})

test('a request without a qualifier is refused', async () => {
  const { url } = await start()
  const path = `${url}/2019-09-30/functions/tyres/provisioned-concurrency`
  const body = '{"ProvisionedConcurrentExecutions":1}'
  const response = await fetch(path, { method: 'PUT', body })
  expect(await response.json()).toEqual({
    message:
      "1 validation error detected: Value null at 'qualifier' failed to satisfy constraint: Member must not be null",
  })
})

test('a version is provisioned by itself or by an alias, not by both', async () => {
  const harness = await start()
  await put(harness, 'live', 4)
  expect(await refusalOf(put(harness, '1', 1))).toEqual({
    name: 'ResourceConflictException',
    status: 409,
    message: 'Version is pointed by a Provisioned Concurrency alias',
  })
  await remove(harness, 'live')
  await put(harness, '2', 1)
  expect(await refusalOf(put(harness, 'live', 1))).toMatchObject({
    message:
      "Alias can't be used for Provisioned Concurrency configuration on an already Provisioned version",
  })
})

test('an alias with provisioned concurrency does not move to $LATEST', async () => {
  const harness = await start()
  await put(harness, 'live', 4)
  const move = new UpdateAliasCommand({
    FunctionName,
    Name: 'live',
    FunctionVersion: '$LATEST',
    RoutingConfig: {},
  })
  expect(await refusalOf(harness.client.send(move))).toMatchObject({
    message: 'Provisioned Concurrency Configs cannot be applied to unpublished function versions.',
  })
})

test('reservation and provisioned concurrency hold each other to account', async () => {
  const harness = await start()
  const { client } = harness
  const reserve = (ReservedConcurrentExecutions: number) =>
    client.send(new PutFunctionConcurrencyCommand({ FunctionName, ReservedConcurrentExecutions }))
  const unreserved = async () =>
    (await client.send(new GetAccountSettingsCommand({}))).AccountLimit
      ?.UnreservedConcurrentExecutions
  await put(harness, '1', 2)
  expect(await unreserved()).toBe(998)
  expect(await refusalOf(reserve(1))).toEqual({
    name: 'InvalidParameterValueException',
    status: 400,
    message:
      " ReservedConcurrentExecutions  1 should not be lower than function's total provisioned concurrency [2].",
  })
  await reserve(3)
  expect(await unreserved()).toBe(997)
  expect(await refusalOf(put(harness, '1', 4))).toMatchObject({
    message:
      'Requested Provisioned Concurrency should not be greater than the reservedConcurrentExecution for function',
  })
  await put(harness, '1', 3)
})
