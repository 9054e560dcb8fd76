// Tests the producer against the real broker: bytes, order per key, refusals, a broker that restarts.
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { startBroker } from '../broker/broker.ts'
import { systemClock } from '../common/clock.ts'
import { parseConfig } from '../common/config.ts'
import { createKafka, type Kafka } from '../common/kafka-client.ts'
import { silentLogger } from '../common/logger.ts'
import type { RunningRole } from '../common/role.ts'
import { connectKafkaTransport } from './kafka-transport.ts'
import { runProducer } from './producer.ts'

let directory: string
let broker: RunningRole
let brokers: string[]
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'producer-'))
  broker = await start()
  brokers = [broker.doors['kafka'] ?? '']
})
afterEach(async () => {
  await broker.stop()
  await rm(directory, { recursive: true })
})

function start(options: { port?: number; autoCreateTopics?: boolean } = {}): Promise<RunningRole> {
  const config = parseConfig('broker', ['--num-partitions', '4'], {})
  const { retentionMs, retentionBytes, segmentBytes, numPartitions } = config
  return startBroker(
    {
      dataDir: directory,
      host: '127.0.0.1',
      port: options.port ?? 0,
      advertised: '',
      numPartitions,
      autoCreateTopics: options.autoCreateTopics ?? true,
      retentionMs,
      retentionBytes,
      segmentBytes,
      flush: 'commit',
      flushIntervalMs: config.flushInterval,
      directIo: 'auto',
      groupInitialRebalanceDelayMs: 0,
      kinesisPort: 'off',
      region: 'us-east-1',
      accountId: '000000000000',
      pace: 'local',
      logLevel: 'error',
      logFormat: 'text',
    },
    silentLogger,
  )
}

interface Result {
  readonly code: number
  readonly report: { readonly acknowledged: number; readonly failed: number }
}

type Chunks = Iterable<string> | AsyncIterable<string>

async function produce(argv: readonly string[], input: Chunks): Promise<Result> {
  let stdout = ''
  const options = ['--topic', 't', '--brokers', brokers.join(), '--report', 'json', '--file', '-']
  const code = await runProducer(parseConfig('producer', [...options, ...argv], {}), {
    clock: systemClock,
    logger: silentLogger,
    stdin: Readable.from(input).map((chunk: string) => Buffer.from(chunk)),
    stdout: { write: (text) => (stdout += text) },
    stderr: { write: () => {} },
    signal: new AbortController().signal,
  })
  return { code, report: JSON.parse(stdout) as Result['report'] }
}

interface Read {
  readonly partition: number
  readonly key: string | undefined
  readonly value: string
}

/** Records until `count` different values have come, each partition in its order. */
async function read(count: number): Promise<Read[]> {
  const kafka: Kafka = await createKafka({ brokers, clientId: 'test', logger: silentLogger })
  const consumer = kafka.consumer({ groupId: 'test', maxWaitTimeInMs: 50 })
  await consumer.connect()
  await consumer.subscribe({ topic: 't', fromBeginning: true })
  const found: Read[] = []
  const values = new Set<string>()
  await new Promise<void>((resolve, reject) => {
    consumer
      .run({
        eachMessage: ({ partition, message: { key, value } }) => {
          const text = value?.toString('latin1') ?? ''
          found.push({ partition, key: key?.toString(), value: text })
          if (values.add(text).size === count) resolve()
          return Promise.resolve()
        },
      })
      .catch(reject)
  })
  await consumer.disconnect()
  return found
}

function flights(count: number): string[] {
  const airports = ['DTW', 'HNL', 'LAS', 'MHT', 'ORD', 'SFO', 'JFK', 'BWI', 'OAK', 'PHX']
  return Array.from({ length: count }, (_, i) => {
    const origin = airports[(i * 7) % 10]
    return `{"date":"2001/01/01", "delay": ${i}, "origin":"${origin}","destination":"é 😀"}`
  })
}

test('lines of a file reach the topic byte by byte, in their order per key', async () => {
  const lines = flights(5000)
  const result = await produce(['--key-field', 'origin'], [lines.join('\n')])
  expect(result).toMatchObject({ code: 0, report: { acknowledged: 5000, failed: 0 } })
  const records = await read(5000)
  const bytes = (text: string): string => Buffer.from(text).toString('latin1')
  expect(records.map(({ value }) => value).toSorted()).toEqual(lines.map(bytes).toSorted())
  expect(new Set(records.map(({ partition }) => partition)).size).toBeGreaterThan(1)
  for (const [key, ofKey] of Map.groupBy(records, (record) => record.key)) {
    const expected = lines.filter((line) => line.includes(`"origin":"${key}"`)).map(bytes)
    expect(ofKey.map(({ value }) => value)).toEqual(expected)
    expect(new Set(ofKey.map(({ partition }) => partition)).size).toBe(1)
  }
})

test('without acknowledgements the records arrive all the same', async () => {
  const lines = flights(2000)
  expect(await produce(['--acks', '0'], [lines.join('\n')])).toMatchObject({ code: 0 })
  expect(await read(2000)).toHaveLength(2000)
})

test('a broker that stops and comes back loses nothing', async () => {
  const port = Number(brokers[0]?.split(':')[1])
  const lines = flights(3000)
  async function* input(): AsyncGenerator<string> {
    yield `${lines.slice(0, 1000).join('\n')}\n`
    await broker.stop()
    yield `${lines.slice(1000, 2000).join('\n')}\n`
    broker = await start({ port })
    yield lines.slice(2000).join('\n')
  }
  const result = await produce(['--key-field', 'origin'], input())
  expect(result).toMatchObject({ code: 0, report: { acknowledged: 3000, failed: 0 } })
  const records = await read(3000)
  // A batch whose answer was lost is there twice; of each record, the first counts.
  const delays = Map.groupBy(records, ({ key }) => key)
  for (const ofKey of delays.values()) {
    const order = [...new Set(ofKey.map(({ value }) => value))]
    const delayOf = (value: string): number => Number(/"delay": (\d+)/.exec(value)?.[1])
    expect(order.map(delayOf)).toEqual(order.map(delayOf).toSorted((a, b) => a - b))
  }
})

test('a record larger than the broker takes is refused with its reason', async () => {
  const options = { brokers, topic: 't', acks: 'all', logger: silentLogger } as const
  const transport = await connectKafkaTransport(options)
  const value = Buffer.alloc(2_000_000)
  expect(await transport.send([{ key: null, value }])).toEqual({
    kind: 'refused',
    reason: expect.stringMatching(/larger than the max message size/) as string,
  })
  await transport.close()
})

test('a topic that is not there and is not created is unavailable', async () => {
  await broker.stop()
  broker = await start({ autoCreateTopics: false })
  brokers = [broker.doors['kafka'] ?? '']
  const options = { brokers, topic: 'nowhere', acks: 'all', logger: silentLogger } as const
  const transport = await connectKafkaTransport(options)
  expect(await transport.send([{ key: null, value: Buffer.from('x') }])).toEqual({
    kind: 'unavailable',
    reason: expect.stringMatching(/does not host this topic-partition/) as string,
  })
  await transport.close()
})

test('a broker that is not there is BROKER_UNREACHABLE', async () => {
  await broker.stop()
  const options = { brokers, topic: 't', acks: 'all', logger: silentLogger } as const
  await expect(connectKafkaTransport(options)).rejects.toMatchObject({ code: 'BROKER_UNREACHABLE' })
  broker = await start()
})
