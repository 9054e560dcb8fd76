// Fetch (key 1), versions 4 to 12: sends record batches as they lie in the log, waiting for them if need be.
//
// Waits until min_bytes can be read, for max_wait at most; a partition's error ends the wait. max_bytes holds for
// the whole response, except that the first batch of the first partition with records always comes (KIP-74). A response
// may start before the offset asked for: whole batches only. Sessions are declined with id 0 (KIP-227). Reads stop at the
// high watermark; without transactions that is the last stable offset as well.
// Not done: recoding zstd for clients older than version 10.
import { fetchResponseMaxBytes, fetchWaitMaxMs } from '../../common/limits.ts'
import type { RequestOf, ResponseOf } from '../../protocol/apis.ts'
import type { KafkaErrorName } from '../../protocol/error-codes.ts'
import { recordCountAt, totalBytesAt } from '../../protocol/record-batch.ts'
import type { PartitionLog } from '../log/partition-log.ts'
import type { BrokerContext, Call, Handler } from './broker-context.ts'

type Request = RequestOf<'Fetch'>
type WantedPartition = Request['topics'][number]['partitions'][number]
type TopicResponse = ResponseOf<'Fetch'>['responses'][number]
type PartitionResponse = TopicResponse['partitions'][number]

/** A partition of the request with what stands for it, or why nothing does. */
interface Source {
  readonly wanted: WantedPartition
  readonly found: PartitionLog | KafkaErrorName
}

interface TopicSource {
  readonly topic: string
  readonly sources: readonly Source[]
}

const nothing = Buffer.alloc(0)

export const fetch: Handler<'Fetch'> = async (broker, request, call) => {
  if (request.sessionId !== 0) {
    return { errorCode: call.code('FETCH_SESSION_ID_NOT_FOUND'), responses: [] }
  }
  const topics = request.topics.map(({ topic, partitions }) => ({
    topic,
    sources: partitions.map((wanted) => ({ wanted, found: find(broker, topic, wanted) })),
  }))
  await waitForRecords(broker, { request, topics, signal: call.signal })
  return { responses: await readAll(broker, { request, topics, call }) }
}

function find({ store }: BrokerContext, topic: string, wanted: WantedPartition): Source['found'] {
  const partition = store.topic(topic)?.partitions[wanted.partition]
  if (partition === undefined) return 'UNKNOWN_TOPIC_OR_PARTITION'
  const { fetchOffset, currentLeaderEpoch } = wanted
  if (currentLeaderEpoch !== -1 && currentLeaderEpoch !== partition.leaderEpoch) {
    return currentLeaderEpoch < partition.leaderEpoch
      ? 'FENCED_LEADER_EPOCH'
      : 'UNKNOWN_LEADER_EPOCH'
  }
  const isWithin = fetchOffset >= partition.logStartOffset && fetchOffset <= partition.logEndOffset
  return isWithin ? partition : 'OFFSET_OUT_OF_RANGE'
}

/** Resolves when there is enough to answer, when time is up, or when `signal` is aborted. */
function waitForRecords(
  { clock }: BrokerContext,
  wait: { request: Request; topics: readonly TopicSource[]; signal: AbortSignal },
): Promise<void> {
  const { request, signal } = wait
  const sources = wait.topics.flatMap((topic) => topic.sources)
  const waitMs = Math.min(request.maxWaitMs, fetchWaitMaxMs)
  if (waitMs <= 0 || signal.aborted || hasEnough(sources, request.minBytes))
    return Promise.resolve()
  return new Promise((resolve) => {
    const unsubscribe = sources.map(({ found }) =>
      typeof found === 'string' ? () => {} : found.onHighWatermark(look),
    )
    const timer = clock.after(waitMs, done)
    signal.addEventListener('abort', done, { once: true })
    function look(): void {
      if (hasEnough(sources, request.minBytes)) done()
    }
    function done(): void {
      timer.cancel()
      signal.removeEventListener('abort', done)
      for (const stop of unsubscribe) stop()
      resolve()
    }
  })
}

function hasEnough(sources: readonly Source[], minBytes: number): boolean {
  let bytes = 0
  for (const { wanted, found } of sources) {
    if (typeof found === 'string') return true
    bytes += Math.min(found.availableBytes(wanted.fetchOffset), wanted.partitionMaxBytes)
    if (bytes >= minBytes) return true
  }
  return bytes >= minBytes
}

async function readAll(
  broker: BrokerContext,
  { request, topics, call }: { request: Request; topics: readonly TopicSource[]; call: Call },
): Promise<TopicResponse[]> {
  const maxBytes = Math.min(request.maxBytes, fetchResponseMaxBytes)
  const responses: TopicResponse[] = []
  let sentBytes = 0
  for (const { topic, sources } of topics) {
    const partitions: PartitionResponse[] = []
    for (const source of sources) {
      const room = { maxBytes: maxBytes - sentBytes, isFirst: sentBytes === 0 }
      const response = await read(broker, { topic, source }, room, call)
      sentBytes += response.records?.length ?? 0
      partitions.push(response)
    }
    responses.push({ topic, partitions })
  }
  return responses
}

async function read(
  broker: BrokerContext,
  { topic, source }: { topic: string; source: Source },
  room: { maxBytes: number; isFirst: boolean },
  call: Call,
): Promise<PartitionResponse> {
  const { wanted, found } = source
  if (typeof found === 'string') return failed(broker, { topic, wanted }, call.code(found))
  const answer = (records: Buffer): PartitionResponse => ({
    partitionIndex: wanted.partition,
    errorCode: 0,
    highWatermark: found.highWatermark,
    lastStableOffset: found.highWatermark,
    logStartOffset: found.logStartOffset,
    records,
  })
  const isEmpty = found.availableBytes(wanted.fetchOffset) === 0
  if (isEmpty || (room.maxBytes <= 0 && !room.isFirst)) return answer(nothing)
  const result = await found.read(wanted.fetchOffset, {
    maxBytes: Math.max(0, Math.min(wanted.partitionMaxBytes, room.maxBytes)),
    minOneBatch: room.isFirst,
  })
  if (!result.ok) return failed(broker, { topic, wanted }, call.code(result.error))
  const [first, ...more] = result.chunks
  if (first === undefined) return answer(nothing)
  const records = more.length === 0 ? first : Buffer.concat(result.chunks)
  broker.counters.sentTo(topic, countRecords(records), records.length)
  return answer(records)
}

function failed(
  { store }: BrokerContext,
  { topic, wanted }: { topic: string; wanted: WantedPartition },
  errorCode: number,
): PartitionResponse {
  // Out of range, clients look at the log's start to find their way back in.
  const partition = store.topic(topic)?.partitions[wanted.partition]
  return {
    partitionIndex: wanted.partition,
    errorCode,
    highWatermark: partition?.highWatermark ?? -1,
    lastStableOffset: partition?.highWatermark ?? -1,
    logStartOffset: partition?.logStartOffset ?? -1,
    records: nothing,
  }
}

/** By the headers alone; the records themselves stay unopened. */
function countRecords(batches: Buffer): number {
  let records = 0
  for (let at = 0; at < batches.length; at += totalBytesAt(batches, at)) {
    records += recordCountAt(batches, at)
  }
  return records
}
