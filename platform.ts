// The parts of one process: who gets which collaborator, and in which order they stop.
import { randomUUID } from 'node:crypto'
import { join, resolve } from 'node:path'
import { brokerOptionsOf } from './broker/broker-options.ts'
import { loadBrokerAccess, type BrokerAccess } from './common/broker-access.ts'
import { systemClock as clock } from './common/clock.ts'
import type { Config } from './common/config.ts'
import { claimDirectory } from './common/data-dir.ts'
import { AppError } from './common/errors.ts'
import type { FunctionInvoker } from './common/invocation.ts'
import { openClusters, type KafkaClusters } from './common/kafka-clusters.ts'
import { runAll, type Started } from './common/lifecycle.ts'
import type { Logger } from './common/logger.ts'
import type { RedisConnection } from './common/redis.ts'
import type { RunningRole } from './common/role.ts'
import { startTelemetry, type Telemetry, type TelemetrySource } from './common/telemetry.ts'
import type { RegistryWriter } from './control/registry/entry-registry.ts'
import { openRegistry } from './control/registry/open-registry.ts'
import type { LogWriter } from './function-logs/log-writer.ts'
import type { Registry } from './control/registry/registry.ts'
import type { TemplateWatcher } from './control/template/watch.ts'
import type { Sender } from './destinations/sender.ts'
import type { EndpointSettings } from './kinesis-client/endpoint.ts'
import type { Leases } from './poller/leases.ts'
import type { AccountQuota } from './workers/account-quota.ts'
import type { OpenLogTargets } from './workers/logs/log-targets.ts'

export interface PlatformSettings {
  readonly config: Config
  readonly logger: Logger
  /** Of the process: secrets may be in it. */
  readonly environment: Readonly<Record<string, string | undefined>>
}

/** The parts of this process, kept in the order in which they started; stopped in reverse. */
export class Platform {
  readonly #config: Config
  readonly #logger: Logger
  readonly #environment: PlatformSettings['environment']
  readonly #roles: RunningRole[] = []
  readonly #cleanups: (() => void | Promise<void>)[] = []
  #telemetry: Telemetry | undefined
  readonly #otherSources: TelemetrySource[] = []
  #registry: Registry | undefined
  #redis: RedisConnection | undefined
  #invoker: FunctionInvoker | undefined
  #sender: Sender | undefined
  #template: TemplateWatcher | undefined
  #logWriter: LogWriter | undefined
  #control: Awaited<ReturnType<(typeof import('./control/control.ts'))['startControl']>> | undefined
  #brokers: readonly string[]
  #access: BrokerAccess = {}
  #isReady = false

  constructor({ config, logger, environment }: PlatformSettings) {
    this.#config = { ...config, dataDir: resolve(config.dataDir) }
    this.#logger = logger
    this.#environment = environment
    this.#brokers = config.brokers
  }

