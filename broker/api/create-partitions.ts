// CreatePartitions (key 37), versions 0 to 3: gives topics more partitions; their number never shrinks.
import { topicPartitionsMax } from '../../common/limits.ts'
import type { RequestOf } from '../../protocol/apis.ts'
import type { BrokerContext, Handler } from './broker-context.ts'
import { hasRoomFor } from './metadata.ts'
import { replicasFlaw } from './replica-assignment.ts'
import { attempt, duplicates, once, refuse, type TopicRefusal } from './topic-outcome.ts'

type Wanted = RequestOf<'CreatePartitions'>['topics'][number]

export const createPartitions: Handler<'CreatePartitions'> = async (broker, request, call) => {
  const twice = duplicates(request.topics.map(({ name }) => name))
  const results = []
  for (const wanted of once(request.topics, twice)) {
    const refusal = twice.has(wanted.name)
      ? refuse('INVALID_REQUEST', 'Duplicate topic name.')
      : await broker.partitionChanges.take(() => change(broker, wanted, request.validateOnly))
    results.push({
      name: wanted.name,
      errorCode: call.code(refusal?.error ?? 'NONE'),
      errorMessage: refusal?.message ?? null,
    })
  }
  return { results }
}

async function change(
  broker: BrokerContext,
  wanted: Wanted,
  validateOnly: boolean,
): Promise<TopicRefusal | undefined> {
  const flaw = flawOf(broker, wanted)
  return flaw !== undefined || validateOnly ? flaw : extend(broker, wanted)
}

function flawOf(broker: BrokerContext, wanted: Wanted): TopicRefusal | undefined {
  const { name, count, assignments } = wanted
  const topic = broker.store.topic(name)
  if (topic === undefined) {
    return refuse('UNKNOWN_TOPIC_OR_PARTITION', 'This server does not host this topic-partition.')
  }
  // Offsets of a group would be looked for in another partition than the one they were written to.
  if (topic.internal) return refuse('INVALID_TOPIC_EXCEPTION', `'${name}' is the broker's own.`)
  const present = topic.partitions.length
  if (count === present) {
    return refuse('INVALID_PARTITIONS', `Topic already has ${present} partition(s).`)
  }
  if (count < present) {
    return refuse(
      'INVALID_PARTITIONS',
      `The topic ${name} currently has ${present} partition(s); ${count} would not be an increase.`,
    )
  }
  if (count > topicPartitionsMax) {
    return refuse('INVALID_PARTITIONS', `A topic has at most ${topicPartitionsMax} partitions.`)
  }
  if (!hasRoomFor(broker, count - present)) {
    return refuse('POLICY_VIOLATION', 'The broker has no room for so many more partitions.')
  }
  return assignments === null ? undefined : assignmentFlaw(broker, assignments, count - present)
}

function assignmentFlaw(
  { identity }: BrokerContext,
  assignments: NonNullable<Wanted['assignments']>,
  added: number,
): TopicRefusal | undefined {
  if (assignments.length !== added) {
    return refuse(
      'INVALID_REPLICA_ASSIGNMENT',
      `Attempted to add ${added} additional partition(s), but only ${assignments.length} assignment(s) were specified.`,
    )
  }
  return assignments
    .map(({ brokerIds }) => replicasFlaw(brokerIds, identity.nodeId))
    .find((flaw) => flaw !== undefined)
}

async function extend(
  broker: BrokerContext,
  { name, count }: Wanted,
): Promise<TopicRefusal | undefined> {
  const outcome = await attempt(broker, () => broker.store.createPartitions(name, count))
  if ('error' in outcome) return outcome
  broker.logger.info('partitions added', { topic: name, partitions: count })
  return undefined
}
