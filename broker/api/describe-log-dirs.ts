// DescribeLogDirs (key 35), versions 1 to 4: the one directory of the log, with the size of each partition in it.
//
// Topics and partitions that are not there are left out, as in Kafka.
import { diskSpace } from '../log/disk-space.ts'
import type { PartitionLog } from '../log/partition-log.ts'
import type { Topic } from '../log/topic.ts'
import type { Handler } from './broker-context.ts'

export const describeLogDirs: Handler<'DescribeLogDirs'> = async ({ store, configs }, request) => {
  const logDir = configs.valuesOf('log.dirs')[0]?.value ?? ''
  const topics =
    request.topics === null
      ? store.topics().map((topic) => describe(topic, topic.partitions))
      : request.topics.flatMap((wanted) => {
          const topic = store.topic(wanted.topic)
          if (topic === undefined) return []
          const indexes = [...new Set(wanted.partitions)]
          return [
            describe(
              topic,
              indexes.flatMap((index) => topic.partitions[index] ?? []),
            ),
          ]
        })
  const space = await diskSpace(logDir)
  return {
    results: [
      {
        errorCode: 0,
        logDir,
        topics: topics.filter(({ partitions }) => partitions.length > 0),
        totalBytes: space?.sizeBytes ?? -1,
        usableBytes: space?.freeBytes ?? -1,
      },
    ],
  }
}

function describe({ name }: Topic, partitions: readonly PartitionLog[]) {
  return {
    name,
    partitions: partitions.map(({ index, sizeBytes, logEndOffset, highWatermark }) => ({
      partitionIndex: index,
      partitionSize: sizeBytes,
      offsetLag: logEndOffset - highWatermark,
      isFutureKey: false,
    })),
  }
}
