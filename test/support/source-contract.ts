// What a source must do whatever client and cluster it has: one suite, run with each client against each cluster.
import { expect, test } from 'vitest'
import { systemClock } from '../../common/clock.ts'
import type { Admin, Kafka, Producer } from '../../common/kafka-client.ts'
import { silentLogger } from '../../common/logger.ts'
import { KafkaSource, type KafkaClientKind } from '../../poller/sources/kafka-source.ts'
import type {
  RecordRun,
  Source,
  SourceListener,
  SourceRecord,
} from '../../poller/sources/source.ts'
import type { StartPosition } from '../../poller/sources/start-position.ts'
import { encodeBatch } from '../../protocol/record-batch.ts'
import { codecs, compressed } from './codecs.ts'
import { eventually } from './eventually.ts'
import { RawKafka } from './raw-kafka.ts'

export interface ContractCluster {
  /** `host:port`. */
  readonly address: string
  readonly kafka: Kafka
  readonly admin: Admin
  readonly producer: Producer
}

/** A record whose parts are its own properties. */
function plain(record: SourceRecord): SourceRecord {
  const { topic, partition, offset, timestampMs, timestampType, key, value, headers } = record
  return { topic, partition, offset, timestampMs, timestampType, key, value, headers }
}

/** Keeps what a source tells; answers joins as told. */
export class Heard implements SourceListener {
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

export interface SourceQuery {
  readonly client: KafkaClientKind
  readonly address: string
  readonly topic: string
  readonly position?: StartPosition
}

/** The group is named after the topic. */
export function sourceOf({ client, address, topic, position }: SourceQuery): Source {
  return new KafkaSource({
    client,
    brokers: [address],
    topic,
    groupId: `${topic}-group`,
    clientId: topic,
    position: position ?? { kind: 'TRIM_HORIZON' },
    clock: systemClock,
    logger: silentLogger,
  })
}

export async function reading(source: Source, heard = new Heard()): Promise<Heard> {
  source.start(heard)
  await eventually(
    () => (heard.isReading ? true : undefined),
    () => `source reads, problems ${JSON.stringify(heard.problems)}`,
  )
  return heard
}

export const values = (heard: Heard, count: number): Promise<string[]> =>
  eventually(
    () => (heard.seen.length >= count ? heard.values : undefined),
    () => `${count} records, has ${heard.values.join()}`,
  )

export function sourceContract(client: KafkaClientKind, cluster: () => ContractCluster): void {
  const open = (topic: string, position?: StartPosition, kind = client): Source =>
    sourceOf({
      client: kind,
      address: cluster().address,
      topic,
      ...(position === undefined ? {} : { position }),
    })
  const createTopic = (topic: string, numPartitions = 1): Promise<boolean> =>
    cluster().admin.createTopics({ topics: [{ topic, numPartitions }] })
  const send = (topic: string, texts: readonly string[], partition = 0): Promise<unknown> =>
    cluster().producer.send({ topic, messages: texts.map((value) => ({ value, partition })) })

  test('TRIM_HORIZON reads all there is, with keys, headers and times', async () => {
    await createTopic(`all-${client}`)
    const timestamp = '1545084650987'
    const headers = { h: ['a', 'b'], n: Buffer.from([255]) }
    await cluster().producer.send({
      topic: `all-${client}`,
      messages: [{ key: 'k', value: 'v', headers, timestamp }],
    })
    await cluster().producer.send({
      topic: `all-${client}`,
      messages: [{ key: null, value: null }],
    })
    const source = open(`all-${client}`)
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
    const raw = await RawKafka.connect(cluster().address)
    for (const codec of codecs) {
      const value = Buffer.from(codec.name)
      const batch = encodeBatch({ records: [{ key: null, value, timestamp: 1000 }] })
      const partitionData = [{ index: 0, records: compressed(batch, codec) }]
      const topicData = [{ name: `packed-${client}`, partitionData }]
      await raw.ask('Produce', 7, { acks: -1, timeoutMs: 1000, topicData })
    }
    raw.socket.destroy()
    const source = open(`packed-${client}`)
    const heard = await reading(source)
    expect(await values(heard, 4)).toEqual(['gzip', 'snappy', 'lz4', 'zstd'])
    await source.stop()
  })

  test('LATEST reads what comes later, and a restart before the first record misses nothing', async () => {
    await createTopic(`late-${client}`)
    await send(`late-${client}`, ['old'])
    const first = open(`late-${client}`, { kind: 'LATEST' })
    await reading(first)
    await first.stop()
    await send(`late-${client}`, ['between'])
    const second = open(`late-${client}`, { kind: 'LATEST' })
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
      await cluster().producer.send({ topic: `timed-${client}`, messages: [{ value, timestamp }] })
    }
    const source = open(`timed-${client}`, {
      kind: 'AT_TIMESTAMP',
      timestampMs: 1500,
    })
    expect(await values(await reading(source), 2)).toEqual(['b', 'c'])
    await source.stop()
  })

