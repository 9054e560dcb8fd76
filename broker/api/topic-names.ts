// Finds a topic whose name would be the same as another's in metrics, where Kafka writes dots as underscores.
import type { LogStore } from '../log/log-store.ts'

/** The topic that `name` collides with, other than itself; undefined where none. */
export function collidingTopic(store: LogStore, name: string): string | undefined {
  if (!/[._]/.test(name)) return undefined
  const merged = mergedName(name)
  return store.topics().find((topic) => topic.name !== name && mergedName(topic.name) === merged)
    ?.name
}

function mergedName(name: string): string {
  return name.replaceAll('.', '_')
}
