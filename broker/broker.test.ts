// Tests the broker end to end with kafkajs: producing, consumer groups, administration, restarts.
import { ConfigResourceTypes, Kafka, logLevel, type Consumer, type KafkaConfig } from 'kafkajs'
import { afterEach, expect, test } from 'vitest'
import { RawKafka } from '../test/support/raw-kafka.ts'
import { brokerOptions, TestBroker } from '../test/support/test-broker.ts'
import { startBroker } from './broker.ts'

let broker: TestBroker
const cleanups: (() => Promise<void>)[] = []

afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup()
  await broker.remove()
})

function kafka(options: Partial<KafkaConfig> = {}): Kafka {
  const brokers = [broker.address]
  return new Kafka({ brokers, clientId: 'test', logLevel: logLevel.NOTHING, ...options })
}

async function admin() {
  const client = kafka({ retry: { retries: 1, initialRetryTime: 20 } }).admin()
  await client.connect()
  cleanups.push(() => client.disconnect())
  return client
}

async function send(topic: string, values: readonly string[], acks = -1): Promise<void> {
  const producer = kafka().producer()
  await producer.connect()
  await producer.send({ topic, acks, messages: values.map((value) => ({ key: value, value })) })
  await producer.disconnect()
}

interface Member {
  readonly consumer: Consumer
  readonly values: string[]
  /** The partitions that the member has now. */
  partitions: readonly number[]
}

/** Collects values and assignments; `until` resolves as soon as what is asked for holds. */
class Group {
  readonly members: Member[] = []
  readonly #waiting = new Set<() => void>()

  async join(groupId: string, topic: string): Promise<Member> {
    const consumer = kafka().consumer({ groupId, heartbeatInterval: 50, maxWaitTimeInMs: 50 })
    const member: Member = { consumer, values: [], partitions: [] }
    this.members.push(member)
    cleanups.push(() => consumer.disconnect())
    consumer.on(consumer.events.GROUP_JOIN, ({ payload }) => {
      member.partitions = payload.memberAssignment[topic] ?? []
      this.#changed()
    })
    await consumer.connect()
    await consumer.subscribe({ topic, fromBeginning: true })
    await consumer.run({
      eachMessage: ({ message }) => {
        member.values.push(message.value?.toString() ?? '')
        this.#changed()
        return Promise.resolve()
      },
    })
    return member
  }

  get values(): string[] {
    return this.members.flatMap(({ values }) => values).toSorted()
  }

  get shares(): string {
    return this.members
      .map(({ partitions }) => String(partitions.length))
      .toSorted()
      .join()
  }

  until(condition: () => boolean): Promise<void> {
    return new Promise((resolve) => {
      const look = (): void => {
        if (!condition()) return
        this.#waiting.delete(look)
        resolve()
      }
      this.#waiting.add(look)
      look()
    })
  }

  #changed(): void {
    for (const look of this.#waiting) look()
  }
}

const numbers = (count: number): string[] =>
  Array.from({ length: count }, (_, i) => String(i).padStart(4, '0'))

test('what is produced to a topic that nobody created is consumed in order', async () => {
  broker = await TestBroker.start()
  await send('fresh', numbers(500))
  const group = new Group()
  const member = await group.join('readers', 'fresh')
  await group.until(() => group.values.length === 500)
  expect(member.values).toEqual(numbers(500))
  expect(await broker.metric('millrace_topic_records_in_total', { topic: 'fresh' })).toBe(500)
  expect(await broker.metric('millrace_topic_records_out_total', { topic: 'fresh' })).toBe(500)
})

test.each([0, 1, -1])('acks %d delivers', async (acks) => {
  broker = await TestBroker.start()
  await (await admin()).createTopics({ topics: [{ topic: 't' }] })
  await send('t', ['a', 'b'], acks)
  const group = new Group()
  await group.join('readers', 't')
  await group.until(() => group.values.length === 2)
  expect(group.values).toEqual(['a', 'b'])
})

test('members share the partitions; when one joins or leaves they are shared anew', async () => {
  broker = await TestBroker.start()
  await (await admin()).createTopics({ topics: [{ topic: 't', numPartitions: 6 }] })
  const group = new Group()
  await group.join('g', 't')
  await group.join('g', 't')
  await group.until(() => group.shares === '3,3')
  await send('t', numbers(100))
  await group.until(() => group.values.length === 100)
  expect(group.members.every(({ values }) => values.length > 0)).toBe(true)
  await group.join('g', 't')
  await group.until(() => group.shares === '2,2,2')
  const all = group.members.flatMap(({ partitions }) => partitions)
  expect(all.toSorted((a, b) => a - b)).toEqual([0, 1, 2, 3, 4, 5])
  await group.members.pop()?.consumer.disconnect()
  await group.until(() => group.shares === '3,3')
  await send('t', numbers(200).slice(100))
  await group.until(() => group.values.length >= 200)
  expect(new Set(group.values)).toEqual(new Set(numbers(200)))
})

