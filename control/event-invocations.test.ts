// Tests asynchronous Invoke and event invoke configurations with the AWS SDK against the control role.
import {
  CreateAliasCommand,
  CreateFunctionCommand,
  DeleteFunctionEventInvokeConfigCommand,
  GetFunctionConfigurationCommand,
  GetFunctionEventInvokeConfigCommand,
  InvokeCommand,
  ListFunctionEventInvokeConfigsCommand,
  PutFunctionEventInvokeConfigCommand,
  UpdateFunctionConfigurationCommand,
  UpdateFunctionEventInvokeConfigCommand,
  type PutFunctionEventInvokeConfigCommandInput,
} from '@aws-sdk/client-lambda'
import { expect, test } from 'vitest'
import {
  refusalOf,
  startControlForTest,
  type ControlHarness,
} from '../test/support/control-harness.ts'
import { eventually } from '../test/support/eventually.ts'
import { zipOf } from '../test/support/zip-file.ts'

const account = 'us-east-1:000000000000'
const arn = (name: string): string => `arn:aws:lambda:${account}:function:${name}`
const queueArn = `arn:aws:sqs:${account}:dead`

async function start(): Promise<ControlHarness> {
  const harness = await startControlForTest()
  for (const name of ['tyres', 'engine']) await create(harness, name)
  return harness
}

async function create(
  { client }: ControlHarness,
  FunctionName: string,
  TargetArn?: string,
): Promise<void> {
  await client.send(
    new CreateFunctionCommand({
      FunctionName,
      Role: 'arn:aws:iam::000000000000:role/any',
      Runtime: 'nodejs24.x',
      Handler: 'index.handler',
      Code: { ZipFile: await zipOf({ name: 'index.js', content: FunctionName }) },
      ...(TargetArn === undefined ? {} : { DeadLetterConfig: { TargetArn } }),
    }),
  )
}

const put = (
  { client }: ControlHarness,
  input: Partial<PutFunctionEventInvokeConfigCommandInput>,
) => client.send(new PutFunctionEventInvokeConfigCommand({ FunctionName: 'tyres', ...input }))

test('an event is answered with 202, no body and the request id that the function sees', async () => {
  const { client, invoker } = await start()
  const Payload = Buffer.from('{"n":1}')
  const answer = await client.send(
    new InvokeCommand({ FunctionName: 'tyres', InvocationType: 'Event', Payload }),
  )
  expect([answer.StatusCode, answer.Payload?.length ?? 0, answer.FunctionError]).toEqual([
    202,
    0,
    undefined,
  ])
  const seen = await eventually(
    () => invoker.seen[0],
    () => 'an invocation',
  )
  const requestId = answer.$metadata.requestId
  expect(seen).toEqual({ functionName: 'tyres', payload: '{"n":1}', requestId })
})

test('an event for an alias runs what the alias stands for, by its own configuration', async () => {
  const harness = await start()
  const { client, invoker, sender } = harness
  await client.send(
    new CreateAliasCommand({ FunctionName: 'tyres', Name: 'live', FunctionVersion: '$LATEST' }),
  )
  const OnSuccess = { Destination: queueArn }
  await put(harness, { Qualifier: 'live', DestinationConfig: { OnSuccess } })
  const call = { FunctionName: 'tyres', InvocationType: 'Event' as const }
  await client.send(new InvokeCommand({ ...call, Qualifier: 'live' }))
  await client.send(new InvokeCommand(call))
  await eventually(
    () => (invoker.seen.length === 2 && sender.sent.length === 1 ? true : undefined),
    () => `${invoker.seen.length} invocations, ${sender.sent.length} records`,
  )
  expect(invoker.seen.map(({ qualifier }) => qualifier)).toEqual(['live', undefined])
  expect(JSON.parse(sender.sent[0]?.message.body ?? '')).toMatchObject({
    requestContext: { functionArn: `${arn('tyres')}:live` },
  })
})

test('a configuration is put, read, changed, listed and deleted as on AWS', async () => {
  const harness = await start()
  const { client } = harness
  const made = await put(harness, { MaximumRetryAttempts: 0 })
  expect(made).toMatchObject({
    FunctionArn: `${arn('tyres')}:$LATEST`,
    MaximumRetryAttempts: 0,
    DestinationConfig: { OnFailure: {}, OnSuccess: {} },
    LastModified: expect.any(Date) as Date,
  })
  expect(made).not.toHaveProperty('MaximumEventAgeInSeconds')
  const changed = await client.send(
    new UpdateFunctionEventInvokeConfigCommand({
      FunctionName: `${arn('tyres')}:$LATEST`,
      MaximumEventAgeInSeconds: 60,
      DestinationConfig: { OnFailure: { Destination: queueArn } },
    }),
  )
  expect(changed).toMatchObject({
    MaximumRetryAttempts: 0,
    MaximumEventAgeInSeconds: 60,
    DestinationConfig: { OnFailure: { Destination: queueArn } },
  })
  const of = { FunctionName: 'tyres' }
  const got = await client.send(new GetFunctionEventInvokeConfigCommand(of))
  expect(got.MaximumEventAgeInSeconds).toBe(60)
  const listed = await client.send(new ListFunctionEventInvokeConfigsCommand(of))
  expect(listed.FunctionEventInvokeConfigs?.map((c) => c.FunctionArn)).toEqual([
    `${arn('tyres')}:$LATEST`,
  ])
  // Put overwrites all of it.
  await put(harness, { MaximumRetryAttempts: 1 })
  const over = await client.send(new GetFunctionEventInvokeConfigCommand(of))
  expect(over.DestinationConfig?.OnFailure).toEqual({})
  await client.send(new DeleteFunctionEventInvokeConfigCommand(of))
  expect(await refusalOf(client.send(new GetFunctionEventInvokeConfigCommand(of)))).toEqual({
    name: 'ResourceNotFoundException',
    status: 404,
    message: `The function ${arn('tyres')}:$LATEST doesn't have an EventInvokeConfig`,
  })
  expect(harness.registry.function('tyres')?.eventInvokeConfigs).toBeUndefined()
})

