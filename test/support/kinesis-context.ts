// Opens what handlers of the Kinesis API are handed, over a log in memory, for tests.
import { IteratorTokens } from '../../broker/kinesis/api/iterator-token.ts'
import type { KinesisContext } from '../../broker/kinesis/api/kinesis-context.ts'
import { KinesisCounters } from '../../broker/kinesis/api/kinesis-counters.ts'
import { Subscriptions } from '../../broker/kinesis/api/subscriptions.ts'
import { Consumers } from '../../broker/kinesis/streams/consumers.ts'
import { StreamCatalog } from '../../broker/kinesis/streams/stream-catalog.ts'
import { silentLogger } from '../../common/logger.ts'
import { openStore, type TestOptions } from './log-store.ts'
import type { ManualClock } from './manual-clock.ts'
import type { MemoryFileSystem } from './memory-file-system.ts'

export interface KinesisContextOptions extends Pick<TestOptions, 'files' | 'clock' | 'directIo'> {
  readonly pace?: KinesisContext['pace']
  /** Whether subscriptions keep to AWS's limits. */
  readonly isStrict?: boolean
  /** Ours unless given. */
  readonly account?: Pick<KinesisContext, 'region' | 'accountId'>
}

export async function openKinesisContext({
  pace = 'local',
  isStrict = false,
  account = { region: 'us-east-1', accountId: '000000000000' },
  ...options
}: KinesisContextOptions = {}): Promise<{
  readonly context: KinesisContext
  readonly clock: ManualClock
  readonly files: MemoryFileSystem
}> {
  const { store, files, clock } = await openStore(options)
  const shared = { store, clock, logger: silentLogger }
  const catalog = await StreamCatalog.open({ ...shared, files, directory: '/kinesis' })
  const context = {
    ...shared,
    ...account,
    catalog,
    iterators: new IteratorTokens('cluster'),
    consumers: new Consumers(catalog, clock),
    subscriptions: new Subscriptions(clock, { isStrict }),
    counters: new KinesisCounters(),
    pace,
  }
  return { context, clock, files }
}
