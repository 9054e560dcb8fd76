// DescribeTopicPartitions (key 75), version 0: topics by name with their partitions, a page at a time.
//
// A page has as many partitions as were asked for, at most Kafka's max.request.partition.size.limit, and at least one. Where
// it ends before all is told, the response says where the next begins. A cursor that does not fit is INVALID_REQUEST, told by topic.
import { describePageMaxPartitions } from '../../common/limits.ts'
import type { RequestOf, ResponseOf } from '../../protocol/apis.ts'
import type { KafkaErrorName } from '../../protocol/error-codes.ts'
import { zeroUuid } from '../../protocol/fields.ts'
import { isTopicName, type Topic } from '../log/topic.ts'
import { topicOperations } from './authorized-operations.ts'
import type { Handler } from './broker-context.ts'

type Request = RequestOf<'DescribeTopicPartitions'>
type Response = ResponseOf<'DescribeTopicPartitions'>
type Described = Response['topics'][number]

export const describeTopicPartitions: Handler<'DescribeTopicPartitions'> = (
  { store, identity },
  request,
  call,
) => {
  const wantsAll = request.topics.length === 0
  const all = wantsAll ? store.topics().map(({ name }) => name) : namesOf(request)
  const failed = (name: string, error: KafkaErrorName): Described => ({
    errorCode: call.code(error),
    name,
    topicId: zeroUuid,
    partitions: [],
    topicAuthorizedOperations: topicOperations,
  })
  if (!fits(request, wantsAll)) {
    const misfit = { errorCode: call.code('INVALID_REQUEST'), topicId: zeroUuid, partitions: [] }
    return { topics: namesOf(request).map((name) => Object.assign({ name }, misfit)) }
  }
  const { cursor } = request
  const names = [...new Set(all)].toSorted().filter((name) => name >= (cursor?.topicName ?? ''))
  const limit = Math.max(1, Math.min(request.responsePartitionLimit, describePageMaxPartitions))
  const topics: Described[] = []
  let left = limit
  for (const name of names) {
    const from = name === cursor?.topicName ? cursor.partitionIndex : 0
    if (left === 0) return { topics, nextCursor: { topicName: name, partitionIndex: from } }
    const topic = store.topic(name)
    if (topic === undefined) {
      topics.push(
        failed(name, isTopicName(name) ? 'UNKNOWN_TOPIC_OR_PARTITION' : 'INVALID_TOPIC_EXCEPTION'),
      )
      continue
    }
    const page = topic.partitions.slice(from, from + left)
    topics.push(describe(topic, page, identity.nodeId))
    left -= page.length
    const next = from + page.length
    if (next < topic.partitions.length) {
      return { topics, nextCursor: { topicName: name, partitionIndex: next } }
    }
  }
  return { topics }
}

function namesOf({ topics }: Request): readonly string[] {
  return topics.map(({ name }) => name)
}

function fits({ topics, cursor }: Request, wantsAll: boolean): boolean {
  if (cursor === null) return true
  const isListed = wantsAll || topics.some(({ name }) => name === cursor.topicName)
  return cursor.partitionIndex >= 0 && isListed
}

function describe(topic: Topic, page: Topic['partitions'], nodeId: number): Described {
  return {
    errorCode: 0,
    name: topic.name,
    topicId: topic.id,
    isInternal: topic.internal,
    partitions: page.map(({ index, leaderEpoch }) => ({
      errorCode: 0,
      partitionIndex: index,
      leaderId: nodeId,
      leaderEpoch,
      replicaNodes: [nodeId],
      isrNodes: [nodeId],
      eligibleLeaderReplicas: [],
      lastKnownElr: [],
      offlineReplicas: [],
    })),
    topicAuthorizedOperations: topicOperations,
  }
}
