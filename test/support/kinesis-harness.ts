// Opens the Kinesis door over a log in memory, with a client of the AWS SDK, for tests.
import { KinesisClient } from '@aws-sdk/client-kinesis'
import { NodeHttpHandler } from '@smithy/node-http-handler'
import { expect, onTestFinished } from 'vitest'
import type { KinesisContext } from '../../broker/kinesis/api/kinesis-context.ts'
import { KinesisServer } from '../../broker/kinesis/server/kinesis-server.ts'
import type { StreamCatalog } from '../../broker/kinesis/streams/stream-catalog.ts'
import type { LogStore } from '../../broker/log/log-store.ts'
import { openKinesisContext } from './kinesis-context.ts'
import type { ManualClock } from './manual-clock.ts'
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
  const { context, files, clock } = await openKinesisContext({ pace })
  const { store, catalog } = context
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
