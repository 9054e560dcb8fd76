// Asks started mappings why they lag, where the reason is known because the test made it.
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import {
  CreateEventSourceMappingCommand,
  PutFunctionConcurrencyCommand,
  type LambdaClient,
} from '@aws-sdk/client-lambda'
import { Kafka, logLevel } from 'kafkajs'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { eventually } from '../support/eventually.ts'
import { createFunction, lambdaClient } from '../support/lambda.ts'
import { startPlatform, type Platform } from '../support/platform.ts'

let scratch: string
let platform: Platform
let client: LambdaClient
let kafka: Kafka
beforeAll(async () => {
  scratch = await mkdtemp(join(tmpdir(), 'millrace-lag-'))
  platform = await startPlatform({ dataDir: join(scratch, 'data') })
  client = lambdaClient(platform)
  kafka = new Kafka({ brokers: [platform.kafka], logLevel: logLevel.NOTHING })
})
afterAll(async () => {
  client.destroy()
  await platform.stop()
  await rm(scratch, { recursive: true, force: true })
})

interface Lag {
  readonly Cause: string
  readonly Detail?: string
  readonly Records: number
  readonly Seconds: number
  readonly Partitions: readonly { readonly Partition: number; readonly Records: number }[]
}

/** The mapping as anyone may read it: SDKs leave out what AWS does not have. */
async function lagOf(uuid: string): Promise<Lag | undefined> {
  const answer = await fetch(`${platform.aws}/2015-03-31/event-source-mappings/${uuid}`)
  return ((await answer.json()) as { Lag?: Lag }).Lag
}

async function lagsBecauseOf(uuid: string, cause: string): Promise<Lag> {
  let last: Lag | undefined
  return eventually(
    async () => {
      last = await lagOf(uuid)
      return last?.Cause === cause ? last : undefined
    },
    () => `${cause}, but it says ${JSON.stringify(last)}\n${platform.log()}`,
  )
}

/** A topic of two partitions with records in both, a function of this code, and a mapping of one record a batch. */
async function lagging(name: string, code: string, reserved?: number): Promise<string> {
  const topic = name
  await createFunction(client, {
    name,
    files: { 'index.mjs': `export const handler = ${code}` },
    memorySizeMb: 128,
  })
  if (reserved !== undefined) {
    const ReservedConcurrentExecutions = reserved
    await client.send(
      new PutFunctionConcurrencyCommand({ FunctionName: name, ReservedConcurrentExecutions }),
    )
  }
  const admin = kafka.admin()
  await admin.connect()
  await admin.createTopics({ topics: [{ topic, numPartitions: 2 }] })
  await admin.disconnect()
  const producer = kafka.producer()
  await producer.connect()
  const messages = Array.from({ length: 400 }, (_, i) => ({ partition: i % 2, value: `${i}` }))
  await producer.send({ topic, messages })
  await producer.disconnect()
  const { UUID = '' } = await client.send(
    new CreateEventSourceMappingCommand({
      FunctionName: name,
      SelfManagedEventSource: { Endpoints: { KAFKA_BOOTSTRAP_SERVERS: [platform.kafka] } },
      Topics: [topic],
      StartingPosition: 'TRIM_HORIZON',
      BatchSize: 1,
      MaximumBatchingWindowInSeconds: 0,
    }),
  )
  return UUID
}

const slowly = '() => new Promise((resolve) => setTimeout(resolve, 3000))'

test('a mapping says why it lags, in its answer and in the metrics', async () => {
  const quick = await lagging('quick', 'async () => 1')
  // Two lanes whose batches take seconds: the lag falls by less than one a second.
  const slow = await lagging('slow', slowly)
  const poison = await lagging('poison', "async () => { throw new Error('no') }")
  const throttled = await lagging('throttled', 'async () => 1', 0)
  expect((await lagsBecauseOf(throttled, 'throttled')).Detail).toContain(
    'ReservedFunctionConcurrentInvocationLimitExceeded',
  )
  expect(await lagsBecauseOf(poison, 'poison-record')).toMatchObject({
    Records: 400,
    Detail: expect.stringContaining('its batch has failed') as string,
    Partitions: [
      { Partition: 0, Records: 200 },
      { Partition: 1, Records: 200 },
    ],
  })
  const { Detail } = await lagsBecauseOf(slow, 'slow-handler')
  expect(Detail).toContain('all 2 partitions that are behind')
  expect((await lagOf(quick)) ?? { Cause: 'none', Records: 0 }).toMatchObject({
    Cause: 'none',
    Records: 0,
  })
  const text = await (await fetch(platform.metrics)).text()
  expect(text).toMatch(
    new RegExp(`^millrace_mapping_lag_cause\\{mapping="${slow}".*cause="slow-handler"\\} 1$`, 'm'),
  )
  expect(text).toMatch(
    new RegExp(`^millrace_mapping_partition_lag\\{mapping="${slow}".*partition="1"\\} \\d+$`, 'm'),
  )
})
