// What members of a consumer group tell each other: what they read, and who reads which partitions.
import { DecodeError } from '../protocol/decode-error.ts'
import { array, bytes, int16, int32, nullableBytes, string, struct } from '../protocol/fields.ts'
import { Reader } from '../protocol/reader.ts'
import { Writer } from '../protocol/writer.ts'

/** Kafka's name for groups of consumers. */
export const protocolType = 'consumer'

/**
 * The name, versions and bytes are those of kafkajs, so that members of both kinds make one group: a
 * leader of either kind deals partitions out alike.
 */
export const assignorName = 'RoundRobinAssigner'

const subscription = struct({ version: int16, topics: array(string), userData: nullableBytes })
const assignment = struct({
  version: int16,
  topics: array(struct({ topic: string, partitions: array(int32) })),
  userData: bytes,
})

const noBytes = Buffer.alloc(0)

export function encodeSubscription(topics: readonly string[]): Buffer {
  const writer = new Writer()
  subscription.write(writer, { version: 0, topics, userData: noBytes }, 0)
  return Buffer.concat(writer.done())
}

/** The topics of a member of whatever client; later versions have more behind them. None if unreadable. */
export function topicsOf(metadata: Buffer): readonly string[] {
  return decode(() => subscription.read(new Reader(metadata), 0).topics) ?? []
}

export type Assignment = ReadonlyMap<string, readonly number[]>

export function encodeAssignment(partitionsByTopic: Assignment): Buffer {
  const writer = new Writer()
  const topics = [...partitionsByTopic].map(([topic, partitions]) => ({ topic, partitions }))
  assignment.write(writer, { version: 0, topics, userData: noBytes }, 0)
  return Buffer.concat(writer.done())
}

/** Nothing for bytes that are empty, as of a member that the leader left out; undefined if unreadable. */
export function decodeAssignment(from: Buffer): Assignment | undefined {
  if (from.length === 0) return new Map()
  // User data may be null elsewhere, and nobody here looks at it.
  const head = struct({
    version: int16,
    topics: array(struct({ topic: string, partitions: array(int32) })),
  })
  return decode(() => {
    const { topics } = head.read(new Reader(from), 0)
    return new Map(topics.map(({ topic, partitions }) => [topic, partitions]))
  })
}

/** Deals the partitions of each topic out in turn, to the members that read it, in the order of their ids. */
export function assignRoundRobin(
  members: readonly { readonly memberId: string; readonly topics: readonly string[] }[],
  partitionsByTopic: Assignment,
): ReadonlyMap<string, Assignment> {
  const sorted = members.toSorted((a, b) => (a.memberId < b.memberId ? -1 : 1))
  const assigned = new Map<string, Map<string, number[]>>(
    sorted.map(({ memberId }) => [memberId, new Map<string, number[]>()]),
  )
  for (const [topic, partitions] of partitionsByTopic) {
    const readers = sorted.filter(({ topics }) => topics.includes(topic))
    for (const [index, partition] of partitions.entries()) {
      const own = assigned.get(readers[index % readers.length]?.memberId ?? '')
      if (own === undefined) continue
      const list = own.get(topic) ?? []
      own.set(topic, list)
      list.push(partition)
    }
  }
  return assigned
}

function decode<T>(read: () => T): T | undefined {
  try {
    return read()
  } catch (error) {
    if (error instanceof DecodeError) return undefined
    throw error
  }
}
