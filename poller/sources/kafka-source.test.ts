// Tests the Kafka source against our own broker, with either client: start positions, order, commits, rebalances, outages.
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { startBroker } from '../../broker/broker.ts'
import { systemClock } from '../../common/clock.ts'
import { createKafka, type Admin, type Kafka, type Producer } from '../../common/kafka-client.ts'
import { silentLogger } from '../../common/logger.ts'
import type { RunningRole } from '../../common/role.ts'
import { encodeBatch } from '../../protocol/record-batch.ts'
import { codecs, compressed } from '../../test/support/codecs.ts'
import { eventually } from '../../test/support/eventually.ts'
import { RawKafka } from '../../test/support/raw-kafka.ts'
import { KafkaSource } from './kafka-source.ts'
import type { RecordRun, Source, SourceListener, SourceRecord } from './source.ts'
import type { StartPosition } from './start-position.ts'

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

/** A record whose parts are its own properties. */
function plain(record: SourceRecord): SourceRecord {
  const { topic, partition, offset, timestampMs, timestampType, key, value, headers } = record
  return { topic, partition, offset, timestampMs, timestampType, key, value, headers }
}

/** Keeps what a source tells; answers joins as told. */
class Heard implements SourceListener {
  readonly seen: SourceRecord[] = []
  readonly next = new Map<number, number>()
  readonly problems: (string | undefined)[] = []
  readonly joins: { partitions: readonly number[]; continued: boolean }[] = []
  readOn: ReadonlyMap<number, number> = new Map()

  assigned(partitions: readonly number[], continued: boolean): ReadonlyMap<number, number> {
    this.joins.push({ partitions, continued })
    return this.readOn
  }
  checkpoints(): ReadonlyMap<number, number> {
    return new Map()
  }
  rewound(): void {}
  records(run: RecordRun): void {
    this.seen.push(...run.records.map(plain))
    this.next.set(run.partition, run.nextOffset)
  }
  problem(reason: string | undefined): void {
    this.problems.push(reason)
  }
  get isReading(): boolean {
    return this.problems.length > 0 && this.problems.at(-1) === undefined
  }
  get values(): string[] {
    return this.seen.map(({ value }) => value?.toString() ?? '')
  }
}

const createTopic = (topic: string, numPartitions = 1) =>
  admin.createTopics({ topics: [{ topic, numPartitions }] })
const send = (topic: string, values: readonly string[], partition = 0) =>
  producer.send({ topic, messages: values.map((value) => ({ value, partition })) })

async function reading(source: Source, heard = new Heard()): Promise<Heard> {
  source.start(heard)
  await eventually(
    () => (heard.isReading ? true : undefined),
    () => `source reads, problems ${JSON.stringify(heard.problems)}`,
  )
  return heard
}
const values = (heard: Heard, count: number) =>
  eventually(
    () => (heard.seen.length >= count ? heard.values : undefined),
    () => `${count} records, has ${heard.values.join()}`,
  )

