// Follows records that a function fails on: split, given up to a Kafka topic, named one by one.
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import {
  type CreateEventSourceMappingCommandInput as CreateInput,
  type LambdaClient,
} from '@aws-sdk/client-lambda'
import { Kafka, logLevel } from 'kafkajs'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { eventually } from '../support/eventually.ts'
import {
  createFunction,
  createMapping,
  fromTopic,
  lambdaClient,
  readRecorded,
  type RecordedLine,
} from '../support/lambda.ts'
import { startPlatform, type Platform } from '../support/platform.ts'
import { expectPoisonRecord } from '../support/poison-record.ts'

let scratch: string
let platform: Platform
let client: LambdaClient
beforeEach(async () => {
  scratch = await mkdtemp(join(tmpdir(), 'millrace-failures-'))
  platform = await startPlatform({ dataDir: join(scratch, 'data') })
  client = lambdaClient(platform)
})
afterEach(async () => {
  client.destroy()
  await platform.stop()
  await rm(scratch, { recursive: true, force: true })
})

const kafka = (): Kafka => new Kafka({ brokers: [platform.kafka], logLevel: logLevel.NOTHING })
const outOf = (topic: string): string => join(scratch, `${topic}.ndjson`)

/** Notes each event's values in a line of its own, then fails on `poison` in the way it is told. */
const poisonable = (onPoison: string) => `
import { appendFileSync } from 'node:fs'
export const handler = async (event) => {
  const records = Object.values(event.records).flat()
  const values = records.map(({ value }) => Buffer.from(value, 'base64').toString())
  appendFileSync(process.env.OUT, JSON.stringify({ value: values.join(',') }) + '\\n')
  const poisoned = records.filter((_, i) => values[i] === 'poison')
  if (poisoned.length > 0) { ${onPoison} }
}
`

async function map(
  topic: string,
  onPoison: string,
  settings: Partial<CreateInput>,
): Promise<string> {
  await createFunction(client, {
    name: `on-${topic}`,
    files: { 'index.mjs': poisonable(onPoison) },
    environment: { OUT: outOf(topic) },
  })
  return createMapping(client, platform, {
    FunctionName: `on-${topic}`,
    ...fromTopic(topic, platform.kafka),
    ...settings,
  })
}

async function send(topic: string, values: readonly string[]): Promise<void> {
  const producer = kafka().producer({ allowAutoTopicCreation: true })
  await producer.connect()
  await producer.send({ topic, messages: values.map((value) => ({ key: `k-${value}`, value })) })
  await producer.disconnect()
}

async function handled(topic: string, last: string): Promise<readonly string[]> {
  const lines = await eventually(
    async () => {
      const found: RecordedLine[] = await readRecorded(outOf(topic))
      return found.at(-1)?.value === last ? found : undefined
    },
    () => `${last} to be handled\n${platform.log().slice(-3000)}`,
    30_000,
  )
  return lines.map(({ value }) => value)
}

/** The first messages of a topic. */
async function messagesOf(topic: string, count: number) {
  const consumer = kafka().consumer({ groupId: `reads-${topic}`, maxWaitTimeInMs: 50 })
  const seen: { key: string | undefined; value: string }[] = []
  await consumer.connect()
  await consumer.subscribe({ topics: [topic], fromBeginning: true })
  await consumer.run({
    eachMessage: async ({ message: { key, value } }) => {
      seen.push({ key: key?.toString(), value: value?.toString() ?? '' })
    },
  })
  await eventually(
    async () => (seen.length >= count ? true : undefined),
    () => `${count} messages of ${topic}\n${platform.log().slice(-3000)}`,
  )
  await consumer.disconnect()
  return seen
}

async function metric(name: string, uuid: string): Promise<number> {
  const text = await (await fetch(platform.metrics)).text()
  const line = text.split('\n').find((each) => each.startsWith(`${name}{mapping="${uuid}"`))
  return Number(line?.split(' ').at(-1))
}

test('a poison record is found, ends in the destination topic as AWS writes it, and its partition goes on', async () => {
  await send('orders', ['a', 'b', 'poison', 'c'])
  const uuid = await map('orders', `throw new Error('poisoned')`, {
    BatchSize: 4,
    MaximumRetryAttempts: 1,
    BisectBatchOnFunctionError: true,
    DestinationConfig: { OnFailure: { Destination: 'kafka://orders-dead' } },
  })
  expect(await handled('orders', 'c')).toEqual([
    'a,b,poison,c',
    'a,b',
    'poison,c',
    'poison',
    'poison',
    'c',
  ])
  await send('orders', ['d'])
  await handled('orders', 'd')
  const [message, ...more] = await messagesOf('orders-dead', 1)
  expect(more).toEqual([])
  expect(message?.key).toBe('k-poison')
  expectPoisonRecord(message?.value, platform.kafka)
  expect(await metric('millrace_mapping_destination_events_total', uuid)).toBe(1)
  expect(await metric('millrace_mapping_dropped_events_total', uuid)).toBe(0)
})

test('records that a function names are retried alone, and dropped where there is no destination', async () => {
  await send('parcels', ['a', 'poison', 'c'])
  const naming = `return { batchItemFailures: poisoned.map(({ topic, partition, offset }) =>
    ({ itemIdentifier: { partition: topic + '-' + partition, offset } })) }`
  const uuid = await map('parcels', naming, {
    MaximumRetryAttempts: 1,
    FunctionResponseTypes: ['ReportBatchItemFailures'],
  })
  await eventually(
    async () =>
      (await metric('millrace_mapping_dropped_events_total', uuid)) === 1 ? true : undefined,
    () => `the record to be dropped\n${platform.log().slice(-3000)}`,
  )
  await send('parcels', ['d'])
  expect(await handled('parcels', 'd')).toEqual(['a,poison,c', 'poison', 'poison', 'd'])
  expect(platform.log()).toMatch(
    /records dropped condition=RetryAttemptsExhausted records=1 offsets=\["0:1"\]/,
  )
})
