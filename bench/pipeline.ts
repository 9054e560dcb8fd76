// Measures the whole way of a record beside a bare kafkajs consumer; start and idle memory as well.
import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { availableParallelism, cpus } from 'node:os'
import { parseArgs } from 'node:util'
import { CreateEventSourceMappingCommand } from '@aws-sdk/client-lambda'
import { Kafka, logLevel } from 'kafkajs'
import { createFunction, lambdaClient } from '../test/support/lambda.ts'
import { startPlatform, type Platform } from '../test/support/platform.ts'

const { values: flags } = parseArgs({
  options: {
    records: { type: 'string', default: '400000' },
    size: { type: 'string', default: '1000' },
    partitions: { type: 'string', default: '10' },
    batch: { type: 'string', default: '100' },
    rounds: { type: 'string', default: '3' },
  },
})
const records = Number(flags.records)
const sizeBytes = Number(flags.size)
const partitions = Number(flags.partitions)
const batchSize = Number(flags.batch)
const rounds = Number(flags.rounds)
const topic = 'bench'

const progress = (text: string): boolean => process.stderr.write(`${text}\n`)
const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms))
const median = (numbers: readonly number[]): number =>
  numbers.toSorted((a, b) => a - b)[Math.floor(numbers.length / 2)] ?? Number.NaN

const started = await measureStart()
const platform = await startPlatform()
await pause(3000)
const idleRssMiB = residentMiB(platform.pid)
await fill(platform)
const rates: { bareConsumer: number[]; pipeline: number[] } = { bareConsumer: [], pipeline: [] }
for (let round = 0; round < rounds; round++) {
  rates.bareConsumer.push(await bareConsumer(platform, `bare-${round}`))
  rates.pipeline.push(await pipeline(platform, `noop-${round}`))
  progress(`round ${round + 1}/${rounds}: ${JSON.stringify(rates)}`)
}
const loadedRssMiB = residentMiB(platform.pid)
await platform.stop()
const pipelineRate = median(rates.pipeline)
process.stdout.write(
  `${JSON.stringify(
    {
      bench: 'pipeline',
      machine: { cpu: cpus()[0]?.model, cores: availableParallelism(), node: process.version },
      input: { records, sizeBytes, partitions, batchSize, rounds },
      recordsPerSecond: {
        pipeline: pipelineRate,
        bareConsumer: median(rates.bareConsumer),
        ratio: Number((pipelineRate / median(rates.bareConsumer)).toFixed(3)),
        all: rates,
      },
      startMs: started,
      idleRssMiB,
      loadedRssMiB,
    },
    null,
    2,
  )}\n`,
)

/** Start to the ready line, beside the start of Node itself. */
async function measureStart(): Promise<{ ready: number; node: number }> {
  const ready: number[] = []
  const node: number[] = []
  for (let round = 0; round < 5; round++) {
    const before = performance.now()
    spawnSync(process.execPath, ['-e', '0'])
    const between = performance.now()
    const platform = await startPlatform()
    ready.push(performance.now() - between)
    node.push(between - before)
    await platform.stop()
  }
  return { ready: Math.round(median(ready)), node: Math.round(median(node)) }
}

function residentMiB(pid: number): number {
  const [, kib] = /VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, 'utf8')) ?? []
  return Math.round(Number(kib) / 1024)
}

function kafkaOf({ kafka }: Platform): Kafka {
  return new Kafka({ brokers: [kafka], logLevel: logLevel.NOTHING })
}

async function fill(platform: Platform): Promise<void> {
  const kafka = kafkaOf(platform)
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

/** Records per second of an `eachBatch` that only counts, from its first batch to the last record. */
async function bareConsumer(platform: Platform, groupId: string): Promise<number> {
  const consumer = kafkaOf(platform).consumer({ groupId })
  await consumer.connect()
  await consumer.subscribe({ topic, fromBeginning: true })
  let seen = 0
  let firstAt = 0
  await new Promise<void>((resolve, reject) => {
    consumer
      .run({
        partitionsConsumedConcurrently: partitions,
        eachBatch: ({ batch }) => {
          if (firstAt === 0) firstAt = performance.now()
          seen += batch.messages.length
          if (seen >= records) resolve()
          return Promise.resolve()
        },
      })
      .catch(reject)
  })
  const seconds = (performance.now() - firstAt) / 1000
  await consumer.disconnect()
  return Math.round(records / seconds)
}

/** Records per second from the mapping's first invocation until all are committed, by the metrics. */
async function pipeline(platform: Platform, name: string): Promise<number> {
  const client = lambdaClient(platform)
  const files = { 'index.mjs': 'export const handler = async () => {}' }
  // A whole core: what is measured is the way to the function, not its share of the processor.
  await createFunction(client, { name, files, memorySizeMb: 1769 })
  await client.send(
    new CreateEventSourceMappingCommand({
      FunctionName: name,
      SelfManagedEventSource: { Endpoints: { KAFKA_BOOTSTRAP_SERVERS: [platform.kafka] } },
      Topics: [topic],
      BatchSize: batchSize,
      StartingPosition: 'TRIM_HORIZON',
    }),
  )
  client.destroy()
  let firstAt = 0
  for (;;) {
    const text = await (await fetch(platform.metrics)).text()
    const read = (metric: string): number =>
      Number(
        new RegExp(`^${metric}{[^}]*function="${name}"[^}]*} (\\d+)`, 'm').exec(text)?.[1] ?? 0,
      )
    if (firstAt === 0 && read('millrace_mapping_invoked_events_total') > 0)
      firstAt = performance.now()
    if (read('millrace_mapping_committed_events_total') >= records) break
    await pause(20)
  }
  return Math.round(records / ((performance.now() - firstAt) / 1000))
}
