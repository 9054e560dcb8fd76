// DeleteGroups (key 42, versions 0 to 2) and OffsetDelete (key 47, version 0).
//
// A group goes with its offsets while it has no members, else NON_EMPTY_GROUP. Single offsets go while no member
// subscribes to their topic, else GROUP_SUBSCRIBED_TO_TOPIC. Both are answered when the removal is durable.
import type { KafkaErrorName } from '../../protocol/error-codes.ts'
import type { Handler } from './broker-context.ts'

export const deleteGroups: Handler<'DeleteGroups'> = async (broker, request, call) => {
  const removals = [...new Set(request.groupsNames)].map(async (groupId) => ({
    groupId,
    errorCode: call.code(await broker.coordinator.delete(groupId)),
  }))
  return { throttleTimeMs: 0, results: await Promise.all(removals) }
}

export const offsetDelete: Handler<'OffsetDelete'> = async (broker, request, call) => {
  const exists = (topic: string, partition: number): boolean =>
    broker.store.topic(topic)?.partitions[partition] !== undefined
  const wanted = request.topics.flatMap(({ name, partitions }) =>
    partitions.map(({ partitionIndex }) => ({ topic: name, partition: partitionIndex })),
  )
  const known = wanted.filter(({ topic, partition }) => exists(topic, partition))
  // As in Kafka, a group is not looked at where none of the partitions exists.
  const result =
    known.length === 0 ? [] : await broker.coordinator.deleteOffsets(request.groupId, known)
  if (typeof result === 'string') {
    return { errorCode: call.code(result), throttleTimeMs: 0, topics: [] }
  }
  const refused = new Set<string>(result)
  const outcomeOf = (topic: string, partition: number): KafkaErrorName => {
    if (!exists(topic, partition)) return 'UNKNOWN_TOPIC_OR_PARTITION'
    return refused.has(topic) ? 'GROUP_SUBSCRIBED_TO_TOPIC' : 'NONE'
  }
  const topics = request.topics.map(({ name, partitions }) => ({
    name,
    partitions: partitions.map(({ partitionIndex }) => ({
      partitionIndex,
      errorCode: call.code(outcomeOf(name, partitionIndex)),
    })),
  }))
  return { errorCode: 0, throttleTimeMs: 0, topics }
}
