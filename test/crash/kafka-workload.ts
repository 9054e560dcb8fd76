// Numbered records by a Kafka producer that sends one request at a time, and a mapping of their topic.
import { createKafka, type Producer } from '../../common/kafka-client.ts'
import { silentLogger } from '../../common/logger.ts'
import {
  NumberedRecords,
  type Sending,
  type Workload,
  type WorkloadMapping,
  type WorkloadPorts,
} from './workload.ts'

const topic = 'kills'
const partitions = 6
const keys = 24

/** A handler that takes its time now and then, and writes down what it was given. */
const handler = `
import { appendFileSync } from 'node:fs'
export const handler = async (event) => {
  const records = Object.values(event.records).flat()
  await new Promise((resolve) => setTimeout(resolve, records[0].offset % 40))
  const lines = records.map(({ topic, partition, offset, key, value }) =>
    JSON.stringify({ topic, partition, offset, key: atob(key), value: atob(value) }))
  appendFileSync(process.env.OUT, lines.join('\\n') + '\\n')
}
`

export class KafkaWorkload implements Workload {
  readonly records = new NumberedRecords()
  readonly #brokers: readonly string[]
  readonly #random: () => number

  constructor({ kafka }: WorkloadPorts, random: () => number) {
    this.#brokers = [`127.0.0.1:${kafka}`]
    this.#random = random
  }

  async create(): Promise<readonly WorkloadMapping[]> {
    const admin = (await this.#kafka('admin')).admin()
    await admin.connect()
    await admin.createTopics({ topics: [{ topic, numPartitions: partitions }] })
    await admin.disconnect()
    const request: WorkloadMapping['request'] = {
      SelfManagedEventSource: { Endpoints: { KAFKA_BOOTSTRAP_SERVERS: [...this.#brokers] } },
      Topics: [topic],
      StartingPosition: 'TRIM_HORIZON',
      BatchSize: 50,
      MaximumBatchingWindowInSeconds: 0,
    }
    return [{ functionName: topic, handler, request, isWindowed: false }]
  }

  async send(): Promise<Sending> {
    const producer: Producer = (await this.#kafka('producer')).producer({
      idempotent: true,
      maxInFlightRequests: 1,
      allowAutoTopicCreation: false,
    })
    await producer.connect()
    const stopping = new AbortController()
    const running = (async () => {
      while (!stopping.signal.aborted) await this.#sendSome(producer)
    })()
    return {
      stop: async () => {
        stopping.abort()
        await running
        await producer.disconnect()
      },
    }
  }

  async #sendSome(producer: Producer): Promise<void> {
    const messages = Array.from({ length: 1 + Math.floor(this.#random() * 20) }, () =>
      this.records.next(`key-${Math.floor(this.#random() * keys)}`),
    )
    await producer.send({ topic, acks: -1, messages })
    for (const { key } of messages) this.records.acknowledge(key)
  }

  #kafka(clientId: string): ReturnType<typeof createKafka> {
    const brokers = [...this.#brokers]
    return createKafka({ brokers, clientId, logger: silentLogger, retries: Infinity })
  }
}
