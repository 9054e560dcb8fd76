// DeleteRecords (key 21), versions 0 to 2: raises where partitions start; durable when answered.
//
// Offset -1 stands for the high watermark, above which nothing can be deleted. An offset below the start changes
// nothing. The timeout is not needed: there are no replicas to wait for. Of internal topics nothing is deleted, and
// of compacted ones only where their policy is to delete as well.
import { AppError, reasonOf } from '../../common/errors.ts'
import type { KafkaErrorName } from '../../protocol/error-codes.ts'
import type { PartitionLog } from '../log/partition-log.ts'
import type { BrokerContext, Handler } from './broker-context.ts'

const toHighWatermark = -1

export const deleteRecords: Handler<'DeleteRecords'> = async (broker, request, call) => {
  const topics = []
  for (const { name, partitions } of request.topics) {
    const answers = []
    for (const { partitionIndex, offset } of partitions) {
      const found = find(broker, name, partitionIndex)
      const error = typeof found === 'string' ? found : await remove(broker, found, offset)
      const isDone = typeof found !== 'string' && error === undefined
      answers.push({
        partitionIndex,
        lowWatermark: isDone ? found.logStartOffset : -1,
        errorCode: call.code(error ?? 'NONE'),
      })
    }
    topics.push({ name, partitions: answers })
  }
  return { topics }
}

function find(
  { store }: BrokerContext,
  name: string,
  index: number,
): PartitionLog | KafkaErrorName {
  const topic = store.topic(name)
  if (topic?.internal === true) return 'INVALID_TOPIC_EXCEPTION'
  const partition = topic?.partitions[index]
  if (topic === undefined || partition === undefined) return 'UNKNOWN_TOPIC_OR_PARTITION'
  const { compaction, deletes } = topic.config
  return compaction !== undefined && !deletes ? 'POLICY_VIOLATION' : partition
}

async function remove(
  { logger }: BrokerContext,
  partition: PartitionLog,
  offset: number,
): Promise<KafkaErrorName | undefined> {
  const until = offset === toHighWatermark ? partition.highWatermark : offset
  if (until < 0 || until > partition.highWatermark) return 'OFFSET_OUT_OF_RANGE'
  try {
    await partition.deleteRecordsBefore(until)
    return undefined
  } catch (error) {
    if (!(error instanceof AppError) || error.code !== 'STORAGE_FAILED') throw error
    const { topic, index } = partition
    logger.error('records not deleted', { topic, partition: index, reason: reasonOf(error) })
    return 'KAFKA_STORAGE_ERROR'
  }
}
