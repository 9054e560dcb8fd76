// Opens the Kinesis door over the broker's log, and closes it.
import type { BrokerContext } from './api/broker-context.ts'
import type { BrokerOptions } from './broker.ts'
import type { KinesisCounts } from './kinesis-metrics.ts'
import { KinesisCounters } from './kinesis/api/kinesis-counters.ts'
import type { KinesisContext } from './kinesis/api/kinesis-context.ts'
import { ShardScaler } from './kinesis/streams/shard-scaler.ts'
import type { StreamCatalog } from './kinesis/streams/stream-catalog.ts'
import { Certificate } from './server/certificate.ts'

export interface OpenKinesis extends KinesisCounts {
  readonly doors: { readonly kinesis: string }
  /** Resolves when what was under way is answered. */
  readonly close: () => Promise<void>
}

/** Undefined where the door is to stay shut. Rejects with AppError PORT_TAKEN, DOOR_NOT_OPENED or CONFIG_INVALID. */
export async function openKinesis(
  options: BrokerOptions,
  broker: BrokerContext,
  catalog: StreamCatalog,
): Promise<OpenKinesis | undefined> {
  const { kinesisPort, host, region, accountId, pace } = options
  if (kinesisPort === 'off') return undefined
  const { store, identity, clock, logger } = broker
  const certificate = await certificateOf(options, broker)
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
  const where = { host, port: kinesisPort, context, tls: certificate?.tls }
  const { server, address } = await KinesisServer.start(where)
  const watch = certificate?.watch((tls) => server.useCertificate(tls))
  const scaler = new ShardScaler({ store, catalog, pace, clock, logger: child })
  return {
    counters,
    subscriptions,
    catalog,
    clock,
    server: server.counters,
    doors: { kinesis: `http://${address}` },
    close: async () => {
      watch?.cancel()
      server.drain()
      await scaler.close()
      await server.closed()
      catalog.close()
    },
  }
}

/** Undefined where the door takes HTTP alone. */
async function certificateOf(
  { kinesisTlsCertificate: certificate = '', kinesisTlsKey: key = '' }: BrokerOptions,
  { clock, logger }: BrokerContext,
): Promise<Certificate | undefined> {
  if (certificate === '' && key === '') return undefined
  const paths = { certificate, key, clientAuthority: '' }
  return Certificate.open({ paths, settings: tlsSettings }, { clock, logger })
}

/** Signatures tell AWS who calls; of certificates of clients it knows nothing. */
const tlsSettings = {
  certificate: '--kinesis-tls-certificate',
  key: '--kinesis-tls-key',
  clientAuthority: '',
} as const
