// OffsetForLeaderEpoch (key 23), versions 2 to 4, and the check of the epoch that a client believes in (KIP-320).
//
// A partition's leader never changes, so it has one epoch, whose end is the high watermark: above it nothing is final.
// Any other epoch has no end here: -1 for both.
import type { RequestOf } from '../../protocol/apis.ts'
import type { KafkaErrorName } from '../../protocol/error-codes.ts'
import type { PartitionLog } from '../log/partition-log.ts'
import type { Handler } from './broker-context.ts'

type Wanted = RequestOf<'OffsetForLeaderEpoch'>['topics'][number]['partitions'][number]

const unknown = { leaderEpoch: -1, endOffset: -1 }

export const offsetForLeaderEpoch: Handler<'OffsetForLeaderEpoch'> = (broker, request, call) => ({
  topics: request.topics.map(({ topic, partitions }) => ({
    topic,
    partitions: partitions.map((wanted) => {
      const { partition } = wanted
      const found = look(broker.store.topic(topic)?.partitions[partition], wanted)
      return typeof found === 'string'
        ? { errorCode: call.code(found), partition, ...unknown }
        : { errorCode: 0, partition, ...found }
    }),
  })),
})

function look(
  partition: PartitionLog | undefined,
  { currentLeaderEpoch, leaderEpoch }: Wanted,
): typeof unknown | KafkaErrorName {
  if (partition === undefined) return 'UNKNOWN_TOPIC_OR_PARTITION'
  const flaw = epochFlaw(currentLeaderEpoch, partition)
  if (flaw !== undefined) return flaw
  if (leaderEpoch !== partition.leaderEpoch) return unknown
  return { leaderEpoch, endOffset: partition.highWatermark }
}

/** A client that knows another epoch than the partition's has old metadata, or new; -1 is not checked. */
export function epochFlaw(
  currentLeaderEpoch: number,
  { leaderEpoch }: Pick<PartitionLog, 'leaderEpoch'>,
): KafkaErrorName | undefined {
  if (currentLeaderEpoch === -1 || currentLeaderEpoch === leaderEpoch) return undefined
  return currentLeaderEpoch < leaderEpoch ? 'FENCED_LEADER_EPOCH' : 'UNKNOWN_LEADER_EPOCH'
}
