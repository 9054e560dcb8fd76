// Proves with kafkajs that nothing is written twice, across a broker that is killed while it is written to.
import { Kafka, logLevel } from 'kafkajs'
import { afterEach, expect, test } from 'vitest'
import { mkdtemp, rm } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { startPlatform, type Platform } from '../support/platform.ts'

const cleanups: (() => Promise<unknown>)[] = []
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup()
})

function kafka(broker: string): Kafka {
  const retry = { retries: 40, initialRetryTime: 50, maxRetryTime: 200 }
  return new Kafka({ brokers: [broker], clientId: 'test', logLevel: logLevel.NOTHING, retry })
}

/** A port that a broker can come back to. */
async function freePort(): Promise<string> {
  const server = createServer().listen(0, '127.0.0.1')
  await new Promise((resolve) => server.once('listening', resolve))
  const address = server.address()
  await new Promise((resolve) => server.close(resolve))
  if (address === null || typeof address === 'string') throw new Error('a port was asked for')
  return String(address.port)
}

async function read(client: Kafka, topic: string): Promise<string[]> {
  const admin = client.admin()
  await admin.connect()
  const [end] = await admin.fetchTopicOffsets(topic)
  await admin.disconnect()
  const consumer = client.consumer({ groupId: `reader-${topic}` })
  await consumer.connect()
  await consumer.subscribe({ topic, fromBeginning: true })
  const values: string[] = []
  await new Promise<void>((resolve) => {
    void consumer.run({
      eachBatch: ({ batch }) => {
        values.push(...batch.messages.map(({ value }) => value?.toString() ?? ''))
        if (Number(batch.lastOffset()) + 1 >= Number(end?.high)) resolve()
        return Promise.resolve()
      },
    })
  })
  await consumer.disconnect()
  return values
}

test('an idempotent producer that sends through kill -9 of the broker writes every record once, in order', async () => {
  const dataDir = await mkdtemp(join(tmpdir(), 'millrace-once-'))
  cleanups.push(() => rm(dataDir, { recursive: true, force: true }))
  const env = { MILLRACE_KAFKA_PORT: await freePort() }
  const start = (): Promise<Platform> => startPlatform({ role: 'broker', dataDir, env })
  let platform = await start()
  cleanups.push(() => platform.stop())
  const client = kafka(platform.kafka)
  const producer = client.producer({ idempotent: true })
  await producer.connect()
  cleanups.push(() => producer.disconnect())
  const sent: string[] = []
  const done = new AbortController()
  const sending = (async () => {
    for (let n = 0; !done.signal.aborted; n++) {
      const values = [`${n}a`, `${n}b`, `${n}c`]
      await producer.send({ topic: 'once', messages: values.map((value) => ({ value })) })
      sent.push(...values)
    }
  })()
  for (let kill = 0; kill < 3; kill++) {
    const from = sent.length
    await expect.poll(() => sent.length, { timeout: 20_000 }).toBeGreaterThan(from + 60)
    await platform.kill9()
    platform = await start()
  }
  done.abort()
  await sending
  expect(await read(client, 'once')).toEqual(sent)
})