test('topics are created, extended, described and deleted', async () => {
  broker = await TestBroker.start({ numPartitions: 3 })
  const client = await admin()
  expect(await client.createTopics({ topics: [{ topic: 'a' }] })).toBe(true)
  expect(await client.createTopics({ topics: [{ topic: 'a' }] })).toBe(false)
  const partitionsOf = async (topic: string): Promise<number[]> =>
    (await client.fetchTopicOffsets(topic)).map(({ partition }) => partition)
  expect((await partitionsOf('a')).length).toBe(3)
  await client.createPartitions({ topicPartitions: [{ topic: 'a', count: 5 }] })
  expect((await partitionsOf('a')).length).toBe(5)
  await expect(
    client.createPartitions({ topicPartitions: [{ topic: 'a', count: 4 }] }),
  ).rejects.toThrow('Number of partitions is invalid')
  expect(await client.listTopics()).toEqual(expect.arrayContaining(['a', '__consumer_offsets']))
  await client.deleteTopics({ topics: ['a'] })
  expect(await client.listTopics()).not.toContain('a')
  await expect(client.deleteTopics({ topics: ['a'] })).rejects.toThrow('does not host this')
  const { controller, brokers } = await client.describeCluster()
  expect(controller).toBe(1)
  expect(brokers).toEqual([
    { nodeId: 1, host: '127.0.0.1', port: Number(broker.address.split(':')[1]) },
  ])
})

test('groups are listed and described with their members and assignments', async () => {
  broker = await TestBroker.start()
  const client = await admin()
  await client.createTopics({ topics: [{ topic: 't', numPartitions: 2 }] })
  const group = new Group()
  await group.join('g', 't')
  await group.until(() => group.shares === '2')
  expect((await client.listGroups()).groups).toEqual([{ groupId: 'g', protocolType: 'consumer' }])
  const described = await client.describeGroups(['g', 'none'])
  expect(described.groups[0]).toMatchObject({
    groupId: 'g',
    state: 'Stable',
    protocol: 'RoundRobinAssigner',
    members: [{ clientId: 'test', clientHost: '/127.0.0.1' }],
  })
  expect(described.groups[0]?.members[0]?.memberAssignment.length).toBeGreaterThan(0)
  expect(described.groups[1]).toMatchObject({ groupId: 'none', state: 'Dead' })
})

test('offsets and records survive a restart, and a consumer goes on where it was', async () => {
  broker = await TestBroker.start()
  await send('t', numbers(10))
  const before = new Group()
  const member = await before.join('g', 't')
  await before.until(() => before.values.length === 10)
  await member.consumer.disconnect()
  await broker.restart()
  const client = await admin()
  const offsets = await client.fetchOffsets({ groupId: 'g', topics: ['t'] })
  expect(offsets[0]?.partitions[0]).toMatchObject({ partition: 0, offset: '10' })
  expect(await broker.metric('kafka_consumergroup_lag', { consumergroup: 'g' })).toBe(0)
  await send('t', ['later'])
  expect(await broker.metric('kafka_consumergroup_lag_sum', { consumergroup: 'g' })).toBe(1)
  const lag = await broker.metric('millrace_consumergroup_lag_seconds', { consumergroup: 'g' })
  expect(lag).toBeGreaterThanOrEqual(0)
  const after = new Group()
  await after.join('g', 't')
  await after.until(() => after.values.length > 0)
  expect(after.values).toEqual(['later'])
})

test('metrics tell how long records are kept, and how much the disk has left', async () => {
  broker = await TestBroker.start()
  const client = await admin()
  const kept = (topic: string, ms: string) => ({
    topic,
    configEntries: [{ name: 'retention.ms', value: ms }],
  })
  await client.createTopics({ topics: [kept('hour', '3600000'), kept('ever', '-1')] })
  const retention = (topic: string) => broker.metric('millrace_topic_retention_seconds', { topic })
  expect(await retention('hour')).toBe(3600)
  await expect(retention('ever')).rejects.toThrow('there is no')
  const free = await broker.metric('millrace_log_disk_free_bytes')
  expect(free).toBeGreaterThan(0)
  expect(await broker.metric('millrace_log_disk_size_bytes')).toBeGreaterThan(free)
})

