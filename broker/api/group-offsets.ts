// OffsetCommit (key 8, versions 1 to 9) and OffsetFetch (key 9, versions 1 to 9).
//
// OffsetCommit is answered when the offsets are durable. Partitions that do not exist get
// UNKNOWN_TOPIC_OR_PARTITION, metadata that is too long OFFSET_METADATA_TOO_LARGE; the others are taken. A client's
// retention (versions 2 to 4) and timestamp (version 1) are not heeded: the broker's own retention holds. With requireStable a
// partition that an open transaction has an offset for gets UNSTABLE_OFFSET_COMMIT (KIP-447).
import { offsetMetadataMaxLength } from '../../common/group-limits.ts'
import type { RequestOf, ResponseOf } from '../../protocol/apis.ts'
import type { KafkaErrorName } from '../../protocol/error-codes.ts'
import type { OffsetToCommit } from '../groups/offset-record.ts'
import type { BrokerContext, Handler } from './broker-context.ts'

type WantedTopics = RequestOf<'OffsetFetch'>['topics']
type FetchedTopic = NonNullable<ResponseOf<'OffsetFetch'>['topics']>[number]

export const offsetCommit: Handler<'OffsetCommit'> = async (broker, request, call) => {
  const { groupId, memberId, groupInstanceId, generationIdOrMemberEpoch: generationId } = request
  const topics = request.topics.map(({ name, partitions }) => ({
    name,
    partitions: partitions.map((partition) => ({
      offset: {
        topic: name,
        partition: partition.partitionIndex,
        offset: partition.committedOffset,
        leaderEpoch: partition.committedLeaderEpoch,
        metadata: partition.committedMetadata ?? '',
      },
      flaw: offsetFlaw(broker, name, partition),
    })),
  }))
  const valid = topics.flatMap(({ partitions }) =>
    partitions.flatMap(({ offset, flaw }): OffsetToCommit[] =>
      flaw === undefined ? [offset] : [],
    ),
  )
  const claim = { generationId, memberId, groupInstanceId }
  const missing: KafkaErrorName = 'UNKNOWN_TOPIC_OR_PARTITION'
  // As in Kafka, a group is not looked at where none of the partitions exists.
  const isAllMissing = topics.every(({ partitions }) =>
    partitions.every(({ flaw }) => flaw === missing),
  )
  const error = isAllMissing ? 'NONE' : await broker.coordinator.commit(groupId, claim, valid)
  return {
    topics: topics.map(({ name, partitions }) => ({
      name,
      partitions: partitions.map(({ offset, flaw }) => ({
        partitionIndex: offset.partition,
        errorCode: call.code(flaw === missing || error === 'NONE' ? (flaw ?? 'NONE') : error),
      })),
    })),
  }
}

/** Why the offset of a partition cannot be kept. */
export function offsetFlaw(
  { store }: BrokerContext,
  topic: string,
  partition: { partitionIndex: number; committedMetadata: string | null },
): KafkaErrorName | undefined {
  if (store.topic(topic)?.partitions[partition.partitionIndex] === undefined) {
    return 'UNKNOWN_TOPIC_OR_PARTITION'
  }
  const { length } = partition.committedMetadata ?? ''
  return length > offsetMetadataMaxLength ? 'OFFSET_METADATA_TOO_LARGE' : undefined
}

export const offsetFetch: Handler<'OffsetFetch'> = (broker, request, call) => {
  const { requireStable } = request
  const codeOf = (group: string, topic: string, partition: number): number => {
    const key = { group, topic, partition }
    const isRefused = requireStable && broker.transactionalOffsets.isUnstable(key)
    return isRefused ? call.code('UNSTABLE_OFFSET_COMMIT') : 0
  }
  if (call.version < 8) {
    return { topics: committedBy(broker, request.groupId, { topics: request.topics, codeOf }) }
  }
  const groups = request.groups.map(({ groupId, topics }) => ({
    groupId,
    topics: committedBy(broker, groupId, { topics, codeOf }),
    errorCode: 0,
  }))
  return { groups }
}

/** Null asks for everything the group has committed. */
function committedBy(
  { coordinator }: BrokerContext,
  groupId: string,
  wanted: {
    readonly topics: WantedTopics
    /** Of the error, if any, that a partition has in place of its offset. */
    readonly codeOf: (group: string, topic: string, partition: number) => number
  },
): FetchedTopic[] {
  const topics =
    wanted.topics ??
    coordinator.offsetsOf(groupId).map(({ topic, partitions }) => ({
      name: topic,
      partitionIndexes: [...partitions.keys()],
    }))
  return topics.map(({ name, partitionIndexes }) => ({
    name,
    partitions: partitionIndexes.map((partitionIndex) => {
      const errorCode = wanted.codeOf(groupId, name, partitionIndex)
      const isAnswered = errorCode === 0
      const committed = isAnswered ? coordinator.offset(groupId, name, partitionIndex) : undefined
      return {
        partitionIndex,
        committedOffset: committed?.offset ?? -1,
        committedLeaderEpoch: committed?.leaderEpoch ?? -1,
        metadata: committed?.metadata ?? '',
        errorCode,
      }
    }),
  }))
}
