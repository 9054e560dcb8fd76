// The spike that AWS shows of Kafka mappings, live here and in the simulator at AWS's pace; charts and a table.
import { spawnSync } from 'node:child_process'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { availableParallelism, cpus, tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { CreateEventSourceMappingCommand, type LambdaClient } from '@aws-sdk/client-lambda'
import { Kafka, logLevel } from 'kafkajs'
import { maxOf, parseScrape, sumOf } from '../demo/scrape.ts'
import { timeChart } from '../simulator/chart.ts'
import type { Sample } from '../simulator/measurements.ts'
import { createFunction, lambdaClient } from '../test/support/lambda.ts'
import { run, startPlatform, type Platform } from '../test/support/platform.ts'
import { machineLoad } from './broker/process-usage.ts'

const help = `Usage: node bench/spike.ts [--calm 20] [--spike 50] [--out DIR] [--runs live,simulated]

Records of 1.5 KB with random keys in 100 partitions, 3,000/s and then 9,000/s; batch size 50, window 1 s, a handler that takes 200 ms;
on demand, and with five event pollers provisioned. Live at pace local, with a spike after so many seconds that lasts so many, and simulated at
pace aws by simulator/scenarios. Prints JSON, and a table on standard error; draws a chart of each run into DIR (.cache/spike).
`
const { values: flags } = parseArgs({
  options: {
    help: { type: 'boolean', default: false },
    calm: { type: 'string', default: '20' },
    spike: { type: 'string', default: '50' },
    out: { type: 'string', default: join(import.meta.dirname, '../.cache/spike') },
    runs: { type: 'string', default: 'live,simulated' },
  },
})
if (flags.help) {
  process.stdout.write(help)
  process.exit(0)
}

const [calmSeconds, spikeSeconds] = [Number(flags.calm), Number(flags.spike)]
const topic = 'telemetry'
const partitions = 100
const modes = ['on-demand', 'provisioned'] as const
type Mode = (typeof modes)[number]

/** What is to be reached: so few seconds of lag, and from so many seconds after the spike's begin on. */
const lagMaxSeconds = 2
const settleMaxSeconds: Readonly<Record<Mode, number>> = { 'on-demand': 30, provisioned: 10 }

interface Outcome {
  readonly run: string
  readonly lagMostSeconds: number
  /** From the begin of the spike until the lag was small for good; null where it never was. */
  readonly settledAfterSeconds: number | null
  readonly pollersMost: number
  readonly concurrencyMost: number
  readonly lagAtEndSeconds: number
}

const progress = (text: string): boolean => process.stderr.write(`${text}\n`)
const loadBefore = machineLoad()
await mkdir(flags.out, { recursive: true })
const outcomes: Outcome[] = []
if (flags.runs.includes('live')) {
  for (const mode of modes) {
    const samples = await live(mode)
    const heading = `${mode}, live, pace local, ${partitions} partitions, batch size 50`
    await writeFile(join(flags.out, `spike-live-${mode}.svg`), timeChart(heading, samples))
    outcomes.push(outcomeOf(`live ${mode}`, samples, calmSeconds))
  }
}
if (flags.runs.includes('simulated')) for (const mode of modes) outcomes.push(simulated(mode))

const reached = Object.fromEntries(
  modes.map((mode) => {
    const settled = outcomes.find(({ run: name }) => name === `live ${mode}`)?.settledAfterSeconds
    return [mode, settled != null && settled <= settleMaxSeconds[mode]]
  }),
)
progress(asTable(outcomes))
process.stdout.write(
  `${JSON.stringify(
    {
      bench: 'spike',
      machine: { cpu: cpus()[0]?.model, cores: availableParallelism(), node: process.version },
      load: { before: loadBefore, after: machineLoad() },
      input: { partitions, calmSeconds, spikeSeconds, lagMaxSeconds, settleMaxSeconds },
      outcomes,
      ...(flags.runs.includes('live') ? { reached } : {}),
      charts: flags.out,
    },
    null,
    2,
  )}\n`,
)

async function live(mode: Mode): Promise<readonly Sample[]> {
  const dataDir = await mkdtemp(join(tmpdir(), 'millrace-spike-'))
  const platform = await startPlatform({ dataDir, env: { MILLRACE_LOG_LEVEL: 'warn' } })
  const client = lambdaClient(platform)
  try {
    await deploy(platform, client, mode)
    const load = ['--rate', '3000', '--spike', `9000@${calmSeconds}s:${spikeSeconds}s`]
    const shape = ['--size', '1500', '--keys', '100000']
    const seconds = ['--seconds', String(calmSeconds + spikeSeconds)]
    const to = ['--brokers', platform.kafka, '--topic', topic]
    const producer = run(['producer', ...to, ...load, ...shape, ...seconds])
    const samples = await watch(platform, mode)
    const { code, stderr } = await producer
    if (code !== 0) throw new Error(`the producer ended with ${code}: ${stderr}`)
    return samples
  } finally {
    client.destroy()
    await platform.stop()
    await rm(dataDir, { recursive: true, force: true })
  }
}

async function deploy(platform: Platform, client: LambdaClient, mode: Mode): Promise<void> {
  const kafka = new Kafka({ brokers: [platform.kafka], logLevel: logLevel.NOTHING })
  const admin = kafka.admin()
  await admin.connect()
  await admin.createTopics({ topics: [{ topic, numPartitions: partitions }] })
  await admin.disconnect()
  const files = {
    'index.mjs': 'export const handler = () => new Promise((resolve) => setTimeout(resolve, 200))',
  }
  await createFunction(client, { name: topic, files, memorySizeMb: 128 })
  await client.send(
    new CreateEventSourceMappingCommand({
      FunctionName: topic,
      SelfManagedEventSource: { Endpoints: { KAFKA_BOOTSTRAP_SERVERS: [platform.kafka] } },
      Topics: [topic],
      StartingPosition: 'TRIM_HORIZON',
      BatchSize: 50,
      MaximumBatchingWindowInSeconds: 1,
      ...(mode === 'provisioned' ? { ProvisionedPollerConfig: { MinimumPollers: 5 } } : {}),
    }),
  )
}

/** A sample a second from the start of the load to its end. */
async function watch(platform: Platform, mode: Mode): Promise<readonly Sample[]> {
  const samples: Sample[] = []
  const startMs = performance.now()
  let before = { atMs: startMs, records: 0 }
  for (let second = 1; second <= calmSeconds + spikeSeconds; second++) {
    const waitMs = startMs + second * 1000 - performance.now()
    await new Promise((resolve) => setTimeout(resolve, Math.max(0, waitMs)))
    const scraped = parseScrape(await (await fetch(platform.metrics)).text())
    const now = {
      atMs: performance.now(),
      records: sumOf(scraped, 'millrace_topic_records_in_total', { topic }),
    }
    const sample = {
      second: Math.round((now.atMs - startMs) / 1000),
      ratePerSecond: ((now.records - before.records) * 1000) / (now.atMs - before.atMs),
      lagRecords: sumOf(scraped, 'kafka_consumergroup_lag_sum', { topic }),
      lagSeconds: maxOf(scraped, 'millrace_consumergroup_lag_seconds', { topic }),
      pollers: sumOf(scraped, 'millrace_mapping_event_pollers'),
      concurrencyMost: sumOf(scraped, 'millrace_mapping_invocations_in_flight'),
    }
    samples.push(sample)
    before = now
    if (second % 5 === 0) progress(`${mode} ${JSON.stringify(sample)}`)
  }
  return samples
}

function simulated(mode: Mode): Outcome {
  const scenario = join(import.meta.dirname, `../simulator/scenarios/spike-${mode}.json`)
  const svg = join(flags.out, `spike-simulated-${mode}.svg`)
  const main = join(import.meta.dirname, '../main.ts')
  const args = [main, 'simulate', '--config', scenario, '--json', '--chart', svg]
  const { status, stdout, stderr } = spawnSync(process.execPath, args, {
    encoding: 'utf8',
    maxBuffer: 64 * 1024 * 1024,
  })
  if (status !== 0) throw new Error(`the simulator ended with ${status}: ${stderr}`)
  const { samples, scenario: terms } = JSON.parse(stdout) as {
    samples: readonly Sample[]
    scenario: { traffic: { steps: readonly { seconds?: number }[] } }
  }
  return outcomeOf(`simulated ${mode}, pace aws`, samples, terms.traffic.steps[0]?.seconds ?? 0)
}

function outcomeOf(name: string, samples: readonly Sample[], spikeAt: number): Outcome {
  const spike = samples.filter(({ second }) => second > spikeAt)
  const most = (of: (sample: Sample) => number): number => Math.max(0, ...spike.map(of))
  const lastLate = spike.findLast(({ lagSeconds }) => lagSeconds > lagMaxSeconds)
  const isSettled = lastLate !== spike.at(-1) || lastLate === undefined
  return {
    run: name,
    lagMostSeconds: most(({ lagSeconds }) => lagSeconds),
    settledAfterSeconds: isSettled ? (lastLate?.second ?? spikeAt) - spikeAt : null,
    pollersMost: most(({ pollers }) => pollers),
    concurrencyMost: most(({ concurrencyMost }) => concurrencyMost),
    lagAtEndSeconds: spike.at(-1)?.lagSeconds ?? 0,
  }
}

function asTable(rows: readonly Outcome[]): string {
  const head = [
    'run',
    'most lag',
    `lag <= ${lagMaxSeconds} s after`,
    'pollers',
    'at once',
    'lag at the end',
  ]
  const cells = rows.map((row) => [
    row.run,
    `${row.lagMostSeconds.toFixed(1)} s`,
    row.settledAfterSeconds === null ? 'not within the run' : `${row.settledAfterSeconds} s`,
    String(row.pollersMost),
    String(row.concurrencyMost),
    `${row.lagAtEndSeconds.toFixed(1)} s`,
  ])
  const widths = head.map((title, index) =>
    Math.max(title.length, ...cells.map((row) => row[index]?.length ?? 0)),
  )
  const line = (row: readonly string[]): string =>
    row.map((cell, index) => cell.padEnd(widths[index] ?? 0)).join('  ')
  return [head, ...cells].map(line).join('\n')
}
