// Sends recorded earthquakes and flights through the whole platform, with and without a kill -9.
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { CreateEventSourceMappingCommand } from '@aws-sdk/client-lambda'
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
import { run, startPlatform, type Platform } from '../support/platform.ts'

const earthquakesFile = new URL('../data/earthquakes.ndjson', import.meta.url).pathname
const flightsFile = new URL('../data/flights.ndjson', import.meta.url).pathname

let scratch: string
let platform: Platform
beforeEach(async () => {
  scratch = await mkdtemp(join(tmpdir(), 'millrace-e2e-'))
  platform = await startPlatform({ dataDir: join(scratch, 'data') })
})
afterEach(async () => {
  await platform.stop()
  await rm(scratch, { recursive: true, force: true })
})

/** Creates topic, function and mapping; returns the file that the function writes. */
async function deploy(topic: string, partitions: number, filter?: unknown): Promise<string> {
  const kafka = new Kafka({ brokers: [platform.kafka], logLevel: logLevel.NOTHING })
  const admin = kafka.admin()
  await admin.connect()
  await admin.createTopics({ topics: [{ topic, numPartitions: partitions }] })
  await admin.disconnect()
  const client = lambdaClient(platform)
  const out = join(scratch, `${topic}.ndjson`)
  const files = { 'index.mjs': recordingHandler }
  await createFunction(client, { name: `record-${topic}`, files, environment: { OUT: out } })
  await client.send(
    new CreateEventSourceMappingCommand({
      FunctionName: `record-${topic}`,
      SelfManagedEventSource: { Endpoints: { KAFKA_BOOTSTRAP_SERVERS: [platform.kafka] } },
      Topics: [topic],
      BatchSize: 100,
      StartingPosition: 'TRIM_HORIZON',
      ...(filter === undefined
        ? {}
        : { FilterCriteria: { Filters: [{ Pattern: JSON.stringify(filter) }] } }),
    }),
  )
  client.destroy()
  return out
}

async function produce(...args: readonly string[]): Promise<void> {
  const result = await run(['producer', '--brokers', platform.kafka, ...args])
  expect(result, result.stderr).toMatchObject({ code: 0 })
}

async function recorded(file: string, count: number): Promise<RecordedLine[]> {
  let seen = 0
  return eventually(
    async () => {
      const lines = await readRecorded(file)
      seen = new Set(lines.map((l) => `${l.partition}/${l.offset}`)).size
      return seen >= count ? lines : undefined
    },
    () => `${count} records handled; ${seen} were\n${platform.log().slice(-3000)}`,
    40_000,
  )
}

async function linesOf(file: string): Promise<string[]> {
  return (await readFile(file, 'utf8')).split('\n').filter((line) => line !== '')
}

async function strongEarthquakes(): Promise<string[]> {
  const strong = (line: string): boolean =>
    (JSON.parse(line) as { properties: { mag: number | null } }).properties.mag !== null &&
    (JSON.parse(line) as { properties: { mag: number } }).properties.mag >= 4.5
  return (await linesOf(earthquakesFile)).filter(strong)
}

const strongFilter = { value: { properties: { mag: [{ numeric: ['>=', 4.5] }] } } }

test('a filter lets exactly the strong earthquakes reach the function, each once', async () => {
  const out = await deploy('earthquakes', 3, strongFilter)
  await produce('--topic', 'earthquakes', '--file', earthquakesFile)
  const expected = await strongEarthquakes()
  expect(expected.length).toBeGreaterThan(10)
  const lines = await recorded(out, expected.length)
  expect(lines.map((line) => line.value).sort()).toEqual(expected.sort())
})

test('flights keyed by origin all arrive, each once, in order per key', async () => {
  const out = await deploy('flights', 6)
  await produce('--topic', 'flights', '--file', flightsFile, '--key-field', 'origin')
  const sent = await linesOf(flightsFile)
  const lines = await recorded(out, sent.length)
  expect(lines).toHaveLength(sent.length)
  expect(byKey(lines)).toEqual(
    byKey(sent.map((value) => ({ key: (JSON.parse(value) as { origin: string }).origin, value }))),
  )
})

test('kill -9 in the middle of both streams loses nothing acknowledged; every event is handled', async () => {
  const outs = {
    flights: await deploy('flights', 6),
    earthquakes: await deploy('earthquakes', 3, strongFilter),
  }
  const [flights, strong] = await Promise.all([linesOf(flightsFile), strongEarthquakes()])
  const earthquakes = await linesOf(earthquakesFile)
  const acknowledged = { flights: new Set<string>(), earthquakes: new Set<string>() }
  const sending = Promise.all([
    sendUntilLost('flights', flights, acknowledged.flights),
    sendUntilLost('earthquakes', earthquakes, acknowledged.earthquakes),
  ])
  await recorded(outs.flights, 500)
  await platform.kill9()
  await sending
  // What was handled need not be acknowledged yet.
  expect(acknowledged.flights.size).toBeGreaterThan(0)
  expect(acknowledged.flights.size).toBeLessThan(flights.length)

  const port = platform.kafka.split(':')[1] ?? ''
  const env = { MILLRACE_KAFKA_PORT: port }
  platform = await startPlatform({ dataDir: join(scratch, 'data'), env })
  await handledAll(outs.flights, acknowledged.flights)
  const strongAcknowledged = strong.filter((line) => acknowledged.earthquakes.has(line))
  await handledAll(outs.earthquakes, new Set(strongAcknowledged))
})

/** Sends line after line with acks=all until the broker is gone, noting each acknowledged line. */
async function sendUntilLost(
  topic: string,
  lines: readonly string[],
  acknowledged: Set<string>,
): Promise<void> {
  const kafka = new Kafka({
    brokers: [platform.kafka],
    logLevel: logLevel.NOTHING,
    retry: { retries: 0 },
  })
  const producer = kafka.producer({ allowAutoTopicCreation: false })
  await producer.connect()
  try {
    for (let at = 0; at < lines.length; at += 20) {
      const values = lines.slice(at, at + 20)
      await producer.send({ topic, acks: -1, messages: values.map((value) => ({ value })) })
      for (const value of values) acknowledged.add(value)
    }
  } catch (error) {
    expect(error).toBeInstanceOf(Error)
  } finally {
    await producer.disconnect()
  }
}

async function handledAll(file: string, expected: ReadonlySet<string>): Promise<void> {
  let missing: string[] = []
  await eventually(
    async () => {
      const handled = new Set((await readRecorded(file)).map((line) => line.value))
      missing = [...expected].filter((value) => !handled.has(value))
      return missing.length === 0 ? true : undefined
    },
    () => `${missing.length} acknowledged records not handled, as ${missing[0]}`,
    40_000,
  )
}

function byKey(records: readonly { key?: string; value: string }[]): Record<string, string[]> {
  const groups: Record<string, string[]> = {}
  for (const { key, value } of records) (groups[key ?? ''] ??= []).push(value)
  return groups
}
