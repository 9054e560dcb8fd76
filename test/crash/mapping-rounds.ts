// Kills broker, workers and poller in turn under load, and judges what a function was given.
import { mkdtemp, readFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { CreateEventSourceMappingCommand } from '@aws-sdk/client-lambda'
import { eventually } from '../support/eventually.ts'
import { freePort } from '../support/free-port.ts'
import { createFunction, lambdaClient } from '../support/lambda.ts'
import { startPlatform, type Platform } from '../support/platform.ts'
import { randomFrom } from '../support/seeded-random.ts'
import { keyedViolations, type GivenRecord } from './keyed-history.ts'
import { windowViolations, type WindowLine } from './window-history.ts'
import type {
  Sending,
  Workload,
  WorkloadFactory,
  WorkloadMapping,
  WorkloadPorts,
} from './workload.ts'

export interface MappingRoundsOptions {
  readonly rounds: number
  readonly seed: number
  readonly workload: WorkloadFactory
  /** Told after each round. */
  readonly progress?: (round: number, counts: MappingRoundsCounts) => void
}

export interface MappingRoundsCounts {
  readonly sent: number
  readonly acknowledged: number
  readonly killed: Readonly<Record<Victim, number>>
}

export interface MappingRoundsResult extends MappingRoundsCounts {
  /** How often each function was given a record, repetitions too. */
  readonly handled: Readonly<Record<string, number>>
  readonly violations: readonly string[]
  /** Where the platform's data lies; removed by whoever asked. */
  readonly dataDir: string
}

const victims = ['broker', 'workers', 'poller'] as const
type Victim = (typeof victims)[number]

/** Most kills fall while a batch is with the function; a start takes as long on top. */
const roundMs = { least: 100, most: 900 }

/** Resolves with what is wrong; rejects where a role does not start again, or a record is never handled. */
export async function runMappingRounds(
  options: MappingRoundsOptions,
): Promise<MappingRoundsResult> {
  const world = await World.start(options)
  try {
    for (let round = 0; round < options.rounds; round++) {
      await world.round(round)
      options.progress?.(round, world.counts)
    }
    return await world.finish()
  } finally {
    await world.end()
  }
}

class World {
  readonly #dataDir: string
  readonly #random: () => number
  readonly #ports: WorkloadPorts
  readonly #workload: Workload
  readonly #roles = new Map<Victim | 'control', Platform>()
  readonly #killed = { broker: 0, workers: 0, poller: 0 }
  #mappings: readonly WorkloadMapping[] = []
  #sending: Sending | undefined

  private constructor(
    dataDir: string,
    ports: WorkloadPorts,
    { seed, workload }: MappingRoundsOptions,
  ) {
    this.#dataDir = dataDir
    this.#ports = ports
    this.#random = randomFrom(seed)
    this.#workload = workload(ports, this.#random)
  }

  static async start(options: MappingRoundsOptions): Promise<World> {
    const dataDir = await mkdtemp(join(tmpdir(), 'millrace-kills-'))
    const ports = { kafka: await freePort(), kinesis: await freePort(), workers: await freePort() }
    const world = new World(dataDir, ports, options)
    for (const role of ['broker', 'workers', 'control', 'poller'] as const) {
      await world.#startRole(role)
    }
    await world.#deploy()
    world.#sending = await world.#workload.send()
    return world
  }

  get counts(): MappingRoundsCounts {
    const { sent, acknowledged: byKey } = this.#workload.records
    const acknowledged = [...byKey.values()].reduce((sum, count) => sum + count, 0)
    return { sent, acknowledged, killed: { ...this.#killed } }
  }

  async round(round: number): Promise<void> {
    const { least, most } = roundMs
    const lengthMs = least + this.#random() * (most - least)
    this.#workload.disturb?.(lengthMs)
    await sleep(lengthMs)
    const victim = victims[round % victims.length] ?? 'poller'
    await this.#roles.get(victim)?.kill9()
    this.#killed[victim] += 1
    await this.#startRole(victim)
  }

  /** Ends the producer, and waits until all that was acknowledged has been handled, as long as it gets fewer. */
  async finish(): Promise<MappingRoundsResult> {
    await this.#sending?.stop()
    this.#sending = undefined
    for (let missing = Infinity; ;) {
      const judged = await eventually(
        async () => {
          const verdict = await this.#judge()
          return verdict.missing === 0 || verdict.missing < missing ? verdict : undefined
        },
        () => `${missing} records are handled\n${this.#roles.get('poller')?.log().slice(-4000)}`,
        60_000,
      )
      missing = judged.missing
      const { handled, violations } = judged
      if (missing === 0) return { ...this.counts, handled, violations, dataDir: this.#dataDir }
      await sleep(1_000)
    }
  }

  async end(): Promise<void> {
    await this.#sending?.stop()
    for (const role of [...this.#roles.values()].toReversed()) await role.stop()
  }

  /** Of all functions: each is to be given every record. */
  async #judge(): Promise<{
    readonly missing: number
    readonly violations: readonly string[]
    readonly handled: Readonly<Record<string, number>>
  }> {
    const { acknowledged } = this.#workload.records
    const handled: Record<string, number> = {}
    const violations: string[] = []
    let missing = 0
    for (const { functionName, isWindowed } of this.#mappings) {
      const lines = await readLines(this.#out(functionName))
      const given = lines.filter((line) => 'value' in line)
      const verdicts = [keyedViolations(given, acknowledged)]
      const windows = lines.filter((line) => 'window' in line)
      if (isWindowed) verdicts.push(windowViolations(windows, acknowledged))
      handled[functionName] = given.length
      for (const verdict of verdicts) {
        missing += verdict.missing
        violations.push(...verdict.violations.map((text) => `${functionName}: ${text}`))
      }
    }
    return { missing, violations, handled }
  }

  async #startRole(role: Victim | 'control'): Promise<void> {
    const { kafka, kinesis, workers } = this.#ports
    const started = await startPlatform({
      role,
      dataDir: this.#dataDir,
      env: {
        MILLRACE_KAFKA_PORT: String(kafka),
        MILLRACE_KINESIS_PORT: String(kinesis),
        MILLRACE_WORKERS_PORT: String(workers),
        MILLRACE_BROKERS: `127.0.0.1:${kafka}`,
        MILLRACE_KINESIS_URL: `http://127.0.0.1:${kinesis}`,
        MILLRACE_WORKERS_URL: `http://127.0.0.1:${workers}`,
        MILLRACE_GROUP_INITIAL_REBALANCE_DELAY: '0',
        MILLRACE_LOG_LEVEL: 'warn',
      },
    })
    this.#roles.set(role, started)
  }

  async #deploy(): Promise<void> {
    const control = this.#roles.get('control')
    if (control === undefined) throw new Error('control has started')
    const client = lambdaClient(control)
    this.#mappings = await this.#workload.create()
    for (const { functionName: name, handler, request } of this.#mappings) {
      const environment = { OUT: this.#out(name) }
      await createFunction(client, { name, files: { 'index.mjs': handler }, environment })
      await client.send(new CreateEventSourceMappingCommand({ FunctionName: name, ...request }))
    }
    client.destroy()
  }

  #out(functionName: string): string {
    return join(this.#dataDir, `${functionName}.ndjson`)
  }
}

/** What a function has written so far; its last line may be half there. */
async function readLines(file: string): Promise<readonly (GivenRecord | WindowLine)[]> {
  const text = await readFile(file, 'utf8').catch(() => '')
  const whole = text.split('\n').slice(0, -1)
  return whole.map((line) => JSON.parse(line) as GivenRecord | WindowLine)
}

function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms))
}
