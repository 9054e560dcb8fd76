// DeleteTopics (key 20), versions 0 to 6: deletes topics by name, from version 6 on also by id.
//
// The offsets that groups have committed for a topic go with it. Internal topics cannot be deleted.
import type { Topic } from '../log/topic.ts'
import type { BrokerContext, Handler } from './broker-context.ts'
import { attempt, refuse, type TopicRefusal } from './topic-outcome.ts'

const noId = '00000000-0000-0000-0000-000000000000'

export const deleteTopics: Handler<'DeleteTopics'> = async (broker, request, call) => {
  const wanted = [...request.topicNames.map((name) => ({ name, topicId: noId })), ...request.topics]
  const responses = []
  for (const { name, topicId } of wanted) {
    const topic = name === null ? broker.store.topicById(topicId) : broker.store.topic(name)
    const outcome = topic === undefined ? unknown(name, topicId) : await remove(broker, topic)
    const failure = outcome === undefined ? {} : { errorMessage: outcome.message }
    responses.push({
      name: topic?.name ?? name,
      topicId: topic?.id ?? topicId,
      errorCode: call.code(outcome?.error ?? 'NONE'),
      ...failure,
    })
  }
  return { responses }
}

function unknown(name: string | null, topicId: string): TopicRefusal {
  return name === null
    ? refuse('UNKNOWN_TOPIC_ID', `There is no topic of id ${topicId}.`)
    : refuse('UNKNOWN_TOPIC_OR_PARTITION', `There is no topic '${name}'.`)
}

async function remove(broker: BrokerContext, topic: Topic): Promise<TopicRefusal | undefined> {
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
