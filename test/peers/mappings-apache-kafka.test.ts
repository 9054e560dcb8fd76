// Runs mappings on Apache Kafka with the client of our own: what AWS promises holds on a cluster that is not ours.
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import {
  type CreateEventSourceMappingCommandInput as CreateInput,
  type LambdaClient,
} from '@aws-sdk/client-lambda'
import { afterAll, beforeAll, expect, test } from 'vitest'
import {
  createKafka,
  type Admin,
  type Kafka,
  type Message,
  type Producer,
} from '../../common/kafka-client.ts'
import { silentLogger } from '../../common/logger.ts'
import { attributesAt, codecOf } from '../../protocol/batch-header.ts'
import {
  connectedToKafka,
  smallKafka,
  startApacheKafka,
  type ApacheKafka,
} from '../support/apache-kafka.ts'
import { eventually } from '../support/eventually.ts'
import {
  createFunction,
  createMapping,
  fromTopic,
  lambdaClient,
  readRecorded,
} from '../support/lambda.ts'
import { startPlatform, type Platform } from '../support/platform.ts'
import { expectPoisonRecord } from '../support/poison-record.ts'
import { RawKafka } from '../support/raw-kafka.ts'

let scratch: string
let apache: ApacheKafka
let kafka: Kafka
let admin: Admin
let producer: Producer
let platform: Platform
let client: LambdaClient

beforeAll(async () => {
  scratch = await mkdtemp(join(tmpdir(), 'millrace-apache-'))
  await Promise.all([startKafka(), startOurs()])
  kafka = await createKafka({ brokers: [apache.address], clientId: 'test', logger: silentLogger })
  admin = kafka.admin()
  producer = kafka.producer()
  await connectedToKafka(admin, producer)
})

afterAll(async () => {
  client.destroy()
  await Promise.all([admin.disconnect(), producer.disconnect(), platform.stop()])
  await apache.stop()
  await rm(scratch, { recursive: true, force: true })
})

async function startKafka(port?: number): Promise<void> {
  apache = await startApacheKafka({
    dataDir: join(scratch, 'kafka'),
    ...smallKafka,
    ...(port === undefined ? {} : { port }),
  })
}

async function startOurs(): Promise<void> {
  platform = await startPlatform({ dataDir: join(scratch, 'millrace') })
  client = lambdaClient(platform)
}

interface HandledRecord {
  readonly topic: string
  readonly partition: number
  readonly offset: number
  readonly value: string
}

const outOf = (topic: string): string => join(scratch, `${topic}.ndjson`)

/** Notes each event in a line of its own, then fails on `poison` in the way it is told. */
const handlerThat = (onPoison: string): string => `
import { appendFileSync } from 'node:fs'
export const handler = async (event) => {
  const records = Object.values(event.records).flat().map(({ topic, partition, offset, value }) =>
    ({ topic, partition, offset, value: Buffer.from(value, 'base64').toString() }))
  appendFileSync(process.env.OUT, JSON.stringify({ records }) + '\\n')
  const poisoned = records.filter(({ value }) => value === 'poison')
  if (poisoned.length > 0) { ${onPoison} }
}
`

async function map(
  topic: string,
  settings: Partial<CreateInput> = {},
  onPoison = '',
): Promise<string> {
  await createFunction(client, {
    name: `on-${topic}`,
    files: { 'index.mjs': handlerThat(onPoison) },
    environment: { OUT: outOf(topic) },
  })
  return createMapping(client, platform, {
    FunctionName: `on-${topic}`,
    ...fromTopic(topic, apache.address),
    ...settings,
  })
}

async function createTopic(
  topic: string,
  numPartitions = 1,
  configs: Readonly<Record<string, string>> = {},
): Promise<void> {
  const configEntries = Object.entries(configs).map(([name, value]) => ({ name, value }))
  await admin.createTopics({ topics: [{ topic, numPartitions, configEntries }] })
}

async function send(topic: string, ...messages: (string | Message)[]): Promise<void> {
  await producer.send({
    topic,
    messages: messages.map((each) =>
      typeof each === 'string' ? { key: `k-${each}`, value: each } : each,
    ),
  })
}

/** What the function of a topic was given, event by event. */
async function eventsOf(topic: string): Promise<readonly (readonly HandledRecord[])[]> {
  const lines: readonly unknown[] = await readRecorded(outOf(topic))
  return (lines as { records: HandledRecord[] }[]).map(({ records }) => records)
}

const valuesOf = (records: readonly HandledRecord[]): string[] => records.map(({ value }) => value)

async function recordsOf(topic: string): Promise<HandledRecord[]> {
  return (await eventsOf(topic)).flat()
}

