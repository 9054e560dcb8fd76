// Fills a real small disk under a started broker: writes are refused, reads go on, and writing resumes by itself.
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { createKafka, type Kafka } from '../../common/kafka-client.ts'
import { silentLogger } from '../../common/logger.ts'
import { eventually } from '../support/eventually.ts'
import { run, startPlatform, type Platform } from '../support/platform.ts'
import { runTool, succeed } from './tool.ts'

const sizeMb = 48
let disk: string
let broker: Platform | undefined

beforeEach(async () => {
  disk = await mkdtemp(join(tmpdir(), 'millrace-disk-'))
  const { code, stderr } = await runTool('mount', [
    '-t',
    'tmpfs',
    '-o',
    `size=${sizeMb}m`,
    'millrace',
    disk,
  ])
  if (code !== 0) {
    throw new Error(`a small disk cannot be mounted (it takes root and CAP_SYS_ADMIN): ${stderr}`)
  }
})
afterEach(async () => {
  await broker?.kill9()
  await runTool('umount', [disk])
  await rm(disk, { recursive: true, force: true })
})

const value = Buffer.alloc(100_000, 'x')

/** Sends one record; resolves with its offset, or with Kafka's name of the error. */
async function send(kafka: Kafka, key: string): Promise<number | string> {
  const producer = kafka.producer({ allowAutoTopicCreation: true, retry: { retries: 0 } })
  await producer.connect()
  try {
    const [told] = await producer.send({ topic: 't', acks: -1, messages: [{ key, value }] })
    return Number(told?.baseOffset)
  } catch (error) {
    // What kafkajs has given up on it wraps.
    const cause = error instanceof Error ? (error.cause ?? error) : error
    return cause instanceof Error && 'type' in cause ? String(cause.type) : String(error)
  } finally {
    await producer.disconnect()
  }
}

async function keysOf(kafka: Kafka, count: number): Promise<readonly string[]> {
  const consumer = kafka.consumer({ groupId: `g-${Math.random()}`, maxWaitTimeInMs: 100 })
  const keys: string[] = []
  await consumer.connect()
  await consumer.subscribe({ topics: ['t'], fromBeginning: true })
  await consumer.run({
    autoCommit: false,
    eachMessage: ({ message }) => {
      keys.push(message.key?.toString() ?? '')
      return Promise.resolve()
    },
  })
  await eventually(
    () => (keys.length >= count ? true : undefined),
    () => `${keys.length} of ${count} records are read`,
  )
  await consumer.disconnect()
  return keys
}

test('a disk that fills up refuses writes and loses none; with room, writing resumes by itself', async () => {
  const dataDir = join(disk, 'data')
  broker = await startPlatform({ role: 'broker', dataDir })
  const kafka = await createKafka({
    brokers: [broker.kafka],
    clientId: 'full',
    logger: silentLogger,
    retries: 3,
  })
  expect(await send(kafka, 'first')).toBe(0)
  const acknowledged = ['first']
  // A group's journal needs a little room to be read with.
  expect(await keysOf(kafka, 1)).toEqual(['first'])
  const ballast = join(disk, 'ballast')
  const free = await freeBytes()
  await writeFile(ballast, Buffer.alloc(Math.max(0, free - 3_000_000)))
  let refusal: number | string = 0
  for (let n = 0; n < 60 && typeof refusal === 'number'; n++) {
    refusal = await send(kafka, `k${n}`)
    if (typeof refusal === 'number') acknowledged.push(`k${n}`)
  }
  expect(refusal).toBe('KAFKA_STORAGE_ERROR')
  expect(acknowledged.length).toBeGreaterThan(3)
  const health = await fetch(broker.metrics.replace('/metrics', '/health'))
  expect(health.status).toBe(503)
  await rm(ballast)
  await eventually(
    async () => (typeof (await send(kafka, 'again')) === 'number' ? true : undefined),
    () => 'a record is taken again',
  )
  acknowledged.push('again')
  const keys = await keysOf(kafka, acknowledged.length)
  expect(keys.filter((key) => acknowledged.includes(key))).toEqual(acknowledged)
  await broker.kill9()
  const check = await run(['check', dataDir])
  expect([check.code, check.stdout]).toEqual([0, expect.stringContaining('nothing wrong')])
  broker = await startPlatform({ role: 'broker', dataDir })
  const after = await createKafka({
    brokers: [broker.kafka],
    clientId: 'full',
    logger: silentLogger,
  })
  expect((await keysOf(after, keys.length)).filter((key) => acknowledged.includes(key))).toEqual(
    acknowledged,
  )
  expect(await broker.stop()).toBe(0)
})

async function freeBytes(): Promise<number> {
  const text = await succeed('df', ['--output=avail', '-B1', disk])
  return Number(text.toString().trim().split('\n').at(-1))
}
