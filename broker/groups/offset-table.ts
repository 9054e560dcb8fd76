// Holds every group's committed offsets in memory: group → topic → partition.
import type { CommittedOffset, OffsetKey, OffsetRecord } from './offset-record.ts'

type Partitions = Map<number, CommittedOffset>
type Topics = Map<string, Partitions>

export interface TopicOffsets {
  readonly topic: string
  readonly partitions: ReadonlyMap<number, CommittedOffset>
}

/** No group and no topic is kept without an offset. */
export class OffsetTable {
  readonly #groups = new Map<string, Topics>()

  get groups(): Iterable<string> {
    return this.#groups.keys()
  }

  has(group: string): boolean {
    return this.#groups.has(group)
  }

  get groupCount(): number {
    return this.#groups.size
  }

  get({ group, topic, partition }: OffsetKey): CommittedOffset | undefined {
    return this.#groups.get(group)?.get(topic)?.get(partition)
  }

  topicsOf(group: string): readonly TopicOffsets[] {
    const topics = this.#groups.get(group) ?? new Map<string, Partitions>()
    return [...topics].map(([topic, partitions]) => ({ topic, partitions }))
  }

  apply({ key, committed }: OffsetRecord): void {
    if (committed === null) return this.#delete(key)
    const topics = getOrAdd(this.#groups, key.group, (): Topics => new Map())
    const partitions = getOrAdd(topics, key.topic, (): Partitions => new Map())
    partitions.set(key.partition, committed)
  }

  *records(): Generator<OffsetRecord> {
    for (const group of this.#groups.keys()) yield* this.recordsOf(group)
  }

  *recordsOf(group: string): Generator<OffsetRecord> {
    for (const { topic, partitions } of this.topicsOf(group)) {
      for (const [partition, committed] of partitions) {
        yield { key: { group, topic, partition }, committed }
      }
    }
  }

  #delete({ group, topic, partition }: OffsetKey): void {
    const topics = this.#groups.get(group)
    const partitions = topics?.get(topic)
    if (topics === undefined || partitions === undefined) return
    partitions.delete(partition)
    if (partitions.size === 0) topics.delete(topic)
    if (topics.size === 0) this.#groups.delete(group)
  }
}

function getOrAdd<K, V>(map: Map<K, V>, key: K, create: () => V): V {
  const present = map.get(key)
  if (present !== undefined) return present
  const created = create()
  map.set(key, created)
  return created
}
