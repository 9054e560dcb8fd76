// Kills broker, workers and poller in turn under load, and judges what a function was given.
import { mkdtemp } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import {
  CreateEventSourceMappingCommand,
  type CreateEventSourceMappingRequest,
} from '@aws-sdk/client-lambda'
import { createKafka, type Producer } from '../../common/kafka-client.ts'
import { silentLogger } from '../../common/logger.ts'
import { eventually } from '../support/eventually.ts'
import { freePort } from '../support/free-port.ts'
import { createFunction, lambdaClient, readRecorded } from '../support/lambda.ts'
import { startPlatform, type Platform } from '../support/platform.ts'
import { randomFrom } from '../support/seeded-random.ts'
import { keyedViolations } from './keyed-history.ts'

export interface MappingRoundsOptions {
  readonly rounds: number
  readonly seed: number
  /** Told after each round. */
  readonly progress?: (round: number, counts: MappingRoundsCounts) => void
}

export interface MappingRoundsCounts {
  readonly sent: number
  readonly acknowledged: number
  readonly killed: Readonly<Record<Victim, number>>
}

export interface MappingRoundsResult extends MappingRoundsCounts {
  /** How often the function was given a record, repetitions too. */
  readonly handled: number
  readonly violations: readonly string[]
  /** Where the platform's data lies; removed by whoever asked. */
  readonly dataDir: string
}

const victims = ['broker', 'workers', 'poller'] as const
type Victim = (typeof victims)[number]

const topic = 'kills'
const partitions = 6
const keys = 24
/** Most kills fall while a batch is with the function; a start takes as long on top. */
const roundMs = { least: 100, most: 900 }

/** A handler that takes its time now and then, and writes down what it was given. */
const handler = `
import { appendFileSync } from 'node:fs'
export const handler = async (event) => {
  const records = Object.values(event.records).flat()
  await new Promise((resolve) => setTimeout(resolve, records[0].offset % 40))
  const lines = records.map(({ topic, partition, offset, key, value }) =>
    JSON.stringify({ topic, partition, offset, key: atob(key), value: atob(value) }))
  appendFileSync(process.env.OUT, lines.join('\\n') + '\\n')
}
`

/** Resolves with what is wrong; rejects where a role does not start again, or a record is never handled. */
export async function runMappingRounds(
  options: MappingRoundsOptions,
): Promise<MappingRoundsResult> {
  const world = await World.start(options.seed)
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
  readonly #out: string
  readonly #random: () => number
  readonly #ports: Readonly<Record<'kafka' | 'workers', number>>
  readonly #roles = new Map<Victim | 'control', Platform>()
  readonly #acknowledged = new Map<string, number>()
  readonly #killed = { broker: 0, workers: 0, poller: 0 }
  #sent = 0
  #sending: { stop(): Promise<void> } | undefined

  private constructor(dataDir: string, ports: { kafka: number; workers: number }, seed: number) {
    this.#dataDir = dataDir
    this.#out = join(dataDir, 'handled.ndjson')
    this.#ports = ports
    this.#random = randomFrom(seed)
  }

  static async start(seed: number): Promise<World> {
    const dataDir = await mkdtemp(join(tmpdir(), 'millrace-kills-'))
    const ports = { kafka: await freePort(), workers: await freePort() }
    const world = new World(dataDir, ports, seed)
    for (const role of ['broker', 'workers', 'control', 'poller'] as const) {
      await world.#startRole(role)
    }
    await world.#deploy()
    world.#sending = await world.#send()
    return world
  }

  get counts(): MappingRoundsCounts {
    let acknowledged = 0
    for (const count of this.#acknowledged.values()) acknowledged += count
    return { sent: this.#sent, acknowledged, killed: { ...this.#killed } }
  }

  async round(round: number): Promise<void> {
    const { least, most } = roundMs
    await sleep(least + this.#random() * (most - least))
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
          const lines = await readRecorded(this.#out)
          const verdict = keyedViolations(lines, this.#acknowledged)
          const isOn = verdict.missing === 0 || verdict.missing < missing
          return isOn ? { ...verdict, handled: lines.length } : undefined
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

  async #startRole(role: Victim | 'control'): Promise<void> {
    const { kafka, workers } = this.#ports
    const started = await startPlatform({
      role,
      dataDir: this.#dataDir,
      env: {
        MILLRACE_KAFKA_PORT: String(kafka),
        MILLRACE_WORKERS_PORT: String(workers),
        MILLRACE_BROKERS: `127.0.0.1:${kafka}`,
        MILLRACE_WORKERS_URL: `http://127.0.0.1:${workers}`,
        MILLRACE_GROUP_INITIAL_REBALANCE_DELAY: '0',
        MILLRACE_LOG_LEVEL: 'warn',
      },
    })
    this.#roles.set(role, started)
  }

  async #deploy(): Promise<void> {
    const kafka = await this.#kafka('admin')
    const admin = kafka.admin()
    await admin.connect()
    await admin.createTopics({ topics: [{ topic, numPartitions: partitions }] })
    await admin.disconnect()
    const control = this.#roles.get('control')
    if (control === undefined) throw new Error('control has started')
    const client = lambdaClient(control)
    const files = { 'index.mjs': handler }
    await createFunction(client, { name: topic, files, environment: { OUT: this.#out } })
    const mapping: CreateEventSourceMappingRequest = {
      FunctionName: topic,
      SelfManagedEventSource: {
        Endpoints: { KAFKA_BOOTSTRAP_SERVERS: [`127.0.0.1:${this.#ports.kafka}`] },
      },
      Topics: [topic],
      StartingPosition: 'TRIM_HORIZON',
      BatchSize: 50,
      MaximumBatchingWindowInSeconds: 0,
    }
    await client.send(new CreateEventSourceMappingCommand(mapping))
    client.destroy()
  }

  #kafka(clientId: string): ReturnType<typeof createKafka> {
    const brokers = [`127.0.0.1:${this.#ports.kafka}`]
    return createKafka({ brokers, clientId, logger: silentLogger, retries: Infinity })
  }

  /** Numbers the records of each key, one request at a time, and goes on until it is stopped. */
  async #send(): Promise<{ stop(): Promise<void> }> {
    const kafka = await this.#kafka('producer')
    const producer: Producer = kafka.producer({
      idempotent: true,
      maxInFlightRequests: 1,
      allowAutoTopicCreation: false,
    })
    await producer.connect()
    const stopping = new AbortController()
    const next = new Map<string, number>()
    const sendSome = async (): Promise<void> => {
      const messages = Array.from({ length: 1 + Math.floor(this.#random() * 20) }, () => {
        const key = `key-${Math.floor(this.#random() * keys)}`
        const sequence = next.get(key) ?? 0
        next.set(key, sequence + 1)
        return { key, value: String(sequence) }
      })
      this.#sent += messages.length
      await producer.send({ topic, acks: -1, messages })
      for (const { key } of messages) {
        this.#acknowledged.set(key, (this.#acknowledged.get(key) ?? 0) + 1)
      }
    }
    const running = (async () => {
      while (!stopping.signal.aborted) await sendSome()
    })()
    return {
      stop: async () => {
        stopping.abort()
        await running
        await producer.disconnect()
      },
    }
  }
}

function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms))
}
