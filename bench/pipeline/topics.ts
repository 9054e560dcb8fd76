// Fills topics for the bench of the pipeline, and reads them with a bare kafkajs consumer that only counts.
import { Kafka, logLevel } from 'kafkajs'
import type { Platform } from '../../test/support/platform.ts'

/** Records per send, and of one partition in a row: batches of a hundred, as producers with some delay make them. */
const chunk = 1000
const inARow = 100

/** One record of fifty is kept by `keepFilter`. */
const keptOf = 50
export const keepFilter = JSON.stringify({ value: { kind: ['keep'] } })

export function kafkaOf({ kafka }: Platform): Kafka {
  return new Kafka({ brokers: [kafka], logLevel: logLevel.NOTHING })
}

/** Values are JSON of `sizeBytes`. */
export async function fillTopic(
  platform: Platform,
  topic: string,
  of: { readonly records: number; readonly partitions: number; readonly sizeBytes: number },
): Promise<void> {
  const kafka = kafkaOf(platform)
  const admin = kafka.admin()
  await admin.connect()
  await admin.createTopics({ topics: [{ topic, numPartitions: of.partitions }] })
  await admin.disconnect()
  const producer = kafka.producer({ maxInFlightRequests: 5 })
  await producer.connect()
  const [keep, drop] = [valueOf('keep', of.sizeBytes), valueOf('drop', of.sizeBytes)]
  for (let sent = 0; sent < of.records; sent += chunk) {
    const messages = Array.from({ length: Math.min(chunk, of.records - sent) }, (_, i) => ({
      value: (sent + i) % keptOf === 0 ? keep : drop,
      partition: Math.floor((sent + i) / inARow) % of.partitions,
    }))
    await producer.send({ topic, acks: -1, messages })
  }
  await producer.disconnect()
}

function valueOf(kind: string, sizeBytes: number): Buffer {
  const text = JSON.stringify({ kind, id: 'a7c1', pad: '' })
  return Buffer.from(text.replace('"pad":""', `"pad":"${'x'.repeat(sizeBytes - text.length)}"`))
}

/** Records per second of an `eachBatch` that only counts, from its first batch to the last record. */
export async function bareRate(
  platform: Platform,
  of: {
    readonly topic: string
    readonly groupId: string
    readonly records: number
    readonly partitions: number
  },
): Promise<number> {
  const consumer = kafkaOf(platform).consumer({ groupId: of.groupId })
  await consumer.connect()
  await consumer.subscribe({ topic: of.topic, fromBeginning: true })
  let seen = 0
  let first = { seen: 0, atMs: 0 }
  await new Promise<void>((resolve, reject) => {
    consumer
      .run({
        partitionsConsumedConcurrently: of.partitions,
        eachBatch: ({ batch }) => {
          seen += batch.messages.length
          if (first.seen === 0) first = { seen, atMs: performance.now() }
          if (seen >= of.records) resolve()
          return Promise.resolve()
        },
      })
      .catch(reject)
  })
  const seconds = (performance.now() - first.atMs) / 1000
  await consumer.disconnect()
  return Math.round((of.records - first.seen) / seconds)
}
