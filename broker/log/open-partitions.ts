// Opens the partitions of topics: recovers each from its directory and from what the write-ahead log has of it.
import type { Logger } from '../../common/logger.ts'
import type { LogEnvironment } from './append-queue.ts'
import type { RecoveryPoint } from './checkpoint-file.ts'
import { concurrently } from './concurrently.ts'
import { PartitionLog } from './partition-log.ts'
import { recoverPartition } from './recovery.ts'
import type { Configs } from './topic-config.ts'
import { topicIdBytes, type Topic } from './topic.ts'
import type { WalAdvice } from './wal-advice.ts'

/** A topic as the store that owns it changes it. */
export interface StoredTopic extends Topic {
  configs: Configs
  config: Topic['config']
  partitions: readonly PartitionLog[]
}

export interface PartitionToOpen {
  readonly topic: StoredTopic
  readonly index: number
  readonly point: RecoveryPoint | undefined
}

export interface PartitionOpening {
  readonly environment: LogEnvironment
  directoryOf(topic: StoredTopic, index: number): string
  /** Whether a hole before sound batches is damage: nothing counted that was not flushed. */
  readonly isStrict: boolean
  wal(partition: { readonly topicId: string; readonly index: number }): WalAdvice
  readonly logger: Logger
}

interface OpenedPartition {
  readonly partition: PartitionLog
  readonly repairs: readonly string[]
  readonly isDirty: boolean
}

/** How many partitions are opened at a time. */
const openWidth = 16

/**
 * Adds the partitions to their topics, all at once when all are open; resolves with whether a start has to flush
 * anything: what was repaired, or was found behind what is known to be flushed.
 * Rejects with AppError STORAGE_FAILED or LOG_CORRUPT.
 */
export async function openPartitions(
  toOpen: readonly PartitionToOpen[],
  opening: PartitionOpening,
): Promise<boolean> {
  const opened = new Map<StoredTopic, PartitionLog[]>()
  let isUnsettled = false
  await concurrently(toOpen, openWidth, async (wanted) => {
    const { topic, index } = wanted
    const { partition, repairs, isDirty } = await openPartition(wanted, opening)
    for (const repair of repairs) {
      opening.logger.warn(repair, { topic: topic.name, partition: index })
    }
    isUnsettled ||= isDirty || repairs.length > 0
    const partitions = opened.get(topic) ?? [...topic.partitions]
    opened.set(topic, partitions)
    partitions[index] = partition
  })
  for (const [topic, partitions] of opened) topic.partitions = partitions
  return isUnsettled
}

async function openPartition(
  { topic, index, point }: PartitionToOpen,
  { environment, directoryOf, isStrict, wal: walOf }: PartitionOpening,
): Promise<OpenedPartition> {
  const directory = directoryOf(topic, index)
  const wal = walOf({ topicId: walTopicId(topic.id), index })
  const recovered = await recoverPartition(environment, directory, { point, isStrict, wal })
  const { name, internal } = topic
  const config = (): Topic['config'] => topic.config
  const topicId = topicIdBytes(topic.id)
  const identity = { topic: name, topicId, index, internal, directory, config }
  return {
    partition: new PartitionLog(environment, identity, recovered),
    repairs: recovered.repairs,
    isDirty: recovered.segments.list.some((segment) => segment.isDirty),
  }
}

/** As entries of the write-ahead log have it. */
export function walTopicId(id: string): string {
  return id.replaceAll('-', '')
}
