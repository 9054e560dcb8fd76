// Runs events that nobody waits for through the real program: retries, destinations, and a kill amid them.
import { appendFile, mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import {
  CreateEventSourceMappingCommand,
  InvokeCommand,
  PutFunctionEventInvokeConfigCommand,
  UpdateFunctionCodeCommand,
  UpdateFunctionConfigurationCommand,
  type LambdaClient,
} from '@aws-sdk/client-lambda'
import { Kafka, logLevel } from 'kafkajs'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { AwsReceiver } from '../support/aws-receiver.ts'
import { eventually } from '../support/eventually.ts'
import { createFunction, lambdaClient, zipOfTexts } from '../support/lambda.ts'
import { startPlatform, type Platform } from '../support/platform.ts'

let scratch: string
let receiver: AwsReceiver
let platform: Platform
let client: LambdaClient
beforeAll(async () => {
  scratch = await mkdtemp(join(tmpdir(), 'millrace-async-'))
  receiver = await AwsReceiver.start()
  platform = await startPlatform({ env: receiver.environment })
  client = lambdaClient(platform)
})
afterAll(async () => {
  client.destroy()
  expect(await platform.stop()).toBe(0)
  await receiver.stop()
  await rm(scratch, { recursive: true, force: true })
})

/** Writes a line for each run, the event and the request id, then does as the event says. */
const handler = `
import { appendFileSync } from 'node:fs'
export const handler = async (event, context) => {
  appendFileSync(process.env.OUT, JSON.stringify({ ...event, id: context.awsRequestId }) + '\\n')
  if (event.waitMs) await new Promise((resolve) => setTimeout(resolve, event.waitMs))
  if (event.fails) throw new Error('no such tyre')
  return { mounted: event.n }
}
`
interface Line {
  readonly n: number
  readonly id: string
}

async function linesOf(name: string): Promise<Line[]> {
  const text = await readFile(join(scratch, name), 'utf8')
  const whole = text.split('\n').slice(0, -1)
  return whole.map((line) => JSON.parse(line) as Line)
}

async function create(name: string, to = client): Promise<void> {
  await appendFile(join(scratch, name), '')
  const environment = { OUT: join(scratch, name) }
  // A whole core: what is tested is not how long a small function takes to start.
  const size = { memorySizeMb: 1769, timeoutSeconds: 60 }
  await createFunction(to, { name, files: { 'index.mjs': handler }, environment, ...size })
}

async function send(FunctionName: string, event: object, to = client): Promise<string | undefined> {
  const Payload = Buffer.from(JSON.stringify(event))
  const answer = await to.send(
    new InvokeCommand({ FunctionName, InvocationType: 'Event', Payload }),
  )
  expect(answer.StatusCode).toBe(202)
  return answer.$metadata.requestId
}

const sqs = 'arn:aws:sqs:us-east-1:000000000000:dead'
const sns = 'arn:aws:sns:us-east-1:000000000000:done'

test('a function that fails is tried three times under one request id, and its queue and bucket hear of it', async () => {
  await create('fails')
  await client.send(
    new UpdateFunctionConfigurationCommand({
      FunctionName: 'fails',
      DeadLetterConfig: { TargetArn: sqs },
    }),
  )
  await client.send(
    new PutFunctionEventInvokeConfigCommand({
      FunctionName: 'fails',
      DestinationConfig: { OnFailure: { Destination: 'arn:aws:s3:::records' } },
    }),
  )
  const id = await send('fails', { n: 1, fails: true })
  const [object] = await eventually(
    () => (receiver.of('s3').length > 0 ? receiver.of('s3') : undefined),
    () => `an object; ${platform.log()}`,
  )
  expect((await linesOf('fails')).map((line) => line.id)).toEqual([id, id, id])
  expect(object?.place).toMatch(/^records\/aws\/lambda\/async\/fails\/\d{4}\/\d\d\/\d\d\/.{19}-/)
  expect(JSON.parse(object?.body ?? '')).toMatchObject({
    version: '1.0',
    requestContext: {
      requestId: id,
      functionArn: 'arn:aws:lambda:us-east-1:000000000000:function:fails:$LATEST',
      condition: 'RetriesExhausted',
      approximateInvokeCount: 3,
    },
    requestPayload: { n: 1, fails: true },
    responseContext: { statusCode: 200, executedVersion: '$LATEST', functionError: 'Unhandled' },
    responsePayload: { errorType: 'Error', errorMessage: 'no such tyre' },
  })
  const [letter] = await eventually(
    () => (receiver.of('sqs').length > 0 ? receiver.of('sqs') : undefined),
    () => 'a dead letter',
  )
  expect(JSON.parse(letter?.body ?? '')).toEqual({ n: 1, fails: true })
  expect(letter?.attributes).toEqual([
    `RequestID: String ${id}`,
    'ErrorCode: Number 200',
    'ErrorMessage: String no such tyre',
  ])
})

test('a success goes to another function, and what becomes of that to a topic', async () => {
  await create('first')
  await create('second')
  const second = 'arn:aws:lambda:us-east-1:000000000000:function:second'
  for (const [FunctionName, Destination] of [
    ['first', second],
    ['second', sns],
  ]) {
    await client.send(
      new PutFunctionEventInvokeConfigCommand({
        FunctionName,
        DestinationConfig: { OnSuccess: { Destination } },
      }),
    )
  }
  await send('first', { n: 7 })
  const [note] = await eventually(
    () => (receiver.of('sns').length > 0 ? receiver.of('sns') : undefined),
    () => `a notification; ${platform.log()}`,
  )
  expect(JSON.parse(note?.body ?? '')).toMatchObject({
    requestPayload: { requestPayload: { n: 7 }, responsePayload: { mounted: 7 } },
  })
  const scrape = await (await fetch(platform.metrics)).text()
  expect(scrape).toMatch(
    /millrace_async_deliveries_total\{.*function="second".*destination="on-success".*\} 1/,
  )
  expect(scrape).toMatch(/millrace_async_events_received_total\{.*function="second".*\} 1/)
})

test('records that a mapping gives up go to a bucket with their payload, once it is there', async () => {
  const topic = 'readings'
  await create(topic)
  const kafka = new Kafka({ brokers: [platform.kafka], logLevel: logLevel.NOTHING })
  const producer = kafka.producer({ allowAutoTopicCreation: true })
  await producer.connect()
  await client.send(
    new UpdateFunctionCodeCommand({
      FunctionName: topic,
      ZipFile: await zipOfTexts({
        'index.mjs': 'export const handler = async () => { throw new Error("no") }',
      }),
    }),
  )
  receiver.received.length = 0
  receiver.faults.set('s3', { status: 404, code: 'NoSuchBucket' })
  const before = receiver.requests
  const { UUID = '' } = await client.send(
    new CreateEventSourceMappingCommand({
      FunctionName: topic,
      SelfManagedEventSource: { Endpoints: { KAFKA_BOOTSTRAP_SERVERS: [platform.kafka] } },
      Topics: [topic],
      StartingPosition: 'TRIM_HORIZON',
      MaximumRetryAttempts: 0,
      DestinationConfig: { OnFailure: { Destination: 'arn:aws:s3:::records' } },
    }),
  )
  await producer.send({ topic, messages: [{ value: 'a' }, { value: 'b' }] })
  await producer.disconnect()
  await eventually(
    () => (receiver.requests > before ? true : undefined),
    () => `a try; ${platform.log()}`,
  )
  receiver.faults.clear()
  const [object] = await eventually(
    () => (receiver.of('s3').length > 0 ? receiver.of('s3') : undefined),
    () => `an object; ${platform.log()}`,
  )
  expect(object?.place.startsWith(`records/aws/lambda/${UUID}/`)).toBe(true)
  const record = JSON.parse(object?.body ?? '') as { payload: string }
  expect(record).toMatchObject({
    requestContext: { condition: 'RetryAttemptsExhausted', approximateInvokeCount: 1 },
    KafkaBatchInfo: {
      batchSize: 2,
      recordsInfo: { 'readings-0': { firstRecordOffset: '0', lastRecordOffset: '1' } },
    },
  })
  const event = JSON.parse(record.payload) as { records: Record<string, { value: string }[]> }
  expect(event.records['readings-0']?.map(({ value }) => atob(value))).toEqual(['a', 'b'])
})

test('killed with events queued and running, it runs all of them after the restart', async () => {
  const life = await startPlatform({ env: receiver.environment })
  const first = lambdaClient(life)
  await create('mount', first)
  const count = 120
  const answered = new Set<number>()
  const sending = Array.from({ length: count }, async (_, n) => {
    await send('mount', { n, waitMs: 20 }, first).then(
      () => answered.add(n),
      // Cut off by the kill: nobody was told that it is kept.
      () => undefined,
    )
  })
  await eventually(
    () => (answered.size > count / 2 ? true : undefined),
    () => `${answered.size} answers`,
  )
  await life.kill9()
  await Promise.all(sending)
  first.destroy()
  const before = new Set((await linesOf('mount')).map(({ n }) => n))
  expect(before.size).toBeLessThan(answered.size)
  const next = await startPlatform({ env: receiver.environment, dataDir: life.dataDir })
  await eventually(
    async () => {
      const seen = new Set((await linesOf('mount')).map(({ n }) => n))
      return [...answered].every((n) => seen.has(n)) ? true : undefined
    },
    () => `all of ${answered.size} events; ${next.log()}`,
  )
  // A clean stop leaves nothing behind that would run again.
  expect(await next.stop()).toBe(0)
  const runs = (await linesOf('mount')).length
  const last = await startPlatform({ env: receiver.environment, dataDir: life.dataDir })
  expect(await last.stop()).toBe(0)
  expect((await linesOf('mount')).length).toBe(runs)
  await rm(life.dataDir, { recursive: true, force: true })
})