  doors(): Started['doors'] {
    const doors = Object.assign({}, ...this.#roles.map((role) => role.doors)) as Started['doors']
    return { ...doors, metrics: this.#telemetry?.url ?? '' }
  }

  async openMetrics(): Promise<void> {
    this.#telemetry = await startTelemetry({
      host: this.#config.host,
      port: this.#config.metricsPort,
      clock,
      logger: this.#logger.child('metrics'),
      sources: () => [...this.#roles, ...this.#otherSources],
      isReady: () => this.#isReady,
    })
  }

  /** Everything is up: `/health` may say so. */
  started(): void {
    this.#isReady = true
  }

  async openRegistry(writer: RegistryWriter): Promise<void> {
    // Unpacked code has one keeper per data directory, wherever the registry is.
    if (writer === 'control' || writer === 'both') this.#claim('control')
    const isFolder = this.#config.registry !== 'redis'
    if (isFolder && (writer === 'poller' || writer === 'both')) this.#claim('poller')
    const logger = this.#logger.child('registry')
    const opened = await openRegistry({ ...this.#config, writer, clock, logger })
    this.#registry = opened.registry
    this.#cleanups.push(opened.close)
    if (opened.redis === undefined) return
    this.#redis = opened.redis.connection
    // Not a problem of health: what runs goes on while Redis is away.
    this.#otherSources.push({ name: 'redis', metrics: opened.redis.metrics, problems: () => [] })
  }

  /** For brokers that are elsewhere. */
  async loadAccess(): Promise<void> {
    this.#access = await loadBrokerAccess(this.#config)
  }

  async startBroker(): Promise<void> {
    const { startBroker } = await import('./broker/broker.ts')
    this.#roles.push(await startBroker(brokerOptionsOf(this.#config)))
  }

  async startBrokerThread(): Promise<void> {
    if (this.#config.kafkaSecurity !== 'plaintext') {
      const reason =
        'with all the first door is for its own use: secure others by --kafka-listeners'
      throw new AppError('CONFIG_INVALID', { setting: '--kafka-security', reason })
    }
    const { startBrokerThread } = await import('./broker/broker-thread.ts')
    const broker = await startBrokerThread(
      brokerOptionsOf(this.#config),
      this.#logger.child('broker'),
    )
    this.#roles.push(broker)
    this.#brokers = [broker.doors['kafka'] ?? '']
  }

  async startWorkers({ door }: { door: boolean }): Promise<void> {
    const { startWorkers } = await import('./workers/workers.ts')
    await this.#openLogs()
    const workers = await startWorkers({
      ...this.#config,
      ...(door ? { port: this.#config.workersPort } : {}),
      idleTimeoutMs: this.#config.workersIdleTimeout,
      ...(await this.#quota()),
      registry: this.#need(this.#registry),
      // With files there is one copy, and what it said before a crash is its own to take back.
      copy: this.#redis === undefined ? 'local' : randomUUID(),
      ...(this.#logWriter === undefined ? {} : { logWriter: this.#logWriter }),
      ...(await this.#logTargets()),
      clock,
      logger: this.#logger.child('workers'),
    })
    this.#roles.push(workers)
    this.#invoker = workers
  }

  async #openLogs(): Promise<void> {
    const { functionLogsMax, functionLogsTotalMax, dataDir } = this.#config
    if (functionLogsMax === 0 || this.#logWriter !== undefined) return
    const { LogWriter } = await import('./function-logs/log-writer.ts')
    const { functionLogMetrics } = await import('./function-logs/log-metrics.ts')
    const { functionLogsFolder } = await import('./function-logs/group-folder.ts')
    const logWriter = new LogWriter({
      root: functionLogsFolder(dataDir),
      groupMaxBytes: functionLogsMax < 0 ? Infinity : functionLogsMax,
      totalMaxBytes: functionLogsTotalMax < 0 ? Infinity : functionLogsTotalMax,
      clock,
      logger: this.#logger.child('function-logs'),
    })
    this.#logWriter = logWriter
    const metrics = functionLogMetrics(logWriter)
    this.#otherSources.push({ name: 'function-logs', metrics, problems: () => [] })
    this.#cleanups.push(() => logWriter.close())
  }

  async #logTargets(): Promise<OpenLogTargets['targets']> {
    const { openLogTargets } = await import('./workers/logs/log-targets.ts')
    const logger = this.#logger.child('function-logs')
    const { targets, metrics, stop } = await openLogTargets({ ...this.#config, clock, logger })
    this.#otherSources.push({ name: 'log-targets', metrics, problems: () => [] })
    this.#cleanups.push(stop)
    return targets
  }

  async useRemoteWorkers(): Promise<void> {
    const { RemoteInvoker } = await import('./common/remote-invoker.ts')
    const registry = this.#need(this.#registry)
    const revisionOf = (name: string): number | undefined => registry.function(name)?.revision
    const invoker = new RemoteInvoker({ url: this.#config.workersUrl, revisionOf })
    this.#invoker = invoker
    this.#cleanups.push(() => invoker.close())
  }

  async startPoller(): Promise<void> {
    const { startPoller } = await import('./poller/poller.ts')
    await this.#openLogs()
    this.#roles.push(
      await startPoller({
        ...this.#config,
        brokers: this.#brokers,
        access: this.#access,
        kinesis: this.#kinesis(),
        registry: this.#need(this.#registry),
        invoker: this.#need(this.#invoker),
        ...(this.#logWriter === undefined ? {} : { logWriter: this.#logWriter }),
        clusters: await this.#openClusters(),
        secrets: { directory: this.#config.secrets, environment: this.#environment },
        sender: await this.#openSender(),
        ...(await this.#leases()),
        clock,
        logger: this.#logger.child('poller'),
      }),
    )
  }

  /** Of the broker in this process, or elsewhere; undefined where its door is shut. */
  #kinesisUrl(): string | undefined {
    const hasBroker = this.doors()['kafka'] !== undefined
    return hasBroker ? this.doors()['kinesis'] : this.#config.kinesisUrl
  }

  /** The door for streams is the broker's, in this process or in another. */
  #kinesis(): EndpointSettings {
    const own = this.#kinesisUrl() ?? this.#config.kinesisUrl
    return { kinesisEndpoint: this.#config.kinesisEndpoint, own }
  }

  #openClusters(): Promise<KafkaClusters> {
    return openClusters({ ...this.#config, brokers: this.#brokers }, this.doors())
  }

  async #quota(): Promise<{ quota?: AccountQuota }> {
    if (this.#redis === undefined) return {}
    const { RedisQuota } = await import('./workers/redis-quota.ts')
    const logger = this.#logger.child('quota')
    return { quota: new RedisQuota({ redis: this.#redis, clock, logger }) }
  }

  /** One for all roles of the process. */
  async #openSender(): Promise<Sender> {
    if (this.#sender !== undefined) return this.#sender
    const { AwsSender } = await import('./destinations/aws-sender.ts')
    const sender = new AwsSender(this.#config)
    this.#sender = sender
    this.#cleanups.push(() => sender.close())
    return sender
  }

  async #leases(): Promise<{ leases?: Leases }> {
    if (this.#redis === undefined) return {}
    const { RedisLeases } = await import('./poller/redis-leases.ts')
    const logger = this.#logger.child('leases')
    return { leases: new RedisLeases({ redis: this.#redis, clock, logger }) }
  }

  async startControl(): Promise<void> {
    const { startControl } = await import('./control/control.ts')
    const { StreamLookup } = await import('./kinesis-client/stream-lookup.ts')
    await this.#openLogs()
    this.#control = await startControl({
      ...this.#config,
      port: this.#config.awsPort,
      registry: this.#need(this.#registry),
      invoker: this.#need(this.#invoker),
      ...(this.#logWriter === undefined ? {} : { logWriter: this.#logWriter }),
      sender: await this.#openSender(),
      clusters: await this.#openClusters(),
      kinesisUrl: this.#kinesisUrl(),
      streams: new StreamLookup(this.#kinesis(), clock),
      clock,
      logger: this.#logger.child('control'),
    })
    this.#roles.push(this.#control)
  }

  async deployTemplate(): Promise<void> {
    if (this.#config.template === '') return
    const { watchTemplate } = await import('./control/template/watch.ts')
    const control = this.#need(this.#control)
    this.#template = await watchTemplate({
      ...this.#config,
      path: this.#config.template,
      brokers: this.#brokers,
      access: this.#access,
      kinesis: this.#kinesis(),
      functions: control.functions,
      mappings: control.mappings,
      clock,
      logger: this.#logger.child('template'),
    })
  }

  /** Stops the parts in reverse order, each even if another failed; rejects with the first failure. */
  async stop(): Promise<void> {
    await runAll([
      () => this.#template?.stop(),
      ...this.#roles.toReversed().map((role) => () => role.stop()),
      ...this.#cleanups.toReversed(),
      () => this.#telemetry?.stop(),
    ])
  }

  #claim(name: string): void {
    const lock = claimDirectory(join(this.#config.dataDir, name))
    this.#cleanups.push(() => lock.release())
  }

  #need<Part>(part: Part | undefined): Part {
    if (part === undefined) throw new Error('a role was started before what it needs')
    return part
  }
}
