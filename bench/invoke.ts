// Measures Invoke beside raw piscina in the same run: rates, events of a mapping's size, cold starts; prints JSON.
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { enableCompileCache } from 'node:module'
import { availableParallelism, cpus, tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { Piscina } from 'piscina'
import { systemClock } from '../common/clock.ts'
import type { EventPayload } from '../common/invocation.ts'
import { silentLogger } from '../common/logger.ts'
import type { FunctionRecord } from '../control/registry/registry.ts'
import { LogWriter } from '../function-logs/log-writer.ts'
import { createFunction, lambdaClient } from '../test/support/lambda.ts'
import { functionRecord } from '../test/support/memory-registry.ts'
import { startPlatform } from '../test/support/platform.ts'
import { completed, startInvoker } from '../test/support/worker-threads.ts'
import { machineLoad } from './broker/process-usage.ts'
import { kafkaEvent, kinesisEvent } from './invoke/events.ts'
import { httpRate } from './invoke/http-load.ts'

const help = `Usage: node bench/invoke.ts [--rows a,b] [--rounds 3] [--seconds 1] [--threads CORES] [--cold 60] [--no-logs]

Prints JSON; progress goes to standard error. Rounds are interleaved, rates are medians of them.

Rows: small1, small100 (invocations/s of a no-op in this process, so many at once), kinesis, kafka (100 records of 1.5 KB,
as a mapping hands them over, beside piscina that is given the object, parsed from the text each time, and parsed once; and
ours as text, beside the first), cold, control, workers (over HTTP, 100 connections, in a process of their own).
`
const { values: flags } = parseArgs({
  allowNegative: true,
  options: {
    help: { type: 'boolean', default: false },
    rows: { type: 'string', default: 'small1,small100,kinesis,kafka,cold,control,workers' },
    rounds: { type: 'string', default: '3' },
    seconds: { type: 'string', default: '1' },
    threads: { type: 'string', default: String(availableParallelism()) },
    cold: { type: 'string', default: '60' },
    logs: { type: 'boolean', default: true },
  },
})
if (flags.help) {
  process.stdout.write(help)
  process.exit(0)
}

// As the program does: its threads start from compiled code.
enableCompileCache()
const rounds = Number(flags.rounds)
const seconds = Number(flags.seconds)
const threads = Number(flags.threads)
const wanted = new Set(flags.rows.split(','))
const noop = new URL('./invoke/noop.mjs', import.meta.url)
const directory = new URL('./invoke', import.meta.url).pathname
const progress = (text: string): boolean => process.stderr.write(`${text}\n`)
const small = '{"key":"value"}'
/** A whole core: what is measured is not what holds a smaller function back. */
const memorySizeMb = 1769
const loadBefore = machineLoad()
const results: Record<string, unknown> = {}

// With what every invocation writes to its log, as the program has it unless told otherwise.
const logs = mkdtempSync(join(tmpdir(), 'millrace-bench-'))
const logWriter = new LogWriter({
  root: logs,
  groupMaxBytes: 64 * 1024 * 1024,
  totalMaxBytes: Infinity,
  clock: systemClock,
  logger: silentLogger,
})
const workers = startInvoker({
  environmentsMax: threads,
  accountConcurrency: 1000,
  ...(flags.logs ? { logWriter } : {}),
})
await workers.registry.putFunction(noopRecord('noop', 0))
const piscina = new Piscina({ filename: noop.href, minThreads: threads, maxThreads: threads })
const invoke = (functionName: string, payload: EventPayload) => async () => {
  completed(await workers.invoker.invoke({ functionName, payload }))
}
await measure('small1', 1, invoke('noop', small), () => piscina.run(JSON.parse(small)))
await measure('small100', 100, invoke('noop', small), () => piscina.run(JSON.parse(small)))
for (const [row, event] of Object.entries({ kinesis: kinesisEvent, kafka: kafkaEvent })) {
  const text = event().text()
  const parsed = JSON.parse(text) as unknown
  // A mapping has new records for each event.
  const ours = () => invoke('noop', event())()
  // Whoever has no records has a text, and has to parse it before it can be cloned.
  const parsing = () => piscina.run(JSON.parse(text))
  await measure(row, 2 * threads, ours, parsing)
  await measure(`${row}Parsed`, 2 * threads, ours, () => piscina.run(parsed))
  await measure(`${row}Text`, 2 * threads, invoke('noop', text), parsing)
}
if (wanted.has('cold')) results['cold'] = await coldStarts(Number(flags.cold))
await piscina.destroy()
await workers.stop()
await logWriter.close()
results['log'] = { ...logWriter.counters }
rmSync(logs, { recursive: true })
if (wanted.has('control')) results['control'] = await overHttp(['all'])
if (wanted.has('workers')) results['workers'] = await overHttp(['control', 'workers'])
report()

interface Measured {
  readonly rate: number
  /** Of the whole process, all its threads: other work on the machine changes it less than the rate. */
  readonly cpuMicroseconds: number
}

/** Ours and piscina's in turn, after one second each that does not count. */
async function measure(
  row: string,
  concurrency: number,
  ours: () => Promise<unknown>,
  raw: () => Promise<unknown>,
): Promise<void> {
  if (!wanted.has(row.replace(/Parsed|Text/, ''))) return
  const all: { ours: Measured[]; piscina: Measured[] } = { ours: [], piscina: [] }
  for (let round = -1; round < rounds; round++) {
    const measured = [await rate(concurrency, ours), await rate(concurrency, raw)] as const
    if (round < 0) continue
    all.ours.push(measured[0])
    all.piscina.push(measured[1])
  }
  const [mine, theirs] = [summary(all.ours), summary(all.piscina)]
  results[row] = {
    ours: mine,
    piscina: theirs,
    rateRatio: Number((mine.rate / theirs.rate).toFixed(2)),
    cpuRatio: Number((theirs.cpuMicroseconds / mine.cpuMicroseconds).toFixed(2)),
    rates: {
      ours: all.ours.map((each) => each.rate),
      piscina: all.piscina.map((each) => each.rate),
    },
  }
  progress(`${row}: ${JSON.stringify(results[row])}`)
}

function summary(measured: readonly Measured[]): Measured {
  return {
    rate: median(measured.map((each) => each.rate)),
    cpuMicroseconds: median(measured.map((each) => each.cpuMicroseconds)),
  }
}

/** Calls per second, `concurrency` of them at once. */
async function rate(concurrency: number, call: () => Promise<unknown>): Promise<Measured> {
  let calls = 0
  const startedMs = performance.now()
  const cpuBefore = process.cpuUsage()
  const endMs = startedMs + seconds * 1000
  const one = async (): Promise<void> => {
    while (performance.now() < endMs) {
      await call()
      calls += 1
    }
  }
  await Promise.all(Array.from({ length: concurrency }, one))
  const { user, system } = process.cpuUsage(cpuBefore)
  return {
    rate: Math.round(calls / ((performance.now() - startedMs) / 1000)),
    cpuMicroseconds: Number(((user + system) / calls).toFixed(1)),
  }
}

/** From the call to the answer of functions that never ran, one after another; beside a thread of piscina's. */
async function coldStarts(count: number): Promise<Record<string, unknown>> {
  const ours: number[] = []
  const raw: number[] = []
  for (let i = 0; i < count; i++) {
    await workers.registry.putFunction(noopRecord(`cold-${i}`, i))
    ours.push(await elapsedMs(invoke(`cold-${i}`, small)))
    const pool = new Piscina({ filename: noop.href, minThreads: 0, maxThreads: 1 })
    raw.push(await elapsedMs(() => pool.run(null)))
    await pool.destroy()
  }
  const result = { ours: percentiles(ours), piscina: percentiles(raw) }
  progress(`cold: ${JSON.stringify(result)}`)
  return result
}

async function elapsedMs(call: () => Promise<unknown>): Promise<number> {
  const before = performance.now()
  await call()
  return performance.now() - before
}

/** Of the last role's door, in a process of its own. */
async function overHttp(roles: readonly ('all' | 'control' | 'workers')[]) {
  const args = ['--workers-max', String(threads), '--cpu-share', 'off']
  const first = await startPlatform({
    role: roles[0] ?? 'all',
    args: roles.length === 1 ? args : [],
  })
  const served =
    roles[1] === undefined
      ? first
      : await startPlatform({ role: roles[1], args, dataDir: first.dataDir })
  try {
    const files = { 'index.mjs': readFileSync(noop, 'utf8') }
    await createFunction(lambdaClient(first), { name: 'noop', files })
    const load = { door: served.workers === '' ? served.aws : served.workers, body: small, seconds }
    const path = '/2015-03-31/functions/noop/invocations'
    const all: { one: number[]; hundred: number[] } = { one: [], hundred: [] }
    await httpRate({ ...load, path, connections: 100 })
    for (let round = 0; round < rounds; round++) {
      all.one.push(await httpRate({ ...load, path, connections: 1 }))
      all.hundred.push(await httpRate({ ...load, path, connections: 100 }))
    }
    const result = { one: median(all.one), hundred: median(all.hundred), all }
    progress(`${roles.at(-1)}: ${JSON.stringify(result)}`)
    return result
  } finally {
    if (served !== first) await served.stop()
    await first.stop()
  }
}

function noopRecord(name: string, revision: number): FunctionRecord {
  const changes = { handler: 'noop.handler', memorySizeMb, revision: revision + 1 }
  return functionRecord(name, directory, changes)
}

function median(numbers: readonly number[]): number {
  return numbers.toSorted((a, b) => a - b)[Math.floor(numbers.length / 2)] ?? Number.NaN
}

function percentiles(values: readonly number[]): Record<string, number> {
  const sorted = values.toSorted((a, b) => a - b)
  const at = (share: number): number =>
    Number((sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? 0).toFixed(1))
  return { p50Ms: at(0.5), p99Ms: at(0.99), maxMs: at(1) }
}

function report(): void {
  const machine = { cpu: cpus()[0]?.model, cores: availableParallelism(), node: process.version }
  const load = { before: loadBefore, after: machineLoad() }
  const input = { rounds, seconds, threads }
  process.stdout.write(
    `${JSON.stringify({ bench: 'invoke', machine, load, input, results }, null, 2)}\n`,
  )
}
