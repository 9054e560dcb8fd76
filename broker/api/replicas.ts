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
  // Asked for all, Kafka leaves out the partitions that need no election, and so all of them.
  const all = broker.store.topics().map(({ name }) => ({ topic: name, partitions: [] }))
  const wanted = request.topicPartitions ?? all
  const { electionType } = request
  const flaw = electionTypes.has(electionType)
    ? undefined
    : refuse('INVALID_REQUEST', `Unknown election type ${electionType}`)
  return {
    errorCode: call.code(flaw?.error ?? 'NONE'),
    replicaElectionResults: wanted.map(({ topic, partitions }) => ({
      topic,
      partitionResult: partitions.map((partitionId) => {
        const { error, message } = flaw ?? electionOutcome(broker, topic, partitionId)
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
      ...outcome(reassignmentFlaw(broker, { topic: name, index: partitionIndex, replicas }), call),
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

function exists({ store }: BrokerContext, topic: string, index?: number): boolean {
  const known = store.topic(topic)
  return known !== undefined && (index === undefined || known.partitions[index] !== undefined)
}

function electionOutcome(broker: BrokerContext, topic: string, index: number): TopicRefusal {
  const unknown = 'UNKNOWN_TOPIC_OR_PARTITION'
  if (!exists(broker, topic)) return refuse(unknown, `No such topic as ${topic}`)
  if (!exists(broker, topic, index))
    return refuse(unknown, `No such partition as ${topic}-${index}`)
  return refuse('ELECTION_NOT_NEEDED', 'Leader election not needed for topic partition.')
}

function reassignmentFlaw(
  broker: BrokerContext,
  { topic, index, replicas }: { topic: string; index: number; replicas: readonly number[] | null },
): TopicRefusal | undefined {
  const unknown = 'UNKNOWN_TOPIC_OR_PARTITION'
  if (!exists(broker, topic)) return refuse(unknown, `Unable to find a topic named ${topic}.`)
  if (!exists(broker, topic, index)) {
    return refuse(unknown, `Unable to find partition ${topic}:${index}.`)
  }
  return replicas === null
    ? refuse('NO_REASSIGNMENT_IN_PROGRESS', 'No partition reassignment is in progress.')
    : replicasFlaw(replicas, broker.identity.nodeId)
}
