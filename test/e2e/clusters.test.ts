// Maps topics of clusters by their ARNs, the platform's own and another one, and reads what mappings log.
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { CloudWatchLogsClient, FilterLogEventsCommand } from '@aws-sdk/client-cloudwatch-logs'
import {
  CreateEventSourceMappingCommand,
  GetEventSourceMappingCommand,
  type CreateEventSourceMappingCommandInput as CreateInput,
  type LambdaClient,
} from '@aws-sdk/client-lambda'
import { Kafka, logLevel } from 'kafkajs'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { eventually } from '../support/eventually.ts'
import { createFunction, lambdaClient, readRecorded } from '../support/lambda.ts'
import { startPlatform, type Platform } from '../support/platform.ts'

const arn = (rest: string) => `arn:aws:kafka:us-east-1:000000000000:cluster/${rest}`
const own = arn('millrace/00000000-0000-0000-0000-000000000000-1')
const other = arn('orders/6d9bce8e-836b-442c-8070-74e77903c815-2')
const away = arn('away/6d9bce8e-836b-442c-8070-74e77903c815-3')

/** Writes down who sent each event. */
const handler = `
import { appendFileSync } from 'node:fs'
export const handler = async ({ records, ...origin }) => {
  for (const { topic, value } of Object.values(records).flat())
    appendFileSync(process.env.OUT, JSON.stringify({ topic, value: atob(value), ...origin }) + '\\n')
}
`

let directory: string
let platform: Platform
let second: Platform
let client: LambdaClient
let logs: CloudWatchLogsClient

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'millrace-clusters-'))
  second = await startPlatform({ role: 'broker' })
  const file = join(directory, 'clusters.json')
  await writeFile(
    file,
    JSON.stringify({
      [other]: { bootstrapBrokerString: second.kafka },
      [away]: { bootstrapBrokerString: '127.0.0.1:1' },
    }),
  )
  platform = await startPlatform({ args: ['--clusters', file] })
  client = lambdaClient(platform)
  logs = new CloudWatchLogsClient({
    endpoint: platform.aws,
    region: 'us-east-1',
    credentials: { accessKeyId: 'any', secretAccessKey: 'any' },
    maxAttempts: 1,
  })
  await createFunction(client, {
    name: 'reader',
    files: { 'index.mjs': handler },
    environment: { OUT: join(directory, 'out') },
  })
})
afterAll(async () => {
  client.destroy()
  logs.destroy()
  await Promise.all([platform.stop(), second.stop()])
  await rm(directory, { recursive: true, force: true })
})

async function send(broker: string, topic: string, value: string): Promise<void> {
  const producer = new Kafka({ brokers: [broker], logLevel: logLevel.NOTHING }).producer()
  await producer.connect()
  await producer.send({ topic, messages: [{ value }] })
  await producer.disconnect()
}

async function map(
  EventSourceArn: string,
  topic: string,
  change: Partial<CreateInput> = {},
): Promise<string> {
  const created = await client.send(
    new CreateEventSourceMappingCommand({
      FunctionName: 'reader',
      EventSourceArn,
      Topics: [topic],
      ...change,
    }),
  )
  return created.UUID ?? ''
}

async function handled(topic: string): Promise<unknown> {
  return eventually(
    async () => (await readRecorded(join(directory, 'out'))).find((line) => line.topic === topic),
    () => `a record of ${topic} is handled\n${platform.log().slice(-3000)}`,
  )
}

test.each([
  ['the platform’s own cluster', own, () => platform.kafka, 'mine'],
  ['another cluster', other, () => second.kafka, 'theirs'],
  [
    'a cluster that nobody knows, which is the platform’s own',
    arn('x/y'),
    () => platform.kafka,
    'any',
  ],
])('%s is read by its ARN, and its events are of Amazon MSK', async (_, source, broker, topic) => {
  await send(broker(), topic, 'v')
  await map(source, topic)
  expect(await handled(topic)).toEqual({
    topic,
    value: 'v',
    eventSource: 'aws:kafka',
    eventSourceArn: source,
    bootstrapServers: broker(),
  })
})

