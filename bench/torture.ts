// Measures what functions that behave notice of ones that do not: their latency alone and beside each; prints JSON.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { Agent, request } from 'node:http'
import { createServer } from 'node:net'
import { availableParallelism, cpus } from 'node:os'
import { setTimeout as pause } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { listen } from '../common/listen.ts'
import { createFunction, lambdaClient } from '../test/support/lambda.ts'
import { startPlatform } from '../test/support/platform.ts'
import { badFunctions, goodFiles, packageOf, unzippedMaxBytes } from '../test/support/torture.ts'
import { machineLoad } from './broker/process-usage.ts'

const help = `Usage: node bench/torture.ts [--rows a,b] [--functions 190] [--rate 100] [--seconds 2] [--rounds 5] [--cpu-share auto]

Prints JSON; progress goes to standard error. Milliseconds from Invoke over HTTP to its answer, of so many functions that do
nothing, warm, one after another at a fixed rate: for so many seconds alone, then as long beside one that misbehaves again and again, a tenth of a second after it was answered, and so on in
turn for so many rounds; percentiles are of all rounds together, those of each are there too. Client and platform share the machine.

Rows: bare (a process of its own, not of the platform, that takes a core: what the machine alone does), loop, heap, buffers, flood, sockets, process-sockets, exit, abort, large (a package of 250 MB is deployed), bomb (one is refused).
`
const allRows = 'bare,loop,heap,buffers,flood,sockets,process-sockets,exit,abort,large,bomb'
const { values: flags } = parseArgs({
  options: {
    help: { type: 'boolean', default: false },
    rows: { type: 'string', default: allRows },
    functions: { type: 'string', default: '190' },
    rate: { type: 'string', default: '100' },
    seconds: { type: 'string', default: '2' },
    rounds: { type: 'string', default: '5' },
    'cpu-share': { type: 'string', default: 'auto' },
  },
})
if (flags.help) {
  process.stdout.write(help)
  process.exit(0)
}

const rate = Number(flags.rate)
const seconds = Number(flags.seconds)
const rounds = Number(flags.rounds)
/** Between a round and the next. */
const restMs = 200
const good = Array.from({ length: Number(flags.functions) }, (_, i) => `good-${i}`)
const progress = (text: string): boolean => process.stderr.write(`${text}\n`)
const loadBefore = machineLoad()
const bare = coreTaker()
const sink = createServer((socket) => socket.on('error', () => {}))
const bad = badFunctions(await listen(sink, { door: 'sink', host: '127.0.0.1', port: 0 }))
const platform = await startPlatform({
  args: ['--workers-max', String(good.length + bad.length + 2), '--cpu-share', flags['cpu-share']],
})
const client = lambdaClient(platform)
const agent = new Agent({ keepAlive: true })
const results: Record<string, Row> = {}
try {
  await inTurn(good, async (name) => {
    await createFunction(client, { name, files: goodFiles })
    await invoke(name)
  })
  await inTurn(bad, (each) => createFunction(client, { ...each, handler: 'index.handler' }))
  await createFunction(client, { name: 'large', files: goodFiles })
  progress(`${good.length} functions are warm`)
  await latencies()
  for (const row of flags.rows.split(',')) results[row] = await measure(row)
} catch (error) {
  // Its last words come after its connections are gone.
  await pause(restMs)
  progress(platform.log().slice(-2000))
  throw error
} finally {
  client.destroy()
  agent.destroy()
  await platform.stop()
  sink.close()
  bare.end()
}
report()

interface Row {
  readonly alone: Percentiles
  readonly beside: Percentiles
  readonly p50Ratio: number
  readonly p99Ratio: number
  /** Of each round by itself, where p99 is of few invocations. */
  readonly p99RatioOfRounds: readonly number[]
  /** Beside it, over beside the process of row `bare`, where that was measured before. */
  readonly p99OfBare?: number
  readonly misbehaved: number
}

interface Percentiles {
  readonly p50Ms: number
  readonly p99Ms: number
}

interface Round {
  readonly alone: readonly number[]
  readonly beside: readonly number[]
  readonly misbehaved: number
}

/** Alone and beside it in turn, so that what else the machine does is the same for both. */
async function measure(row: string): Promise<Row> {
  const again = await misbehaviour(row)
  const done: Round[] = []
  for (let round = 0; round < rounds; round++) done.push(await measureRound(again))
  const alone = percentiles(done.flatMap((each) => each.alone))
  const beside = percentiles(done.flatMap((each) => each.beside))
  const p99Ratio = (each: Round): number =>
    hundredths(percentiles(each.beside).p99Ms / percentiles(each.alone).p99Ms)
  const bare = results['bare']?.beside.p99Ms
  const result = {
    alone,
    beside,
    p50Ratio: hundredths(beside.p50Ms / alone.p50Ms),
    p99Ratio: hundredths(beside.p99Ms / alone.p99Ms),
    p99RatioOfRounds: done.map(p99Ratio),
    ...(bare === undefined ? {} : { p99OfBare: hundredths(beside.p99Ms / bare) }),
    misbehaved: done.reduce((sum, each) => sum + each.misbehaved, 0),
  }
  progress(`${row}: ${JSON.stringify(result)}`)
  return result
}

