// The topics of a store by all that they are asked for by, each look-up as quick with ten thousand as with one.
import type { StoredTopic } from './open-partitions.ts'

/** Invariant: all indexes hold the same topics. */
export class TopicRegister {
  readonly #byName = new Map<string, StoredTopic>()
  readonly #byId = new Map<string, StoredTopic>()
  readonly #byMergedName = new Map<string, Set<string>>()
  /** Counted when asked for, after a change. */
  #partitions: number | undefined

  all(): IterableIterator<StoredTopic> {
    return this.#byName.values()
  }

  named(name: string): StoredTopic | undefined {
    return this.#byName.get(name)
  }

  withId(id: string): StoredTopic | undefined {
    return this.#byId.get(id)
  }

  /** Partitions of all topics together. */
  get partitions(): number {
    if (this.#partitions === undefined) {
      this.#partitions = 0
      for (const { partitions } of this.#byName.values()) this.#partitions += partitions.length
    }
    return this.#partitions
  }

  /** Another topic whose name is the same where dots are written as underscores, as in Kafka's metrics. */
  collidingWith(name: string): string | undefined {
    for (const other of this.#byMergedName.get(mergedName(name)) ?? []) {
      if (other !== name) return other
    }
    return undefined
  }

  add(topic: StoredTopic): void {
    this.#byName.set(topic.name, topic)
    this.#byId.set(topic.id, topic)
    const merged = mergedName(topic.name)
    this.#byMergedName.set(merged, new Set(this.#byMergedName.get(merged)).add(topic.name))
    this.#partitions = undefined
  }

  remove({ name, id }: StoredTopic): void {
    this.#byName.delete(name)
    this.#byId.delete(id)
    const merged = mergedName(name)
    const names = this.#byMergedName.get(merged)
    names?.delete(name)
    if (names?.size === 0) this.#byMergedName.delete(merged)
    this.#partitions = undefined
  }

  /** To be called when a topic has more partitions. */
  grown(): void {
    this.#partitions = undefined
  }
}

function mergedName(name: string): string {
  return name.replaceAll('.', '_')
}
