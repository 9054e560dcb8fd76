// Tests functions' logs from the handler to AWS's SDK for CloudWatch Logs, on the real program.
import {
  CloudWatchLogsClient,
  DescribeLogGroupsCommand,
  DescribeLogStreamsCommand,
  FilterLogEventsCommand,
  GetLogEventsCommand,
  paginateFilterLogEvents,
  ResourceNotFoundException,
} from '@aws-sdk/client-cloudwatch-logs'
import {
  InvokeCommand,
  UpdateFunctionConfigurationCommand,
  type LambdaClient,
} from '@aws-sdk/client-lambda'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { refusalOf } from '../support/control-harness.ts'
import { eventually } from '../support/eventually.ts'
import { createFunction, lambdaClient } from '../support/lambda.ts'
import { startPlatform, type Platform } from '../support/platform.ts'

const handler = `
exports.handler = async ({ say = [], error }) => {
  for (const each of say) console.log(each)
  process.stdout.write('raw one\\nraw two')
  if (error) throw new Error(error)
  return 'ok'
}
`
const logGroupName = '/aws/lambda/talker'

let platform: Platform
let lambda: LambdaClient
let logs: CloudWatchLogsClient

beforeAll(async () => {
  platform = await startPlatform()
  lambda = lambdaClient(platform)
  logs = new CloudWatchLogsClient({
    endpoint: platform.aws,
    region: 'us-east-1',
    credentials: { accessKeyId: 'any', secretAccessKey: 'any' },
    maxAttempts: 1,
  })
  await createFunction(lambda, { name: 'talker', files: { 'index.js': handler } })
  await invoke({ say: ['first', 'two\nlines'] })
  await invoke({ say: ['second'], error: 'broken' })
  await eventually(
    async () => ((await reports()) === 2 ? true : undefined),
    () => 'the reports of both invocations',
  )
})

afterAll(async () => {
  logs.destroy()
  lambda.destroy()
  await platform.stop()
})

async function invoke(event: object): Promise<void> {
  await lambda.send(new InvokeCommand({ FunctionName: 'talker', Payload: JSON.stringify(event) }))
}

async function messages(filterPattern?: string): Promise<string[]> {
  const { events = [] } = await logs.send(
    new FilterLogEventsCommand({ logGroupName, filterPattern }),
  )
  return events.map(({ message }) => message ?? '')
}

/** How many invocations are written; none while there is no group yet. */
async function reports(): Promise<number> {
  try {
    return (await messages('REPORT')).length
  } catch (error) {
    if (error instanceof ResourceNotFoundException) return 0
    throw error
  }
}

async function streamName(): Promise<string> {
  const { logStreams = [] } = await logs.send(
    new DescribeLogStreamsCommand({ logGroupName, orderBy: 'LastEventTime', descending: true }),
  )
  return logStreams[0]?.logStreamName ?? ''
}

test('a function has a group, and each environment a stream of it', async () => {
  const { logGroups } = await logs.send(
    new DescribeLogGroupsCommand({ logGroupNamePrefix: '/aws/lambda/t' }),
  )
  expect(logGroups).toMatchObject([
    {
      logGroupName,
      arn: `arn:aws:logs:us-east-1:000000000000:log-group:${logGroupName}:*`,
      metricFilterCount: 0,
      storedBytes: expect.any(Number),
      creationTime: expect.any(Number),
    },
  ])
  expect(await streamName()).toMatch(/^\d{4}\/\d\d\/\d\d\/\[\$LATEST\][0-9a-f]{32}$/)
})

