// Tests reserved concurrency and account settings with the AWS SDK against the control role.
import {
  CreateFunctionCommand,
  DeleteFunctionConcurrencyCommand,
  GetAccountSettingsCommand,
  GetFunctionCommand,
  GetFunctionConcurrencyCommand,
  PutFunctionConcurrencyCommand,
  UpdateFunctionConfigurationCommand,
} from '@aws-sdk/client-lambda'
import { expect, test } from 'vitest'
import {
  refusalOf,
  startControlForTest,
  type ControlHarness,
} from '../test/support/control-harness.ts'
import { zipOf } from '../test/support/zip-file.ts'

async function start(accountConcurrency = 1000): Promise<ControlHarness> {
  const harness = await startControlForTest({ accountConcurrency })
  for (const name of ['tyres', 'engine']) await create(harness, name)
  return harness
}

async function create({ client }: ControlHarness, name: string): Promise<void> {
  await client.send(
    new CreateFunctionCommand({
      FunctionName: name,
      Role: 'arn:aws:iam::000000000000:role/any',
      Runtime: 'nodejs24.x',
      Handler: 'index.handler',
      Code: { ZipFile: await zipOf({ name: 'index.js', content: name }) },
    }),
  )
}

const reserve = (FunctionName: string, ReservedConcurrentExecutions: number) =>
  new PutFunctionConcurrencyCommand({ FunctionName, ReservedConcurrentExecutions })

const arn = 'arn:aws:lambda:us-east-1:000000000000:function:tyres'

test('a reservation is put, read, seen with the function and taken back', async () => {
  const { client } = await start()
  const read = new GetFunctionConcurrencyCommand({ FunctionName: 'tyres' })
  const whole = new GetFunctionCommand({ FunctionName: 'tyres' })
  expect(await client.send(read)).not.toHaveProperty('ReservedConcurrentExecutions')
  expect((await client.send(whole)).Concurrency).toBeUndefined()
  const { ReservedConcurrentExecutions: put } = await client.send(reserve(arn, 5))
  expect(put).toBe(5)
  expect(await client.send(read)).toMatchObject({ ReservedConcurrentExecutions: 5 })
  expect((await client.send(whole)).Concurrency).toEqual({ ReservedConcurrentExecutions: 5 })
  const gone = new DeleteFunctionConcurrencyCommand({ FunctionName: 'tyres' })
  expect((await client.send(gone)).$metadata.httpStatusCode).toBe(204)
  expect((await client.send(whole)).Concurrency).toBeUndefined()
})

test('0 is a reservation too', async () => {
  const { client } = await start()
  await client.send(reserve('tyres', 0))
  const read = new GetFunctionConcurrencyCommand({ FunctionName: 'tyres' })
  expect(await client.send(read)).toMatchObject({ ReservedConcurrentExecutions: 0 })
})

test('a reservation is in the registry, outlives changes of the function, and is no change of it', async () => {
  const { client, registry } = await start()
  const before = registry.function('tyres')
  await client.send(reserve('tyres', 7))
  const reserved = registry.function('tyres')
  expect(reserved).toEqual({ ...before, reservedConcurrency: 7, revision: reserved?.revision })
  expect(reserved?.revision).toBeGreaterThan(before?.revision ?? 0)
  const change = { FunctionName: 'tyres', MemorySize: 512 }
  await client.send(new UpdateFunctionConfigurationCommand(change))
  expect(registry.function('tyres')).toMatchObject({ reservedConcurrency: 7, memorySizeMb: 512 })
})

test('100 executions stay unreserved, and the text of AWS says so', async () => {
  const { client } = await start()
  await client.send(reserve('tyres', 600))
  const text =
    "Specified ReservedConcurrentExecutions for function decreases account's " +
    'UnreservedConcurrentExecution below its minimum value of [100].'
  expect(await refusalOf(client.send(reserve('engine', 301)))).toEqual({
    name: 'InvalidParameterValueException',
    status: 400,
    message: text,
  })
  await client.send(reserve('engine', 300))
  // Its own reservation is not counted twice, and taking less is never refused.
  await client.send(reserve('tyres', 600))
  await client.send(reserve('tyres', 500))
  expect((await refusalOf(client.send(reserve('tyres', 601)))).message).toBe(text)
})

test('of an account set to less than 1000, a tenth stays unreserved', async () => {
  const { client } = await start(8)
  await client.send(reserve('tyres', 7))
  expect((await refusalOf(client.send(reserve('tyres', 8)))).message).toContain('value of [1].')
})

test('account settings show limits, what is left of them, and what there is', async () => {
  const { client, registry } = await start()
  await client.send(reserve('tyres', 40))
  await client.send(reserve('engine', 60))
  const { AccountLimit, AccountUsage } = await client.send(new GetAccountSettingsCommand({}))
  expect(AccountLimit).toEqual({
    CodeSizeUnzipped: 262_144_000,
    CodeSizeZipped: 52_428_800,
    ConcurrentExecutions: 1000,
    TotalCodeSize: 80_530_636_800,
    UnreservedConcurrentExecutions: 900,
  })
  const sizes = registry.functions().map(({ code }) => (code.kind === 'zip' ? code.sizeBytes : 0))
  expect(AccountUsage).toEqual({
    FunctionCount: 2,
    TotalCodeSize: sizes.reduce((a, b) => a + b, 0),
  })
})

test.each([
  [
    'an unknown function',
    ['none', 1],
    'ResourceNotFoundException',
    /^Function not found: .*:none$/,
  ],
  [
    'a version',
    [`${arn}:1`, 1],
    'InvalidParameterValueException',
    /^This operation is permitted on Lambda functions only/,
  ],
  [
    'less than none',
    ['tyres', -1],
    'ValidationException',
    "1 validation error detected: Value '-1' at 'reservedConcurrentExecutions' failed to satisfy constraint: Member must have value greater than or equal to 0",
  ],
  ['a fraction', ['tyres', 1.5], 'SerializationException', /can not be converted to an Integer/],
] as const)('a reservation is refused for %s', async (_what, [name, reserved], code, message) => {
  const { client } = await start()
  const refusal = await refusalOf(client.send(reserve(name, reserved)))
  expect(refusal).toMatchObject({ name: code, message: expect.stringMatching(message) as string })
})

test('a request without a number is refused', async () => {
  const { url } = await start()
  const path = `${url}/2017-10-31/functions/tyres/concurrency`
  const response = await fetch(path, { method: 'PUT', body: '{}' })
  expect(response.status).toBe(400)
  expect(await response.json()).toEqual({
    message:
      "1 validation error detected: Value null at 'reservedConcurrentExecutions' failed to satisfy constraint: Member must not be null",
  })
})
