// Asks a broker to say when there is something to read at one of many places, and for as little of it as can be.
import { fetchWaitMs, requestMaxMs } from '../common/consumer-limits.ts'
import { zeroUuid } from '../protocol/fields.ts'
import type { BrokerLink } from './broker-link.ts'
import type { TopicState } from './cluster.ts'
import type { FetchAnswer } from './fetch-request.ts'

/** Where a reader stands that has read all there is. */
export interface Place {
  readonly topic: string
  /** All zeros where the broker tells none. */
  readonly topicId: string
  readonly partition: number
  readonly offset: number
  readonly leaderEpoch: number
}

export function placesOf(
  topic: string,
  { topicId, leaders }: Pick<TopicState, 'topicId' | 'leaders'>,
  partitions: readonly { readonly partition: number; readonly offset: number }[],
): readonly Place[] {
  return partitions.map(({ partition, offset }) => {
    const leaderEpoch = leaders.get(partition)?.epoch ?? -1
    return { topic, topicId, partition, offset, leaderEpoch }
  })
}

/** Kafka: records of open and of aborted transactions are not shown. */
const readCommitted = 1
/** From the next one on topics are asked for by id alone (KIP-516). */
const lastVersionByName = 12

/** One for each partition of a topic, made anew or not. */
export function placeKey({ topic, topicId, partition }: Place): string {
  return `${topicId}/${topic}/${partition}`
}

/** Resolves with the places at which there is something, or something is wrong. Rejects as BrokerLink. */
export async function askWait(
  link: BrokerLink,
  places: readonly Place[],
): Promise<ReadonlySet<Place>> {
  const topics = Map.groupBy(places, ({ topic, topicId }) => `${topicId}/${topic}`)
  const areNamed = places.some(({ topicId }) => topicId === zeroUuid)
  const { body } = await link.ask(
    'Fetch',
    {
      maxWaitMs: fetchWaitMs,
      minBytes: 1,
      // A batch comes whole all the same, of the first partition that has one (KIP-74).
      maxBytes: 1,
      isolationLevel: readCommitted,
      topics: [...topics.values()].map((own) => ({
        topic: own[0]?.topic ?? '',
        topicId: own[0]?.topicId ?? zeroUuid,
        partitions: own.map(({ partition, offset: fetchOffset, leaderEpoch }) => ({
          partition,
          currentLeaderEpoch: leaderEpoch,
          fetchOffset,
          partitionMaxBytes: 1,
        })),
      })),
    },
    {
      maxMs: fetchWaitMs + requestMaxMs,
      versionMost: areNamed ? lastVersionByName : Infinity,
    },
  )
  return body.errorCode === 0 ? roused(body, places) : new Set(places)
}

function roused({ responses }: FetchAnswer, places: readonly Place[]): ReadonlySet<Place> {
  const byName = new Map(places.map((place) => [`${place.topic}/${place.partition}`, place]))
  const byId = new Map(places.map((place) => [`${place.topicId}/${place.partition}`, place]))
  const found = new Set<Place>()
  for (const { topic, topicId, partitions } of responses) {
    for (const { partitionIndex, errorCode, records, lastStableOffset } of partitions) {
      const place =
        topic === ''
          ? byId.get(`${topicId}/${partitionIndex}`)
          : byName.get(`${topic}/${partitionIndex}`)
      if (place === undefined) continue
      const hasRecords = records !== null && records.length > 0
      // Of those for which there was no room this is all that is to be seen.
      if (errorCode !== 0 || hasRecords || lastStableOffset > place.offset) found.add(place)
    }
  }
  return found
}
