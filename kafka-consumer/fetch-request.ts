// Asks a broker for records of one topic.
import { fetchMaxBytes, requestMaxMs } from '../common/consumer-limits.ts'
import type { ReceivedResponse } from '../protocol/apis.ts'
import { zeroUuid } from '../protocol/fields.ts'
import type { BrokerLink } from './broker-link.ts'
import type { TopicState } from './cluster.ts'
import type { ReadPartition } from './read-partition.ts'

export type FetchAnswer = ReceivedResponse<'Fetch'>

/** An answer, and the memory that its records are views of. */
export interface Fetched {
  readonly answer: FetchAnswer
  readonly memory: Buffer
}

/** Kafka: records of open and of aborted transactions are not shown. */
const readCommitted = 1
/** From the next one on topics are asked for by id alone (KIP-516). */
const lastVersionByName = 12

export interface FetchRequest {
  readonly topic: string
  readonly state: TopicState
  readonly asked: readonly ReadPartition[]
  readonly maxWaitMs: number
}

/** Without a session (KIP-227): each request says all. Rejects as BrokerLink. */
export async function askFetch(link: BrokerLink, request: FetchRequest): Promise<Fetched> {
  const { topic, state, asked, maxWaitMs } = request
  const { topicId, leaders } = state
  const partitions = asked.map(({ partition, offset: fetchOffset }) => ({
    partition,
    currentLeaderEpoch: leaders.get(partition)?.epoch ?? -1,
    fetchOffset,
    partitionMaxBytes: fetchMaxBytes,
  }))
  const { body: answer, frame: memory } = await link.ask(
    'Fetch',
    {
      maxWaitMs,
      minBytes: 1,
      maxBytes: fetchMaxBytes,
      isolationLevel: readCommitted,
      topics: [{ topic, topicId, partitions }],
    },
    {
      maxMs: maxWaitMs + requestMaxMs,
      versionMost: topicId === zeroUuid ? lastVersionByName : Infinity,
    },
  )
  return { answer, memory }
}
