// Measures what memory stays when functions are gone, of the platform and of a bare process of threads; prints JSON.
import { spawn, spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { availableParallelism, cpus } from 'node:os'
import { createInterface } from 'node:readline'
import { setTimeout as pause } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { DeleteFunctionCommand, InvokeCommand } from '@aws-sdk/client-lambda'
import { createFunction, lambdaClient } from '../test/support/lambda.ts'
import { startPlatform } from '../test/support/platform.ts'
import { goodFiles } from '../test/support/torture.ts'

const help = `Usage: node bench/left-memory.ts [--threads 190] [--turns 2] [--trim]

Prints JSON; progress goes to standard error. So many functions are created, invoked once and deleted, several times over; then the same number
of threads that do nothing is started and ended in a bare process of Node. Of each: MB resident at the start and 12 s after each turn, and how
much of it the allocator of the C library has, used or free. With --trim gdb has each process give back what is free in there: what is left then is
what somebody holds.
`
const { values: flags } = parseArgs({
  options: {
    help: { type: 'boolean', default: false },
    threads: { type: 'string', default: '190' },
    turns: { type: 'string', default: '2' },
    trim: { type: 'boolean', default: false },
  },
})
if (flags.help) {
  process.stdout.write(help)
  process.exit(0)
}

const threads = Number(flags.threads)
const turns = Number(flags.turns)
/** V8 keeps pages of a heap that is gone for some seconds. */
const restMs = 12_000
/** As many at once are started. */
const together = 5

interface Memory {
  readonly residentMb: number
  readonly allocatorMb: number
}

interface Subject {
  readonly pid: number
  turn(): Promise<void>
  stop(): Promise<unknown>
}

const results = { platform: await measure(await platform()), bare: await measure(await bare()) }
const machine = { cpu: cpus()[0]?.model, cores: availableParallelism(), node: process.version }
process.stdout.write(
  `${JSON.stringify({ bench: 'left-memory', machine, input: { threads, turns }, results }, null, 2)}\n`,
)

async function measure(subject: Subject): Promise<unknown> {
  try {
    const start = memoryOf(subject.pid)
    const after: Memory[] = []
    for (let turn = 0; turn < turns; turn++) {
      await subject.turn()
      await pause(restMs)
      after.push(memoryOf(subject.pid))
      process.stderr.write(`${JSON.stringify(after.at(-1))}\n`)
    }
    if (!flags.trim) return { start, after }
    const call = ['-p', String(subject.pid), '-batch', '-ex', 'call (int)malloc_trim(0)']
    // It may fail at putting back registers of the newest processors, when the call is done.
    const { error } = spawnSync('gdb', call, { stdio: 'ignore', timeout: 60_000 })
    if (error !== undefined) throw error
    return { start, after, trimmed: memoryOf(subject.pid) }
  } finally {
    await subject.stop()
  }
}

async function platform(): Promise<Subject> {
  const running = await startPlatform({ args: ['--workers-max', String(threads + together)] })
  const client = lambdaClient(running)
  const names = Array.from({ length: threads }, (_, i) => `function-${i}`)
  const remove = (FunctionName: string): Promise<unknown> =>
    client.send(new DeleteFunctionCommand({ FunctionName }))
  const use = async (name: string): Promise<void> => {
    await createFunction(client, { name, files: goodFiles })
    await client.send(new InvokeCommand({ FunctionName: name, Payload: '{"n":1}' }))
  }
  // What is there for good once it was needed.
  await use('first')
  await remove('first')
  await pause(1000)
  return {
    pid: running.pid,
    turn: async () => {
      await inGroups(names, use)
      await inGroups(names, remove)
    },
    stop: () => {
      client.destroy()
      return running.stop()
    },
  }
}

/** A process that starts and ends threads, as many as it is told, and says so. */
async function bare(): Promise<Subject> {
  const source = `
    const { Worker } = require('node:worker_threads')
    const { once } = require('node:events')
    const code = "require('node:net'); require('node:worker_threads').parentPort.on('message', () => {}).postMessage(1)"
    const resourceLimits = { maxOldGenerationSizeMb: 200, maxYoungGenerationSizeMb: 20 }
    const start = async () => {
      const worker = new Worker(code, { eval: true, resourceLimits })
      await once(worker, 'message')
      return worker
    }
    process.stdin.on('data', async (text) => {
      const all = []
      while (all.length < Number(text)) all.push(...(await Promise.all(Array.from({ length: ${together} }, start))))
      for (const worker of all) await worker.terminate()
      console.log('done')
    })`
  const child = spawn(process.execPath, ['-e', source], { stdio: ['pipe', 'pipe', 'inherit'] })
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]()
  const turn = async (count: number): Promise<void> => {
    child.stdin.write(String(count))
    await lines.next()
  }
  await turn(1)
  await pause(1000)
  return {
    pid: child.pid ?? 0,
    turn: () => turn(threads),
    stop: () => Promise.resolve(child.kill()),
  }
}

async function inGroups(
  names: readonly string[],
  run: (name: string) => Promise<unknown>,
): Promise<void> {
  for (let i = 0; i < names.length; i += together) {
    await Promise.all(names.slice(i, i + together).map(run))
  }
}

/** glibc: the heap of the process, and for threads heaps that begin at multiples of 64 MB. */
function memoryOf(pid: number): Memory {
  const sum = { residentKiB: 0, allocatorKiB: 0 }
  const arenaBytes = 64 * 1024 * 1024
  let isAllocators = false
  for (const line of readFileSync(`/proc/${pid}/smaps`, 'utf8').split('\n')) {
    const [, start, name] = /^([0-9a-f]+)-[0-9a-f]+ rw\S* \S+ \S+ \d+ *(.*)$/.exec(line) ?? []
    if (/^[0-9a-f]+-/.test(line)) {
      const isArena = start !== undefined && name === '' && parseInt(start, 16) % arenaBytes === 0
      isAllocators = isArena || name === '[heap]'
    }
    const kiB = Number(/^Rss: +(\d+) kB/.exec(line)?.[1] ?? 0)
    sum.residentKiB += kiB
    if (isAllocators) sum.allocatorKiB += kiB
  }
  const mb = (kiB: number): number => Math.round(kiB / 1024)
  return { residentMb: mb(sum.residentKiB), allocatorMb: mb(sum.allocatorKiB) }
}
