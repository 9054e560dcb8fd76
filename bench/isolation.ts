// Measures what a mapping notices of others that hang, fail for ever or are throttled: put to handler, alone and beside; prints JSON.
import { once } from 'node:events'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { availableParallelism, cpus, tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { Worker } from 'node:worker_threads'
import {
  CreateEventSourceMappingCommand,
  PutFunctionConcurrencyCommand,
} from '@aws-sdk/client-lambda'
import { mendRequestQueue } from '../common/kafka-client.ts'
import { createFunction, lambdaClient } from '../test/support/lambda.ts'
import { startPlatform, type Platform } from '../test/support/platform.ts'
import { cpuSeconds, machineLoad } from './broker/process-usage.ts'
import type { Pace } from './isolation/paced-producer.ts'
import { kafkaOf } from './pipeline/topics.ts'

// Our own client in this process, which makes the topics, would else wake up a thousand times a second.
mendRequestQueue()

const help = `Usage: node bench/isolation.ts [--rounds 3] [--rate 200] [--seconds 10] [--size 1000]

Prints JSON; progress goes to standard error. Milliseconds from put to handler of a mapping that behaves (window 0, one partition), at so
many records a second, each anywhere in its part of the second, for so many seconds: alone, then beside three more at the same rate, each with a topic and a function of its own: one
hangs until its timeout of 3 s, one has a poison record that is retried for ever, one has reserved concurrency 0 and a backlog that grows.
"traffic" is the same four topics at the same rates with nobody mapped to the three: what more records cost by themselves. Rounds take the
three in turn, on a platform of its own each. The bar: p50 and p99 beside the others within 2 times of alone.
`
const { values: flags } = parseArgs({
  options: {
    help: { type: 'boolean', default: false },
    rounds: { type: 'string', default: '3' },
    rate: { type: 'string', default: '200' },
    seconds: { type: 'string', default: '10' },
    size: { type: 'string', default: '1000' },
  },
})
if (flags.help) {
  process.stdout.write(help)
  process.exit(0)
}
const rate = Number(flags.rate)
const seconds = Number(flags.seconds)
const sizeBytes = Number(flags.size)
const rounds = Number(flags.rounds)
const warmUpSeconds = 2

type Surroundings = 'alone' | 'traffic' | 'beside'
const surroundings: readonly Surroundings[] = ['alone', 'traffic', 'beside']

const progress = (text: string): boolean => process.stderr.write(`${text}\n`)
const median = (numbers: readonly number[]): number =>
  numbers.toSorted((a, b) => a - b)[Math.floor(numbers.length / 2)] ?? Number.NaN

/** Appends to a file how long each record was under way. */
const good = `
import { appendFileSync } from 'node:fs'
export const handler = async (event) => {
  const now = performance.timeOrigin + performance.now()
  const records = Object.values(event.records).flat()
  const sent = ({ value }) => Number(Buffer.from(value, 'base64').toString('latin1', 0, 20))
  appendFileSync(process.env.OUT, records.map((record) => now - sent(record) + '\\n').join(''))
}
`
/** Each notes its invocations, so that one sees that it was as bad as it should be. */
const note = `import { appendFileSync } from 'node:fs'
const invoked = () => appendFileSync(process.env.OUT, 'x')
`
const bad = {
  hung: `${note}export const handler = () => { invoked(); return new Promise((resolve) => setTimeout(resolve, 60_000)) }`,
  // The first record of the topic is the poison: with no bound on retries nothing passes it.
  poisoned: `${note}export const handler = async (event) => {
    invoked()
    if (Object.values(event.records).flat().some(({ offset }) => offset === 0)) throw new Error('poisoned')
  }`,
  throttled: `${note}export const handler = async () => invoked()`,
} as const
const badNames = Object.keys(bad) as (keyof typeof bad)[]

interface Delays {
  readonly records: number
  readonly p50Ms: number
  readonly p99Ms: number
  readonly maxMs: number
  /** Of a core, what the platform took meanwhile. */
  readonly cpuPercent: number
}

const loadBefore = machineLoad()
const all: Record<Surroundings, Delays[]> = { alone: [], traffic: [], beside: [] }
const invocations: Record<string, number>[] = []
for (let round = 0; round < rounds; round++) {
  for (const each of surroundings) {
    const { delays, invoked } = await measure(each)
    all[each].push(delays)
    if (each === 'beside') invocations.push(invoked)
    progress(`round ${round + 1}/${rounds}, ${each}: ${JSON.stringify({ ...delays, invoked })}`)
  }
}
report()

async function measure(
  around: Surroundings,
): Promise<{ delays: Delays; invoked: Record<string, number> }> {
  const directory = await mkdtemp(join(tmpdir(), 'millrace-bench-'))
  const platform = await startPlatform({ dataDir: join(directory, 'data') })
  const client = lambdaClient(platform)
  const kafka = kafkaOf(platform)
  const outOf = (name: string): string => join(directory, name)
  const map = async (name: string, code: string, timeoutSeconds: number): Promise<void> => {
    await createFunction(client, {
      name,
      files: { 'index.mjs': code },
      memorySizeMb: 1769,
      timeoutSeconds,
      environment: { OUT: outOf(name) },
    })
    if (name === 'throttled') {
      const none = { FunctionName: name, ReservedConcurrentExecutions: 0 }
      await client.send(new PutFunctionConcurrencyCommand(none))
    }
    await client.send(
      new CreateEventSourceMappingCommand({
        FunctionName: name,
        SelfManagedEventSource: { Endpoints: { KAFKA_BOOTSTRAP_SERVERS: [platform.kafka] } },
        Topics: [name],
        StartingPosition: 'TRIM_HORIZON',
        BatchSize: 100,
        MaximumBatchingWindowInSeconds: 0,
      }),
    )
  }
  const topics = around === 'alone' ? ['good'] : ['good', ...badNames]
  try {
    const admin = kafka.admin()
    await admin.connect()
    await admin.createTopics({ topics: topics.map((topic) => ({ topic, numPartitions: 1 })) })
    await admin.disconnect()
    await map('good', good, 30)
    if (around === 'beside') for (const name of badNames) await map(name, bad[name], 3)
    await pause(2000)
    const cpuPercent = await produce(topics, platform)
    await pause(500)
    const delays = { ...delaysOf(await textOf(outOf('good'))), cpuPercent }
    const counts = badNames.map(async (name) => [name, (await textOf(outOf(name))).length] as const)
    return { delays, invoked: Object.fromEntries(await Promise.all(counts)) }
  } finally {
    client.destroy()
    await platform.stop()
    await rm(directory, { recursive: true, force: true })
  }
}

/** To each topic by a thread of its own, so that no client waits for another's turn. Returns `cpuPercent`. */
async function produce(topics: readonly string[], platform: Platform): Promise<number> {
  const records = (warmUpSeconds + seconds) * rate
  const producers = topics.map((topic) => {
    const workerData: Pace = { broker: platform.kafka, topic, perSecond: rate, records, sizeBytes }
    return new Worker(new URL('isolation/paced-producer.ts', import.meta.url), { workerData })
  })
  await Promise.all(producers.map((producer) => once(producer, 'message')))
  const cpuBefore = cpuSeconds(platform.pid)
  const startMs = performance.now()
  const ends = producers.map((producer) => once(producer, 'exit'))
  for (const producer of producers) producer.postMessage('begin', [])
  await Promise.all(ends)
  const share = (cpuSeconds(platform.pid) - cpuBefore) / ((performance.now() - startMs) / 1000)
  return Number((share * 100).toFixed(1))
}

/** Nothing where the function was never invoked. */
async function textOf(file: string): Promise<string> {
  try {
    return await readFile(file, 'utf8')
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return ''
    throw error
  }
}

/** Without what came while everything was new. */
function delaysOf(text: string): Omit<Delays, 'cpuPercent'> {
  const taken = text.trimEnd().split('\n').map(Number)
  const total = (warmUpSeconds + seconds) * rate
  if (taken.length !== total) throw new Error(`${taken.length} of ${total} records were handled`)
  const sorted = taken.slice(warmUpSeconds * rate).toSorted((a, b) => a - b)
  const at = (share: number): number =>
    Number(
      (sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? NaN).toFixed(2),
    )
  return { records: sorted.length, p50Ms: at(0.5), p99Ms: at(0.99), maxMs: at(1) }
}

function report(): void {
  const of = (each: Surroundings, key: 'p50Ms' | 'p99Ms'): number =>
    median(all[each].map((delays) => delays[key]))
  const medians = Object.fromEntries(
    surroundings.map((each) => [each, { p50Ms: of(each, 'p50Ms'), p99Ms: of(each, 'p99Ms') }]),
  )
  const ratio = (key: 'p50Ms' | 'p99Ms', to: Surroundings): number =>
    Number((of('beside', key) / of(to, key)).toFixed(2))
  const ratios = {
    toAlone: { p50: ratio('p50Ms', 'alone'), p99: ratio('p99Ms', 'alone') },
    toTraffic: { p50: ratio('p50Ms', 'traffic'), p99: ratio('p99Ms', 'traffic') },
  }
  const machine = { cpu: cpus()[0]?.model, cores: availableParallelism(), node: process.version }
  const load = { before: loadBefore, after: machineLoad() }
  const input = { rounds, rate, seconds, sizeBytes }
  const results = { medians, ratios, all, invocations }
  const output = { bench: 'isolation', machine, load, input, results }
  process.stdout.write(`${JSON.stringify(output, null, 2)}\n`)
}