async function measureRound(again: () => Promise<unknown>): Promise<Round> {
  const alone = await latencies()
  const state = { isOver: false, times: 0 }
  const misbehaving = (async () => {
    for (; !state.isOver; state.times++) {
      await again()
      await pause(100)
    }
  })()
  const beside = await latencies()
  state.isOver = true
  await misbehaving
  // What it leaves to do, closing and collecting, is not of those alone.
  await pause(restMs)
  return { alone, beside, misbehaved: state.times }
}

/** What is done again and again. */
async function misbehaviour(row: string): Promise<() => Promise<unknown>> {
  if (row === 'bare') return bare.again
  if (bad.some(({ name }) => name === row)) return () => invoke(row)
  const isBomb = row === 'bomb'
  if (!isBomb && row !== 'large') throw new Error(`no row ${row}`)
  const sizes = isBomb ? [0] : [1, 2]
  // Made ahead, and not by an SDK: what it takes to encode and sign a body is not the platform's time.
  const bodies = await Promise.all(
    sizes.map(async (less) => {
      const zip = await packageOf(unzippedMaxBytes - less)
      return Buffer.from(JSON.stringify({ ZipFile: Buffer.from(zip).toString('base64') }))
    }),
  )
  let turn = 0
  return async () => {
    const body = bodies[(turn += 1) % bodies.length] ?? ''
    const { status, text } = await exchange('PUT', 'large/code', body)
    if (status !== (isBomb ? 400 : 200))
      throw new Error(`a package was answered ${status}: ${text}`)
  }
}

/** A process that is there before anything is measured: to start one takes time of ours. Each time for a second. */
function coreTaker(): { readonly again: () => Promise<void>; readonly end: () => void } {
  const source = `process.stdin.on('data', () => {
  for (const endMs = Date.now() + 1000; Date.now() < endMs; );
  process.stdout.write('.')
})`
  const child = spawn(process.execPath, ['-e', source], { stdio: ['pipe', 'pipe', 'inherit'] })
  const again = async (): Promise<void> => {
    child.stdin.write('.')
    await once(child.stdout, 'data')
  }
  return { again, end: () => child.kill() }
}

/** Of invocations that begin at a fixed rate, whether or not those before them have ended. */
async function latencies(): Promise<readonly number[]> {
  const startedMs = performance.now()
  const calls = Array.from({ length: rate * seconds }, async (_, i) => {
    const dueMs = startedMs + (i * 1000) / rate
    await pause(Math.max(0, dueMs - performance.now()))
    const beforeMs = performance.now()
    const answer = await invoke(good[i % good.length] ?? '', i)
    if (!answer.endsWith(`,${2 * i}]`)) throw new Error(`a function answered ${answer}`)
    return performance.now() - beforeMs
  })
  return Promise.all(calls)
}

/** Resolves with the payload. */
async function invoke(name: string, n = 0): Promise<string> {
  const { status, text } = await exchange('POST', `${name}/invocations`, JSON.stringify({ n }))
  if (status !== 200) throw new Error(`${name}: ${text}`)
  return text
}

interface Exchanged {
  readonly status: number | undefined
  readonly text: string
}

/** `path` is below the API's functions. */
function exchange(method: string, path: string, body: string | Buffer): Promise<Exchanged> {
  return new Promise((resolve, reject) => {
    const url = `${platform.aws}/2015-03-31/functions/${path}`
    const sent = request(url, { method, agent }, (response) => {
      let text = ''
      response.setEncoding('utf8').on('data', (chunk: string) => (text += chunk))
      response.once('error', reject)
      response.once('end', () => resolve({ status: response.statusCode, text }))
    })
    // More than one may come of a connection that is lost. One that was idle may have been closed meanwhile.
    sent.on('error', (error) =>
      sent.reusedSocket ? resolve(exchange(method, path, body)) : reject(error),
    )
    sent.end(body)
  })
}

/** Four at a time. */
async function inTurn<T>(all: readonly T[], run: (each: T) => Promise<unknown>): Promise<void> {
  const rest = [...all]
  const one = async (): Promise<void> => {
    for (let next = rest.shift(); next !== undefined; next = rest.shift()) await run(next)
  }
  await Promise.all(Array.from({ length: 4 }, one))
}

function hundredths(value: number): number {
  return Number(value.toFixed(2))
}

function percentiles(values: readonly number[]): Percentiles {
  const sorted = values.toSorted((a, b) => a - b)
  const at = (share: number): number =>
    hundredths(sorted[Math.floor(share * sorted.length)] ?? Number.NaN)
  return { p50Ms: at(0.5), p99Ms: at(0.99) }
}

function report(): void {
  const machine = { cpu: cpus()[0]?.model, cores: availableParallelism(), node: process.version }
  const load = { before: loadBefore, after: machineLoad() }
  const input = { functions: good.length, rate, seconds, rounds, cpuShare: flags['cpu-share'] }
  process.stdout.write(
    `${JSON.stringify({ bench: 'torture', machine, load, input, results }, null, 2)}\n`,
  )
}