/** Waits until the function was given `value`; what it was given by then. */
async function handled(topic: string, value: string): Promise<HandledRecord[]> {
  return eventually(
    async () => {
      const records = await recordsOf(topic)
      return records.some((record) => record.value === value) ? records : undefined
    },
    () => `${value} of ${topic} to be handled\n${platform.log().slice(-3000)}`,
    40_000,
  )
}

/** By partition; -1 where nothing is committed. */
async function committedOf(groupId: string, topic: string): Promise<number[]> {
  const [found] = await admin.fetchOffsets({ groupId, topics: [topic] })
  const partitions = found?.partitions ?? []
  return partitions
    .toSorted((a, b) => a.partition - b.partition)
    .map(({ offset }) => Number(offset))
}

async function committed(groupId: string, topic: string, expected: number[]): Promise<void> {
  let last: number[] = []
  await eventually(
    async () => {
      last = await committedOf(groupId, topic)
      return last.join() === expected.join() ? true : undefined
    },
    () =>
      `${topic} committed up to ${expected.join()}, is ${last.join()}\n${platform.log().slice(-3000)}`,
  )
}

/** Offsets of each partition in the order in which they were first seen. */
function firstSights(records: readonly HandledRecord[], partitions: number): number[][] {
  return Array.from({ length: partitions }, (_, partition) => [
    ...new Set(records.filter((each) => each.partition === partition).map(({ offset }) => offset)),
  ])
}

const upTo = (end: number): number[] => Array.from({ length: end }, (_, i) => i)

/** Waits until all that the topic holds was handled, and expects each partition's order. */
async function allIsHandledInOrder(topic: string, partitions: number): Promise<HandledRecord[]> {
  const ends = (await admin.fetchTopicOffsets(topic))
    .toSorted((a, b) => a.partition - b.partition)
    .map(({ high }) => Number(high))
  const total = ends.reduce((sum, end) => sum + end, 0)
  let count = 0
  const records = await eventually(
    async () => {
      const found = await recordsOf(topic)
      count = firstSights(found, partitions).flat().length
      return count >= total ? found : undefined
    },
    () =>
      `${total} records of ${topic} to be handled, ${count} are\n${platform.log().slice(-3000)}`,
    40_000,
  )
  expect(firstSights(records, partitions)).toEqual(ends.map(upTo))
  return records
}

/** Sends without a pause until told to end; what the cluster does not take at the moment is left out. */
function keepSending(topic: string, partitions: number): () => Promise<void> {
  const state = { isOver: false }
  const run = async (): Promise<void> => {
    for (let n = 0; !state.isOver; n++) {
      const messages = upTo(10).map((i) => ({ value: `${n}-${i}`, partition: i % partitions }))
      try {
        await producer.send({ topic, messages })
      } catch (error) {
        if (!(error instanceof Error && error.name.startsWith('KafkaJS'))) throw error
      }
      await pause(20)
    }
  }
  const running = run()
  return async () => {
    state.isOver = true
    await running
  }
}

async function metric(name: string, uuid: string): Promise<number> {
  const text = await (await fetch(platform.metrics)).text()
  const line = text.split('\n').find((each) => each.startsWith(`${name}{mapping="${uuid}"`))
  return Number(line?.split(' ').at(-1))
}

test('a filtered mapping is given exactly what matches, once, in the order of each partition', async () => {
  await createTopic('filtered', 3)
  const messages = upTo(300).map((n) => ({
    value: JSON.stringify({ kind: n % 7 === 0 ? 'keep' : 'drop', n }),
    partition: n % 3,
  }))
  await send('filtered', ...messages.slice(0, 150))
  const uuid = await map('filtered', {
    BatchSize: 10,
    FilterCriteria: { Filters: [{ Pattern: JSON.stringify({ value: { kind: ['keep'] } }) }] },
  })
  await send('filtered', ...messages.slice(150))
  await committed(uuid, 'filtered', [100, 100, 100])
  const given = (await recordsOf('filtered')).map(({ partition, value }) => {
    const { kind, n } = JSON.parse(value) as { kind: string; n: number }
    return { partition, kind, n }
  })
  const kept = upTo(300).filter((n) => n % 7 === 0)
  const of = (partition: number): object[] => given.filter((each) => each.partition === partition)
  expect(given).toHaveLength(kept.length)
  for (const partition of [0, 1, 2]) {
    const own = kept.filter((n) => n % 3 === partition)
    expect(of(partition)).toEqual(own.map((n) => ({ partition, kind: 'keep', n })))
  }
})

