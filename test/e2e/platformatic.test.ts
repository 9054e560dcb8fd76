// Drives the broker with @platformatic/kafka, which speaks flexible versions only: records, groups, admin.
import {
  Admin,
  ConfigResourceTypes,
  Consumer,
  IncrementalAlterConfigOperationTypes,
  ListOffsetTimestamps,
  Producer,
  stringDeserializers,
  stringSerializers,
} from '@platformatic/kafka'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { eventually } from '../support/eventually.ts'
import { startPlatform, type Platform } from '../support/platform.ts'

type Texts = Consumer<string, string, string, string>

let platform: Platform
let admin: Admin
let producer: Producer<string, string, string, string>
beforeAll(async () => {
  platform = await startPlatform({ role: 'broker' })
  admin = new Admin(connection())
  producer = new Producer({ ...connection(), serializers: stringSerializers })
})
afterAll(async () => {
  await producer.close()
  await admin.close()
  await platform.stop()
})

/** What every client of the tests has in common. */
function connection() {
  return { clientId: 'e2e', bootstrapBrokers: [platform.kafka], retries: 3, retryDelay: 50 }
}

/** Collects what a member of a group reads until it is closed. */
class Reader {
  readonly seen: { partition: number; offset: bigint; key: string; value: string }[] = []
  readonly #consumer: Texts

  constructor(consumer: Texts) {
    this.#consumer = consumer
  }

  static async start(groupId: string, topic: string): Promise<Reader> {
    const consumer: Texts = new Consumer({
      ...connection(),
      groupId,
      deserializers: stringDeserializers,
      sessionTimeout: 6000,
      heartbeatInterval: 200,
      maxWaitTime: 200,
    })
    const reader = new Reader(consumer)
    const stream = await consumer.consume({
      topics: [topic],
      mode: 'committed',
      fallbackMode: 'earliest',
      autocommit: 100,
    })
    stream.on('data', ({ partition, offset, key, value }) => {
      reader.seen.push({ partition, offset, key, value })
    })
    return reader
  }

  get partitions(): readonly number[] {
    return this.#consumer.assignments?.flatMap(({ partitions }) => partitions) ?? []
  }

  async has(count: number): Promise<void> {
    await eventually(
      () => (this.seen.length >= count ? true : undefined),
      () => `${count} records, has ${this.seen.length}`,
    )
  }

  close(): Promise<void> {
    return this.#consumer.close(true)
  }
}

test('records of every codec come back as they were sent', async () => {
  await admin.createTopics({ topics: ['plt-codecs'], partitions: 1, replicas: 1 })
  const codecs = ['none', 'gzip', 'snappy', 'lz4', 'zstd'] as const
  for (const compression of codecs) {
    const messages = Array.from({ length: 50 }, (_, i) => ({
      topic: 'plt-codecs',
      key: `${compression} ${i}`,
      value: 'the same again '.repeat(100),
      headers: { codec: compression },
    }))
    await producer.send({ messages, compression, acks: -1 })
  }
  const reader = await Reader.start('plt-codecs', 'plt-codecs')
  await reader.has(250)
  await reader.close()
  expect(reader.seen.map(({ key }) => key)).toEqual(
    codecs.flatMap((codec) => Array.from({ length: 50 }, (_, i) => `${codec} ${i}`)),
  )
  expect(reader.seen.map(({ offset }) => Number(offset))).toEqual(
    Array.from({ length: 250 }, (_, i) => i),
  )
})

