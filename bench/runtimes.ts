// Measures functions in processes: cold starts and warm invocations in Python, beside bare Python; prints JSON.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createServer } from 'node:http'
import { availableParallelism, cpus } from 'node:os'
import { parseArgs } from 'node:util'
import { systemClock } from '../common/clock.ts'
import { listen } from '../common/listen.ts'
import { completed, startInvoker } from '../test/support/worker-threads.ts'
import { RuntimeSearch } from '../workers/process/runtime-search.ts'
import { machineLoad } from './broker/process-usage.ts'

const help = `Usage: node bench/runtimes.ts [--runtime python3.11] [--cold 30] [--seconds 2]

Prints JSON. cold: milliseconds from the invocation of a no-op to its result in a new process, beside a bare Python that says that it
is there. warm: invocations/s one after another, beside the same runtime with a server that has an event ready at once and does nothing else.
`
const { values: flags } = parseArgs({
  options: {
    help: { type: 'boolean', default: false },
    runtime: { type: 'string', default: 'python3.11' },
    cold: { type: 'string', default: '30' },
    seconds: { type: 'string', default: '2' },
  },
})
if (flags.help) {
  process.stdout.write(help)
  process.exit(0)
}

const loadBefore = machineLoad()
const found = await new RuntimeSearch(systemClock).find(flags.runtime, '/')
if (found.kind === 'missing') throw new Error(`${flags.runtime}: ${found.advice}`)
const { command: python, args: runtimeArgs } = found
const workers = startInvoker({ environmentsMax: 1, idleTimeoutMs: 600_000 })
const invoke = async (name: string) =>
  completed(await workers.invoker.invoke({ functionName: name, payload: '{"key":"value"}' }))
const deploy = (name: string) =>
  workers.deploy(
    name,
    { 'app.py': 'def handler(event, context): return event' },
    { runtime: flags.runtime, handler: 'app.handler', timeoutSeconds: 30, memorySizeMb: 512 },
  )

// The first looks for Python and starts the guard.
await deploy('first')
await invoke('first')
const cold: number[] = []
const bareCold: number[] = []
for (let i = 0; i < Number(flags.cold); i++) {
  await deploy(`cold-${i}`)
  bareCold.push(await timed(startBare))
  // The environment before it ends for this one, as `environmentsMax` wants it.
  cold.push(await timed(() => invoke(`cold-${i}`)))
}
const folder = await deploy('warm')
await invoke('warm')
const warm = await rate(() => invoke('warm'))
const bareWarm = await bareRate()
await workers.stop()
process.stdout.write(
  `${JSON.stringify(
    {
      machine: { cpu: cpus()[0]?.model, cores: availableParallelism(), loadBefore },
      node: process.version,
      runtime: flags.runtime,
      coldMs: { ...percentiles(cold), bare: percentiles(bareCold) },
      warmPerSecond: { invoke: Math.round(warm), bareHttp: Math.round(bareWarm) },
    },
    null,
    2,
  )}\n`,
)

async function startBare(): Promise<void> {
  const child = spawn(python, ['-c', 'print("here")'])
  await once(child.stdout, 'data')
  await once(child, 'exit')
}

/** The same two requests for each event, without freezing, metering, logs and all else. */
async function bareRate(): Promise<number> {
  const answers = { count: 0 }
  const server = createServer((request, response) => {
    if (request.method === 'GET') {
      response.setHeader('lambda-runtime-aws-request-id', String(answers.count))
      response.setHeader('lambda-runtime-invocation-id', 'try')
      response.setHeader('lambda-runtime-deadline-ms', '0')
      response.setHeader('content-length', '15')
      return response.end('{"key":"value"}')
    }
    answers.count += 1
    request.resume()
    return response.setHeader('content-length', '2').end('{}')
  })
  const address = await listen(server, { door: 'bench', host: '127.0.0.1', port: 0 })
  const env = {
    AWS_LAMBDA_RUNTIME_API: address,
    LAMBDA_TASK_ROOT: folder.directory,
    _HANDLER: 'app.handler',
  }
  const child = spawn(python, runtimeArgs, { env, stdio: 'ignore' })
  while (answers.count === 0) await new Promise(setImmediate)
  const before = answers.count
  const startedMs = performance.now()
  await new Promise((resolve) => setTimeout(resolve, Number(flags.seconds) * 1000))
  const perSecond = ((answers.count - before) / (performance.now() - startedMs)) * 1000
  child.kill()
  await once(child, 'exit')
  server.closeAllConnections()
  server.close()
  return perSecond
}

async function timed(run: () => Promise<unknown>): Promise<number> {
  const startedMs = performance.now()
  await run()
  return performance.now() - startedMs
}

async function rate(run: () => Promise<unknown>): Promise<number> {
  const startedMs = performance.now()
  const endMs = startedMs + Number(flags.seconds) * 1000
  let count = 0
  for (; performance.now() < endMs; count++) await run()
  return (count / (performance.now() - startedMs)) * 1000
}

function percentiles(values: readonly number[]): { readonly p50: number; readonly p99: number } {
  const sorted = values.toSorted((a, b) => a - b)
  const at = (share: number): number =>
    Number((sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? 0).toFixed(1))
  return { p50: at(0.5), p99: at(0.99) }
}
