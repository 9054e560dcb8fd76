// DeleteTopics (key 20), versions 0 to 6: deletes topics by name, from version 6 on also by id.
//
// The offsets that groups have committed for a topic go with it. Internal topics cannot be deleted. A topic that is named
// more than once, by name or by id, is answered once, and stays.
import type { RequestOf } from '../../protocol/apis.ts'
import { zeroUuid } from '../../protocol/fields.ts'
import type { Topic } from '../log/topic.ts'
import type { BrokerContext, Handler } from './broker-context.ts'
import { attempt, duplicates, refuse, type TopicRefusal } from './topic-outcome.ts'

type Wanted = RequestOf<'DeleteTopics'>['topics'][number]

export const deleteTopics: Handler<'DeleteTopics'> = async (broker, request, call) => {
  const names = request.topicNames.map((name) => ({ name, topicId: zeroUuid }))
  const wanted = [...names, ...request.topics]
  const found = wanted.map((one) => topicOf(broker, one))
  const twice = new Set([
    ...duplicates(wanted.map(({ name, topicId }) => name ?? topicId)),
    ...duplicates(found.flatMap((topic) => topic?.id ?? [])),
  ])
  const answered = new Set<string>()
  const responses = []
  for (const [index, { name, topicId }] of wanted.entries()) {
    const topic = found[index]
    const key = [topic?.id, name, topicId].find((one) => one != null && twice.has(one))
    if (key != null && answered.size === answered.add(key).size) continue
    const outcome =
      key == null
        ? (flawOf({ name, topicId }, topic) ?? (await remove(broker, topic)))
        : refuse('INVALID_REQUEST', `Duplicate topic ${name === null ? 'id' : 'name'}.`)
    responses.push({
      name: topic?.name ?? name,
      topicId: key == null ? (topic?.id ?? topicId) : topicId,
      errorCode: call.code(outcome?.error ?? 'NONE'),
      ...(outcome === undefined ? {} : { errorMessage: outcome.message }),
    })
  }
  return { responses }
}

function topicOf({ store }: BrokerContext, { name, topicId }: Wanted): Topic | undefined {
  return name === null ? store.topicById(topicId) : store.topic(name)
}

function flawOf({ name, topicId }: Wanted, topic: Topic | undefined): TopicRefusal | undefined {
  const isById = topicId !== zeroUuid
  if (name !== null && isById) {
    return refuse('INVALID_REQUEST', 'You may not specify both topic name and topic id.')
  }
  if (name === null && !isById) {
    return refuse('INVALID_REQUEST', 'Neither topic name nor id were specified.')
  }
  if (topic !== undefined) return undefined
  return name === null
    ? refuse('UNKNOWN_TOPIC_ID', 'This server does not host this topic ID.')
    : refuse('UNKNOWN_TOPIC_OR_PARTITION', 'This server does not host this topic-partition.')
}

async function remove(
  broker: BrokerContext,
  topic: Topic | undefined,
): Promise<TopicRefusal | undefined> {
  if (topic === undefined) return undefined
  const { name } = topic
  if (topic.internal) {
    return refuse('INVALID_TOPIC_EXCEPTION', `'${name}' is the broker's own and stays.`)
  }
  const outcome = await attempt(broker, async () => {
    await broker.store.deleteTopic(name)
    await broker.coordinator.removeTopic(name)
    return {}
  })
  if ('error' in outcome) return outcome
  broker.counters.forgetTopic(name)
  broker.logger.info('topic deleted', { topic: name })
  return undefined
}