  test('a group with committed offsets goes on from them, whatever the starting position', async () => {
    await createTopic(`committed-${client}`)
    await send(`committed-${client}`, ['a', 'b', 'c'])
    const first = open(`committed-${client}`)
    await values(await reading(first), 3)
    await first.commit(new Map([[0, 2]]))
    await first.stop()
    for (const kind of ['TRIM_HORIZON', 'LATEST'] as const) {
      const source = open(`committed-${client}`, { kind })
      expect(await values(await reading(source), 1)).toEqual(['c'])
      await source.stop()
    }
  })

  test('an idle topic delivers at once', async () => {
    await createTopic(`idle-${client}`)
    const source = open(`idle-${client}`)
    const heard = await reading(source)
    const started = performance.now()
    await send(`idle-${client}`, ['x'])
    await values(heard, 1)
    expect(performance.now() - started).toBeLessThan(150)
    await source.stop()
  })

  test('a paused partition is not read, the others are; resumed it goes on where it was', async () => {
    await createTopic(`pausing-${client}`, 2)
    const source = open(`pausing-${client}`)
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
    const one = open(`shared-${client}`)
    const two = open(`shared-${client}`)
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
    const source = open(`not-yet-${client}`)
    const heard = new Heard()
    source.start(heard)
    const problem = await eventually(
      () => heard.problems[0],
      () => 'a problem is told',
    )
    expect(problem).toBe(`topic not-yet-${client} does not exist at ${cluster().address}`)
    await createTopic(`not-yet-${client}`)
    await send(`not-yet-${client}`, ['x'])
    expect(await values(heard, 1)).toEqual(['x'])
    expect(heard.isReading).toBe(true)
    await source.stop()
  })

  test('what a transaction aborted is not shown, and what it committed is', async () => {
    const topic = `transactions-${client}`
    await createTopic(topic)
    const producer = cluster().kafka.producer({
      transactionalId: topic,
      maxInFlightRequests: 1,
      idempotent: true,
    })
    await producer.connect()
    for (const [value, isKept] of [
      ['aborted', false],
      ['committed', true],
    ] as const) {
      const transaction = await producer.transaction()
      await transaction.send({ topic, messages: [{ value, partition: 0 }] })
      await (isKept ? transaction.commit() : transaction.abort())
    }
    await producer.disconnect()
    const source = open(topic)
    const heard = await reading(source)
    await send(topic, ['plain'])
    expect(await values(heard, 2)).toEqual(['committed', 'plain'])
    await source.stop()
  })

  test('members of both clients share the partitions, whoever is the leader', async () => {
    const topic = `mixed-${client}`
    await createTopic(topic, 4)
    const one = open(topic)
    const heardOne = await reading(one)
    const two = open(topic, undefined, client === 'kafkajs' ? 'millrace' : 'kafkajs')
    const heardTwo = await reading(two)
    await eventually(
      () => (heardOne.joins.length > 1 ? true : undefined),
      () => 'the first member joins again',
    )
    const own = [heardOne, heardTwo].map(({ joins }) => joins.at(-1)?.partitions ?? [])
    expect(own.map(({ length }) => length)).toEqual([2, 2])
    expect(new Set(own.flat())).toEqual(new Set([0, 1, 2, 3]))
    for (const partition of [0, 1, 2, 3]) await send(topic, [`p${partition}`], partition)
    await eventually(
      () => (heardOne.seen.length + heardTwo.seen.length >= 4 ? true : undefined),
      () => `all is read, has ${[...heardOne.values, ...heardTwo.values].join()}`,
    )
    await one.stop()
    await eventually(
      () => (heardTwo.joins.at(-1)?.partitions.length === 4 ? true : undefined),
      () => 'the second member has all partitions',
    )
    await two.stop()
  })
}