test('two members share the partitions, and the second life of a group starts where it ended', async () => {
  await admin.createTopics({ topics: ['plt-group'], partitions: 4, replicas: 1 })
  const first = await Reader.start('plt-group', 'plt-group')
  const second = await Reader.start('plt-group', 'plt-group')
  await eventually(
    () => (first.partitions.length === 2 && second.partitions.length === 2 ? true : undefined),
    () => `two partitions each, have ${first.partitions.join()} and ${second.partitions.join()}`,
  )
  expect([...first.partitions, ...second.partitions].toSorted((a, b) => a - b)).toEqual([
    0, 1, 2, 3,
  ])
  await sendTo('plt-group', 0, 40)
  await eventually(
    () => (first.seen.length + second.seen.length >= 40 ? true : undefined),
    () => `40 records, have ${first.seen.length} and ${second.seen.length}`,
  )
  const groups = await admin.describeGroups({ groups: ['plt-group'] })
  expect(groups.get('plt-group')).toMatchObject({ state: 'Stable', protocolType: 'consumer' })
  expect(groups.get('plt-group')?.members.size).toBe(2)
  await committed('plt-group', 'plt-group', 40n)
  await Promise.all([first.close(), second.close()])

  await sendTo('plt-group', 40, 8)
  const third = await Reader.start('plt-group', 'plt-group')
  await third.has(8)
  await third.close()
  expect(third.seen.map(({ value }) => Number(value)).toSorted((a, b) => a - b)).toEqual([
    40, 41, 42, 43, 44, 45, 46, 47,
  ])
})

async function sendTo(topic: string, from: number, count: number): Promise<void> {
  const messages = Array.from({ length: count }, (_, i) => ({
    topic,
    partition: i % 4,
    key: String(i % 4),
    value: String(from + i),
  }))
  await producer.send({ messages, acks: -1 })
}

/** Resolves once the offsets that a group has committed for a topic add up to `sum`. */
async function committed(groupId: string, topic: string, sum: bigint): Promise<void> {
  let last = -1n
  await eventually(
    async () => {
      const [group] = await admin.listConsumerGroupOffsets({ groups: [groupId] })
      const partitions = group?.topics.find(({ name }) => name === topic)?.partitions ?? []
      last = partitions.reduce((total, { committedOffset }) => total + committedOffset, 0n)
      return last === sum ? true : undefined
    },
    () => `${sum} records committed by ${groupId}, have ${last}`,
  )
}

test('an idempotent producer gets an id and its records arrive once, in order', async () => {
  await admin.createTopics({ topics: ['plt-once'], partitions: 1, replicas: 1 })
  const idempotent = new Producer({
    ...connection(),
    serializers: stringSerializers,
    idempotent: true,
  })
  for (let i = 0; i < 20; i++) {
    await idempotent.send({ messages: [{ topic: 'plt-once', key: 'k', value: String(i) }] })
  }
  expect(idempotent.producerId).toBeGreaterThanOrEqual(0n)
  await idempotent.close()
  const reader = await Reader.start('plt-once', 'plt-once')
  await reader.has(20)
  await reader.close()
  expect(reader.seen.map(({ value }) => Number(value))).toEqual(
    Array.from({ length: 20 }, (_, i) => i),
  )
})

test('a reader of committed records sees committed transactions only', async () => {
  await admin.createTopics({ topics: ['plt-transactions'], partitions: 2, replicas: 1 })
  const transactional = new Producer({
    ...connection(),
    serializers: stringSerializers,
    idempotent: true,
    transactionalId: 'plt-transactions',
  })
  const write = async (name: string): ReturnType<typeof transactional.beginTransaction> => {
    const transaction = await transactional.beginTransaction()
    const messages = [0, 1].map((partition) => {
      return { topic: 'plt-transactions', partition, key: 'k', value: name }
    })
    await transaction.send({ messages })
    return transaction
  }
  await (await write('first')).commit()
  await (await write('second')).abort()
  await (await write('third')).commit()
  await transactional.close()
  const reader = await Reader.start('plt-transactions', 'plt-transactions')
  await reader.has(4)
  await reader.close()
  for (const partition of [0, 1]) {
    const read = reader.seen.filter((record) => record.partition === partition)
    expect(read.map(({ value }) => value)).toEqual(['first', 'third'])
  }
})

