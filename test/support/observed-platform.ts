// Starts every role in a process of its own under load, with functions that fail or dawdle when told, and a Prometheus.
import { spawn, type ChildProcess } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import {
  CreateEventSourceMappingCommand,
  PutFunctionConcurrencyCommand,
  type CreateEventSourceMappingCommandInput,
  type LambdaClient,
} from '@aws-sdk/client-lambda'
import { createKafka } from '../../common/kafka-client.ts'
import { silentLogger } from '../../common/logger.ts'
import { createFunction, lambdaClient } from './lambda.ts'
import { startPlatform, type Platform, type PlatformOptions } from './platform.ts'
import { startPrometheus, type Pace, type RunningPrometheus } from './prometheus.ts'

/** What a function does with its next event. `flaky` fails one time in twelve. */
export type Manner = 'good' | 'flaky' | 'slow' | 'failing'

export interface ObservedFunction {
  readonly name: string
  readonly topic: string
  readonly partitions: number
  /** Unless it has a handler of its own. */
  readonly manner?: Manner
  /** The text of its module, in place of the one that has manners. */
  readonly handler?: string
  readonly memorySizeMb?: number
  readonly batchSize: number
  readonly filter?: string
  /** Whether the mapping names the built-in broker by an ARN: `/health` then speaks of it. */
  readonly byArn?: boolean
  readonly topicConfig?: Readonly<Record<string, string>>
  readonly reservedConcurrency?: number
  /** What else its mapping has. */
  readonly settings?: Pick<
    CreateEventSourceMappingCommandInput,
    | 'ProvisionedPollerConfig'
    | 'MaximumRetryAttempts'
    | 'BisectBatchOnFunctionError'
    | 'MaximumBatchingWindowInSeconds'
    | 'DestinationConfig'
  >
}

type ServerRole = 'broker' | 'workers' | 'control' | 'poller'

/** Reads its manner from a file at each event, so that it can be changed while batches wait. */
const mannered = `
import { readFileSync } from 'node:fs'
import { setTimeout } from 'node:timers/promises'
export const handler = async (event) => {
  const manner = readFileSync(process.env.MANNER, 'utf8')
  if (manner === 'failing') throw new Error('the handler was told to fail')
  if (manner === 'flaky' && Math.random() < 1 / 12) throw new Error('one in twelve')
  await setTimeout(manner === 'slow' ? 1500 : 2 + Math.random() * 10)
  return Object.values(event.records ?? {}).flat().length
}
`

export class ObservedPlatform {
  readonly #scratch: string
  readonly #roles = new Map<ServerRole, Platform>()
  readonly #producers: ChildProcess[] = []
  #producersSaid = ''
  #client: LambdaClient | undefined
  #prometheus: RunningPrometheus | undefined

  private constructor(scratch: string) {
    this.#scratch = scratch
  }

