// Opens the Kinesis door over the broker's log, and closes it.
import type { BrokerContext } from './api/broker-context.ts'
import type { BrokerOptions } from './broker.ts'
import type { KinesisCounts } from './kinesis-metrics.ts'
import { KinesisCounters } from './kinesis/api/kinesis-counters.ts'
import type { KinesisContext } from './kinesis/api/kinesis-context.ts'
import { ShardScaler } from './kinesis/streams/shard-scaler.ts'
import type { StreamCatalog } from './kinesis/streams/stream-catalog.ts'

export interface OpenKinesis extends KinesisCounts {
  readonly doors: { readonly kinesis: string }
  /** Resolves when what was under way is answered. */
  readonly close: () => Promise<void>
}

/** Undefined where the door is to stay shut. Rejects with AppError PORT_TAKEN or DOOR_NOT_OPENED. */
export async function openKinesis(
  { kinesisPort, host, region, accountId, pace }: BrokerOptions,
  broker: BrokerContext,
  catalog: StreamCatalog,
): Promise<OpenKinesis | undefined> {
  if (kinesisPort === 'off') return undefined
  const { store, identity, clock, logger } = broker
  // A broker that only speaks Kafka does without it.
  const { KinesisServer } = await import('./kinesis/server/kinesis-server.ts')
  const { Consumers } = await import('./kinesis/streams/consumers.ts')
  const { Subscriptions } = await import('./kinesis/api/subscriptions.ts')
  const { IteratorTokens } = await import('./kinesis/api/iterator-token.ts')
  const counters = new KinesisCounters()
  const child = logger.child('kinesis')
  const iterators = new IteratorTokens(identity.clusterId)
  const subscriptions = new Subscriptions(clock, { isStrict: pace === 'aws' })
  const shared = { store, catalog, consumers: new Consumers(catalog, clock), subscriptions }
  const parts = { ...shared, iterators, pace, counters, clock, logger: child }
  const topicDeleted = async (name: string): Promise<void> => {
    await broker.coordinator.removeTopic(name)
    broker.counters.forgetTopic(name)
  }
  const context: KinesisContext = { ...parts, region, accountId, topicDeleted }
  const { server, address } = await KinesisServer.start({ host, port: kinesisPort, context })
  const scaler = new ShardScaler({ store, catalog, pace, clock, logger: child })
  return {
    counters,
    subscriptions,
    catalog,
    clock,
    server: server.counters,
    doors: { kinesis: `http://${address}` },
    close: async () => {
      server.drain()
      await scaler.close()
      await server.closed()
      catalog.close()
    },
  }
}
