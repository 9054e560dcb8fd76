// Measures the whole way of a record beside a bare kafkajs consumer: rates, delay, idle mappings, start; prints JSON.
import { spawnSync } from 'node:child_process'
import { availableParallelism, cpus } from 'node:os'
import { setTimeout as pause } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { startPlatform, type Platform } from '../test/support/platform.ts'
import { machineLoad, residentKiB } from './broker/process-usage.ts'
import { idleMappings } from './pipeline/idle-mappings.ts'
import { deploy, pipelineRate } from './pipeline/mappings.ts'
import { putToHandler } from './pipeline/put-to-handler.ts'
import { bareRate, fillTopic, keepFilter } from './pipeline/topics.ts'

const help = `Usage: node bench/pipeline.ts [--rows a,b] [--rounds 3] [--records 300000] [--size 1000] [--batch 100] [--seconds 10] [--mappings 1000]

Prints JSON; progress goes to standard error. Rounds are interleaved, rates are medians of them.

Rows: p1, p10, p100 (records/s through a handler that does nothing, from so many partitions, beside a bare kafkajs consumer that only
counts, without and with a filter that drops 98 %), put (milliseconds from put to handler at 1,000 records/s, window 0), idle (CPU and
memory of mappings that have nothing to read), start (to the ready line, and idle memory). Each row has a platform of its own.
`
const { values: flags } = parseArgs({
  options: {
    help: { type: 'boolean', default: false },
    rows: { type: 'string', default: 'start,p1,p10,p100,put,idle' },
    rounds: { type: 'string', default: '3' },
    records: { type: 'string', default: '300000' },
    size: { type: 'string', default: '1000' },
    batch: { type: 'string', default: '100' },
    seconds: { type: 'string', default: '10' },
    mappings: { type: 'string', default: '1000' },
  },
})
if (flags.help) {
  process.stdout.write(help)
  process.exit(0)
}
const rounds = Number(flags.rounds)
const records = Number(flags.records)
const sizeBytes = Number(flags.size)
const batchSize = Number(flags.batch)
const seconds = Number(flags.seconds)

const progress = (text: string): boolean => process.stderr.write(`${text}\n`)
const median = (numbers: readonly number[]): number =>
  numbers.toSorted((a, b) => a - b)[Math.floor(numbers.length / 2)] ?? Number.NaN
const ratio = (a: number, b: number): number => Number((a / b).toFixed(2))

const rows: Readonly<Record<string, (platform: Platform) => Promise<unknown>>> = {
  p1: (platform) => rates(platform, 1),
  p10: (platform) => rates(platform, 10),
  p100: (platform) => rates(platform, 100),
  put: (platform) => putToHandler(platform, { seconds, sizeBytes }),
  idle: (platform) => idleMappings(platform, Number(flags.mappings)),
  start: (platform) => start(platform),
}
const loadBefore = machineLoad()
const results: Record<string, unknown> = {}
for (const name of flags.rows.split(',')) {
  const row = rows[name]
  if (row === undefined) throw new Error(`no row ${name}`)
  const platform = await startPlatform()
  try {
    results[name] = await row(platform)
  } finally {
    await platform.stop()
  }
  progress(`${name}: ${JSON.stringify(results[name])}`)
}
const machine = { cpu: cpus()[0]?.model, cores: availableParallelism(), node: process.version }
const load = { before: loadBefore, after: machineLoad() }
const input = { records, sizeBytes, batchSize, rounds, seconds }
const output = { bench: 'pipeline', machine, load, input, results }
process.stdout.write(`${JSON.stringify(output, null, 2)}\n`)

/** The three in turn in each round. */
async function rates(platform: Platform, partitions: number): Promise<unknown> {
  const topic = 'bench'
  await fillTopic(platform, topic, { records, partitions, sizeBytes })
  // One for all rounds, as its environments stay from one hour to the next: the first round shows what starting takes.
  for (const name of ['plain', 'filtered']) {
    await deploy(platform, name, 'export const handler = async () => {}')
  }
  const all = { pipeline: [] as number[], filtered: [] as number[], bareConsumer: [] as number[] }
  for (let round = 0; round < rounds; round++) {
    const groupId = `bare-${round}`
    all.bareConsumer.push(await bareRate(platform, { topic, groupId, records, partitions }))
    const mapping = { topic, batchSize }
    const plain = { ...mapping, functionName: 'plain' }
    all.pipeline.push(await pipelineRate(platform, plain, records))
    const filtering = { ...mapping, functionName: 'filtered', filter: keepFilter }
    all.filtered.push(await pipelineRate(platform, filtering, records))
    progress(`${partitions} partitions, round ${round + 1}/${rounds}: ${JSON.stringify(all)}`)
  }
  const bare = median(all.bareConsumer)
  const [pipeline, filtered] = [median(all.pipeline), median(all.filtered)]
  return {
    recordsPerSecond: { pipeline, filtered, bareConsumer: bare },
    ratio: { pipeline: ratio(pipeline, bare), filtered: ratio(filtered, bare) },
    all,
    residentMiB: Math.round(residentKiB(platform.pid) / 1024),
  }
}

/** To the ready line, beside the start of Node itself; and what is resident three seconds later. */
async function start(first: Platform): Promise<unknown> {
  const ready: number[] = []
  const node: number[] = []
  await pause(3000)
  const idleMiB = Math.round(residentKiB(first.pid) / 1024)
  for (let round = 0; round < 5; round++) {
    const before = performance.now()
    spawnSync(process.execPath, ['-e', '0'])
    const between = performance.now()
    const platform = await startPlatform()
    ready.push(performance.now() - between)
    node.push(between - before)
    await platform.stop()
  }
  return { readyMs: Math.round(median(ready)), nodeMs: Math.round(median(node)), idleMiB }
}
