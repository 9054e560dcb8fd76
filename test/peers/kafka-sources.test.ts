// Runs the suite of sources, with either client, against Apache Kafka: mappings run on a cluster that is not ours.
import { existsSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe } from 'vitest'
import { createKafka, type Admin, type Kafka, type Producer } from '../../common/kafka-client.ts'
import { silentLogger } from '../../common/logger.ts'
import { startApacheKafka, type ApacheKafka } from '../support/apache-kafka.ts'
import { eventually } from '../support/eventually.ts'
import { sourceContract } from '../support/source-contract.ts'

let dataDir: string
let apache: ApacheKafka
let kafka: Kafka
let admin: Admin
let producer: Producer

beforeAll(async () => {
  if (!existsSync('.cache/peers/kafka/libs')) {
    throw new Error('Apache Kafka is missing: run "make test-peers"')
  }
  dataDir = await mkdtemp(join(tmpdir(), 'millrace-kafka-'))
  // Members come one by one here, and nobody wants to wait for more of them.
  const properties = ['group.initial.rebalance.delay.ms=0', 'offsets.topic.num.partitions=1']
  apache = await startApacheKafka({ dataDir, properties, heap: '-Xmx512m -Xms256m' })
  kafka = await createKafka({ brokers: [apache.address], clientId: 'test', logger: silentLogger })
  admin = kafka.admin()
  producer = kafka.producer()
  await eventually(
    async () => {
      try {
        await Promise.all([admin.connect(), producer.connect()])
        return true
      } catch (error) {
        if (error instanceof Error && error.name.startsWith('KafkaJS')) return undefined
        throw error
      }
    },
    () => 'Apache Kafka opens its door',
    60_000,
  )
})

afterAll(async () => {
  await Promise.all([admin.disconnect(), producer.disconnect()])
  await apache.stop()
  await rm(dataDir, { recursive: true, force: true })
})

describe.each(['millrace', 'kafkajs'] as const)('with %s', (client) => {
  sourceContract(client, () => ({ address: apache.address, kafka, admin, producer }))
})
