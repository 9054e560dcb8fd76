// Opens what the broker keeps in topics of its own: consumer groups with their offsets, and transactions.
import type { Clock } from '../common/clock.ts'
import type { Logger } from '../common/logger.ts'
import { GroupCoordinator } from './groups/coordinator.ts'
import { offsetsTopicName, OffsetStore } from './groups/offset-store.ts'
import { TransactionalOffsets } from './groups/transactional-offsets.ts'
import type { FileSystem } from './log/file-system.ts'
import type { LogStore } from './log/log-store.ts'
import type { PartitionLog } from './log/partition-log.ts'
import { ProducerIds } from './transactions/producer-ids.ts'
import { TransactionCoordinator } from './transactions/transaction-coordinator.ts'
import { TransactionStore, transactionsTopicName } from './transactions/transaction-store.ts'

export interface CoordinatorsOptions {
  readonly store: LogStore
  readonly clock: Clock
  readonly logger: Logger
  readonly files: FileSystem
  /** Where producer ids are kept. */
  readonly directory: string
  readonly groupInitialRebalanceDelayMs: number
}

export interface Coordinators {
  readonly coordinator: GroupCoordinator
  readonly transactionalOffsets: TransactionalOffsets
  readonly producerIds: ProducerIds
  readonly transactions: TransactionCoordinator
}

/** Kept for ever, and in small segments: its start is raised after each snapshot. */
const journalConfigs = {
  'retention.ms': '-1',
  'retention.bytes': '-1',
  'segment.bytes': String(8 * 1024 * 1024),
}

/**
 * Reads both journals back, and ends the transactions that a crash left decided. Rejects with AppError STORAGE_FAILED or
 * LOG_CORRUPT.
 */
export async function openCoordinators(options: CoordinatorsOptions): Promise<Coordinators> {
  const { store, clock, logger, files, directory } = options
  const offsets = await openOffsets(options)
  const coordinator = new GroupCoordinator({
    offsets,
    clock,
    logger: logger.child('groups'),
    initialRebalanceDelayMs: options.groupInitialRebalanceDelayMs,
  })
  const transactionalOffsets = new TransactionalOffsets({ offsets, coordinator, clock, logger })
  const producerIds = await ProducerIds.open(files, directory)
  const transactions = new TransactionCoordinator({
    store: await TransactionStore.open({
      log: await journalOf(store, transactionsTopicName),
      clock,
      logger: logger.child('transactions'),
    }),
    producerIds,
    markers: {
      partition: (topic, index) => store.topic(topic)?.partitions[index],
      offsetsTopic: offsetsTopicName,
      endOffsets: (producer, marker) => offsets.endTransaction(producer, marker),
    },
    clock,
    logger: logger.child('transactions'),
  })
  await transactions.resume()
  return { coordinator, transactionalOffsets, producerIds, transactions }
}

/** Whoever waits for one of them is answered that there is none. */
export async function closeCoordinators({
  coordinator,
  transactions,
}: Coordinators): Promise<void> {
  await coordinator.close()
  await transactions.close()
}

async function openOffsets({ store, clock, logger }: CoordinatorsOptions): Promise<OffsetStore> {
  const log = await journalOf(store, offsetsTopicName)
  const offsets = await OffsetStore.open({ log, clock, logger: logger.child('offsets') })
  // A crash may lie between the end of a topic and that of its offsets.
  for (const topic of offsets.topics()) {
    if (store.topic(topic) === undefined) await offsets.removeTopic(topic)
  }
  return offsets
}

async function journalOf(store: LogStore, name: string): Promise<PartitionLog> {
  const topic =
    store.topic(name) ??
    (await store.createTopic(name, { partitions: 1, configs: journalConfigs, internal: true }))
  const log = topic.partitions[0]
  if (log === undefined) throw new Error('a topic has at least one partition')
  return log
}
