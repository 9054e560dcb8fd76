// The poller role: runs the mappings that the registry asks for, and says how they fare.
import { randomInt } from 'node:crypto'
import type { BrokerAccess } from '../common/broker-access.ts'
import type { Clock } from '../common/clock.ts'
import { IdleCollector } from '../common/idle-collector.ts'
import type { FunctionInvoker } from '../common/invocation.ts'
import { serversBy, type KafkaClusters } from '../common/kafka-clusters.ts'
import type { Logger } from '../common/logger.ts'
import type { RunningRole } from '../common/role.ts'
import type { SecretsOptions } from '../common/secrets.ts'
import { SharedLinks } from '../kafka-consumer/shared-links.ts'
import type { MappingRecord, Registry } from '../control/registry/registry.ts'
import type { Sender } from '../destinations/sender.ts'
import { parseTarget } from '../destinations/target.ts'
import type { LogWriter } from '../function-logs/log-writer.ts'
import type { Destination } from './destinations/destination.ts'
import { KafkaDestination } from './destinations/kafka-destination.ts'
import { leaseMetricDefinitions, leaseSamples } from './lease-metrics.ts'
import { LocalLeases, type Leases } from './leases.ts'
import { MappingSlot, type MappingSlotOptions, type SourceServers } from './mapping-slot.ts'
import { pollerMetrics } from './metrics.ts'
import { ServiceDestination } from './destinations/service-destination.ts'
import { isSecured, resolveAccess, wayIn } from './source-access.ts'
import { KafkaSource, type KafkaClientKind } from './sources/kafka-source.ts'
import type { EndpointSettings } from '../kinesis-client/endpoint.ts'
import { streamSource } from './sources/kinesis/stream-sources.ts'
import { SecuredSource } from './sources/secured-source.ts'
import type { Source } from './sources/source.ts'
import { streamOf } from './stream-rules.ts'
import type { PaceName } from './scaling-pace.ts'
import type { StartPosition } from './sources/start-position.ts'

export interface PollerOptions {
  readonly registry: Registry
  readonly invoker: FunctionInvoker
  /** Takes records that are given up to queues, topics and buckets. */
  readonly sender: Sender
  /** Bootstrap servers of the built-in broker, for mappings with the ARN of a cluster that is no other. */
  readonly brokers: readonly string[]
  /** What ARNs of clusters mean; unless given, all of them the built-in broker. */
  readonly clusters?: KafkaClusters
  /** How to get into the built-in broker; mappings that read from others say that themselves. */
  readonly access?: BrokerAccess
  /** Where SourceAccessConfigurations find their secrets. */
  readonly secrets?: SecretsOptions
  /** Where mappings find their Kinesis streams. */
  readonly kinesis: EndpointSettings
  /** What reads topics. */
  readonly kafkaClient: KafkaClientKind
  /** Shares mappings out among copies of the poller; unless given, this one runs them all. */
  readonly leases?: Leases
  /** How fast event pollers come and go, and what each may read; `local` unless given. */
  readonly pace?: PaceName
  /** Takes events of mappings with a LoggingConfig. Its owner closes it. */
  readonly logWriter?: LogWriter
  readonly clock: Clock
  readonly logger: Logger
  /** In place of Kafka; for tests. */
  readonly createSource?: (record: MappingRecord, brokers: readonly string[]) => Source
  readonly createDestination?: MappingSlotOptions['createDestination']
}

export async function startPoller(options: PollerOptions): Promise<RunningRole> {
  const { registry, clock } = options
  const slots = new Map<string, MappingSlot>()
  const random = (): number => randomInt(2 ** 32) / 2 ** 32
  const shared: MappingSlotOptions = {
    ...options,
    createSource: options.createSource ?? sources({ ...options, random }),
    createDestination: options.createDestination ?? destinations(options),
    serversOf: (record) => serversOf(record, options),
    random,
  }
  const leases = options.leases ?? new LocalLeases()
  const reconcile = (uuid: string): void => {
    const record = registry.mapping(uuid)
    if (record === undefined) return leases.remove(uuid)
    leases.add(uuid)
    slots.get(uuid)?.reconcile(record)
  }
  leases.start({
    gained: (uuid) => {
      const record = registry.mapping(uuid)
      if (record === undefined) return
      const slot = new MappingSlot(record, shared)
      slots.set(uuid, slot)
      slot.reconcile(record)
    },
    lost: async (uuid, how) => {
      const slot = slots.get(uuid)
      slots.delete(uuid)
      await slot?.stop({ silently: how === 'taken' })
    },
  })
  const unwatch = registry.watch((change) => {
    if (change.kind === 'mapping') reconcile(change.uuid)
  })
  for (const { uuid } of registry.mappings()) reconcile(uuid)
  const idle = new IdleCollector({ clock })
  idle.start()
  const measured = pollerMetrics(
    () => [...slots.values()],
    () => clock.now(),
  )

  return {
    name: 'poller',
    doors: {},
    metrics: {
      definitions: [...measured.definitions, ...leaseMetricDefinitions],
      collect: async () => [...(await measured.collect()), ...leaseSamples(leases)],
    },
    problems: () => [...slots.values()].flatMap(({ problem }) => problem ?? []),
    stop: async () => {
      unwatch()
      idle.stop()
      await leases.stop()
    },
  }
}

