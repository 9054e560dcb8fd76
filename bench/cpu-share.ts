// Measures how a handler's duration follows its memory size, for each way to hold shares; prints JSON, draws a chart.
import { writeFileSync } from 'node:fs'
import { availableParallelism, cpus } from 'node:os'
import { parseArgs } from 'node:util'
import { systemClock as clock } from '../common/clock.ts'
import { AppError } from '../common/errors.ts'
import { silentLogger as logger } from '../common/logger.ts'
import { startInvoker, valueOf } from '../test/support/worker-threads.ts'
import { coresOf } from '../workers/cpu/cores.ts'
import { openCpuShares } from '../workers/cpu/open-cpu-shares.ts'
import { chart } from './cpu-share/chart.ts'

const { values: flags } = parseArgs({
  options: {
    seconds: { type: 'string', default: '5' },
    chart: { type: 'string', default: '' },
    help: { type: 'boolean', default: false },
  },
})
if (flags.help) {
  process.stdout.write(`node bench/cpu-share.ts [--seconds 5] [--chart docs/images/cpu-share.svg]

All primes up to 1,000,000 in rounds, as many as take about so many seconds at each memory size; what 1,000 rounds
take is reckoned from that. Alone, and eight at once whose shares fit two cores together. Beside it what AWS showed
of 1,000 rounds in 2018.
`)
  process.exit(0)
}

/** AWS, re:Invent 2018 (SRV409): seconds for 1,000 rounds. Another processor: the ratios are what compares. */
const aws2018 = { 128: 11.72, 256: 6.68, 512: 3.19, 1024: 1.47 } as const
const sizes = [128, 256, 512, 1024, 1769] as const
/** 1.45 cores together. Eight of 512 MB and more would not fit two cores. */
const together = [128, 128, 128, 128, 256, 256, 512, 1024] as const

const source = `
const sieve = new Uint8Array(1_000_001)
const round = () => {
  sieve.fill(1)
  for (let i = 2; i * i <= 1_000_000; i++) if (sieve[i]) for (let j = i * i; j <= 1_000_000; j += i) sieve[j] = 0
  let primes = 0
  for (let i = 2; i <= 1_000_000; i++) primes += sieve[i]
  return primes
}
const used = () => { const { user, system } = process.threadCpuUsage(); return (user + system) / 1000 }
for (let i = 0; i < 100; i++) round()
exports.handler = async ({ seconds, cores }) => {
  // As many rounds as its share should manage, in one go.
  const startMs = performance.now(), startUsed = used()
  const rounds = await run(Math.max(8, Math.round((seconds * cores * 1000) / exports.roundMs)))
  return { rounds, wallMs: performance.now() - startMs, cpuMs: used() - startUsed }
}
async function run(rounds) {
  for (let i = 0; i < rounds; i++) if (round() !== 78498) throw new Error('these are not the primes')
  return rounds
}
const [startUsed, n] = [used(), 40]
for (let i = 0; i < n; i++) round()
exports.roundMs = (used() - startUsed) / n
`

interface Run {
  readonly rounds: number
  readonly wallMs: number
  readonly cpuMs: number
}

async function measure(setting: 'cgroup' | 'governor') {
  const cpuShares = await openCpuShares({ setting, clock, logger })
  const { way } = cpuShares
  const workers = startInvoker({ cpuShares, environmentsMax: 16 })
  const functions = [...sizes, ...together]
  for (const [i, memorySizeMb] of functions.entries()) {
    await workers.deploy(`f${i}`, source, { memorySizeMb, timeoutSeconds: 120 })
  }
  const run = async (i: number): Promise<Run> => {
    const event = { seconds: Number(flags.seconds), cores: coresOf(functions[i] ?? 0) }
    return valueOf(await workers.invoke(`f${i}`, event)) as Run
  }
  const alone: Run[] = []
  for (const i of sizes.keys()) alone.push(await run(i))
  const mainBefore = process.cpuUsage()
  const eight = await Promise.all(together.map((_, i) => run(sizes.length + i)))
  const main = process.cpuUsage(mainBefore)
  const inHandlersMs = eight.reduce((sum, { cpuMs }) => sum + cpuMs, 0)
  const wallMs = Math.max(...eight.map((each) => each.wallMs))
  const platformCores = ((main.user + main.system) / 1000 - inHandlersMs) / wallMs
  await workers.stop()
  return {
    way,
    alone: rows(sizes, alone),
    eightAtOnce: rows(together, eight),
    platformCores: round(platformCores, 3),
  }
}

function rows(memory: readonly number[], runs: readonly Run[]) {
  const products = runs.map(({ wallMs, rounds }, i) => (wallMs / rounds) * (memory[i] ?? 0))
  const mean = products.reduce((a, b) => a + b) / products.length
  return runs.map(({ rounds, wallMs, cpuMs }, i) => {
    const memoryMb = memory[i] ?? 0
    return {
      memoryMb,
      rounds,
      secondsFor1000Rounds: round(wallMs / rounds, 3),
      secondsOfProcessorFor1000Rounds: round(cpuMs / rounds, 3),
      share: round(cpuMs / wallMs, 4),
      due: round(coresOf(memoryMb), 4),
      memoryTimesDurationOffPercent: round(((products[i] ?? 0) / mean - 1) * 100, 2),
    }
  })
}

function round(value: number, digits: number): number {
  return Number(value.toFixed(digits))
}

const measured = []
for (const setting of ['cgroup', 'governor'] as const) {
  try {
    measured.push(await measure(setting))
  } catch (error) {
    if (!(error instanceof AppError)) throw error
    measured.push({ way: setting, notHere: error.message })
  }
}
const machine = {
  cores: availableParallelism(),
  processor: cpus()[0]?.model,
  node: process.version,
}
process.stdout.write(`${JSON.stringify({ machine, aws2018, measured }, undefined, 2)}\n`)
if (flags.chart !== '') {
  const lines = measured.flatMap(({ way, ...rest }) =>
    'alone' in rest
      ? [
          {
            name: way,
            points: rest.alone.map((p) => [p.memoryMb, p.secondsFor1000Rounds] as const),
          },
        ]
      : [],
  )
  const aws = Object.entries(aws2018).map(([memory, seconds]) => [Number(memory), seconds] as const)
  writeFileSync(flags.chart, chart([...lines, { name: 'AWS, 2018', points: aws }]))
}
process.exit(0)
