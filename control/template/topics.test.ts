// Tests what is asked of a cluster so that a topic is as planned, and what is said where it cannot be.
import { expect, test } from 'vitest'
import { AppError } from '../../common/errors.ts'
import { silentLogger } from '../../common/logger.ts'
import { KafkaTopics, type TopicAdmin } from './topics.ts'

interface FakeTopic {
  partitions: number
  configs: Record<string, string>
}

/** A cluster in memory; `knowsConfigs` is whether it answers DescribeConfigs. */
class FakeCluster implements TopicAdmin {
  readonly topics = new Map<string, FakeTopic>()
  knowsConfigs = true
  connected = true

  fetchTopicMetadata: TopicAdmin['fetchTopicMetadata'] = async () => ({
    topics: [...this.topics].map(([name, { partitions }]) => ({
      name,
      partitions: Array.from({ length: partitions }, (_, partitionId) => ({
        partitionErrorCode: 0,
        partitionId,
        leader: 1,
        replicas: [1],
        isr: [1],
      })),
    })),
  })

  createTopics: TopicAdmin['createTopics'] = async ({ topics }) => {
    for (const { topic, numPartitions, configEntries } of topics) {
      this.topics.set(topic, {
        partitions: numPartitions === -1 ? 3 : (numPartitions ?? 0),
        configs: Object.fromEntries((configEntries ?? []).map((c) => [c.name, c.value])),
      })
    }
    return true
  }

  createPartitions: TopicAdmin['createPartitions'] = async ({ topicPartitions }) => {
    for (const { topic, count } of topicPartitions) {
      const found = this.topics.get(topic)
      if (found !== undefined) found.partitions = count
    }
    return true
  }

  describeConfigs: TopicAdmin['describeConfigs'] = async ({ resources }) => {
    if (!this.knowsConfigs) {
      throw Object.assign(new Error('no'), { name: 'KafkaJSServerDoesNotSupportApiKey' })
    }
    return {
      resources: resources.map(({ name, configNames }) => ({
        configEntries: configNames.map((configName) => ({
          configName,
          configValue: this.topics.get(name)?.configs[configName] ?? '',
        })),
      })),
    }
  }

  async disconnect(): Promise<void> {
    this.connected = false
  }
}

function setUp(): { own: FakeCluster; other: FakeCluster; topics: KafkaTopics } {
  const own = new FakeCluster()
  const other = new FakeCluster()
  const topics = new KafkaTopics({
    brokers: ['own:1'],
    logger: silentLogger,
    connect: async ([server]) => (server === 'own:1' ? own : other),
  })
  return { own, other, topics }
}

const orders = { name: 'orders', line: 3, partitions: 6, configs: { 'retention.ms': '1000' } }

test('a topic that is not there is created with its partitions and settings', async () => {
  const { own, topics } = setUp()
  expect(await topics.ensure(orders)).toEqual({ action: 'created', warnings: [] })
  expect(own.topics).toEqual(
    new Map([['orders', { partitions: 6, configs: { 'retention.ms': '1000' } }]]),
  )
})

test('a topic without a number of partitions has the broker’s', async () => {
  const { own, topics } = setUp()
  await topics.ensure({ name: 'orders', line: 3, configs: {} })
  expect(own.topics.get('orders')?.partitions).toBe(3)
})

test('a topic as planned is left alone', async () => {
  const { topics } = setUp()
  await topics.ensure(orders)
  expect(await topics.ensure(orders)).toEqual({ action: 'unchanged', warnings: [] })
})

test('a topic with fewer partitions gets more', async () => {
  const { own, topics } = setUp()
  own.topics.set('orders', { partitions: 2, configs: { 'retention.ms': '1000' } })
  expect(await topics.ensure(orders)).toEqual({ action: 'updated', warnings: [] })
  expect(own.topics.get('orders')?.partitions).toBe(6)
})

test('a topic with more partitions or other settings is left, and named', async () => {
  const { own, topics } = setUp()
  own.topics.set('orders', { partitions: 9, configs: { 'retention.ms': '5' } })
  expect(await topics.ensure(orders)).toEqual({
    action: 'unchanged',
    warnings: [
      'topic orders has retention.ms=5, not 1000: it is left as it is',
      'topic orders has 9 partitions, not 6: there is no way back',
    ],
  })
})

test('a cluster that cannot tell its settings is not asked for more', async () => {
  const { own, topics } = setUp()
  own.knowsConfigs = false
  own.topics.set('orders', { partitions: 6, configs: {} })
  expect(await topics.ensure(orders)).toEqual({ action: 'unchanged', warnings: [] })
})

test('a topic of another cluster is created there, and both are disconnected at the end', async () => {
  const { own, other, topics } = setUp()
  await topics.ensure(orders)
  await topics.ensure({ ...orders, name: 'theirs', bootstrapServers: ['other:1'] })
  await topics.close()
  expect([...own.topics.keys()]).toEqual(['orders'])
  expect([...other.topics.keys()]).toEqual(['theirs'])
  expect([own.connected, other.connected]).toEqual([false, false])
})

test('what a cluster refuses is an outcome with its words', async () => {
  const { own, topics } = setUp()
  const answer = { type: 'INVALID_CONFIG', code: 40 }
  const errors = [Object.assign(new Error('Configuration is invalid'), answer)]
  own.createTopics = () => Promise.reject(Object.assign(new Error('creation errors'), { errors }))
  expect(await topics.ensure(orders)).toEqual({
    action: 'refused',
    reason: 'Configuration is invalid (INVALID_CONFIG)',
  })
})

test('a cluster that does not answer is an operating error', async () => {
  const refused = Object.assign(new Error('connect ECONNREFUSED'), {
    name: 'KafkaJSConnectionError',
  })
  const topics = new KafkaTopics({
    brokers: ['own:1'],
    logger: silentLogger,
    connect: () => Promise.reject(refused),
  })
  const failure: unknown = await topics.ensure(orders).catch((error: unknown) => error)
  expect(failure).toBeInstanceOf(AppError)
  expect(failure).toMatchObject({ code: 'BROKER_UNREACHABLE', retriable: true })
  await topics.close()
})
