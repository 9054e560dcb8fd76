// Follows the number of event pollers of real mappings: provisioned, on demand, and from one to the other.
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import {
  UpdateEventSourceMappingCommand,
  type LambdaClient,
  type ProvisionedPollerConfig,
} from '@aws-sdk/client-lambda'
import { Kafka, logLevel } from 'kafkajs'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { eventually } from '../support/eventually.ts'
import { createFunction, createMapping, fromTopic, lambdaClient } from '../support/lambda.ts'
import { startPlatform, type Platform } from '../support/platform.ts'

let scratch: string
let platform: Platform
let client: LambdaClient
beforeEach(async () => {
  scratch = await mkdtemp(join(tmpdir(), 'millrace-scaling-'))
  platform = await startPlatform({ dataDir: join(scratch, 'data') })
  client = lambdaClient(platform)
})
afterEach(async () => {
  client.destroy()
  await platform.stop()
  await rm(scratch, { recursive: true, force: true })
})

/** Topic with so many partitions, a function that takes 400 ms, and a mapping of one record a batch. */
async function map(
  topic: string,
  partitions: number,
  pollers?: ProvisionedPollerConfig,
): Promise<string> {
  const kafka = new Kafka({ brokers: [platform.kafka], logLevel: logLevel.NOTHING })
  const admin = kafka.admin()
  await admin.connect()
  await admin.createTopics({ topics: [{ topic, numPartitions: partitions }] })
  await admin.disconnect()
  await createFunction(client, {
    name: `on-${topic}`,
    files: { 'index.mjs': 'export const handler = () => new Promise((r) => setTimeout(r, 400))' },
    memorySizeMb: 128,
  })
  return createMapping(client, platform, {
    FunctionName: `on-${topic}`,
    ...fromTopic(topic, platform.kafka),
    BatchSize: 1,
    MaximumBatchingWindowInSeconds: 0,
    ...(pollers === undefined ? {} : { ProvisionedPollerConfig: pollers }),
  })
}

async function fill(topic: string, partitions: number, each: number): Promise<void> {
  const kafka = new Kafka({ brokers: [platform.kafka], logLevel: logLevel.NOTHING })
  const producer = kafka.producer()
  await producer.connect()
  const messages = Array.from({ length: partitions * each }, (_, i) => ({
    partition: i % partitions,
    value: `${i}`,
  }))
  await producer.send({ topic, messages })
  await producer.disconnect()
}

/** Values of a metric's series of the mapping, by what else tells them apart. */
async function metric(name: string, uuid: string): Promise<Record<string, number>> {
  const text = await (await fetch(platform.metrics)).text()
  const lines = text.split('\n').filter((line) => line.startsWith(`${name}{mapping="${uuid}"`))
  return Object.fromEntries(
    lines.map((line) => [/reason="(\w+)"/.exec(line)?.[1] ?? '', Number(line.split(' ').at(-1))]),
  )
}

async function pollersOf(uuid: string): Promise<Record<string, number | undefined>> {
  const read = async (suffix: string) =>
    (await metric(`millrace_mapping_event_pollers${suffix}`, uuid))['']
  return { now: await read(''), min: await read('_min'), max: await read('_max') }
}

async function reach(uuid: string, now: number): Promise<void> {
  let last: Awaited<ReturnType<typeof pollersOf>> = {}
  await eventually(
    async () => {
      last = await pollersOf(uuid)
      return last['now'] === now ? true : undefined
    },
    () => `${now} event pollers; there are ${JSON.stringify(last)}\n${platform.log().slice(-2000)}`,
    30_000,
  )
}

test('an on-demand mapping grows to one event poller per partition under lag, and says why', async () => {
  const uuid = await map('behind', 6)
  expect(await pollersOf(uuid)).toEqual({ now: 1, min: 1, max: 6 })
  await fill('behind', 6, 40)
  await reach(uuid, 6)
  const decisions = await metric('millrace_mapping_scaling_decisions_total', uuid)
  expect(decisions).toEqual({
    lag: 2,
    partitions: 1,
    maximum: 0,
    concurrency: 0,
    throttled: 0,
    idle: 0,
  })
  const lines = platform.log().split('\n')
  const said = lines.filter((line) => line.includes('event pollers changed'))
  expect(said).toHaveLength(3)
  expect(said[0]).toMatch(/from=1 to=2 reason=lag lag=\d+/)
})

test('a provisioned mapping holds its minimum when idle, stops at its maximum, and goes back with {}', async () => {
  const uuid = await map('kept', 6, { MinimumPollers: 2, MaximumPollers: 3 })
  await reach(uuid, 2)
  expect(await pollersOf(uuid)).toEqual({ now: 2, min: 2, max: 3 })
  await fill('kept', 6, 20)
  await reach(uuid, 3)
  // Eight seconds of work and ten of calm later the minimum is what stays.
  await reach(uuid, 2)
  const decisions = await metric('millrace_mapping_scaling_decisions_total', uuid)
  expect(decisions).toMatchObject({ maximum: 1, idle: 1, lag: 0 })
  const answer = await client.send(
    new UpdateEventSourceMappingCommand({ UUID: uuid, ProvisionedPollerConfig: {} }),
  )
  expect(answer.ProvisionedPollerConfig).toBeUndefined()
  await reach(uuid, 1)
  expect(await pollersOf(uuid)).toEqual({ now: 1, min: 1, max: 6 })
})
