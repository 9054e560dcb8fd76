// ListOffsets (key 2), versions 1 to 11: the offset at either end of a partition or at a timestamp.
//
// Timestamp -1 is the latest offset, the high watermark; -2 the earliest; -3, from version 7 on, that of the
// record with the largest timestamp (KIP-734). Without tiered storage -4 is the earliest as well, and -5 and -6 are
// no offset. With isolation level 1, read_committed, the last stable offset takes the place of the high watermark, and
// what lies behind it is not found. The timeout is not needed.
import type { RequestOf } from '../../protocol/apis.ts'
import type { KafkaErrorName } from '../../protocol/error-codes.ts'
import type { OffsetAndTimestamp } from '../log/batch-times.ts'
import type { PartitionLog } from '../log/partition-log.ts'
import type { Handler } from './broker-context.ts'
import { epochFlaw } from './leader-epoch.ts'
import { duplicates } from './topic-outcome.ts'

type WantedPartition = RequestOf<'ListOffsets'>['topics'][number]['partitions'][number]

/** Timestamps that stand for a place, with the version from which on they may be asked for. */
const places = {
  latest: { timestamp: -1, since: 1 },
  earliest: { timestamp: -2, since: 1 },
  largestTimestamp: { timestamp: -3, since: 7 },
  earliestLocal: { timestamp: -4, since: 8 },
  latestTiered: { timestamp: -5, since: 9 },
  earliestPendingUpload: { timestamp: -6, since: 11 },
} as const
const readCommitted = 1
const notFound: OffsetAndTimestamp = { offset: -1, timestamp: -1 }

export const listOffsets: Handler<'ListOffsets'> = async (broker, request, call) => {
  const keyOf = (name: string, index: number): string => `${name}-${index}`
  const twice = duplicates(
    request.topics.flatMap(({ name, partitions }) =>
      partitions.map(({ partitionIndex }) => keyOf(name, partitionIndex)),
    ),
  )
  const answered = new Set<string>()
  const topics = []
  const isCommitted = request.isolationLevel === readCommitted
  for (const { name, partitions } of request.topics) {
    const answers = []
    for (const wanted of partitions) {
      const { partitionIndex } = wanted
      // A partition that is asked for twice is answered once, and refused.
      const key = keyOf(name, partitionIndex)
      if (answered.size === answered.add(key).size) continue
      const partition = broker.store.topic(name)?.partitions[partitionIndex]
      const found = twice.has(key)
        ? 'INVALID_REQUEST'
        : await look(partition, wanted, { version: call.version, isCommitted })
      if (typeof found === 'string') {
        answers.push({ partitionIndex, errorCode: call.code(found), ...notFound })
        continue
      }
      const leaderEpoch = found.offset < 0 ? -1 : partition?.leaderEpoch
      answers.push({ partitionIndex, errorCode: 0, ...found, leaderEpoch })
    }
    topics.push({ name, partitions: answers })
  }
  return { topics }
}

async function look(
  partition: PartitionLog | undefined,
  { timestamp, currentLeaderEpoch }: WantedPartition,
  { version, isCommitted }: { version: number; isCommitted: boolean },
): Promise<OffsetAndTimestamp | KafkaErrorName> {
  if (partition === undefined) return 'UNKNOWN_TOPIC_OR_PARTITION'
  const flaw = epochFlaw(currentLeaderEpoch, partition)
  if (flaw !== undefined) return flaw
  const end = isCommitted ? partition.lastStableOffset : partition.highWatermark
  const below = (found: OffsetAndTimestamp | undefined): OffsetAndTimestamp =>
    found !== undefined && found.offset < end ? found : notFound
  if (timestamp >= 0) return below(await partition.offsetForTimestamp(timestamp))
  const place = Object.values(places).find((one) => one.timestamp === timestamp)
  if (place === undefined || version < place.since) return 'UNSUPPORTED_VERSION'
  switch (place) {
    case places.latest:
      return { offset: end, timestamp: -1 }
    case places.earliest:
    case places.earliestLocal:
      return { offset: partition.logStartOffset, timestamp: -1 }
    case places.largestTimestamp:
      return below(await latestByTime(partition))
    default:
      return notFound
  }
}

/** Halves the range of timestamps until no record lies above the best: 53 steps at most. */
async function latestByTime(partition: PartitionLog): Promise<OffsetAndTimestamp | undefined> {
  let best = await partition.offsetForTimestamp(0)
  let below = Number.MAX_SAFE_INTEGER
  while (best !== undefined && best.timestamp + 1 < below) {
    const middle = best.timestamp + 1 + Math.floor((below - best.timestamp - 1) / 2)
    const later = await partition.offsetForTimestamp(middle)
    if (later === undefined) below = middle
    else best = later
  }
  return best
}
