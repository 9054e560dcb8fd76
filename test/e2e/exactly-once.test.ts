// Proves with kafkajs that nothing is written twice and nothing half, across a broker that is killed meanwhile.
import { Kafka, logLevel, type Producer } from 'kafkajs'
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

/** A broker that comes back to its port after it was killed. */
async function killableBroker(): Promise<{ client: Kafka; kill: () => Promise<void> }> {
  const dataDir = await mkdtemp(join(tmpdir(), 'millrace-exactly-'))
  cleanups.push(() => rm(dataDir, { recursive: true, force: true }))
  const env = { MILLRACE_KAFKA_PORT: await freePort() }
  const start = (): Promise<Platform> => startPlatform({ role: 'broker', dataDir, env })
  let platform = await start()
  cleanups.push(() => platform.stop())
  const kill = async (): Promise<void> => {
    await platform.kill9()
    platform = await start()
  }
  return { client: kafka(platform.kafka), kill }
}

test('an idempotent producer that sends through kill -9 of the broker writes every record once, in order', async () => {
  const { client, kill } = await killableBroker()
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
  for (let kills = 0; kills < 3; kills++) {
    const from = sent.length
    await expect.poll(() => sent.length, { timeout: 20_000 }).toBeGreaterThan(from + 60)
    await kill()
  }
  done.abort()
  await sending
  expect(await read(client, 'once')).toEqual(sent)
})

async function transactional(client: Kafka, transactionalId: string): Promise<Producer> {
  const producer = client.producer({ transactionalId, maxInFlightRequests: 1, idempotent: true })
  await producer.connect()
  cleanups.push(() => producer.disconnect())
  return producer
}

test('what transactions wrote is read whole or not at all, one after the other', async () => {
  const { client } = await killableBroker()
  const producer = await transactional(client, 'whole')
  const committed: string[] = []
  for (let n = 0; n < 20; n++) {
    const transaction = await producer.transaction()
    const values = [`${n}a`, `${n}b`]
    await transaction.send({ topic: 'whole', messages: values.map((value) => ({ value })) })
    if (n % 3 === 1) {
      await transaction.abort()
    } else {
      await transaction.commit()
      committed.push(...values)
    }
  }
  expect(await read(client, 'whole')).toEqual(committed)
})

test('reading, transforming and writing in transactions gives every result once, through kill -9', async () => {
  const { client, kill } = await killableBroker()
  const admin = client.admin()
  await admin.connect()
  cleanups.push(() => admin.disconnect())
  await admin.createTopics({ topics: [{ topic: 'in' }, { topic: 'out' }] })
  const source = client.producer({ idempotent: true, maxInFlightRequests: 1 })
  await source.connect()
  cleanups.push(() => source.disconnect())
  const inputs = Array.from({ length: 300 }, (_, n) => `${n}`)
  await source.send({ topic: 'in', messages: inputs.map((value) => ({ value })) })

  const committedTo = async (): Promise<number> => {
    const [offsets] = await admin.fetchOffsets({ groupId: 'mill', topics: ['in'] })
    return Number(offsets?.partitions[0]?.offset ?? -1)
  }
  let kills = 0
  let producer = await transactional(client, 'mill')
  for (let offset = Math.max(0, await committedTo()); offset < inputs.length;) {
    const some = inputs.slice(offset, offset + 10)
    try {
      const transaction = await producer.transaction()
      const messages = some.map((value) => ({ value: `milled ${value}` }))
      await transaction.send({ topic: 'out', messages })
      const next = { partition: 0, offset: String(offset + some.length) }
      await transaction.sendOffsets({
        consumerGroupId: 'mill',
        topics: [{ topic: 'in', partitions: [next] }],
      })
      if (kills < 3 && offset >= (kills + 1) * 70) {
        kills += 1
        // The end of the transaction and that of the broker race.
        await Promise.all([transaction.commit(), kill()])
      } else {
        await transaction.commit()
      }
    } catch {
      // What became of it, the offsets tell; a new producer fences and aborts what is left of it.
      producer = await transactional(client, 'mill')
    }
    offset = Math.max(0, await committedTo())
  }
  expect(kills).toBe(3)
  expect(await read(client, 'out')).toEqual(inputs.map((value) => `milled ${value}`))
})
