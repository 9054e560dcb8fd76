// Follows event source mappings through their life: states, events, restarts, templates, metrics.
import { mkdtemp, rm, writeFile, mkdir } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import {
  CreateEventSourceMappingCommand,
  DeleteEventSourceMappingCommand,
  GetEventSourceMappingCommand,
  ListEventSourceMappingsCommand,
  UpdateEventSourceMappingCommand,
  type LambdaClient,
} from '@aws-sdk/client-lambda'
import { Kafka, logLevel } from 'kafkajs'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { eventually } from '../support/eventually.ts'
import {
  createFunction,
  lambdaClient,
  readRecorded,
  recordingHandler,
  type RecordedLine,
} from '../support/lambda.ts'
import { startPlatform, type Platform, type PlatformOptions } from '../support/platform.ts'

let scratch: string
let platform: Platform
let client: LambdaClient
beforeEach(async () => {
  scratch = await mkdtemp(join(tmpdir(), 'millrace-e2e-'))
  await start()
})
afterEach(async () => {
  client.destroy()
  await platform.stop()
  await rm(scratch, { recursive: true, force: true })
})

async function start(options: PlatformOptions = {}): Promise<void> {
  platform = await startPlatform({ dataDir: join(scratch, 'data'), ...options })
  client = lambdaClient(platform)
}

async function send(topic: string, ...messages: { key?: string; value: string }[]): Promise<void> {
  const kafka = new Kafka({ brokers: [platform.kafka], logLevel: logLevel.NOTHING })
  const producer = kafka.producer({ allowAutoTopicCreation: true })
  await producer.connect()
  await producer.send({ topic, messages })
  await producer.disconnect()
}

async function map(topic: string, handler: string = recordingHandler): Promise<string> {
  await createFunction(client, {
    name: `on-${topic}`,
    files: { 'index.mjs': handler },
    environment: { OUT: outOf(topic) },
  })
  const created = await client.send(
    new CreateEventSourceMappingCommand({
      FunctionName: `on-${topic}`,
      SelfManagedEventSource: { Endpoints: { KAFKA_BOOTSTRAP_SERVERS: [platform.kafka] } },
      Topics: [topic],
      StartingPosition: 'TRIM_HORIZON',
    }),
  )
  expect(created.State).toBe('Creating')
  const uuid = created.UUID ?? ''
  await reaches(uuid, 'Enabled')
  return uuid
}

const outOf = (topic: string): string => join(scratch, `${topic}.ndjson`)

async function reaches(uuid: string, state: string): Promise<void> {
  let last = ''
  await eventually(
    async () => {
      const found = await client.send(new GetEventSourceMappingCommand({ UUID: uuid }))
      last = found.State ?? ''
      return last === state ? true : undefined
    },
    () => `the mapping becomes ${state}; it is ${last}`,
  )
}

async function handled(topic: string, count: number): Promise<RecordedLine[]> {
  return eventually(
    async () => {
      const lines = await readRecorded(outOf(topic))
      return lines.length >= count ? lines : undefined
    },
    () => `${count} records handled\n${platform.log().slice(-3000)}`,
  )
}

test('a mapping is created, disabled, enabled, changed and deleted in the states that AWS reports', async () => {
  const uuid = await map('states')
  const listed = await client.send(
    new ListEventSourceMappingsCommand({ FunctionName: 'on-states' }),
  )
  expect(listed.EventSourceMappings?.map((m) => m.UUID)).toEqual([uuid])
  const update = (fields: { Enabled?: boolean; BatchSize?: number }) =>
    client.send(new UpdateEventSourceMappingCommand({ UUID: uuid, ...fields }))
  expect((await update({ Enabled: false })).State).toBe('Disabling')
  await reaches(uuid, 'Disabled')
  await send('states', { value: 'while disabled' })
  expect((await update({ Enabled: true })).State).toBe('Enabling')
  await reaches(uuid, 'Enabled')
  expect((await update({ BatchSize: 5 })).State).toBe('Updating')
  await reaches(uuid, 'Enabled')
  expect((await handled('states', 1)).map((line) => line.value)).toEqual(['while disabled'])
  const deleted = await client.send(new DeleteEventSourceMappingCommand({ UUID: uuid }))
  expect(deleted.State).toBe('Deleting')
  await eventually(
    async () => {
      try {
        await client.send(new GetEventSourceMappingCommand({ UUID: uuid }))
        return undefined
      } catch (error) {
        return error instanceof Error && error.name === 'ResourceNotFoundException'
          ? true
          : undefined
      }
    },
    () => 'the deleted mapping is no longer found',
  )
})