test('kafkajs creates a topic as tools do, describes it, changes it, and describes the broker', async () => {
  broker = await TestBroker.start()
  const client = await admin()
  const configEntries = [
    { name: 'compression.type', value: 'lz4' },
    { name: 'min.insync.replicas', value: '1' },
    { name: 'retention.ms', value: '60000' },
    { name: 'unclean.leader.election.enable', value: 'true' },
  ]
  await client.createTopics({ topics: [{ topic: 't', configEntries }] })
  const topic = { type: ConfigResourceTypes.TOPIC, name: 't' }
  const describe = async (configNames?: string[]) => {
    const asked = { ...topic, ...(configNames === undefined ? {} : { configNames }) }
    const { resources } = await client.describeConfigs({
      resources: [asked],
      includeSynonyms: true,
    })
    return resources[0]?.configEntries ?? []
  }
  const entries = await describe()
  for (const { name, value } of configEntries) {
    const entry = entries.find(({ configName }) => configName === name)
    expect(entry).toMatchObject({ configValue: value, isDefault: false, readOnly: false })
  }
  const altered = [{ name: 'retention.ms', value: '120000' }]
  await client.alterConfigs({
    validateOnly: false,
    resources: [{ ...topic, configEntries: altered }],
  })
  expect((await describe(['retention.ms']))[0]?.configValue).toBe('120000')
  expect((await describe(['compression.type']))[0]?.configValue).toBe('producer')
  const { resources } = await client.describeConfigs({
    resources: [{ type: ConfigResourceTypes.BROKER, name: '1' }],
    includeSynonyms: false,
  })
  expect(resources[0]?.configEntries.map(({ configName }) => configName)).toContain('log.dirs')
})

test('kafkajs deletes records, and moves a partition to where it is', async () => {
  broker = await TestBroker.start()
  const client = await admin()
  await client.createTopics({ topics: [{ topic: 't' }] })
  await send('t', ['a', 'b', 'c'])
  // kafkajs looks for the leader among the topics that it knows already.
  await client.fetchTopicOffsets('t')
  await client.deleteTopicRecords({ topic: 't', partitions: [{ partition: 0, offset: '1' }] })
  const [offsets] = await client.fetchTopicOffsets('t')
  expect(offsets).toMatchObject({ partition: 0, low: '1' })
  await client.alterPartitionReassignments({
    topics: [{ topic: 't', partitionAssignment: [{ partition: 0, replicas: [1] }] }],
  })
  const listed = await client.listPartitionReassignments({
    topics: [{ topic: 't', partitions: [0] }],
  })
  expect(listed.topics).toEqual([])
})

test('a deleted topic takes its offsets along', async () => {
  broker = await TestBroker.start()
  const client = await admin()
  await client.createTopics({ topics: [{ topic: 't' }] })
  await send('t', ['a'])
  const raw = await RawKafka.connect(broker.address)
  const partitions = [{ partitionIndex: 0, committedOffset: 1, committedMetadata: null }]
  await raw.ask('OffsetCommit', 2, {
    groupId: 'g',
    generationIdOrMemberEpoch: -1,
    memberId: '',
    topics: [{ name: 't', partitions }],
  })
  raw.close()
  const fetch = async () => (await client.fetchOffsets({ groupId: 'g' })).map(({ topic }) => topic)
  expect(await fetch()).toEqual(['t'])
  await client.deleteTopics({ topics: ['t'] })
  expect(await fetch()).toEqual([])
})

test('offsets are found by timestamp', async () => {
  broker = await TestBroker.start()
  const producer = kafka().producer()
  await producer.connect()
  cleanups.push(() => producer.disconnect())
  for (const timestamp of ['1000', '2000', '3000']) {
    await producer.send({ topic: 't', messages: [{ value: timestamp, timestamp }] })
  }
  const client = await admin()
  const at = async (ms: number) => (await client.fetchTopicOffsetsByTimestamp('t', ms))[0]?.offset
  expect(await at(1_500)).toBe('1')
  expect(await at(2_000)).toBe('1')
  // kafkajs puts the latest offset where there is none as late.
  expect(await at(3_001)).toBe('3')
})

test('a topic is not created where the broker does not allow it', async () => {
  broker = await TestBroker.start({ autoCreateTopics: false })
  const producer = kafka({ retry: { retries: 0 } }).producer()
  await producer.connect()
  cleanups.push(() => producer.disconnect())
  await expect(producer.send({ topic: 't', messages: [{ value: 'x' }] })).rejects.toThrow(
    'This server does not host this topic-partition',
  )
  expect(await (await admin()).listTopics()).not.toContain('t')
})

test('a second broker in the same directory is refused, and the first goes on', async () => {
  broker = await TestBroker.start()
  const second = startBroker(brokerOptions(broker.dataDir))
  await expect(second).rejects.toMatchObject({ code: 'DATA_DIR_LOCKED' })
  await send('t', ['a'])
})

test('a broker that cannot open its door leaves its directory free', async () => {
  broker = await TestBroker.start()
  const port = Number(broker.address.split(':')[1])
  const other = await TestBroker.start()
  cleanups.push(() => other.remove())
  await other.role.stop()
  const taken = startBroker(brokerOptions(other.dataDir, { port }))
  await expect(taken).rejects.toMatchObject({ code: 'PORT_TAKEN' })
  await other.start()
})
