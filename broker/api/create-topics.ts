// CreateTopics (key 19), versions 0 to 7: creates topics, or says what would be wrong with them.
//
// One replica per partition is all there is: a replication factor of 1 or -1 is taken, more is refused
// with INVALID_REPLICATION_FACTOR. Assignments are taken where they name this node (or 0). The timeout is not
// needed: a topic is there when its response is sent. Configurations are those that topic-config.ts knows.
import { topicPartitionsMax } from '../../common/limits.ts'
import type { RequestOf, ResponseOf } from '../../protocol/apis.ts'
import { InvalidConfigError } from '../log/config-value.ts'
import { parseTopicConfig } from '../log/topic-config.ts'
import { topicNameFlaw, type Topic } from '../log/topic.ts'
import type { BrokerContext, Call, Handler } from './broker-context.ts'
import { topicEntries } from './config-entries.ts'
import { hasRoomFor } from './metadata.ts'
import { replicasFlaw } from './replica-assignment.ts'
import { attempt, duplicates, once, refuse, type TopicRefusal } from './topic-outcome.ts'

type NewTopic = RequestOf<'CreateTopics'>['topics'][number]
type Created = ResponseOf<'CreateTopics'>['topics'][number]

/** Kafka keeps its metadata in a topic that clients look for under this name. */
const reservedName = '__cluster_metadata'

/** What a request comes to when nothing is wrong with it. */
interface Plan {
  readonly partitions: number
  readonly configs: Readonly<Record<string, string>>
}

export const createTopics: Handler<'CreateTopics'> = async (broker, request, call) => {
  const twice = duplicates(request.topics.map(({ name }) => name))
  const topics: Created[] = []
  for (const wanted of once(request.topics, twice)) {
    const plan = twice.has(wanted.name)
      ? refuse('INVALID_REQUEST', 'Duplicate topic name.')
      : planOf(broker, wanted)
    const outcome =
      request.validateOnly || 'error' in plan ? plan : await create(broker, wanted, plan)
    topics.push('error' in outcome ? refused(wanted, outcome, call) : done(broker, wanted, outcome))
  }
  return { topics }
}

function planOf(broker: BrokerContext, topic: NewTopic): Plan | TopicRefusal {
  const flaw =
    nameFlaw(broker, topic.name) ??
    (topic.assignments.length > 0 ? assignmentFlaw(broker, topic) : numbersFlaw(topic))
  if (flaw !== undefined) return flaw
  const { assignments, numPartitions } = topic
  const asked = assignments.length > 0 ? assignments.length : numPartitions
  const partitions = asked === -1 ? broker.numPartitions : asked
  if (partitions > topicPartitionsMax) {
    return refuse('INVALID_PARTITIONS', `A topic has at most ${topicPartitionsMax} partitions.`)
  }
  if (!hasRoomFor(broker, partitions)) {
    return refuse('POLICY_VIOLATION', 'The broker has no room for so many more partitions.')
  }
  return withConfigs(broker, topic, partitions)
}

function nameFlaw({ store }: BrokerContext, name: string): TopicRefusal | undefined {
  const flaw = topicNameFlaw(name)
  if (flaw !== undefined) return refuse('INVALID_TOPIC_EXCEPTION', flaw)
  if (name === reservedName) {
    return refuse('INVALID_REQUEST', `Creation of internal topic ${name} is prohibited.`)
  }
  if (store.topic(name) !== undefined) {
    return refuse('TOPIC_ALREADY_EXISTS', `Topic '${name}' already exists.`)
  }
  const other = store.collidingTopic(name)
  if (other === undefined) return undefined
  const message = `Topic '${name}' collides with existing topic: ${other}`
  return refuse('INVALID_TOPIC_EXCEPTION', message)
}