test('AT_TIMESTAMP starts each partition at the first record of that time or later', async () => {
  await createTopic('timed', 2)
  const startMs = Math.floor(Date.now() / 1000) * 1000 - 60_000
  const at = (ms: number): string => String(startMs + ms)
  await send('timed', { value: 'early', partition: 0, timestamp: at(-1) })
  await send('timed', { value: 'early', partition: 1, timestamp: at(-5000) })
  await send('timed', { value: 'on time', partition: 0, timestamp: at(0) })
  await map('timed', {
    StartingPosition: 'AT_TIMESTAMP',
    StartingPositionTimestamp: new Date(startMs),
  })
  await handled('timed', 'on time')
  await send('timed', { value: 'later', partition: 1 })
  await handled('timed', 'later')
  expect(await recordsOf('timed')).toEqual([
    { topic: 'timed', partition: 0, offset: 1, value: 'on time' },
    { topic: 'timed', partition: 1, offset: 1, value: 'later' },
  ])
})

test('a group whose offsets another client committed is gone on with, whatever the starting position', async () => {
  await createTopic('inherited', 2)
  await send('inherited', ...upTo(20).map((n) => ({ value: `${n}`, partition: n % 2 })))
  await admin.setOffsets({
    groupId: 'inherited-group',
    topic: 'inherited',
    partitions: [
      { partition: 0, offset: '8' },
      { partition: 1, offset: '10' },
    ],
  })
  await map('inherited', {
    SelfManagedKafkaEventSourceConfig: { ConsumerGroupId: 'inherited-group' },
  })
  await committed('inherited-group', 'inherited', [10, 10])
  expect(valuesOf(await recordsOf('inherited'))).toEqual(['16', '18'])
})

test('after a kill -9 of the platform its group is gone on with: nothing is lost, nothing committed is given again', async () => {
  await createTopic('killed', 2)
  await map('killed', {
    SelfManagedKafkaEventSourceConfig: { ConsumerGroupId: 'killed-group' },
    BatchSize: 10,
    MaximumBatchingWindowInSeconds: 0,
  })
  const end = keepSending('killed', 2)
  await eventually(
    async () =>
      (await committedOf('killed-group', 'killed')).every((offset) => offset > 50)
        ? true
        : undefined,
    () => `offsets to be committed\n${platform.log().slice(-3000)}`,
  )
  await platform.kill9()
  client.destroy()
  const kept = await committedOf('killed-group', 'killed')
  const before = await recordsOf('killed')
  await startOurs()
  await send('killed', { value: 'last', partition: 0 })
  await handled('killed', 'last')
  await end()
  const all = await allIsHandledInOrder('killed', 2)
  const second = all.slice(before.length)
  expect(second.length).toBeGreaterThan(0)
  const again = second.filter(({ partition, offset }) => offset < (kept[partition] ?? 0))
  expect(again).toEqual([])
})

test('a poison record is found, ends in a topic of that cluster as AWS writes it, and its partition goes on', async () => {
  await createTopic('orders')
  await createTopic('orders-dead')
  await send('orders', 'a', 'b', 'poison', 'c')
  const uuid = await map(
    'orders',
    {
      BatchSize: 4,
      MaximumRetryAttempts: 1,
      BisectBatchOnFunctionError: true,
      DestinationConfig: { OnFailure: { Destination: 'kafka://orders-dead' } },
    },
    `throw new Error('poisoned')`,
  )
  await handled('orders', 'c')
  await send('orders', 'd')
  await handled('orders', 'd')
  const seen = (await eventsOf('orders')).map((records) => valuesOf(records).join())
  // The whole, its halves, and the poison once and once again: attempts are 1 + retries.
  expect(seen).toEqual(['a,b,poison,c', 'a,b', 'poison,c', 'poison', 'poison', 'c', 'd'])
  const [dead, ...more] = await messagesOf('orders-dead')
  expect(more).toEqual([])
  expect(dead?.key).toBe('k-poison')
  expectPoisonRecord(dead?.value, apache.address)
  await committed(uuid, 'orders', [5])
  expect(await metric('millrace_mapping_destination_events_total', uuid)).toBe(1)
  expect(await metric('millrace_mapping_dropped_events_total', uuid)).toBe(0)
})

/** All that a topic holds, read by kafkajs; it must hold something. */
async function messagesOf(topic: string): Promise<{ key?: string; value: string }[]> {
  const [{ high } = { high: '0' }] = await admin.fetchTopicOffsets(topic)
  expect(Number(high)).toBeGreaterThan(0)
  const consumer = kafka.consumer({ groupId: `reads-${topic}`, maxWaitTimeInMs: 50 })
  const seen: { key?: string; value: string }[] = []
  await consumer.connect()
  await consumer.subscribe({ topics: [topic], fromBeginning: true })
  await consumer.run({
    eachMessage: ({ message: { key, value } }) => {
      const own = key === null ? {} : { key: key.toString() }
      seen.push({ ...own, value: value?.toString() ?? '' })
      return Promise.resolve()
    },
  })
  await eventually(
    () => (seen.length >= Number(high) ? true : undefined),
    () => `${high} messages of ${topic}`,
  )
  await consumer.disconnect()
  return seen
}

