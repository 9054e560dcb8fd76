// ListOffsets (key 2), versions 1 to 7: the offset at either end of a partition or at a timestamp.
//
// Timestamp -1 is the latest offset, the high watermark; -2 the earliest; -3, from version 7 on, that of the
// record with the largest timestamp (KIP-734). Both isolation levels see the same: there are no transactions.
import type { RequestOf } from '../../protocol/apis.ts'
import type { OffsetAndTimestamp } from '../log/batch-times.ts'
import type { PartitionLog } from '../log/partition-log.ts'
import type { Handler } from './broker-context.ts'

type WantedPartition = RequestOf<'ListOffsets'>['topics'][number]['partitions'][number]

const latest = -1
const earliest = -2
const largestTimestamp = -3
const notFound: OffsetAndTimestamp = { offset: -1, timestamp: -1 }

export const listOffsets: Handler<'ListOffsets'> = async (broker, request, call) => {
  const topics = []
  for (const { name, partitions } of request.topics) {
    const answers = []
    for (const wanted of partitions) {
      const { partitionIndex } = wanted
      const partition = broker.store.topic(name)?.partitions[partitionIndex]
      const found =
        partition === undefined
          ? 'UNKNOWN_TOPIC_OR_PARTITION'
          : await look(partition, wanted, call.version)
      answers.push(
        typeof found === 'string'
          ? { partitionIndex, errorCode: call.code(found), ...notFound }
          : { partitionIndex, errorCode: 0, ...found, leaderEpoch: partition?.leaderEpoch },
      )
    }
    topics.push({ name, partitions: answers })
  }
  return { topics }
}

async function look(
  partition: PartitionLog,
  { timestamp }: WantedPartition,
  version: number,
): Promise<OffsetAndTimestamp | 'UNSUPPORTED_VERSION'> {
  if (timestamp === latest) return { offset: partition.highWatermark, timestamp: -1 }
  if (timestamp === earliest) return { offset: partition.logStartOffset, timestamp: -1 }
  if (timestamp >= 0) return (await partition.offsetForTimestamp(timestamp)) ?? notFound
  if (timestamp === largestTimestamp && version >= 7) return latestByTime(partition)
  return 'UNSUPPORTED_VERSION'
}

/** Halves the range of timestamps until no record lies above the best: 53 steps at most. */
async function latestByTime(partition: PartitionLog): Promise<OffsetAndTimestamp> {
  let best = await partition.offsetForTimestamp(0)
  let below = Number.MAX_SAFE_INTEGER
  while (best !== undefined && best.timestamp + 1 < below) {
    const middle = best.timestamp + 1 + Math.floor((below - best.timestamp - 1) / 2)
    const later = await partition.offsetForTimestamp(middle)
    if (later === undefined) below = middle
    else best = later
  }
  return best ?? notFound
}