test('the API of Amazon MSK tells of them, where Terraform and the CLI look', async () => {
  const list = await fetch(`${platform.aws}/api/v2/clusters`)
  const { clusterInfoList } = (await list.json()) as { clusterInfoList: { clusterArn: string }[] }
  expect(clusterInfoList.map(({ clusterArn }) => clusterArn)).toEqual([own, other, away])
  const path = `/v1/clusters/${encodeURIComponent(own)}/bootstrap-brokers`
  const brokers = await fetch(`${platform.aws}${path}`)
  expect(await brokers.json()).toEqual({ bootstrapBrokerString: platform.kafka })
})

type Logged = Record<string, unknown>

async function events(uuid: string, type: string): Promise<Logged[]> {
  const logStreamNames = [`${new Date().toISOString().slice(0, 10).replaceAll('-', '/')}/${uuid}`]
  const found = await logs.send(
    new FilterLogEventsCommand({ logGroupName: '/aws/lambda/reader', logStreamNames }),
  )
  return (found.events ?? [])
    .map(({ message }) => JSON.parse(message ?? '') as Logged)
    .filter(({ eventType }) => eventType === type)
}

async function firstEvent(uuid: string, type: string): Promise<Logged> {
  return eventually(
    async () => {
      try {
        return (await events(uuid, type))[0]
      } catch (error) {
        // Before its first event there is neither group nor stream.
        if (error instanceof Error && error.name === 'ResourceNotFoundException') return undefined
        throw error
      }
    },
    () => `an event ${type} of ${uuid}`,
  )
}

test('a mapping with a level logs what its consumer has, beside its function’s own log', async () => {
  await send(platform.kafka, 'logged', 'v')
  const uuid = await map(own, 'logged', {
    LoggingConfig: { SystemLogLevel: 'INFO' },
    ProvisionedPollerConfig: { MinimumPollers: 1 },
  })
  expect(await firstEvent(uuid, 'POLLER_STATUS_EVENT')).toMatchObject({
    resourceArn: `arn:aws:lambda:us-east-1:000000000000:event-source-mapping:${uuid}`,
    eventSourceArn: own,
    eventProcessorId: `${uuid}/0`,
    logLevel: 'INFO',
    kafkaEventSourceConnection: {
      brokerEndpoints: platform.kafka,
      topics: ['logged'],
      consumerGroupId: uuid,
      assignedPartitions: ['logged-0'],
    },
  })
})

test('a cluster that is away is told by log, status and metric', async () => {
  const uuid = await map(away, 'any', { LoggingConfig: { SystemLogLevel: 'WARN' } })
  expect(await firstEvent(uuid, 'ESM_PROCESSING_EVENT')).toMatchObject({
    eventSourceArn: away,
    logLevel: 'WARN',
    error: {
      errorMessage: expect.stringMatching(/^no broker answers at 127\.0\.0\.1:1: /),
      errorCode: 'EVENT_SOURCE_ERROR',
    },
  })
  expect(await events(uuid, 'POLLER_STATUS_EVENT')).toEqual([])
  const found = await client.send(new GetEventSourceMappingCommand({ UUID: uuid }))
  expect(found.LastProcessingResult).toMatch(/^PROBLEM: Connection error\. no broker answers at /)
  const scrape = await (await fetch(platform.metrics)).text()
  const line = scrape
    .split('\n')
    .find((each) => each.startsWith(`millrace_mapping_polling_errors_total{mapping="${uuid}"`))
  expect(Number(line?.split(' ').at(-1))).toBeGreaterThan(0)
  // It is no problem of the platform's own.
  expect((await fetch(platform.metrics.replace('/metrics', '/health'))).status).toBe(200)
})
