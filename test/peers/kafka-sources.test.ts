// Runs the suite of sources, with either client, against Apache Kafka: mappings run on a cluster that is not ours.
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe } from 'vitest'
import { createKafka, type Admin, type Kafka, type Producer } from '../../common/kafka-client.ts'
import { silentLogger } from '../../common/logger.ts'
import {
  connectedToKafka,
  smallKafka,
  startApacheKafka,
  type ApacheKafka,
} from '../support/apache-kafka.ts'
import { sourceContract } from '../support/source-contract.ts'

let dataDir: string
let apache: ApacheKafka
let kafka: Kafka
let admin: Admin
let producer: Producer

beforeAll(async () => {
  dataDir = await mkdtemp(join(tmpdir(), 'millrace-kafka-'))
  apache = await startApacheKafka({ dataDir, ...smallKafka })
  kafka = await createKafka({ brokers: [apache.address], clientId: 'test', logger: silentLogger })
  admin = kafka.admin()
  producer = kafka.producer()
  await connectedToKafka(admin, producer)
})

afterAll(async () => {
  await Promise.all([admin.disconnect(), producer.disconnect()])
  await apache.stop()
  await rm(dataDir, { recursive: true, force: true })
})

describe.each(['millrace', 'kafkajs'] as const)('with %s', (client) => {
  sourceContract(client, () => ({ address: apache.address, kafka, admin, producer }))
})