  static async start(
    workersArgs: readonly string[] = [],
    pace: Pace = 'quickened',
  ): Promise<ObservedPlatform> {
    const platform = new ObservedPlatform(await mkdtemp(join(tmpdir(), 'millrace-observed-')))
    try {
      await platform.#startRole('broker')
      await platform.#startRole('workers', workersArgs)
      await Promise.all([platform.#startRole('control'), platform.#startRole('poller')])
      platform.#client = lambdaClient(platform.#role('control'))
      platform.#prometheus = await startPrometheus(platform.#targets(), pace)
    } catch (error) {
      await platform.stop()
      throw error
    }
    return platform
  }

  get prometheusUrl(): string {
    return this.#prometheus?.url ?? ''
  }

  get client(): LambdaClient {
    if (this.#client === undefined) throw new Error('control has not started')
    return this.#client
  }

  get kafka(): string {
    return this.#role('broker').kafka
  }

  /** URL of the Kinesis API. */
  get kinesis(): string {
    return this.#role('broker').doors['kinesis'] ?? ''
  }

  /** All that the roles have said, for the message of a failure. */
  log(): string {
    const said = [...this.#roles.values()].map((role) => role.log())
    return [...said, this.#producersSaid].map((text) => text.slice(-1500)).join('\n')
  }

  /** Topic, function and mapping. */
  async add(observed: ObservedFunction): Promise<void> {
    const { name, topic, partitions, topicConfig = {}, filter } = observed
    const kafka = await createKafka({
      brokers: [this.kafka],
      clientId: 'observer',
      logger: silentLogger,
    })
    const admin = kafka.admin()
    await admin.connect()
    const configEntries = Object.entries(topicConfig).map(([key, value]) => ({ name: key, value }))
    await admin.createTopics({ topics: [{ topic, numPartitions: partitions, configEntries }] })
    await admin.disconnect()
    await this.behave(name, observed.manner ?? 'good')
    await createFunction(this.client, {
      name,
      files: { 'index.mjs': observed.handler ?? mannered },
      memorySizeMb: observed.memorySizeMb ?? 256,
      environment: { MANNER: this.#mannerOf(name) },
    })
    if (observed.reservedConcurrency !== undefined) {
      await this.client.send(
        new PutFunctionConcurrencyCommand({
          FunctionName: name,
          ReservedConcurrentExecutions: observed.reservedConcurrency,
        }),
      )
    }
    await this.client.send(
      new CreateEventSourceMappingCommand({
        FunctionName: name,
        ...(observed.byArn === true
          ? { EventSourceArn: 'arn:aws:kafka:us-east-1:000000000000:cluster/built-in/1' }
          : { SelfManagedEventSource: { Endpoints: { KAFKA_BOOTSTRAP_SERVERS: [this.kafka] } } }),
        Topics: [topic],
        StartingPosition: 'TRIM_HORIZON',
        BatchSize: observed.batchSize,
        ...observed.settings,
        ...(filter === undefined ? {} : { FilterCriteria: { Filters: [{ Pattern: filter }] } }),
      }),
    )
  }

  behave(name: string, manner: Manner): Promise<void> {
    return writeFile(this.#mannerOf(name), manner)
  }

  /** A producer beside the platform, until it is over or `endLoad`. */
  load(topic: string, args: readonly string[]): void {
    const command = ['main.ts', 'producer', '--brokers', this.kafka, '--topic', topic, ...args]
    const options = { cwd: new URL('../..', import.meta.url), stdio: 'pipe' } as const
    const child = spawn(process.execPath, command, options)
    child.stdout.resume()
    child.stderr.setEncoding('utf8').on('data', (text: string) => (this.#producersSaid += text))
    this.#producers.push(child)
  }

  async endLoad(): Promise<void> {
    await Promise.all(this.#producers.splice(0).map(ended))
  }

  async stopRole(role: ServerRole): Promise<void> {
    await this.#role(role).stop()
  }

  /** On the doors that it had before. */
  async startRoleAgain(role: ServerRole): Promise<void> {
    const { kafka, metrics } = this.#role(role)
    await this.#startRole(role, [], {
      MILLRACE_METRICS_PORT: new URL(metrics).port,
      ...(kafka === '' ? {} : { MILLRACE_KAFKA_PORT: portOf(kafka) }),
    })
  }

  async stop(): Promise<void> {
    await this.#prometheus?.stop()
    await this.endLoad()
    this.#client?.destroy()
    for (const role of [...this.#roles.values()].toReversed()) await role.stop()
    await rm(this.#scratch, { recursive: true, force: true })
  }

  async #startRole(
    role: ServerRole,
    args: readonly string[] = [],
    more: Readonly<Record<string, string>> = {},
  ): Promise<void> {
    const others: NonNullable<PlatformOptions['env']> =
      role === 'control' || role === 'poller'
        ? {
            MILLRACE_BROKERS: this.kafka,
            MILLRACE_KINESIS_URL: this.kinesis,
            MILLRACE_WORKERS_URL: this.#role('workers').workers,
          }
        : {}
    const dataDir = join(this.#scratch, 'data')
    const started = await startPlatform({ role, args, dataDir, env: { ...others, ...more } })
    this.#roles.set(role, started)
  }

  #role(role: ServerRole): Platform {
    const found = this.#roles.get(role)
    if (found === undefined) throw new Error(`${role} has not started`)
    return found
  }

  #targets(): Record<string, string> {
    const targets = [...this.#roles].map(([role, { metrics }]) => [role, new URL(metrics).host])
    return Object.fromEntries(targets) as Record<string, string>
  }

  #mannerOf(name: string): string {
    return join(this.#scratch, `${name}.manner`)
  }
}

const portOf = (address: string): string => address.slice(address.lastIndexOf(':') + 1)

function ended(child: ChildProcess): Promise<void> {
  return new Promise((resolve) => {
    if (child.exitCode !== null || child.signalCode !== null) return resolve()
    child.once('close', () => resolve())
    child.kill('SIGTERM')
  })
}
