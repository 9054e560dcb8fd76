// ElectLeaders (key 43, versions 0 to 2), AlterPartitionReassignments (45, 0 and 1), ListPartitionReassignments (46, 0).
//
// There is one broker, so each partition's one replica leads it for ever: no election is needed, no reassignment can be in
// progress, and the only replica that a partition can be given is the one that it has.
import type { KafkaErrorName } from '../../protocol/error-codes.ts'
import type { BrokerContext, Call, Handler } from './broker-context.ts'
import { replicasFlaw } from './replica-assignment.ts'
import { refuse, type TopicRefusal } from './topic-outcome.ts'

/** Kafka: preferred, and unclean. */
const electionTypes = new Set([0, 1])

export const electLeaders: Handler<'ElectLeaders'> = (broker, request, call) => {
  if (!electionTypes.has(request.electionType)) {
    return { errorCode: call.code('INVALID_REQUEST'), replicaElectionResults: [] }
  }
  // Asked for all, Kafka leaves out where no election is needed, so that is everything.
  const wanted = request.topicPartitions ?? []
  return {
    replicaElectionResults: wanted.map(({ topic, partitions }) => ({
      topic,
      partitionResult: partitions.map((partitionId) => {
        const { error, message } =
          unknownPartition(broker, topic, partitionId) ??
          refuse('ELECTION_NOT_NEEDED', 'Leader election not needed for topic partition.')
        return { partitionId, errorCode: call.code(error), errorMessage: message }
      }),
    })),
  }
}

export const alterPartitionReassignments: Handler<'AlterPartitionReassignments'> = (
  broker,
  request,
  call,
) => ({
  allowReplicationFactorChange: request.allowReplicationFactorChange,
  errorCode: 0,
  errorMessage: null,
  responses: request.topics.map(({ name, partitions }) => ({
    name,
    partitions: partitions.map(({ partitionIndex, replicas }) => ({
      partitionIndex,
      ...outcome(
        unknownPartition(broker, name, partitionIndex) ?? reassignmentFlaw(broker, replicas),
        call,
      ),
    })),
  })),
})

export const listPartitionReassignments: Handler<'ListPartitionReassignments'> = () => ({
  errorCode: 0,
  errorMessage: null,
  topics: [],
})

function outcome(
  refusal: TopicRefusal | undefined,
  call: Call,
): { errorCode: number; errorMessage: string | null } {
  const error: KafkaErrorName = refusal?.error ?? 'NONE'
  return { errorCode: call.code(error), errorMessage: refusal?.message ?? null }
}

function unknownPartition(
  { store }: BrokerContext,
  topic: string,
  index: number,
): TopicRefusal | undefined {
  if (store.topic(topic)?.partitions[index] !== undefined) return undefined
  return refuse('UNKNOWN_TOPIC_OR_PARTITION', `No such partition as ${topic}-${index}`)
}

function reassignmentFlaw(
  { identity }: BrokerContext,
  replicas: readonly number[] | null,
): TopicRefusal | undefined {
  return replicas === null
    ? refuse('NO_REASSIGNMENT_IN_PROGRESS', 'No partition reassignment is in progress.')
    : replicasFlaw(replicas, identity.nodeId)
}
