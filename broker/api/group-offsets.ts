// OffsetCommit (key 8, versions 1 to 9) and OffsetFetch (key 9, versions 1 to 9).
//
// OffsetCommit is answered when the offsets are durable. Partitions that do not exist get
// UNKNOWN_TOPIC_OR_PARTITION, metadata that is too long OFFSET_METADATA_TOO_LARGE; the others are taken. A client's
// retention (versions 2 to 4) and timestamp (version 1) are not heeded: the broker's own retention holds. requireStable asks nothing: there are no transactions.
import { offsetMetadataMaxLength } from '../../common/limits.ts'
import type { RequestOf, ResponseOf } from '../../protocol/apis.ts'
import type { KafkaErrorName } from '../../protocol/error-codes.ts'
import type { GroupCoordinator, OffsetToCommit } from '../groups/coordinator.ts'
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
      flaw: flawOf(broker, name, partition),
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

function flawOf(
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

export const offsetFetch: Handler<'OffsetFetch'> = ({ coordinator }, request, call) => {
  if (call.version < 8) return { topics: committedBy(coordinator, request.groupId, request.topics) }
  const groups = request.groups.map(({ groupId, topics }) => ({
    groupId,
    topics: committedBy(coordinator, groupId, topics),
    errorCode: 0,
  }))
  return { groups }
}

/** Null asks for everything the group has committed. */
function committedBy(
  coordinator: GroupCoordinator,
  groupId: string,
  wanted: WantedTopics,
): FetchedTopic[] {
  const topics =
    wanted ??
    coordinator.offsetsOf(groupId).map(({ topic, partitions }) => ({
      name: topic,
      partitionIndexes: [...partitions.keys()],
    }))
  return topics.map(({ name, partitionIndexes }) => ({
    name,
    partitions: partitionIndexes.map((partitionIndex) => {
      const committed = coordinator.offset(groupId, name, partitionIndex)
      return {
        partitionIndex,
        committedOffset: committed?.offset ?? -1,
        committedLeaderEpoch: committed?.leaderEpoch ?? -1,
        metadata: committed?.metadata ?? '',
        errorCode: 0,
      }
    }),
  }))
}
