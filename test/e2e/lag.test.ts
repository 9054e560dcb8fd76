// Asks started mappings why they lag, where the reason is known because the test made it.
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import {
  CreateEventSourceMappingCommand,
  DeleteFunctionCommand,
  PutFunctionConcurrencyCommand,
  type CreateEventSourceMappingCommandInput,
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
  platform = await startPlatform({
    dataDir: join(scratch, 'data'),
    env: {
      AWS_ENDPOINT_URL_SQS: 'http://127.0.0.1:1',
      AWS_ACCESS_KEY_ID: 'any',
      AWS_SECRET_ACCESS_KEY: 'any',
    },
  })
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

interface Load {
  /** The partition of each record; of 400 every second one unless given. */
  readonly partitions?: readonly number[]
  readonly numPartitions?: number
  readonly reserved?: number
  readonly change?: Partial<CreateEventSourceMappingCommandInput>
}

/** A topic with records, a function of this code, and a mapping of one record a batch. */
async function lagging(name: string, code: string, load: Load = {}): Promise<string> {
  const { numPartitions = 2, reserved, change } = load
  const { partitions = Array.from({ length: 400 }, (_, i) => i % 2) } = load
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
  await admin.createTopics({ topics: [{ topic, numPartitions }] })
  await admin.disconnect()
  const producer = kafka.producer()
  await producer.connect()
  const messages = partitions.map((partition, i) => ({ partition, value: `${i}` }))
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
      ...change,
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
  const throttled = await lagging('throttled', 'async () => 1', { reserved: 0 })
  expect((await lagsBecauseOf(throttled, 'throttled')).Detail).toContain(
    'ReservedFunctionConcurrentInvocationLimitExceeded',
  )
  expect(await lagsBecauseOf(poison, 'poison-record')).toMatchObject({
    Records: 400,
    Detail: expect.stringMatching(
      /^partition \d from offset 0 on(?:, and 1 more)?: its batch has failed \d+ times? and is sent again, last with Error: no; [24]00 of 400/,
    ) as string,
    Partitions: [
      { Partition: 0, Records: 200 },
      { Partition: 1, Records: 200 },
    ],
  })
  const { Detail } = await lagsBecauseOf(slow, 'slow-handler')
  expect(Detail).toContain('all 2 partitions that are behind')
  // What is behind by nothing and never was need not say so.
  let last: Lag | undefined
  await eventually(
    async () => {
      last = await lagOf(quick)
      return last === undefined || (last.Cause === 'none' && last.Records === 0) ? true : undefined
    },
    () => `the quick one is not behind, but it says ${JSON.stringify(last)}\n${platform.log()}`,
  )
  const text = await (await fetch(platform.metrics)).text()
  expect(text).toMatch(
    new RegExp(`^millrace_mapping_lag_cause\\{mapping="${slow}".*cause="slow-handler"\\} 1$`, 'm'),
  )
  expect(text).toMatch(
    new RegExp(`^millrace_mapping_partition_lag\\{mapping="${slow}".*partition="1"\\} \\d+$`, 'm'),
  )
})

test('whatever else holds a mapping up is named as what it is', async () => {
  const spread = (each: number, over: number) =>
    Array.from({ length: each * over }, (_, i) => i % over)
  const throwing = "async () => { throw new Error('no') }"
  const hot = await lagging('hot', slowly, { partitions: Array.from({ length: 400 }, () => 1) })
  const most = await lagging('most', slowly, {
    numPartitions: 10,
    partitions: spread(40, 10),
    change: { ProvisionedPollerConfig: { MinimumPollers: 1, MaximumPollers: 1 } },
  })
  const behind = await lagging('behind', '() => new Promise((done) => setTimeout(done, 400))', {
    partitions: spread(4000, 2),
    change: { BatchSize: 50 },
  })
  const away = await lagging('away', 'async () => 1', {
    change: {
      SelfManagedEventSource: { Endpoints: { KAFKA_BOOTSTRAP_SERVERS: ['127.0.0.1:1'] } },
    },
  })
  const stuck = await lagging('stuck', throwing, {
    change: {
      MaximumRetryAttempts: 0,
      DestinationConfig: { OnFailure: { Destination: 'arn:aws:sqs:us-east-1:000000000000:away' } },
      BatchSize: 1000,
    },
  })
  const gone = await lagging('gone', slowly)
  await client.send(new DeleteFunctionCommand({ FunctionName: 'gone' }))
  const detailOf = async (uuid: string, cause: string) => (await lagsBecauseOf(uuid, cause)).Detail
  expect(await detailOf(hot, 'hot-partition')).toContain('partition 1 has 100 % of the lag')
  expect(await detailOf(most, 'pollers-at-maximum')).toContain('1 event poller with 5 invocations')
  expect(await detailOf(behind, 'catching-up')).toMatch(/^\d+ records, \d+ less each second/)
  expect(await detailOf(away, 'source-unreachable')).toContain('no broker answers at 127.0.0.1:1')
  expect(await detailOf(gone, 'function-unreachable')).toContain('Function not found: arn:')
  expect(await detailOf(stuck, 'destination-unreachable')).toMatch(/[24]00 of 400 records wait/)
})
