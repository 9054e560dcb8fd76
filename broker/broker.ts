// The broker role: opens the log and the Kafka doors, and closes both in order.
import { join } from 'node:path'
import { systemClock } from '../common/clock.ts'
import { collectGarbage } from '../common/collect-garbage.ts'
import { IdleCollector } from '../common/idle-collector.ts'
import { claimDirectory, type DirectoryLock } from '../common/data-dir.ts'
import { createLogger, type LogFormat, type Logger, type LogLevel } from '../common/logger.ts'
import type { RunningRole } from '../common/role.ts'
import { ApiCounters } from './api/api-counters.ts'
import { BrokerConfigs } from './api/broker-configs.ts'
import type { BrokerContext } from './api/broker-context.ts'
import { Turns } from './api/turns.ts'
import { clusterIdIn } from './cluster-id.ts'
import { closeCoordinators, openCoordinators } from './coordinators.ts'
import { openKinesis } from './kinesis.ts'
import { listenersOf, type ListenerSettings } from './listeners.ts'
import { nodeFileSystem } from './log/file-system.ts'
import { LogStore } from './log/log-store.ts'
import { StreamCatalog } from './kinesis/streams/stream-catalog.ts'
import { BrokerMetrics } from './metrics.ts'
import { Security, type SecuritySettings } from './security.ts'
import { KafkaServer, type ServerLimits, type ServerOptions } from './server/kafka-server.ts'

/** Plain values, which can be handed to a thread. */
export interface BrokerOptions extends ListenerSettings, SecuritySettings {
  /** The broker keeps to the directory `broker` in it. */
  readonly dataDir: string
  readonly numPartitions: number
  readonly autoCreateTopics: boolean
  readonly retentionMs: number
  readonly retentionBytes: number
  readonly segmentBytes: number
  readonly flush: 'commit' | 'interval' | 'never'
  readonly flushIntervalMs: number
  readonly directIo: 'auto' | 'off'
  readonly groupInitialRebalanceDelayMs: number
  /** 0 means any free one. */
  readonly kinesisPort: number | 'off'
  /** Paths; both or none. */
  readonly kinesisTlsCertificate?: string
  readonly kinesisTlsKey?: string
  /** As ARNs name them. */
  readonly region: string
  readonly accountId: string
  /** With `aws` the limits of Kinesis shards hold, and shards are scaled by minutes. */
  readonly pace: 'local' | 'aws'
  readonly logLevel: LogLevel
  readonly logFormat: LogFormat
  /** For tests: those of `common/limits.ts` hold otherwise. */
  readonly serverLimits?: Partial<ServerLimits>
}

/** What a start leaves behind, a tenth of the memory, is collected when the first clients have been served. */
const collectAfterMs = 2000

/** Not 0: some clients take that for "none". */
const nodeId = 1

/**
 * Resolves when the doors are open. Rejects with AppError: DATA_DIR_LOCKED, DATA_DIR_NOT_WRITABLE, PORT_TAKEN,
 * DOOR_NOT_OPENED, STORAGE_FAILED, LOG_CORRUPT or CONFIG_INVALID; nothing is left open then.
 */
export async function startBroker(
  options: BrokerOptions,
  logger: Logger = createLogger('millrace.broker', {
    level: options.logLevel,
    format: options.logFormat,
  }),
): Promise<RunningRole> {
  const listeners = listenersOf(options)
  const directory = join(options.dataDir, 'broker')
  const lock = claimDirectory(directory)
  const opened: (() => Promise<void>)[] = []
  const close = (): Promise<void> => closeAll(opened, lock)
  try {
    const security = await Security.open(options, {
      listeners,
      directory,
      clock: systemClock,
      logger,
    })
    const store = await openStore(options, directory, logger)
    opened.push(() => store.close())
    const started = startedConfigs(options, directory)
    const configs = await BrokerConfigs.open({ files: nodeFileSystem, directory, store, started })
    const files = nodeFileSystem
    const shared = { store, files, directory, logger, clock: systemClock }
    // Before any door opens: shards that are closed take nothing, through Kafka either.
    const catalog = await StreamCatalog.open({ ...shared, directory: join(directory, 'kinesis') })
    const coordinators = await openCoordinators({ ...options, ...shared })
    opened.push(() => closeCoordinators(coordinators))
    const broker: BrokerContext = {
      identity: { nodeId, clusterId: await clusterIdIn(directory) },
      store,
      ...coordinators,
      users: security.users,
      counters: new ApiCounters(),
      partitionChanges: new Turns(),
      clock: systemClock,
      logger,
      numPartitions: options.numPartitions,
      autoCreateTopics: options.autoCreateTopics,
      configs,
    }
    const { server, doors } = await openDoors(options, { broker, listeners, tls: security.tls })
    const watch = security.watch((tls) => server.useCertificate(tls))
    const stopCollecting = startCollecting()
    opened.push(async () => {
      watch.cancel()
      stopCollecting()
    })
    // Draining ends the long polls; closing the coordinator answers the joins; then connections close.
    opened.push(async () => {
      server.drain()
      await coordinators.coordinator.close()
      await server.closed()
    })
    const kinesis = await openKinesis(options, broker, catalog)
    if (kinesis !== undefined) opened.push(kinesis.close)
    return {
      name: 'broker',
      doors: { ...doors, ...kinesis?.doors },
      metrics: new BrokerMetrics({ broker, server: server.counters, directory, kinesis }),
      problems: () => store.problems,
      stop: close,
    }
  } catch (error) {
    await close()
    throw error
  }
}

/** What was opened last is closed first. */
async function closeAll(
  opened: readonly (() => Promise<void>)[],
  lock: DirectoryLock,
): Promise<void> {
  try {
    for (const step of opened.toReversed()) await step()
  } finally {
    lock.release()
  }
}

function openDoors(
  { kafkaLoginLifetime = 0, serverLimits = {} }: BrokerOptions,
  parts: Pick<ServerOptions, 'broker' | 'listeners'> & { tls: ServerOptions['tls'] | undefined },
): ReturnType<typeof KafkaServer.start> {
  const { tls, ...rest } = parts
  const options = { ...rest, loginLifetimeMs: kafkaLoginLifetime, limits: serverLimits }
  return KafkaServer.start(tls === undefined ? options : { ...options, tls })
}

/** What the broker was started with, by Kafka's names. */
function startedConfigs(
  options: BrokerOptions,
  directory: string,
): Readonly<Record<string, string>> {
  return {
    'auto.create.topics.enable': String(options.autoCreateTopics),
    'broker.id': String(nodeId),
    'group.initial.rebalance.delay.ms': String(options.groupInitialRebalanceDelayMs),
    'log.dirs': join(directory, 'log'),
    'log.retention.bytes': String(options.retentionBytes),
    'log.retention.ms': String(options.retentionMs),
    'log.segment.bytes': String(options.segmentBytes),
    'node.id': String(nodeId),
    'num.partitions': String(options.numPartitions),
    'process.roles': 'broker,controller',
  }
}

function openStore(options: BrokerOptions, directory: string, logger: Logger): Promise<LogStore> {
  return LogStore.open({
    dir: join(directory, 'log'),
    flush: options.flush,
    flushIntervalMs: options.flushIntervalMs,
    directIo: options.directIo,
    defaults: options,
    clock: systemClock,
    logger: logger.child('log'),
  })
}

/** What the start leaves behind, and later bursts. Returns how to end it. */
function startCollecting(): () => void {
  const first = systemClock.after(collectAfterMs, collectGarbage)
  const later = new IdleCollector({ clock: systemClock })
  later.start()
  return () => {
    first.cancel()
    later.stop()
  }
}