function numbersFlaw({ numPartitions, replicationFactor }: NewTopic): TopicRefusal | undefined {
  if (numPartitions === 0 || numPartitions < -1) {
    return refuse(
      'INVALID_PARTITIONS',
      'Number of partitions was set to an invalid non-positive value.',
    )
  }
  if (replicationFactor === 0 || replicationFactor < -1) {
    return refuse(
      'INVALID_REPLICATION_FACTOR',
      'Replication factor must be larger than 0, or -1 to use the default value.',
    )
  }
  if (replicationFactor > 1) {
    return refuse(
      'INVALID_REPLICATION_FACTOR',
      `Unable to replicate the partition ${replicationFactor} time(s): The target replication factor of ${replicationFactor} cannot be reached because only 1 broker(s) are registered.`,
    )
  }
  return undefined
}

function assignmentFlaw(
  { identity }: BrokerContext,
  { numPartitions, replicationFactor, assignments }: NewTopic,
): TopicRefusal | undefined {
  const manual = 'A manual partition assignment was specified, but'
  if (replicationFactor !== -1) {
    return refuse('INVALID_REQUEST', `${manual} replication factor was not set to -1.`)
  }
  if (numPartitions !== -1) {
    return refuse('INVALID_REQUEST', `${manual} numPartitions was not set to -1.`)
  }
  const indexes = new Set<number>()
  for (const { partitionIndex: index, brokerIds } of assignments) {
    if (indexes.has(index)) {
      const message = `Found multiple manual partition assignments for partition ${index}`
      return refuse('INVALID_REPLICA_ASSIGNMENT', message)
    }
    indexes.add(index)
    const flaw = replicasFlaw(brokerIds, identity.nodeId)
    if (flaw !== undefined) return flaw
  }
  if (assignments.every((_, index) => indexes.has(index))) return undefined
  return refuse(
    'INVALID_REPLICA_ASSIGNMENT',
    'partitions should be a consecutive 0-based integer sequence',
  )
}

function withConfigs(
  broker: BrokerContext,
  { configs }: NewTopic,
  partitions: number,
): Plan | TopicRefusal {
  const nulls = configs.filter(({ value }) => value === null).map(({ name }) => name)
  if (nulls.length > 0) {
    const message = `Null value not supported for topic configs: ${nulls.join(',')}`
    return refuse('INVALID_CONFIG', message)
  }
  const texts = Object.fromEntries(configs.map(({ name, value }) => [name, value ?? '']))
  try {
    parseTopicConfig(texts, broker.configs.topicDefaults)
    return { partitions, configs: texts }
  } catch (error) {
    if (!(error instanceof InvalidConfigError)) throw error
    return refuse(error.code, error.message)
  }
}

async function create(
  broker: BrokerContext,
  { name }: NewTopic,
  plan: Plan,
): Promise<(Plan & Pick<Topic, 'id'>) | TopicRefusal> {
  const outcome = await attempt(broker, () => broker.store.createTopic(name, plan))
  if ('error' in outcome) return outcome
  broker.logger.info('topic created', { topic: name, partitions: plan.partitions })
  return { ...plan, id: outcome.id }
}

function refused({ name }: NewTopic, { error, message }: TopicRefusal, call: Call): Created {
  const errorCode = call.code(error)
  return { name, errorCode, errorMessage: message, topicConfigErrorCode: 0, configs: [] }
}

function done(
  broker: BrokerContext,
  { name }: NewTopic,
  { partitions, configs, id }: Plan & Partial<Pick<Topic, 'id'>>,
): Created {
  const entries = topicEntries(configs, (synonym) => broker.configs.valuesOf(synonym))
  return {
    name,
    ...(id === undefined ? {} : { topicId: id }),
    errorCode: 0,
    numPartitions: partitions,
    replicationFactor: 1,
    configs: entries.map(({ name: key, value, readOnly, source }) => ({
      name: key,
      // What was set is given back as it was sent.
      value: configs[key] ?? value,
      readOnly,
      configSource: source,
      isSensitive: false,
    })),
  }
}
