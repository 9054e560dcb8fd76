// Finds where a mapping starts to read partitions for which its group has no offset yet.
import type { Admin } from '../../common/kafka-client.ts'

export type StartPosition =
  | { readonly kind: 'TRIM_HORIZON' | 'LATEST' }
  | { readonly kind: 'AT_TIMESTAMP'; readonly timestampMs: number }

export interface StartQuery {
  readonly topic: string
  readonly groupId: string
  readonly position: StartPosition
  readonly partitions: readonly number[]
  /** Partitions the topic had when the mapping began; later ones are read from their start. */
  readonly partitionsAtStart: number | undefined
}

export interface StartAnswer {
  /** Where to start; partitions with a committed offset are not in it: they go on from there. */
  readonly offsets: ReadonlyMap<number, number>
  readonly partitionCount: number
}

/** Rejects with an error of kafkajs. */
export async function findStart(admin: Admin, query: StartQuery): Promise<StartAnswer> {
  const { topic, groupId, position } = query
  const [group] = await admin.fetchOffsets({ groupId, topics: [topic] })
  const committed = group?.partitions ?? []
  const wanted = new Set(query.partitions)
  // -1: the group never committed this partition.
  const open = committed
    .filter(({ partition, offset }) => wanted.has(partition) && Number(offset) < 0)
    .map(({ partition }) => partition)
  const offsets = new Map<number, number>()
  if (open.length > 0 && position.kind !== 'TRIM_HORIZON') {
    const ends = await admin.fetchTopicOffsets(topic)
    const times =
      position.kind === 'AT_TIMESTAMP'
        ? await admin.fetchTopicOffsetsByTimestamp(topic, position.timestampMs)
        : undefined
    const newFrom = query.partitionsAtStart ?? committed.length
    for (const partition of open) {
      const end = ends.find((candidate) => candidate.partition === partition)
      const time = times?.find((candidate) => candidate.partition === partition)
      const offset = partition < newFrom ? (time?.offset ?? end?.high) : end?.low
      if (offset !== undefined) offsets.set(partition, Number(offset))
    }
  }
  return { offsets, partitionCount: committed.length }
}