test('topics are created with configs, listed, grown and deleted', async () => {
  const [created] = await admin.createTopics({
    topics: ['plt-admin'],
    partitions: 2,
    replicas: 1,
    configs: [{ name: 'retention.ms', value: '3600000' }],
  })
  expect(created).toMatchObject({ name: 'plt-admin', partitions: 2, replicas: 1 })
  expect(created?.id).toMatch(/^[0-9a-f-]{36}$/)
  await admin.createPartitions({
    topics: [{ name: 'plt-admin', count: 3, assignments: [{ brokerIds: [1] }] }],
  })
  const metadata = await admin.metadata({ topics: ['plt-admin'], forceUpdate: true })
  expect(metadata.topics.get('plt-admin')?.partitionsCount).toBe(3)
  expect(await admin.listTopics()).toContain('plt-admin')
  await expect(
    admin.createTopics({ topics: ['plt-admin'], partitions: 2, replicas: 1 }),
  ).rejects.toThrow()
  await admin.deleteTopics({ topics: ['plt-admin'] })
  expect(await admin.listTopics()).not.toContain('plt-admin')
})

test('a topic’s configs are described, changed and set back', async () => {
  await admin.createTopics({ topics: ['plt-configs'], partitions: 1, replicas: 1 })
  const resource = { resourceType: ConfigResourceTypes.TOPIC, resourceName: 'plt-configs' }
  const valueOf = async (name: string): Promise<unknown> => {
    const [described] = await admin.describeConfigs({ resources: [resource] })
    return described?.configs.find((config) => config.name === name)?.value
  }
  const before = await valueOf('retention.ms')
  const alter = (operation: 'SET' | 'DELETE', value: string) =>
    admin.incrementalAlterConfigs({
      resources: [
        {
          ...resource,
          configs: [
            {
              name: 'retention.ms',
              configOperation: IncrementalAlterConfigOperationTypes[operation],
              value,
            },
          ],
        },
      ],
    })
  await alter('SET', '123456')
  expect(await valueOf('retention.ms')).toBe('123456')
  await alter('DELETE', '')
  expect(await valueOf('retention.ms')).toBe(before)
})

test('offsets are found at the ends and at a time', async () => {
  await admin.createTopics({ topics: ['plt-offsets'], partitions: 1, replicas: 1 })
  for (const [value, timestamp] of [
    ['a', 1000n],
    ['b', 2000n],
    ['c', 3000n],
  ] as const) {
    await producer.send({
      messages: [{ topic: 'plt-offsets', value, timestamp, key: 'k' }],
      acks: -1,
    })
  }
  const offsetAt = async (timestamp: bigint): Promise<bigint | undefined> => {
    const topics = [{ name: 'plt-offsets', partitions: [{ partitionIndex: 0, timestamp }] }]
    const [found] = await admin.listOffsets({ topics })
    return found?.partitions[0]?.offset
  }
  expect(await offsetAt(ListOffsetTimestamps.EARLIEST)).toBe(0n)
  expect(await offsetAt(ListOffsetTimestamps.LATEST)).toBe(3n)
  expect(await offsetAt(1500n)).toBe(1n)
})

test('a group without members is listed with its offsets, and can be deleted', async () => {
  await admin.createTopics({ topics: ['plt-leaving'], partitions: 4, replicas: 1 })
  await sendTo('plt-leaving', 0, 4)
  const reader = await Reader.start('plt-leaving', 'plt-leaving')
  await reader.has(4)
  await committed('plt-leaving', 'plt-leaving', 4n)
  await expect(admin.deleteGroups({ groups: ['plt-leaving'] })).rejects.toThrow()
  await reader.close()
  expect((await admin.listGroups()).get('plt-leaving')).toMatchObject({ state: 'Empty' })
  await admin.deleteGroups({ groups: ['plt-leaving'] })
  expect((await admin.listGroups()).has('plt-leaving')).toBe(false)
})
