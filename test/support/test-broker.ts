// A broker in a directory of its own, for tests: starts on a free port, restarts, and leaves nothing behind.
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { startBroker, type BrokerOptions } from '../../broker/broker.ts'
import { createLogger } from '../../common/logger.ts'
import type { RunningRole } from '../../common/role.ts'

export class TestBroker {
  readonly dataDir: string
  /** What the broker has logged, as JSON lines. */
  readonly log: string[] = []
  readonly #options: Partial<BrokerOptions>
  #role: RunningRole | undefined

  private constructor(dataDir: string, options: Partial<BrokerOptions>) {
    this.dataDir = dataDir
    this.#options = options
  }

  static async start(options: Partial<BrokerOptions> = {}): Promise<TestBroker> {
    const broker = new TestBroker(await mkdtemp(join(tmpdir(), 'millrace-broker-')), options)
    await broker.start()
    return broker
  }

  get role(): RunningRole {
    if (this.#role === undefined) throw new Error('the broker is stopped')
    return this.#role
  }

  get address(): string {
    return this.role.doors['kafka'] ?? ''
  }

  async start(): Promise<void> {
    const write = (line: string): unknown => this.log.push(line)
    const logger = createLogger('broker', { level: 'debug', format: 'json', write })
    this.#role = await startBroker(brokerOptions(this.dataDir, this.#options), logger)
  }

  async restart(): Promise<void> {
    await this.role.stop()
    await this.start()
  }

  /** One metric's value, summed over the series that have these labels. */
  async metric(name: string, labels: Record<string, string | number> = {}): Promise<number> {
    const samples = (await this.role.metrics.collect()).filter(
      (sample) =>
        sample.name === name &&
        Object.entries(labels).every(([label, value]) => sample.labels[label] === value),
    )
    if (samples.length === 0) throw new Error(`there is no ${name} ${JSON.stringify(labels)}`)
    return samples.reduce(
      (sum, { value }) => sum + (typeof value === 'number' ? value : value.count),
      0,
    )
  }

  async remove(): Promise<void> {
    await this.#role?.stop()
    await rm(this.dataDir, { recursive: true, force: true })
  }
}

export function brokerOptions(
  dataDir: string,
  options: Partial<BrokerOptions> = {},
): BrokerOptions {
  return {
    dataDir,
    host: '127.0.0.1',
    port: 0,
    kinesisPort: 'off',
    region: 'us-east-1',
    accountId: '000000000000',
    pace: 'local',
    advertised: '',
    numPartitions: 1,
    autoCreateTopics: true,
    retentionMs: 7 * 24 * 3_600_000,
    retentionBytes: -1,
    segmentBytes: 64 * 1024 * 1024,
    flush: 'commit',
    flushIntervalMs: 1_000,
    directIo: 'auto',
    groupInitialRebalanceDelayMs: 0,
    logLevel: 'error',
    logFormat: 'json',
    ...options,
  }
}
