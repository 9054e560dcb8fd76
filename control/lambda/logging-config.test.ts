// Tests a function's LoggingConfig through the Lambda API: kept, answered, changed in part, refused.
import {
  CreateFunctionCommand,
  GetFunctionConfigurationCommand,
  UpdateFunctionConfigurationCommand,
  type LoggingConfig,
} from '@aws-sdk/client-lambda'
import { expect, test } from 'vitest'
import { refusalOf, startControlForTest } from '../../test/support/control-harness.ts'
import { zipOfTexts } from '../../test/support/lambda.ts'

const FunctionName = 'f'

async function functionWith(logging?: LoggingConfig) {
  const { client, ...harness } = await startControlForTest()
  const create = async (name = FunctionName, config = logging) =>
    client.send(
      new CreateFunctionCommand({
        FunctionName: name,
        Runtime: 'nodejs22.x',
        Handler: 'index.handler',
        Role: 'arn:aws:iam::000000000000:role/any',
        Code: { ZipFile: await zipOfTexts({ 'index.js': 'exports.handler = async () => 1' }) },
        ...(config === undefined ? {} : { LoggingConfig: config }),
      }),
    )
  const created = await create()
  return {
    ...harness,
    created,
    create,
    update: (changes: LoggingConfig) =>
      client.send(new UpdateFunctionConfigurationCommand({ FunctionName, LoggingConfig: changes })),
    now: async () =>
      (await client.send(new GetFunctionConfigurationCommand({ FunctionName }))).LoggingConfig,
  }
}

test('a function logs as text to a group of its own unless told', async () => {
  const { now } = await functionWith()
  expect(await now()).toEqual({ LogFormat: 'Text', LogGroup: '/aws/lambda/f' })
})

test('JSON has the level INFO for both kinds of lines unless told', async () => {
  const { created, now } = await functionWith({ LogFormat: 'JSON' })
  const expected = {
    LogFormat: 'JSON',
    ApplicationLogLevel: 'INFO',
    SystemLogLevel: 'INFO',
    LogGroup: '/aws/lambda/f',
  }
  expect(created.LoggingConfig).toEqual(expected)
  expect(await now()).toEqual(expected)
})

test('an update changes what it names, and a change to text ends the levels', async () => {
  const { update, now, registry } = await functionWith({
    LogFormat: 'JSON',
    ApplicationLogLevel: 'ERROR',
    LogGroup: '/own/group',
  })
  await update({ SystemLogLevel: 'WARN' })
  expect(await now()).toEqual({
    LogFormat: 'JSON',
    ApplicationLogLevel: 'ERROR',
    SystemLogLevel: 'WARN',
    LogGroup: '/own/group',
  })
  await update({ LogFormat: 'Text' })
  expect(await now()).toEqual({ LogFormat: 'Text', LogGroup: '/own/group' })
  expect(registry.function('f')?.logging).toEqual({ format: 'Text', group: '/own/group' })
})

test("levels with text, and values that Lambda does not know, are refused in Lambda's words", async () => {
  const { create, update } = await functionWith()
  const text =
    'LogLevel is not supported when LogFormat is set to "Text". Remove LogLevel from your request or change the LogFormat to "JSON" and try again.'
  expect(await refusalOf(update({ SystemLogLevel: 'DEBUG' }))).toEqual({
    name: 'InvalidParameterValueException',
    status: 400,
    message: text,
  })
  expect(
    await refusalOf(create('g', { LogFormat: 'Text', ApplicationLogLevel: 'INFO' })),
  ).toMatchObject({ message: text })
  const wrong = { LogFormat: 'XML', ApplicationLogLevel: 'LOUD', LogGroup: 'a b' } as object
  expect(await refusalOf(update(wrong))).toEqual({
    name: 'ValidationException',
    status: 400,
    message:
      "3 validation errors detected: Value 'XML' at 'loggingConfig.logFormat' failed to satisfy constraint: Member must satisfy enum value set: [JSON, Text]; " +
      "Value 'LOUD' at 'loggingConfig.applicationLogLevel' failed to satisfy constraint: Member must satisfy enum value set: [TRACE, DEBUG, INFO, WARN, ERROR, FATAL]; " +
      "Value 'a b' at 'loggingConfig.logGroup' failed to satisfy constraint: Member must satisfy regular expression pattern: [\\.\\-_/#A-Za-z0-9]+",
  })
})
