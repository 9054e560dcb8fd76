// Drives transactions with Apache Kafka's own producer, consumer and tools, in Java.
import { afterAll, beforeAll, expect, test } from 'vitest'
import { encodeBatch, transactionalBit } from '../../protocol/record-batch.ts'
import { startPlatform, type Platform } from '../support/platform.ts'
import { RawKafka } from '../support/raw-kafka.ts'
import { runTool } from './tool.ts'

const jars = new URL('../../.cache/peers/kafka/libs', import.meta.url).pathname

let platform: Platform
let client: RawKafka
beforeAll(async () => {
  platform = await startPlatform({ role: 'broker' })
  client = await RawKafka.connect(platform.kafka)
})
afterAll(async () => {
  client.close()
  await platform.stop()
})

async function java(main: string, args: readonly string[]): Promise<string> {
  const jvm = ['-Xmx128M', '-XX:TieredStopAtLevel=1', '-cp', `${jars}/*`]
  const { stdout, stderr } = await runTool('java', [...jvm, main, ...args], { timeoutMs: 60_000 })
  return `${stdout.toString()}${stderr}`.replaceAll(/^SLF4J.*\n/gm, '')
}

const transactions = (...args: readonly string[]) =>
  java('org.apache.kafka.tools.TransactionsCommand', [
    '--bootstrap-server',
    platform.kafka,
    ...args,
  ])

function produce(topic: string, records: number, ...more: readonly string[]): Promise<string> {
  const size = ['--num-records', String(records), '--record-size', '100', '--throughput', '-1']
  const props = ['--producer-props', `bootstrap.servers=${platform.kafka}`]
  const args = ['--topic', topic, ...size, ...more, ...props]
  return java('org.apache.kafka.tools.ProducerPerformance', args)
}

/** How many records a consumer of this isolation level finds. */
async function count(topic: string, isolationLevel: string): Promise<number> {
  const args = ['--bootstrap-server', platform.kafka, '--topic', topic, '--from-beginning']
  const until = ['--timeout-ms', '4000', '--isolation-level', isolationLevel]
  const printed = await java('org.apache.kafka.tools.consumer.ConsoleConsumer', [...args, ...until])
  return Number(/Processed a total of (\d+) messages/.exec(printed)?.[1])
}

/** Begins a transaction of two records, and leaves it open. */
async function beginTransaction(transactionalId: string, topic: string) {
  const asked = { transactionalId, transactionTimeoutMs: 60_000 }
  const { producerId, producerEpoch } = await client.ask('InitProducerId', 4, asked)
  const producer = { transactionalId, producerId, producerEpoch }
  const topics = [{ name: topic, partitions: [0] }]
  await client.ask('AddPartitionsToTxn', 3, { ...producer, topics })
  const records = ['a', 'b'].map((value) => ({
    key: null,
    value: Buffer.from(value),
    timestamp: 1000,
  }))
  const batch = { producerId, producerEpoch, baseSequence: 0, attributes: transactionalBit }
  const data = { index: 0, records: encodeBatch({ ...batch, records }) }
  const topicData = [{ name: topic, partitionData: [data] }]
  await client.ask('Produce', 9, { transactionalId, acks: -1, timeoutMs: 1000, topicData })
  return producer
}

test('Kafka’s producer is idempotent by default, and writes every record once', async () => {
  expect(await produce('plain', 2000)).toContain('2000 records sent')
  expect(await count('plain', 'read_uncommitted')).toBe(2000)
})

test('Kafka’s producer commits transactions, and its consumer reads what is committed', async () => {
  const many = ['--transactional-id', 'perf', '--transaction-duration-ms', '50']
  expect(await produce('committed', 3000, ...many)).toContain('3000 records sent')
  expect(await count('committed', 'read_committed')).toBe(3000)
  const producer = await beginTransaction('open', 'committed')
  expect(await count('committed', 'read_committed')).toBe(3000)
  expect(await count('committed', 'read_uncommitted')).toBe(3002)
  await client.ask('EndTxn', 3, { ...producer, committed: false })
  expect(await count('committed', 'read_committed')).toBe(3000)
})

test('Kafka’s tool lists and describes transactions and producers', async () => {
  await produce('described', 1)
  const { producerId } = await beginTransaction('seen', 'described')
  expect(await transactions('list')).toMatch(new RegExp(`seen\\s+1\\s+${producerId}\\s+Ongoing`))
  const described = await transactions('describe', '--transactional-id', 'seen')
  expect(described).toContain('Ongoing')
  expect(described).toContain('described-0')
  const place = ['--topic', 'described', '--partition', '0']
  const producers = await transactions('describe-producers', ...place)
  expect(producers).toMatch(new RegExp(`${producerId}\\s+0\\s+0\\s+1\\s+1000\\s+1`))
})
