// Asks for the offsets that a consumer starts from: the group's, and those of times and ends of a log.
import { sleep, type Clock } from '../common/clock.ts'
import { consumerRetryMaxMs, consumerRetryMs, consumerTriesMax } from '../common/consumer-limits.ts'
import type { KafkaErrorName } from '../protocol/error-codes.ts'
import { errorName, isUnreachable, refused } from './answer-errors.ts'
import type { Cluster, TopicState } from './cluster.ts'

/** Kafka: the two ends, in place of a time. */
export const latest = -1
export const earliest = -2

export interface OffsetsContext {
  readonly cluster: Cluster
  readonly clock: Clock
  readonly topic: string
  /** Ends all waiting. */
  readonly signal: AbortSignal
}

/**
 * What the group has committed; partitions for which it has nothing are not in it. Rejects with AppError
 * BROKER_UNREACHABLE, or BROKER_REFUSED for what does not pass by itself.
 */
export function committedOffsets(
  context: OffsetsContext,
  groupId: string,
  partitions: readonly number[],
): Promise<ReadonlyMap<number, number>> {
  const { topic } = context
  const topics = [{ name: topic, partitionIndexes: partitions }]
  return persistently(context, `group ${groupId}`, async () => {
    const link = await context.cluster.coordinator(groupId)
    if (link === undefined) return 'COORDINATOR_NOT_AVAILABLE'
    const body = { groupId, topics, groups: [{ groupId, topics }], requireStable: true }
    const { body: answer } = await link.ask('OffsetFetch', body)
    const group = answer.groups[0] ?? answer
    const rows = group.topics.flatMap((row) => (row.name === topic ? row.partitions : []))
    const code = [group.errorCode, ...rows.map(({ errorCode }) => errorCode)].find((c) => c !== 0)
    if (code !== undefined) return errorName(code)
    const known = rows.filter(({ committedOffset }) => committedOffset >= 0)
    return new Map(known.map((row) => [row.partitionIndex, row.committedOffset]))
  })
}

/**
 * For each partition the offset of the first record that is as late as `timestamp`, or of an end; where none
 * is as late, it is not in it. Rejects as `committedOffsets`.
 */
export async function offsetsAt(
  context: OffsetsContext,
  partitions: readonly number[],
  timestamp: number,
): Promise<ReadonlyMap<number, number>> {
  const offsets = new Map<number, number>()
  const found = new Set<number>()
  await persistently(context, `topic ${context.topic}`, async () => {
    const state = await context.cluster.topicState(context.topic)
    const left = partitions.filter((partition) => !found.has(partition))
    let flaw: KafkaErrorName | undefined
    for (const [nodeId, own] of byLeader(state, left)) {
      if (nodeId < 0) {
        flaw = 'LEADER_NOT_AVAILABLE'
        continue
      }
      flaw = (await askLeader(context, { state, nodeId, own, timestamp, found, offsets })) ?? flaw
    }
    return flaw ?? offsets
  })
  return offsets
}

async function askLeader(
  { cluster, topic }: OffsetsContext,
  query: {
    readonly state: TopicState
    readonly nodeId: number
    readonly own: readonly number[]
    readonly timestamp: number
    readonly found: Set<number>
    readonly offsets: Map<number, number>
  },
): Promise<KafkaErrorName | undefined> {
  const { state, nodeId, own, timestamp, found, offsets } = query
  const link = await cluster.node(nodeId, 'control')
  const partitions = own.map((partitionIndex) => ({
    partitionIndex,
    currentLeaderEpoch: state.leaders.get(partitionIndex)?.epoch ?? -1,
    timestamp,
  }))
  const body = { isolationLevel: 1, topics: [{ name: topic, partitions }] }
  const { body: answer } = await link.ask('ListOffsets', body)
  let flaw: KafkaErrorName | undefined
  for (const { partitionIndex, errorCode, offset } of answer.topics.flatMap((t) => t.partitions)) {
    if (errorCode !== 0) {
      flaw = errorName(errorCode)
      continue
    }
    found.add(partitionIndex)
    if (offset >= 0) offsets.set(partitionIndex, offset)
  }
  return flaw
}

function byLeader(
  { leaders }: TopicState,
  partitions: readonly number[],
): ReadonlyMap<number, readonly number[]> {
  const groups = new Map<number, number[]>()
  for (const partition of partitions) {
    const nodeId = leaders.get(partition)?.nodeId ?? -1
    const group = groups.get(nodeId) ?? []
    groups.set(nodeId, group)
    group.push(partition)
  }
  return groups
}

/** Tries again what passes by itself, and what a broker that went away leaves to another. */
async function persistently<T extends object>(
  { cluster, clock, signal }: OffsetsContext,
  of: string,
  ask: () => Promise<T | KafkaErrorName>,
): Promise<T> {
  for (let tries = 1; ; tries++) {
    let error: unknown
    try {
      const outcome = await ask()
      if (typeof outcome === 'object') return outcome
      error = refused(cluster.brokers, of, outcome)
      if (!passing.has(outcome)) throw error
    } catch (thrown) {
      if (!isUnreachable(thrown)) throw thrown
      error = thrown
      // Where no broker is reached at all, that is what is told.
      await cluster.any()
    }
    if (tries === consumerTriesMax || signal.aborted) throw error
    await sleep(clock, Math.min(consumerRetryMaxMs, consumerRetryMs * 2 ** tries), signal)
  }
}

const passing = new Set<KafkaErrorName>([
  'COORDINATOR_LOAD_IN_PROGRESS',
  'COORDINATOR_NOT_AVAILABLE',
  'NOT_COORDINATOR',
  'UNSTABLE_OFFSET_COMMIT',
  'LEADER_NOT_AVAILABLE',
  'NOT_LEADER_OR_FOLLOWER',
  'REPLICA_NOT_AVAILABLE',
  'FENCED_LEADER_EPOCH',
  'UNKNOWN_LEADER_EPOCH',
  'OFFSET_NOT_AVAILABLE',
  'KAFKA_STORAGE_ERROR',
  'UNKNOWN_TOPIC_OR_PARTITION',
  'REQUEST_TIMED_OUT',
  'UNKNOWN_SERVER_ERROR',
])