const failure = (Destination: string) => ({ DestinationConfig: { OnFailure: { Destination } } })
const pattern =
  '$|kafka://([^.]([a-zA-Z0-9\\-_.]{0,248}))|arn:(aws[a-zA-Z0-9-]*):([a-zA-Z0-9\\-])+:((eusc-)?[a-z]{2}((-gov)|(-iso([a-z]?)))?-[a-z]+-\\d{1})?:(\\d{12})?:(.*)'

test.each<[string, Partial<PutFunctionEventInvokeConfigCommandInput>, string, string]>([
  [
    'nothing to configure',
    {},
    'InvalidParameterValueException',
    'You must specify at least one of error handling or destination setting.',
  ],
  [
    'a third retry',
    { MaximumRetryAttempts: 3 },
    'ValidationException',
    "1 validation error detected: Value '3' at 'maximumRetryAttempts' failed to satisfy constraint: Member must have value less than or equal to 2",
  ],
  [
    'an age below a minute',
    { MaximumEventAgeInSeconds: 59 },
    'ValidationException',
    "1 validation error detected: Value '59' at 'maximumEventAgeInSeconds' failed to satisfy constraint: Member must have value greater than or equal to 60",
  ],
  [
    'no ARN',
    failure('invalid'),
    'ValidationException',
    `1 validation error detected: Value 'invalid' at 'destinationConfig.onFailure.destination' failed to satisfy constraint: Member must satisfy regular expression pattern: ${pattern}`,
  ],
  [
    'a service that takes no records',
    failure(`arn:aws:kinesis:${account}:stream/s`),
    'InvalidParameterValueException',
    `The provided destination config DestinationConfig(onSuccess=null, onFailure=OnFailure(destination=arn:aws:kinesis:${account}:stream/s)) is invalid.`,
  ],
  [
    'a bucket for successes',
    { DestinationConfig: { OnSuccess: { Destination: 'arn:aws:s3:::records' } } },
    'InvalidParameterValueException',
    'The provided destination config DestinationConfig(onSuccess=OnSuccess(destination=arn:aws:s3:::records), onFailure=null) is invalid.',
  ],
  [
    'itself',
    failure(arn('tyres')),
    'InvalidParameterValueException',
    "You can't specify the function as a destination for itself.",
  ],
  [
    'a function that is not there',
    failure(arn('gone')),
    'InvalidParameterValueException',
    `The destination ARN ${arn('gone')} is invalid.`,
  ],
  [
    'a function that is not there to configure',
    { FunctionName: 'gone', MaximumRetryAttempts: 1 },
    'ResourceNotFoundException',
    "The function doesn't exist.",
  ],
  [
    'a version that is not there',
    { Qualifier: '7', MaximumRetryAttempts: 1 },
    'ResourceNotFoundException',
    "The function doesn't exist.",
  ],
])('%s refuses the configuration', async (_, input, name, message) => {
  const harness = await start()
  const status = name === 'ResourceNotFoundException' ? 404 : 400
  expect(await refusalOf(put(harness, input))).toEqual({ name, status, message })
  expect(harness.registry.function('tyres')?.eventInvokeConfigs).toBeUndefined()
})

test('what is not configured cannot be changed or deleted', async () => {
  const { client } = await start()
  const message = `The function ${arn('tyres')}:$LATEST doesn't have an EventInvokeConfig`
  const of = { FunctionName: 'tyres' }
  for (const command of [
    new UpdateFunctionEventInvokeConfigCommand({ ...of, MaximumRetryAttempts: 1 }),
    new DeleteFunctionEventInvokeConfigCommand(of),
  ]) {
    expect(await refusalOf(client.send(command))).toEqual({
      name: 'ResourceNotFoundException',
      status: 404,
      message,
    })
  }
})

test('a dead-letter queue is shown, kept by other changes, and taken away by an empty ARN', async () => {
  const harness = await startControlForTest()
  const { client } = harness
  await create(harness, 'tyres', queueArn)
  const FunctionName = 'tyres'
  await client.send(new UpdateFunctionConfigurationCommand({ FunctionName, Timeout: 9 }))
  const shown = await client.send(new GetFunctionConfigurationCommand({ FunctionName }))
  expect(shown.DeadLetterConfig).toEqual({ TargetArn: queueArn })
  const none = await client.send(
    new UpdateFunctionConfigurationCommand({ FunctionName, DeadLetterConfig: { TargetArn: '' } }),
  )
  expect(none.DeadLetterConfig).toBeUndefined()
  const refused = await refusalOf(create(harness, 'other', `arn:aws:s3:::records`))
  expect(refused).toEqual({
    name: 'InvalidParameterValueException',
    status: 400,
    message:
      'The provided target ARN arn:aws:s3:::records is invalid: it must be of a standard SQS queue or SNS topic.',
  })
})