describe.each(['millrace', 'kafkajs'] as const)('with %s', (client) => {
  const sourceOf = (topic: string, groupId: string, position: StartPosition): Source =>
    new KafkaSource({
      client,
      brokers: [`127.0.0.1:${port}`],
      topic,
      groupId,
      position,
      clientId: groupId,
      clock: systemClock,
      logger: silentLogger,
    })

  test('TRIM_HORIZON reads all there is, with keys, headers and times', async () => {
    await createTopic(`all-${client}`)
    const timestamp = '1545084650987'
    const headers = { h: ['a', 'b'], n: Buffer.from([255]) }
    await producer.send({
      topic: `all-${client}`,
      messages: [{ key: 'k', value: 'v', headers, timestamp }],
    })
    await producer.send({ topic: `all-${client}`, messages: [{ key: null, value: null }] })
    const source = sourceOf(`all-${client}`, `all-${client}-group`, { kind: 'TRIM_HORIZON' })
    const heard = await reading(source)
    await values(heard, 2)
    expect(heard.seen[0]).toEqual({
      topic: `all-${client}`,
      partition: 0,
      offset: 0,
      timestampMs: 1_545_084_650_987,
      timestampType: 'CREATE_TIME',
      key: Buffer.from('k'),
      value: Buffer.from('v'),
      headers: [
        { name: 'h', value: Buffer.from('a') },
        { name: 'h', value: Buffer.from('b') },
        { name: 'n', value: Buffer.from([255]) },
      ],
    })
    expect(heard.seen[1]).toMatchObject({ key: null, value: null, headers: [] })
    await source.stop()
  })

  test('records of every codec are read', async () => {
    await createTopic(`packed-${client}`)
    const raw = await RawKafka.connect(`127.0.0.1:${port}`)
    for (const codec of codecs) {
      const value = Buffer.from(codec.name)
      const batch = encodeBatch({ records: [{ key: null, value, timestamp: 1000 }] })
      const partitionData = [{ index: 0, records: compressed(batch, codec) }]
      const topicData = [{ name: `packed-${client}`, partitionData }]
      await raw.ask('Produce', 7, { acks: -1, timeoutMs: 1000, topicData })
    }
    raw.socket.destroy()
    const source = sourceOf(`packed-${client}`, `packed-${client}-group`, { kind: 'TRIM_HORIZON' })
    const heard = await reading(source)
    expect(await values(heard, 4)).toEqual(['gzip', 'snappy', 'lz4', 'zstd'])
    await source.stop()
  })

  test('LATEST reads what comes later, and a restart before the first record misses nothing', async () => {
    await createTopic(`late-${client}`)
    await send(`late-${client}`, ['old'])
    const first = sourceOf(`late-${client}`, `late-${client}-group`, { kind: 'LATEST' })
    await reading(first)
    await first.stop()
    await send(`late-${client}`, ['between'])
    const second = sourceOf(`late-${client}`, `late-${client}-group`, { kind: 'LATEST' })
    const heard = await reading(second)
    await send(`late-${client}`, ['after'])
    expect(await values(heard, 2)).toEqual(['between', 'after'])
    await second.stop()
  })

  test('AT_TIMESTAMP starts at the first record of that time or later', async () => {
    await createTopic(`timed-${client}`)
    for (const [value, timestamp] of [
      ['a', '1000'],
      ['b', '2000'],
      ['c', '3000'],
    ] as const) {
      await producer.send({ topic: `timed-${client}`, messages: [{ value, timestamp }] })
    }
    const source = sourceOf(`timed-${client}`, `timed-${client}-group`, {
      kind: 'AT_TIMESTAMP',
      timestampMs: 1500,
    })
    expect(await values(await reading(source), 2)).toEqual(['b', 'c'])
    await source.stop()
  })

  test('a group with committed offsets goes on from them, whatever the starting position', async () => {
    await createTopic(`committed-${client}`)
    await send(`committed-${client}`, ['a', 'b', 'c'])
    const first = sourceOf(`committed-${client}`, `committed-${client}-group`, {
      kind: 'TRIM_HORIZON',
    })
    await values(await reading(first), 3)
    await first.commit(new Map([[0, 2]]))
    await first.stop()
    for (const kind of ['TRIM_HORIZON', 'LATEST'] as const) {
      const source = sourceOf(`committed-${client}`, `committed-${client}-group`, { kind })
      expect(await values(await reading(source), 1)).toEqual(['c'])
      await source.stop()
    }
  })

  test('an idle topic delivers at once', async () => {
    await createTopic(`idle-${client}`)
    const source = sourceOf(`idle-${client}`, `idle-${client}-group`, { kind: 'TRIM_HORIZON' })
    const heard = await reading(source)
    const started = performance.now()
    await send(`idle-${client}`, ['x'])
    await values(heard, 1)
    expect(performance.now() - started).toBeLessThan(150)
    await source.stop()
  })

  test('a paused partition is not read, the others are; resumed it goes on where it was', async () => {
    await createTopic(`pausing-${client}`, 2)
    const source = sourceOf(`pausing-${client}`, `pausing-${client}-group`, {
      kind: 'TRIM_HORIZON',
    })
    const heard = await reading(source)
    source.pause([0])
    await send(`pausing-${client}`, ['p0'], 0)
    await send(`pausing-${client}`, ['p1'], 1)
    expect(await values(heard, 1)).toEqual(['p1'])
    source.resume([0])
    expect(await values(heard, 2)).toEqual(['p1', 'p0'])
    await source.stop()
  })

  test('two members share the partitions, and one that is left alone has all of them', async () => {
    await createTopic(`shared-${client}`, 2)
    const one = sourceOf(`shared-${client}`, `shared-${client}-group`, { kind: 'TRIM_HORIZON' })
    const two = sourceOf(`shared-${client}`, `shared-${client}-group`, { kind: 'TRIM_HORIZON' })
    const heardOne = await reading(one)
    expect(heardOne.joins).toEqual([{ partitions: [0, 1], continued: false }])
    const heardTwo = await reading(two)
    const last = await eventually(
      () => (heardOne.joins.length > 1 ? heardOne.joins.at(-1) : undefined),
      () => 'the first member joins again',
    )
    expect(last.continued).toBe(true)
    const both = [...last.partitions, ...(heardTwo.joins.at(-1)?.partitions ?? [])]
    expect(new Set(both)).toEqual(new Set([0, 1]))
    await one.stop()
    await eventually(
      () => (heardTwo.joins.at(-1)?.partitions.length === 2 ? true : undefined),
      () => 'the second member has both partitions',
    )
    await two.stop()
  })

  test('a topic that does not exist yet is a problem that ends with its creation', async () => {
    const source = sourceOf(`not-yet-${client}`, `not-yet-${client}-group`, {
      kind: 'TRIM_HORIZON',
    })
    const heard = new Heard()
    source.start(heard)
    const problem = await eventually(
      () => heard.problems[0],
      () => 'a problem is told',
    )
    expect(problem).toBe(`topic not-yet-${client} does not exist at 127.0.0.1:${port}`)
    await createTopic(`not-yet-${client}`)
    await send(`not-yet-${client}`, ['x'])
    expect(await values(heard, 1)).toEqual(['x'])
    expect(heard.isReading).toBe(true)
    await source.stop()
  })

  test('a broker that goes away and comes back is a problem that ends by itself', async () => {
    await createTopic(`outage-${client}`)
    await send(`outage-${client}`, ['before'])
    const source = sourceOf(`outage-${client}`, `outage-${client}-group`, { kind: 'TRIM_HORIZON' })
    const heard = await reading(source)
    await values(heard, 1)
    await source.commit(new Map([[0, 1]]))
    await broker.stop()
    const problem = await eventually(
      () => heard.problems.find((reason) => reason !== undefined),
      () => 'a problem is told',
    )
    expect(problem).toContain(`no broker answers at 127.0.0.1:${port}`)
    await expect(source.commit(new Map([[0, 1]]))).rejects.toMatchObject({
      code: 'BROKER_UNREACHABLE',
    })
    broker = await start()
    await eventually(
      () => (heard.isReading ? true : undefined),
      () => 'the source reads again',
    )
    await send(`outage-${client}`, ['after'])
    expect(await values(heard, 2)).toEqual(['before', 'after'])
    await source.stop()
  })
})
