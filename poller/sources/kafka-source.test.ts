// Tests the Kafka source with either client against our own broker, which goes away and comes back as well.
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { startBroker } from '../../broker/broker.ts'
import { createKafka, type Admin, type Kafka, type Producer } from '../../common/kafka-client.ts'
import { silentLogger } from '../../common/logger.ts'
import type { RunningRole } from '../../common/role.ts'
import { eventually } from '../../test/support/eventually.ts'
import {
  Heard,
  reading,
  sourceContract,
  sourceOf,
  values,
} from '../../test/support/source-contract.ts'
import type { SourceRecord } from './source.ts'

let dataDir: string
let broker: RunningRole
let kafka: Kafka
let admin: Admin
let producer: Producer
let port = 0

const start = () =>
  startBroker(
    {
      dataDir,
      host: '127.0.0.1',
      port,
      advertised: '',
      numPartitions: 1,
      autoCreateTopics: true,
      retentionMs: -1,
      retentionBytes: -1,
      segmentBytes: 1_000_000,
      flush: 'commit',
      flushIntervalMs: 1000,
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

beforeAll(async () => {
  dataDir = await mkdtemp(join(tmpdir(), 'millrace-source-'))
  broker = await start()
  const door = broker.doors['kafka'] ?? ''
  port = Number(door.split(':')[1])
  kafka = await createKafka({ brokers: [door], clientId: 'test', logger: silentLogger })
  admin = kafka.admin()
  producer = kafka.producer()
  await Promise.all([admin.connect(), producer.connect()])
})

afterAll(async () => {
  await Promise.all([admin.disconnect(), producer.disconnect()])
  await broker.stop()
  await rm(dataDir, { recursive: true, force: true })
})

describe.each(['millrace', 'kafkajs'] as const)('with %s', (client) => {
  sourceContract(client, () => ({ address: `127.0.0.1:${port}`, kafka, admin, producer }))

  test('records keep their bytes until they are committed, while memory of others is used again', async () => {
    const [topic, address, count] = [`reuse-${client}`, `127.0.0.1:${port}`, 12_000]
    await admin.createTopics({ topics: [{ topic, numPartitions: 2 }] })
    for (let sent = 0; sent < count; sent += 500) {
      const messages = Array.from({ length: 500 }, (_, i) => ({
        partition: (sent + i) % 2,
        value: `${sent + i};`.repeat(150),
      }))
      await producer.send({ topic, messages })
    }
    const unfinished = new Map<number, SourceRecord[]>([
      [0, []],
      [1, []],
    ])
    const seen: number[] = []
    const source = sourceOf({ client, address, topic })
    const finish = (partition: number, most: number): void => {
      const done = unfinished.get(partition)?.splice(0, most) ?? []
      for (const { value } of done) {
        const [text = '', ...rest] = value?.toString().split(';').slice(0, -1) ?? []
        expect(rest.every((each) => each === text)).toBe(true)
        seen.push(Number(text))
      }
      const offset = (done.at(-1)?.offset ?? -1) + 1
      if (offset > 0) source.commit(new Map([[partition, offset]])).catch(() => {})
    }
    const heard = new Heard()
    heard.records = (run) => {
      unfinished.get(run.partition)?.push(...run.records)
      // Some way behind, so that every fetch is in hand while others are given back.
      finish(run.partition, run.records.length - 300)
    }
    await reading(source, heard)
    await eventually(
      () => {
        for (const partition of [0, 1]) finish(partition, 50)
        return seen.length === count ? true : undefined
      },
      () => `${count} records, has ${seen.length}`,
    )
    expect(seen.toSorted((x, y) => x - y)).toEqual(Array.from({ length: count }, (_, i) => i))
    await source.stop()
  })

  test('a broker that goes away and comes back is a problem that ends by itself', async () => {
    const [topic, address] = [`outage-${client}`, `127.0.0.1:${port}`]
    const send = (value: string) => producer.send({ topic, messages: [{ value }] })
    await admin.createTopics({ topics: [{ topic }] })
    await send('before')
    const source = sourceOf({ client, address, topic })
    const heard = await reading(source)
    await values(heard, 1)
    await source.commit(new Map([[0, 1]]))
    await broker.stop()
    const problem = await eventually(
      () => heard.problems.find((reason) => reason !== undefined),
      () => 'a problem is told',
    )
    expect(problem).toContain(`no broker answers at ${address}`)
    await expect(source.commit(new Map([[0, 1]]))).rejects.toMatchObject({
      code: 'BROKER_UNREACHABLE',
    })
    broker = await start()
    await eventually(
      () => (heard.isReading ? true : undefined),
      () => 'the source reads again',
    )
    await send('after')
    expect(await values(heard, 2)).toEqual(['before', 'after'])
    await source.stop()
  })
})
