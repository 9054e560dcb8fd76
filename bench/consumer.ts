// Measures what reading a topic costs: our consumer beside kafkajs and @platformatic/kafka, each only counting; prints JSON.
import { availableParallelism, cpus } from 'node:os'
import { parseArgs } from 'node:util'
import { Consumer } from '@platformatic/kafka'
import { Kafka, logLevel } from 'kafkajs'
import { systemClock } from '../common/clock.ts'
import { silentLogger } from '../common/logger.ts'
import { KafkaSource, type KafkaClientKind } from '../poller/sources/kafka-source.ts'
import type { RecordRun, SourceListener } from '../poller/sources/source.ts'
import { startPlatform, type Platform } from '../test/support/platform.ts'

const { values: flags } = parseArgs({
  options: {
    records: { type: 'string', default: '500000' },
    size: { type: 'string', default: '1000' },
    partitions: { type: 'string', default: '10' },
    rounds: { type: 'string', default: '3' },
    only: { type: 'string', default: '' },
  },
})
const records = Number(flags.records)
const sizeBytes = Number(flags.size)
const partitions = Number(flags.partitions)
const rounds = Number(flags.rounds)
const topic = 'bench'

const progress = (text: string): boolean => process.stderr.write(`${text}\n`)
const median = (numbers: readonly number[]): number =>
  numbers.toSorted((a, b) => a - b)[Math.floor(numbers.length / 2)] ?? Number.NaN

/** Counts records; done once all are there. */
class Count {
  readonly done: Promise<void>
  #seen = 0
  #firstMs = 0
  #cpuAtFirst = process.cpuUsage()
  #seconds = 0
  #cpuMicros = 0
  readonly #resolve: () => void

  constructor() {
    const { promise, resolve } = Promise.withResolvers<void>()
    this.done = promise
    this.#resolve = resolve
  }

  add(count: number): void {
    if (this.#seen === 0) {
      this.#firstMs = performance.now()
      this.#cpuAtFirst = process.cpuUsage()
    }
    this.#seen += count
    if (this.#seen < records || this.#seconds > 0) return
    this.#seconds = (performance.now() - this.#firstMs) / 1000
    const { user, system } = process.cpuUsage(this.#cpuAtFirst)
    this.#cpuMicros = user + system
    this.#resolve()
  }

  get row(): Row {
    return {
      recordsPerSecond: Math.round(this.#seen / this.#seconds),
      cpuMicrosPerRecord: this.#cpuMicros / this.#seen,
    }
  }
}

interface Row {
  readonly recordsPerSecond: number
  /** Of this process alone; the broker has one of its own. */
  readonly cpuMicrosPerRecord: number
}

class Counting implements SourceListener {
  readonly count = new Count()
  readonly next = new Map<number, number>()

  assigned(): ReadonlyMap<number, number> {
    return new Map()
  }
  checkpoints(): ReadonlyMap<number, number> {
    return new Map()
  }
  rewound(): void {}
  records({ partition, records: run, nextOffset }: RecordRun): void {
    this.count.add(run.length)
    this.next.set(partition, nextOffset)
  }
  problem(): void {}
}

type Consume = (platform: Platform, groupId: string) => Promise<Row>

const ours =
  (client: KafkaClientKind): Consume =>
  async ({ kafka }, groupId) => {
    const listener = new Counting()
    const source = new KafkaSource({
      client,
      brokers: [kafka],
      topic,
      groupId,
      clientId: groupId,
      position: { kind: 'TRIM_HORIZON' },
      clock: systemClock,
      logger: silentLogger,
    })
    source.start(listener)
    // A mapping commits ten times a second; the two others do so by themselves.
    const committing = setInterval(() => {
      if (listener.next.size > 0) void source.commit(listener.next).catch(() => {})
    }, 100)
    await listener.count.done
    clearInterval(committing)
    await source.stop()
    return listener.count.row
  }

async function bareKafkajs({ kafka }: Platform, groupId: string): Promise<Row> {
  const consumer = new Kafka({ brokers: [kafka], logLevel: logLevel.NOTHING }).consumer({ groupId })
  await consumer.connect()
  await consumer.subscribe({ topic, fromBeginning: true })
  const count = new Count()
  await consumer.run({
    partitionsConsumedConcurrently: partitions,
    eachBatch: ({ batch }) => {
      count.add(batch.messages.length)
      return Promise.resolve()
    },
  })
  await count.done
  await consumer.disconnect()
  return count.row
}

async function platformatic({ kafka }: Platform, groupId: string): Promise<Row> {
  const consumer = new Consumer({ groupId, clientId: groupId, bootstrapBrokers: [kafka] })
  const stream = await consumer.consume({ topics: [topic], mode: 'earliest', autocommit: false })
  const count = new Count()
  stream.on('data', () => count.add(1))
  await count.done
  await consumer.close(true)
  return count.row
}

async function fill({ kafka: broker }: Platform): Promise<void> {
  const kafka = new Kafka({ brokers: [broker], logLevel: logLevel.NOTHING })
  const admin = kafka.admin()
  await admin.connect()
  await admin.createTopics({ topics: [{ topic, numPartitions: partitions }] })
  await admin.disconnect()
  const producer = kafka.producer({ maxInFlightRequests: 5 })
  await producer.connect()
  const value = Buffer.alloc(sizeBytes, 'x')
  const chunk = 1000
  for (let sent = 0; sent < records; sent += chunk) {
    const messages = Array.from({ length: chunk }, (_, i) => ({
      value,
      partition: (sent + i) % partitions,
    }))
    await producer.send({ topic, acks: -1, messages })
  }
  await producer.disconnect()
  progress(`filled ${topic} with ${records} records`)
}

const clients: Record<string, Consume> = {
  bareKafkajs,
  platformatic,
  millrace: ours('millrace'),
}
const platform = await startPlatform({ role: 'broker' })
await fill(platform)
const rows = new Map<string, Row[]>()
for (let round = 0; round < rounds; round++) {
  for (const [name, consume] of Object.entries(clients)) {
    if (flags.only !== '' && flags.only !== name) continue
    const row = await consume(platform, `${name}-${round}`)
    rows.set(name, [...(rows.get(name) ?? []), row])
    progress(`round ${round + 1}/${rounds}, ${name}: ${JSON.stringify(row)}`)
  }
}
await platform.stop()
const medians = Object.fromEntries(
  [...rows].map(([name, own]) => [
    name,
    {
      recordsPerSecond: median(own.map(({ recordsPerSecond }) => recordsPerSecond)),
      cpuMicrosPerRecord: Number(
        median(own.map(({ cpuMicrosPerRecord }) => cpuMicrosPerRecord)).toFixed(2),
      ),
    },
  ]),
)
process.stdout.write(
  `${JSON.stringify(
    {
      bench: 'consumer',
      machine: { cpu: cpus()[0]?.model, cores: availableParallelism(), node: process.version },
      input: { records, sizeBytes, partitions, rounds },
      clients: medians,
      all: Object.fromEntries(rows),
    },
    null,
    2,
  )}\n`,
)