test("an environment's stream has each invocation's lines in order, a console call an event", async () => {
  const { events = [] } = await logs.send(
    new GetLogEventsCommand({
      logGroupName,
      logStreamName: await streamName(),
      startFromHead: true,
    }),
  )
  const said = events.map(({ message = '' }) =>
    message
      .replace(/^\S+Z\t[0-9a-f-]{36}/, '<time>\t<id>')
      .replace(/RequestId: [0-9a-f-]{36}/, 'RequestId: <id>')
      .replace(/\tDuration.*/s, '')
      .replace(/(Runtime Version: nodejs:22.v1\tRuntime Version ARN: ).*/, '$1<arn>')
      .replace(/\{.*/s, '{'),
  )
  expect(said).toEqual([
    'INIT_START Runtime Version: nodejs:22.v1\tRuntime Version ARN: <arn>',
    'START RequestId: <id> Version: $LATEST',
    '<time>\t<id>\tINFO\tfirst',
    '<time>\t<id>\tINFO\ttwo\nlines',
    'raw one',
    'raw two',
    'END RequestId: <id>',
    'REPORT RequestId: <id>',
    'START RequestId: <id> Version: $LATEST',
    '<time>\t<id>\tINFO\tsecond',
    'raw one',
    'raw two',
    '<time>\t<id>\tERROR\tInvoke Error \t{',
    'END RequestId: <id>',
    'REPORT RequestId: <id>',
  ])
})

test('tokens go forwards and backwards through a stream, and stand still at its ends', async () => {
  const logStreamName = await streamName()
  const page = async (nextToken?: string) => {
    const answer = await logs.send(
      new GetLogEventsCommand({
        logGroupName,
        logStreamName,
        limit: 5,
        startFromHead: true,
        nextToken,
      }),
    )
    return { ...answer, count: answer.events?.length }
  }
  const first = await page()
  const second = await page(first.nextForwardToken)
  const third = await page(second.nextForwardToken)
  const end = await page(third.nextForwardToken)
  expect([first.count, second.count, third.count, end.count]).toEqual([5, 5, 5, 0])
  expect(end.nextForwardToken).toBe(third.nextForwardToken)
  const back = await page(second.nextBackwardToken)
  expect(back.events).toEqual(first.events)
  const start = await page(back.nextBackwardToken)
  expect(start.events).toEqual([])
  expect(start.nextBackwardToken).toBe(back.nextBackwardToken)
  const { events: newest } = await logs.send(
    new GetLogEventsCommand({ logGroupName, logStreamName, limit: 5 }),
  )
  expect(newest).toEqual(third.events)
})

test('a filter finds terms, phrases, any of several and none of some', async () => {
  expect(await messages('Invoke ERROR')).toHaveLength(1)
  expect(await messages('?first ?second')).toHaveLength(2)
  expect(await messages('"raw one"')).toHaveLength(2)
  expect(await messages('INFO -second')).toHaveLength(2)
  expect(await messages('{ $.level = "ERROR" }')).toEqual([])
})

test('pages of a filter give each event once, in the order of time', async () => {
  const pages = paginateFilterLogEvents({ client: logs, pageSize: 3 }, { logGroupName })
  const ids: string[] = []
  for await (const { events = [] } of pages) ids.push(...events.map(({ eventId = '' }) => eventId))
  expect(ids).toHaveLength(15)
  expect(ids).toEqual([...new Set(ids)].toSorted())
  const { events: newest = [] } = await logs.send(
    new FilterLogEventsCommand({
      logGroupName,
      startFromHead: false,
      startTime: Date.now() - 600_000,
      limit: 2,
    }),
  )
  expect(newest.map(({ eventId }) => eventId)).toEqual(ids.toReversed().slice(0, 2))
})

test("what is not there, and what cannot be, is refused in AWS's words", async () => {
  const missing = new GetLogEventsCommand({ logGroupName: '/none', logStreamName: 'x' })
  expect(await refusalOf(logs.send(missing))).toEqual({
    name: 'ResourceNotFoundException',
    status: 400,
    message: 'The specified log group does not exist.',
  })
  const noStream = new GetLogEventsCommand({ logGroupName, logStreamName: 'x' })
  expect(await refusalOf(logs.send(noStream))).toMatchObject({
    message: 'The specified log stream does not exist.',
  })
  const tooMany = new FilterLogEventsCommand({ logGroupName, limit: 10_001 })
  expect(await refusalOf(logs.send(tooMany))).toEqual({
    name: 'InvalidParameterException',
    status: 400,
    message:
      "1 validation error detected: Value '10001' at 'limit' failed to satisfy constraint: Member must have value less than or equal to 10000",
  })
})

test('a function with JSON logs writes records to the group that it names, from its level on', async () => {
  const jsonHandler = `
exports.handler = async () => {
  console.debug('left out')
  console.info({ order: 7 })
  throw new RangeError('too far')
}`
  const FunctionName = 'json'
  await createFunction(lambda, { name: FunctionName, files: { 'index.js': jsonHandler } })
  const LoggingConfig = { LogFormat: 'JSON', LogGroup: '/own/json' } as const
  await lambda.send(new UpdateFunctionConfigurationCommand({ FunctionName, LoggingConfig }))
  await lambda.send(new InvokeCommand({ FunctionName }))
  const read = async (filterPattern?: string) => {
    const command = new FilterLogEventsCommand({ logGroupName: '/own/json', filterPattern })
    const { events = [] } = await logs.send(command).catch(() => ({ events: undefined }))
    return events.map(({ message }) => JSON.parse(message ?? '') as Record<string, unknown>)
  }
  const records = await eventually(
    async () => {
      const found = await read()
      return found.at(-1)?.['type'] === 'platform.report' ? found : undefined
    },
    () => 'the report of a function with JSON logs',
  )
  expect(records).toMatchObject([
    { type: 'platform.initStart' },
    { type: 'platform.start', record: { version: '$LATEST' } },
    { level: 'INFO', message: { order: 7 }, requestId: expect.any(String) as unknown },
    { level: 'ERROR', message: { errorType: 'RangeError', errorMessage: 'too far' } },
    { type: 'platform.report' },
  ])
  expect(await read('{ $.level = "ERROR" && $.message.errorType = "Range*" }')).toEqual([
    records[3],
  ])
})

test('an operation that is not there is refused by its name', async () => {
  const response = await fetch(platform.aws, {
    method: 'POST',
    headers: { 'x-amz-target': 'Logs_20140328.StartLiveTail' },
    body: '{}',
  })
  expect(response.status).toBe(400)
  expect(await response.json()).toMatchObject({ __type: 'UnknownOperationException' })
})

test('a restart after kill -9 finds the log as it was', async () => {
  const before = await messages()
  await platform.kill9()
  platform = await startPlatform({ dataDir: platform.dataDir, args: ['--aws-port', '0'] })
  logs.destroy()
  logs = new CloudWatchLogsClient({
    endpoint: platform.aws,
    region: 'us-east-1',
    credentials: { accessKeyId: 'any', secretAccessKey: 'any' },
  })
  expect(await messages()).toEqual(before)
})