type ClusterOptions = Pick<
  PollerOptions,
  'access' | 'brokers' | 'clusters' | 'kafkaClient' | 'kinesis' | 'secrets' | 'clock' | 'logger'
>

/** The platform's own settings lead to a cluster of its own, unless the mapping has its own way in. */
function serversOf(
  record: MappingRecord,
  { brokers, clusters, kinesis }: ClusterOptions,
): SourceServers {
  const { eventSourceArn: arn, bootstrapServers, sourceAccess } = record
  if (streamOf(record) !== undefined) return { servers: [], isOwn: kinesis.kinesisEndpoint === '' }
  if (bootstrapServers !== undefined) return { servers: bootstrapServers, isOwn: false }
  const cluster = arn === undefined ? undefined : clusters?.resolve(arn)
  const way = wayIn(sourceAccess)
  if (cluster === undefined || (cluster.isOwn && way === 'plaintext')) {
    return { servers: brokers, isOwn: true }
  }
  return { servers: serversBy(cluster.servers, way), isOwn: cluster.isOwn }
}

function sources(
  options: ClusterOptions & Pick<PollerOptions, 'registry' | 'pace'> & { random: () => number },
): MappingSlotOptions['createSource'] {
  const { registry: checkpoints, pace = 'local', logger } = options
  const topics = kafkaSources(options)
  return (record, brokers) => {
    const stream = streamOf(record)
    if (stream === undefined) return topics(record, brokers)
    const own = logger.child(record.uuid).child('kinesis')
    const streams = { ...options, checkpoints, pace, logger: own }
    return streamSource(record, stream, positionOf(record), streams)
  }
}

function kafkaSources(options: ClusterOptions): MappingSlotOptions['createSource'] {
  const { clock, kafkaClient: client, logger } = options
  const shared = new SharedLinks({ clientId: 'millrace-poller', clock })
  return (record, brokers) => {
    const own = logger.child(record.uuid).child('kafka')
    const create = (access: BrokerAccess | undefined): Source =>
      new KafkaSource({
        client,
        brokers,
        access,
        topic: record.topic,
        groupId: record.consumerGroupId,
        clientId: `millrace-${record.uuid}`,
        position: positionOf(record),
        clock,
        logger: own,
        shared,
      })
    const resolve = securedAccess(record, options)
    if (resolve === undefined) return create(platformAccess(record, options))
    return new SecuredSource({ brokers, resolve, create, clock, logger: own })
  }
}

function destinations(
  options: ClusterOptions & Pick<PollerOptions, 'sender'>,
): MappingSlotOptions['createDestination'] {
  const { sender, clock, logger } = options
  return (record, brokers, name): Destination => {
    const { uuid } = record
    const target = parseTarget(name)
    if (target !== undefined) {
      return new ServiceDestination({ target, sender, mappingUuid: uuid, clock })
    }
    return new KafkaDestination({
      brokers,
      access: securedAccess(record, options) ?? (async () => platformAccess(record, options)),
      topic: name.replace(/^kafka:\/\//, ''),
      clientId: `millrace-${uuid}-destination`,
      logger: logger.child(uuid).child('destination'),
    })
  }
}

/** Looks up what the mapping says of how to get in; undefined where it says nothing. */
function securedAccess(
  { sourceAccess = [] }: MappingRecord,
  { secrets = { directory: '', environment: {} } }: ClusterOptions,
): (() => Promise<BrokerAccess>) | undefined {
  return isSecured(sourceAccess) ? () => resolveAccess(sourceAccess, secrets) : undefined
}

/** Of the platform's own cluster its settings say how to get in; others have plain doors then. */
function platformAccess(record: MappingRecord, options: ClusterOptions): BrokerAccess | undefined {
  return serversOf(record, options).isOwn ? options.access : undefined
}

function positionOf(record: MappingRecord): StartPosition {
  const { startingPosition: kind, startingPositionTimestampMs: timestampMs } = record
  if (kind !== 'AT_TIMESTAMP') return { kind }
  return { kind, timestampMs: timestampMs ?? 0 }
}