test('functions, mappings and offsets are back after a restart, and nothing is handled twice', async () => {
  await map('restart')
  await send('restart', { value: 'one' }, { value: 'two' })
  await handled('restart', 2)
  const port = platform.kafka.split(':')[1] ?? ''
  expect(await platform.stop()).toBe(0)
  client.destroy()
  await start({ env: { MILLRACE_KAFKA_PORT: port } })
  await send('restart', { value: 'three' })
  const lines = await handled('restart', 3)
  expect(lines.map((line) => line.value)).toEqual(['one', 'two', 'three'])
})

test('a failing batch is retried until it succeeds, and blocks only its own partition', async () => {
  await map(
    'retried',
    `import { appendFileSync, existsSync, writeFileSync } from 'node:fs'
     export const handler = async (event) => {
       const seen = process.env.OUT + '.seen'
       if (!existsSync(seen)) { writeFileSync(seen, ''); throw new Error('the first time fails') }
       for (const record of Object.values(event.records).flat())
         appendFileSync(process.env.OUT, JSON.stringify({ ...record, value: atob(record.value) }) + '\\n')
     }`,
  )
  await send('retried', { value: 'again' })
  expect((await handled('retried', 1)).map((line) => line.value)).toEqual(['again'])
})

test('the event is what AWS delivers for self-managed Kafka', async () => {
  await map(
    'shape',
    `import { appendFileSync } from 'node:fs'
     export const handler = async (event) => appendFileSync(process.env.OUT, JSON.stringify(event) + '\\n')`,
  )
  await send('shape', { key: 'k', value: 'v' })
  const [event] = (await handled('shape', 1)) as unknown as [Record<string, unknown>]
  expect(event).toEqual({
    eventSource: 'SelfManagedKafka',
    bootstrapServers: platform.kafka,
    records: {
      'shape-0': [
        {
          topic: 'shape',
          partition: 0,
          offset: 0,
          timestamp: expect.any(Number) as number,
          timestampType: 'CREATE_TIME',
          key: 'aw==',
          value: 'dg==',
          headers: [],
        },
      ],
    },
  })
})

test('a SAM template is deployed at start, with its topic', async () => {
  await platform.stop()
  client.destroy()
  await mkdir(join(scratch, 'src'))
  await writeFile(join(scratch, 'src', 'index.mjs'), recordingHandler)
  await writeFile(
    join(scratch, 'template.yaml'),
    `Transform: AWS::Serverless-2016-10-31
Resources:
  FromTemplate:
    Type: AWS::Serverless::Function
    Properties:
      FunctionName: from-template
      CodeUri: ./src
      Handler: index.handler
      Runtime: nodejs22.x
      Environment:
        Variables:
          OUT: ${outOf('orders')}
      Events:
        Orders:
          Type: MSK
          Properties:
            Stream: !Sub arn:aws:kafka:\${AWS::Region}:\${AWS::AccountId}:cluster/millrace/00000000-0000-0000-0000-000000000000-1
            StartingPosition: TRIM_HORIZON
            Topics: [orders]
`,
  )
  await start({ args: ['--template', join(scratch, 'template.yaml')] })
  await send('orders', { value: 'an order' })
  expect((await handled('orders', 1)).map((line) => line.value)).toEqual(['an order'])
})

test('the metrics tell what came in, what was filtered, invoked and committed', async () => {
  const uuid = await map('measured')
  await send('measured', { value: 'a' }, { value: 'b' }, { value: 'c' })
  await handled('measured', 3)
  let text = ''
  const has = (line: string | RegExp): boolean =>
    typeof line === 'string' ? text.includes(line) : line.test(text)
  const expected = [
    'millrace_topic_records_in_total{topic="measured"} 3',
    'kafka_topic_partition_current_offset{topic="measured",partition="0"} 3',
    new RegExp(`kafka_consumergroup_lag_sum{consumergroup="${uuid}",topic="measured"} 0`),
    new RegExp(`millrace_mapping_polled_events_total{mapping="${uuid}",[^}]*} 3`),
    new RegExp(`millrace_mapping_committed_events_total{mapping="${uuid}",[^}]*} 3`),
    /millrace_function_invocations_total{function="on-measured"} [1-3]\n/,
    /millrace_function_duration_seconds_count{function="on-measured"} [1-3]\n/,
  ]
  await eventually(
    async () => {
      text = await (await fetch(platform.metrics)).text()
      return expected.every(has) ? true : undefined
    },
    () => `missing ${expected.filter((e) => !has(e)).join(', ')} in\n${text}`,
    5000,
  )
})
