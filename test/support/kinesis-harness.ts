// Opens the Kinesis door over a log in memory, with a client of the AWS SDK, for tests.
import { KinesisClient } from '@aws-sdk/client-kinesis'
import { NodeHttpHandler } from '@smithy/node-http-handler'
import { expect, onTestFinished } from 'vitest'
import { IteratorTokens } from '../../broker/kinesis/api/iterator-token.ts'
import { KinesisCounters } from '../../broker/kinesis/api/kinesis-counters.ts'
import type { KinesisContext } from '../../broker/kinesis/api/kinesis-context.ts'
import { KinesisServer } from '../../broker/kinesis/server/kinesis-server.ts'
import { Consumers } from '../../broker/kinesis/streams/consumers.ts'
import { StreamCatalog } from '../../broker/kinesis/streams/stream-catalog.ts'
import { Subscriptions } from '../../broker/kinesis/api/subscriptions.ts'
import type { LogStore } from '../../broker/log/log-store.ts'
import { silentLogger } from '../../common/logger.ts'
import { openStore } from './log-store.ts'
import { ManualClock } from './manual-clock.ts'
import type { MemoryFileSystem } from './memory-file-system.ts'

export interface KinesisHarness {
  readonly client: KinesisClient
  readonly catalog: StreamCatalog
  readonly store: LogStore
  readonly files: MemoryFileSystem
  readonly clock: ManualClock
  readonly endpoint: string
}

/** Everything is closed at the end of the test. */
export async function startKinesisForTest({
  pace = 'local',
}: Partial<Pick<KinesisContext, 'pace'>> = {}): Promise<KinesisHarness> {
  const { store, files, clock } = await openStore()
  const shared = { store, clock, logger: silentLogger }
  const catalog = await StreamCatalog.open({ ...shared, files, directory: '/kinesis' })
  const context: KinesisContext = {
    ...shared,
    catalog,
    iterators: new IteratorTokens('test'),
    consumers: new Consumers(catalog, clock),
    subscriptions: new Subscriptions(clock, { isStrict: false }),
    counters: new KinesisCounters(),
    region: 'us-east-1',
    accountId: '000000000000',
    pace,
  }
  const { server, address } = await KinesisServer.start({ host: '127.0.0.1', port: 0, context })
  const endpoint = `http://${address}`
  const client = new KinesisClient({
    endpoint,
    region: 'us-east-1',
    credentials: { accessKeyId: 'test', secretAccessKey: 'test' },
    maxAttempts: 1,
    requestHandler: new NodeHttpHandler(),
  })
  onTestFinished(async () => {
    client.destroy()
    server.drain()
    await server.closed()
    await store.close()
  })
  return { client, catalog, store, files, clock, endpoint }
}

/** What a call was refused with: the error's name and text. */
export async function refusal(call: Promise<unknown>): Promise<readonly [string, string]> {
  const error: unknown = await call.then(
    () => undefined,
    (thrown: unknown) => thrown,
  )
  expect(error, 'the call was to be refused').toBeInstanceOf(Error)
  const { name, message } = error as Error
  return [name, message]
}
