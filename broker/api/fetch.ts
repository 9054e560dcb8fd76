// Fetch (key 1), versions 4 to 17: sends record batches as they lie in the log, waiting for them if need be.
//
// Waits until min_bytes can be read, for max_wait at most; a partition's error ends the wait. max_bytes holds for
// the whole response, except that the first batch of the first partition with records always comes (KIP-74). A response
// may start before the offset asked for: whole batches only. Sessions are declined with id 0 (KIP-227); from version
// 13 on topics are asked for by id. Reads stop at the high watermark. With isolation level 1, read_committed, they stop at
// the last stable offset, and the aborted transactions of what is sent are listed, for the client to leave out (KIP-98).
// Not done: recoding zstd for clients older than version 10.
import { fetchResponseMaxBytes, fetchWaitMaxMs } from '../../common/limits.ts'
import type { RequestOf, ResponseOf } from '../../protocol/apis.ts'
import type { KafkaErrorName } from '../../protocol/error-codes.ts'
import {
  baseOffsetAt,
  lastOffsetDeltaAt,
  recordCountAt,
  totalBytesAt,
} from '../../protocol/record-batch.ts'
import type { PartitionLog } from '../log/partition-log.ts'
import type { Topic } from '../log/topic.ts'
import type { BrokerContext, Call } from './broker-context.ts'
import { epochFlaw } from './leader-epoch.ts'

type Broker = Pick<BrokerContext, 'store' | 'clock' | 'counters'>
type Request = RequestOf<'Fetch'>
type WantedPartition = Request['topics'][number]['partitions'][number]
type TopicResponse = ResponseOf<'Fetch'>['responses'][number]
type PartitionResponse = TopicResponse['partitions'][number] & { readonly records: Records }
type Aborted = NonNullable<PartitionResponse['abortedTransactions']>
/** Chunks of whole batches, as they were read. */
type Records = readonly Buffer[]

/** A partition of the request with what stands for it, or why nothing does. */
interface Source {
  readonly wanted: WantedPartition
  readonly found: PartitionLog | KafkaErrorName
}

interface TopicSource {
  readonly topic: string
  readonly topicId: string
  readonly sources: readonly Source[]
}

const nothing: Records = []
const readCommitted = 1
/** So many partitions whose next batch had no room are tried in one answer: each costs a read. */
const leftOutMax = 4
/** So many partitions are read at a time, where there is room for all that they may give. */
const readsMax = 16

export async function fetch(
  broker: Broker,
  request: Request,
  call: Call,
): Promise<ResponseOf<'Fetch'>> {
  if (request.sessionId !== 0) {
    return { errorCode: call.code('FETCH_SESSION_ID_NOT_FOUND'), responses: [] }
  }
  const byId = call.version >= 13
  const topics = request.topics.map(({ topic: name, topicId, partitions }): TopicSource => {
    const topic = byId ? broker.store.topicById(topicId) : broker.store.topic(name)
    const unknown = byId ? 'UNKNOWN_TOPIC_ID' : 'UNKNOWN_TOPIC_OR_PARTITION'
    const sources = partitions.map((wanted) => {
      return { wanted, found: topic === undefined ? unknown : find(topic, wanted) } as const
    })
    return { topic: topic?.name ?? name, topicId, sources }
  })
  await waitForRecords(broker, { request, topics, signal: call.signal })
  return { responses: await readAll(broker, { request, topics, call }) }
}

function find(topic: Topic, wanted: WantedPartition): Source['found'] {
  const partition = topic.partitions[wanted.partition]
  if (partition === undefined) return 'UNKNOWN_TOPIC_OR_PARTITION'
  const { fetchOffset, currentLeaderEpoch, lastFetchedEpoch } = wanted
  const flaw = epochFlaw(currentLeaderEpoch, partition)
  if (flaw !== undefined) return flaw
  // Records of a later epoch than there is were not fetched here.
  if (lastFetchedEpoch > partition.leaderEpoch) return 'OFFSET_OUT_OF_RANGE'
  const isWithin = fetchOffset >= partition.logStartOffset && fetchOffset <= partition.logEndOffset
  return isWithin ? partition : 'OFFSET_OUT_OF_RANGE'
}

/** Resolves when there is enough to answer, when time is up, or when `signal` is aborted. */
function waitForRecords(
  { clock }: Broker,
  wait: { request: Request; topics: readonly TopicSource[]; signal: AbortSignal },
): Promise<void> {
  const { request, signal } = wait
  const sources = wait.topics.flatMap((topic) => topic.sources)
  const isEnough = (): boolean => hasEnough(sources, request)
  const waitMs = Math.min(request.maxWaitMs, fetchWaitMaxMs)
  if (waitMs <= 0 || signal.aborted || isEnough()) return Promise.resolve()
  return new Promise((resolve) => {
    const unsubscribe = sources.map(({ found }) =>
      typeof found === 'string' ? () => {} : found.onHighWatermark(look),
    )
    const timer = clock.after(waitMs, done)
    signal.addEventListener('abort', done, { once: true })
    function look(): void {
      if (isEnough()) done()
    }
    function done(): void {
      timer.cancel()
      signal.removeEventListener('abort', done)
      for (const stop of unsubscribe) stop()
      resolve()
    }
  })
}

function hasEnough(sources: readonly Source[], request: Request): boolean {
  const { minBytes } = request
  let bytes = 0
  for (const { wanted, found } of sources) {
    if (typeof found === 'string' || found.isDeleted) return true
    const available = found.availableBytes(wanted.fetchOffset, endOf(found, request))
    bytes += Math.min(available, wanted.partitionMaxBytes)
    if (bytes >= minBytes) return true
  }
  return bytes >= minBytes
}

