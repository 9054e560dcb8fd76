// Remembers which topics are there, so that a change of a function waits for no cluster.
import { isDeepStrictEqual } from 'node:util'
import type { PlannedTopic } from './plan.ts'
import type { TopicCreator, TopicOutcome } from './topics.ts'

/** Asks about a topic once, and again when it is asked for differently or was refused. */
export class RememberedTopics implements TopicCreator {
  readonly #creator: TopicCreator
  readonly #known = new Map<string, Omit<PlannedTopic, 'line'>>()

  constructor(creator: TopicCreator) {
    this.#creator = creator
  }

  async ensure(topic: PlannedTopic): Promise<TopicOutcome> {
    const { line: _line, ...asked } = topic
    const key = `${topic.name} ${topic.bootstrapServers?.join(',') ?? ''}`
    if (isDeepStrictEqual(this.#known.get(key), asked)) {
      return { action: 'unchanged', warnings: [] }
    }
    const outcome = await this.#creator.ensure(topic)
    if (outcome.action !== 'refused') this.#known.set(key, asked)
    return outcome
  }

  close(): Promise<void> {
    return this.#creator.close()
  }
}
