// What became of one topic of an administrative request: done, or Kafka's error and a sentence.
import { AppError, reasonOf } from '../../common/errors.ts'
import type { KafkaErrorName } from '../../protocol/error-codes.ts'
import { InvalidConfigError } from '../log/config-value.ts'
import { TopicExistsError, UnknownTopicError } from '../log/topic.ts'
import type { BrokerContext } from './broker-context.ts'

export interface TopicRefusal {
  readonly error: KafkaErrorName
  readonly message: string
}

export function refuse(error: KafkaErrorName, message: string): TopicRefusal {
  return { error, message }
}

/** Runs a change of the store and turns what it refuses, and failing storage, into an outcome. */
export async function attempt<T extends object>(
  broker: BrokerContext,
  change: () => Promise<T>,
): Promise<T | TopicRefusal> {
  try {
    return await change()
  } catch (error) {
    if (
      error instanceof TopicExistsError ||
      error instanceof UnknownTopicError ||
      error instanceof InvalidConfigError
    ) {
      return refuse(error.code, reasonOf(error))
    }
    if (!(error instanceof AppError) || error.code !== 'STORAGE_FAILED') throw error
    broker.logger.error('topic not changed', { reason: reasonOf(error) })
    return refuse('KAFKA_STORAGE_ERROR', reasonOf(error))
  }
}

/** Names that occur more than once in a request, none of which is then acted upon. */
export function duplicates(names: readonly string[]): ReadonlySet<string> {
  const seen = new Set<string>()
  return new Set(names.filter((name) => seen.size === seen.add(name).size))
}

/** Without the repetitions of the names that are `twice` there: Kafka answers such a name once. */
export function once<T extends { readonly name: string }>(
  named: readonly T[],
  twice: ReadonlySet<string>,
): readonly T[] {
  const seen = new Set<string>()
  return named.filter(({ name }) => {
    if (!twice.has(name)) return true
    return seen.size !== seen.add(name).size
  })
}
