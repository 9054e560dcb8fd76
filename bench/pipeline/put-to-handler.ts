// Measures how long a record is under way from a producer to a handler at a steady pace; beside a bare kafkajs consumer.
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import type { Kafka } from 'kafkajs'
import type { Platform } from '../../test/support/platform.ts'
import { createMappings, deleteMapping, deploy } from './mappings.ts'
import { kafkaOf } from './topics.ts'

export interface Percentiles {
  readonly records: number
  readonly p50Ms: number
  readonly p99Ms: number
  readonly maxMs: number
}

const topic = 'paced'
const perSecond = 1000
const warmUpSeconds = 2

/** Reads the time in each value against its own, and appends the differences to a file: a frozen thread sends nothing. */
const handler = `
import { appendFileSync } from 'node:fs'
const nowMs = () => performance.timeOrigin + performance.now()
export const handler = async (event) => {
  const now = nowMs()
  const records = Object.values(event.records).flat()
  const sent = ({ value }) => Number(Buffer.from(value, 'base64').toString('latin1', 0, 20))
  appendFileSync(process.env.OUT, records.map((record) => now - sent(record) + '\\n').join(''))
}
`

const nowMs = (): number => performance.timeOrigin + performance.now()

export async function putToHandler(
  platform: Platform,
  of: { readonly seconds: number; readonly sizeBytes: number },
): Promise<{ readonly ours: Percentiles; readonly bareConsumer: Percentiles }> {
  const kafka = kafkaOf(platform)
  const admin = kafka.admin()
  await admin.connect()
  await admin.createTopics({ topics: [{ topic, numPartitions: 1 }] })
  await admin.disconnect()
  const bareConsumer = await throughConsumer(kafka, of)
  const ours = await throughMapping(platform, kafka, of)
  return { ours, bareConsumer }
}

async function throughMapping(
  platform: Platform,
  kafka: Kafka,
  of: { readonly seconds: number; readonly sizeBytes: number },
): Promise<Percentiles> {
  const directory = await mkdtemp(join(tmpdir(), 'millrace-bench-'))
  const out = join(directory, 'taken')
  await deploy(platform, 'paced', handler, { OUT: out })
  const mapping = { functionName: 'paced', topic, batchSize: 100, windowSeconds: 0 }
  const [uuid = ''] = await createMappings(platform, [{ ...mapping, position: 'LATEST' }])
  await pause(2000)
  await produce(kafka, of)
  await pause(500)
  await deleteMapping(platform, uuid)
  const lines = await readFile(out, 'utf8')
  await rm(directory, { recursive: true })
  return percentiles(lines.trimEnd().split('\n').map(Number))
}

async function throughConsumer(
  kafka: Kafka,
  of: { readonly seconds: number; readonly sizeBytes: number },
): Promise<Percentiles> {
  const taken: number[] = []
  const consumer = kafka.consumer({ groupId: 'bare-paced', maxWaitTimeInMs: 500 })
  await consumer.connect()
  await consumer.subscribe({ topic })
  await consumer.run({
    eachBatch: ({ batch }) => {
      const now = nowMs()
      for (const { value } of batch.messages)
        taken.push(now - Number(value?.toString('latin1', 0, 20)))
      return Promise.resolve()
    },
  })
  await pause(2000)
  await produce(kafka, of)
  await pause(500)
  await consumer.disconnect()
  return percentiles(taken)
}

/** One record at a time, each sent when it is due; none waits for the answer to another. */
async function produce(
  kafka: Kafka,
  { seconds, sizeBytes }: { readonly seconds: number; readonly sizeBytes: number },
): Promise<void> {
  const producer = kafka.producer({ maxInFlightRequests: 100 })
  await producer.connect()
  const startMs = performance.now()
  const sends: Promise<unknown>[] = []
  const total = (warmUpSeconds + seconds) * perSecond
  while (sends.length < total) {
    const due = Math.min(total, Math.floor(((performance.now() - startMs) / 1000) * perSecond))
    while (sends.length < due) {
      const value = `${nowMs().toFixed(6).padEnd(20, '0').slice(0, 20)} `.padEnd(sizeBytes, 'x')
      sends.push(producer.send({ topic, acks: -1, messages: [{ value }] }))
    }
    await pause(1)
  }
  await Promise.all(sends)
  await producer.disconnect()
}

/** Without what came while everything was new. */
function percentiles(taken: readonly number[]): Percentiles {
  const sorted = taken.slice(warmUpSeconds * perSecond).toSorted((a, b) => a - b)
  const at = (share: number): number =>
    Number(
      (sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? NaN).toFixed(2),
    )
  return { records: sorted.length, p50Ms: at(0.5), p99Ms: at(0.99), maxMs: at(1) }
}