/** Where a reader of this isolation level has to stop; undefined at the high watermark. */
function endOf(partition: PartitionLog, { isolationLevel }: Request): number | undefined {
  return isolationLevel === readCommitted ? partition.lastStableOffset : undefined
}

async function readAll(
  broker: Broker,
  { request, topics, call }: { request: Request; topics: readonly TopicSource[]; call: Call },
): Promise<TopicResponse[]> {
  const maxBytes = Math.min(request.maxBytes, fetchResponseMaxBytes)
  let sentBytes = 0
  let leftOut = 0
  // What those that are being read may give.
  let dueBytes = 0
  let reading: Promise<unknown>[] = []
  const readOne = async (topic: string, source: Source): Promise<PartitionResponse> => {
    // Of little room most is left over, for a read each: those partitions come first in the next request.
    const left = maxBytes - sentBytes - dueBytes
    const isOver = left < maxBytes / 16 || leftOut >= leftOutMax
    const room = { maxBytes: isOver ? 0 : left, isFirst: sentBytes === 0 }
    const mayGive = Math.max(0, source.wanted.partitionMaxBytes)
    dueBytes += mayGive
    const response = await read(broker, { topic, source, request }, room, call)
    dueBytes -= mayGive
    for (const { length } of response.records) sentBytes += length
    if (!isOver && isLeftOut(source, request, response)) leftOut += 1
    return response
  }
  const responses = topics.map(({ topic, topicId }) => {
    return { topic, topicId, partitions: [] as Promise<PartitionResponse>[] }
  })
  for (const [index, { topic, sources }] of topics.entries()) {
    for (const source of sources) {
      const afterBytes = sentBytes + dueBytes + source.wanted.partitionMaxBytes
      // The first that has something may be larger than all the room there is.
      const isRoom = sentBytes > 0 && afterBytes <= maxBytes && reading.length < readsMax
      if (!isRoom) {
        await Promise.all(reading)
        reading = []
      }
      const response = readOne(topic, source)
      reading.push(response)
      responses[index]?.partitions.push(response)
    }
  }
  return Promise.all(
    responses.map(async ({ topic, topicId, partitions }) => {
      return { topic, topicId, partitions: await Promise.all(partitions) }
    }),
  )
}

/** Whether there was something to send, and no room for it. */
function isLeftOut(
  { wanted, found }: Source,
  request: Request,
  { records, errorCode }: PartitionResponse,
): boolean {
  if (typeof found === 'string' || errorCode !== 0 || records.length > 0) return false
  return found.availableBytes(wanted.fetchOffset, endOf(found, request)) > 0
}

async function read(
  broker: Broker,
  { topic, source, request }: { topic: string; source: Source; request: Request },
  room: { maxBytes: number; isFirst: boolean },
  call: Call,
): Promise<PartitionResponse> {
  const { wanted, found } = source
  if (typeof found === 'string') return failed(broker, { topic, wanted }, call.code(found))
  // The topic may have been deleted during the wait.
  if (found.isDeleted) {
    const error = call.version >= 13 ? 'UNKNOWN_TOPIC_ID' : 'UNKNOWN_TOPIC_OR_PARTITION'
    return failed(broker, { topic, wanted }, call.code(error))
  }
  const below = endOf(found, request)
  const isCommitted = below !== undefined
  const answer = (records: Records, aborted: Aborted = []): PartitionResponse => ({
    partitionIndex: wanted.partition,
    errorCode: 0,
    highWatermark: found.highWatermark,
    lastStableOffset: found.lastStableOffset,
    logStartOffset: found.logStartOffset,
    abortedTransactions: isCommitted ? aborted : null,
    records,
  })
  const isEmpty = found.availableBytes(wanted.fetchOffset, below) === 0
  if (isEmpty) return answer(nothing)
  const result = await found.read(wanted.fetchOffset, {
    maxBytes: Math.max(0, Math.min(wanted.partitionMaxBytes, room.maxBytes)),
    minOneBatch: room.isFirst,
    aheadBytes: wanted.partitionMaxBytes,
    ...(isCommitted ? { below } : {}),
  })
  if (!result.ok) return failed(broker, { topic, wanted }, call.code(result.error))
  if (result.bytes === 0) return answer(nothing)
  const { count, end } = contentOf(result.chunks)
  broker.counters.sentTo(topic, count, result.bytes)
  const aborted = isCommitted ? await found.producers.aborted.find(wanted.fetchOffset, end) : []
  return answer(result.chunks, aborted)
}

function failed(
  { store }: Broker,
  { topic, wanted }: { topic: string; wanted: WantedPartition },
  errorCode: number,
): PartitionResponse {
  // Out of range, clients look at the log's start to find their way back in.
  const partition = store.topic(topic)?.partitions[wanted.partition]
  return {
    partitionIndex: wanted.partition,
    errorCode,
    highWatermark: partition?.highWatermark ?? -1,
    lastStableOffset: partition?.lastStableOffset ?? -1,
    logStartOffset: partition?.logStartOffset ?? -1,
    records: nothing,
  }
}

/** By the headers alone; the records themselves stay unopened. */
function contentOf(chunks: Records): { count: number; end: number } {
  let count = 0
  let end = 0
  for (const chunk of chunks) {
    for (let at = 0; at < chunk.length; at += totalBytesAt(chunk, at)) {
      count += recordCountAt(chunk, at)
      end = baseOffsetAt(chunk, at) + lastOffsetDeltaAt(chunk, at) + 1
    }
  }
  return { count, end }
}