test('records that a function names by partition and offset are retried alone', async () => {
  await createTopic('parcels')
  await send('parcels', 'a', 'poison', 'c')
  const uuid = await map(
    'parcels',
    { MaximumRetryAttempts: 1, FunctionResponseTypes: ['ReportBatchItemFailures'] },
    `return { batchItemFailures: poisoned.map(({ topic, partition, offset }) =>
      ({ itemIdentifier: { partition: topic + '-' + partition, offset } })) }`,
  )
  await committed(uuid, 'parcels', [3])
  await send('parcels', 'd')
  await handled('parcels', 'd')
  const seen = (await eventsOf('parcels')).map((records) => valuesOf(records).join())
  expect(seen).toEqual(['a,poison,c', 'poison', 'poison', 'd'])
  expect(await metric('millrace_mapping_dropped_events_total', uuid)).toBe(1)
})

test.each(['gzip', 'snappy', 'lz4', 'zstd'] as const)(
  "batches that Kafka's own %s packed arrive as they were sent",
  async (codec) => {
    const topic = `packed-${codec}`
    await createTopic(topic, 1, { 'compression.type': codec })
    // Some 200 KB that pack well, so that codecs with blocks need some.
    const sent = upTo(200).map((n) => `${n} ${`${codec} `.repeat(200)}`)
    await send(topic, ...sent)
    await send(topic, 'one')
    expect(await codecInLog(topic)).toBe(codec)
    const uuid = await map(topic)
    await committed(uuid, topic, [201])
    expect(valuesOf(await recordsOf(topic))).toEqual([...sent, 'one'])
  },
)

/** Of the first batch, as the cluster hands it out. */
async function codecInLog(topic: string): Promise<string | undefined> {
  const raw = await RawKafka.connect(apache.address)
  const partition = { partition: 0, fetchOffset: 0, partitionMaxBytes: 1 }
  const answer = await raw.ask('Fetch', 4, {
    replicaId: -1,
    maxWaitMs: 100,
    minBytes: 1,
    maxBytes: 1,
    isolationLevel: 0,
    topics: [{ topic, partitions: [partition] }],
  })
  raw.close()
  const records = answer.responses[0]?.partitions[0]?.records
  return records ? codecOf(attributesAt(records, 0)) : undefined
}

test('of transactions only what was committed arrives, and offsets pass over the rest', async () => {
  await createTopic('paid')
  const transactional = kafka.producer({
    transactionalId: 'paid',
    maxInFlightRequests: 1,
    idempotent: true,
  })
  await transactional.connect()
  const uuid = await map('paid')
  for (const [value, isKept] of [
    ['first', true],
    ['aborted', false],
    ['second', true],
    ['aborted again', false],
  ] as const) {
    const transaction = await transactional.transaction()
    await transaction.send({
      topic: 'paid',
      messages: [{ value: `${value} 1` }, { value: `${value} 2` }],
    })
    await (isKept ? transaction.commit() : transaction.abort())
  }
  await transactional.disconnect()
  // Eight records and four markers; then one without a transaction.
  await committed(uuid, 'paid', [12])
  await send('paid', 'plain')
  await handled('paid', 'plain')
  const given = valuesOf(await recordsOf('paid'))
  expect(given).toEqual(['first 1', 'first 2', 'second 1', 'second 2', 'plain'])
})

test('Kafka stops and starts again under a mapping: nothing is lost, order holds, and it goes on', async () => {
  await createTopic('stopped', 2)
  const uuid = await map('stopped', { BatchSize: 10, MaximumBatchingWindowInSeconds: 0 })
  const end = keepSending('stopped', 2)
  await eventually(
    async () =>
      (await committedOf(uuid, 'stopped')).every((offset) => offset > 50) ? true : undefined,
    () => `offsets to be committed\n${platform.log().slice(-3000)}`,
  )
  await apache.stop()
  await startKafka(Number(apache.address.split(':')[1]))
  await connectedToKafka(admin, producer)
  await eventually(
    async () => {
      try {
        await send('stopped', { value: 'last', partition: 0 })
        return true
      } catch (error) {
        if (error instanceof Error && error.name.startsWith('KafkaJS')) return undefined
        throw error
      }
    },
    () => 'Kafka takes records again',
  )
  await handled('stopped', 'last')
  await end()
  await allIsHandledInOrder('stopped', 2)
})
