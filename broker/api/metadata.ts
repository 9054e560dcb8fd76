// Metadata (key 3), versions 0 to 13: this broker as the only node, and the topics asked for.
//
// A topic that is not there is created when both the broker's setting and the request allow it, and is
// in the same response: Kafka would first answer LEADER_NOT_AVAILABLE. An invalid name gets
// INVALID_TOPIC_EXCEPTION, and so does one that would collide with another (see topic-names.ts). Topics can be asked
// for by id from version 12 on. Everything is authorized.
import { AppError, reasonOf } from '../../common/errors.ts'
import { brokerPartitionsMax } from '../../common/limits.ts'
import type { ResponseOf } from '../../protocol/apis.ts'
import { operationsNotAsked } from '../../protocol/messages/metadata.ts'
import type { KafkaErrorName } from '../../protocol/error-codes.ts'
import { isTopicName, TopicExistsError, type Topic } from '../log/topic.ts'
import { clusterOperations, topicOperations } from './authorized-operations.ts'
import type { BrokerContext, Handler } from './broker-context.ts'

type TopicMetadata = ResponseOf<'Metadata'>['topics'][number]

export const metadata: Handler<'Metadata'> = async (broker, request, call) => {
  const { nodeId, clusterId } = broker.identity
  const wantsAll = request.topics === null || (call.version === 0 && request.topics.length === 0)
  const mayCreate = broker.autoCreateTopics && request.allowAutoTopicCreation
  const topics: TopicMetadata[] = []
  const withOperations = (topic: TopicMetadata): TopicMetadata =>
    request.includeTopicAuthorizedOperations
      ? { ...topic, topicAuthorizedOperations: topicOperations }
      : topic
  if (wantsAll) {
    topics.push(...broker.store.topics().map((topic) => withOperations(describe(topic, nodeId))))
  } else {
    for (const { name, topicId } of request.topics ?? []) {
      const found =
        name === null ? byId(broker, topicId, call.version) : await find(broker, name, mayCreate)
      topics.push(
        typeof found === 'string'
          ? { errorCode: call.code(found), name, topicId, partitions: [] }
          : withOperations(describe(found, nodeId)),
      )
    }
  }
  const brokers = [{ nodeId, ...call.advertised }]
  return {
    brokers,
    clusterId,
    controllerId: nodeId,
    topics,
    clusterAuthorizedOperations: request.includeClusterAuthorizedOperations
      ? clusterOperations
      : operationsNotAsked,
  }
}

function byId({ store }: BrokerContext, topicId: string, version: number): Topic | KafkaErrorName {
  // Versions 10 and 11 have the field, but it was not to be used yet.
  if (version < 12) return 'INVALID_REQUEST'
  return store.topicById(topicId) ?? 'UNKNOWN_TOPIC_ID'
}

async function find(
  broker: BrokerContext,
  name: string,
  mayCreate: boolean,
): Promise<Topic | KafkaErrorName> {
  const known = broker.store.topic(name)
  if (known !== undefined) return known
  if (!isTopicName(name)) return 'INVALID_TOPIC_EXCEPTION'
  if (!mayCreate) return 'UNKNOWN_TOPIC_OR_PARTITION'
  if (broker.store.collidingTopic(name) !== undefined) return 'INVALID_TOPIC_EXCEPTION'
  const { numPartitions: partitions } = broker
  if (!hasRoomFor(broker, partitions)) return 'POLICY_VIOLATION'
  try {
    const topic = await broker.store.createTopic(name, { partitions })
    broker.logger.info('topic created by its first use', { topic: name, partitions })
    return topic
  } catch (error) {
    // Another client used it first, at the same moment.
    if (error instanceof TopicExistsError) return broker.store.topic(name) ?? 'LEADER_NOT_AVAILABLE'
    if (!(error instanceof AppError) || error.code !== 'STORAGE_FAILED') throw error
    broker.logger.error('topic not created', { topic: name, reason: reasonOf(error) })
    return 'KAFKA_STORAGE_ERROR'
  }
}

/** Whether so many more partitions stay below the broker's limit. */
export function hasRoomFor({ store }: BrokerContext, partitions: number): boolean {
  return store.partitions + partitions <= brokerPartitionsMax
}

function describe({ name, id, internal, partitions }: Topic, nodeId: number): TopicMetadata {
  return {
    errorCode: 0,
    name,
    topicId: id,
    isInternal: internal,
    partitions: partitions.map(({ leaderEpoch }, partitionIndex) => ({
      errorCode: 0,
      partitionIndex,
      leaderId: nodeId,
      leaderEpoch,
      replicaNodes: [nodeId],
      isrNodes: [nodeId],
    })),
  }
}
