// A client of a Kinesis API: what a reader of one stream asks, each answer typed, and no tries again.
import type { Clock } from '../common/clock.ts'
import { AppError, reasonOf } from '../common/errors.ts'
import { getRecordsMax, listShardsMax, streamShardsMax } from '../common/kinesis-client-limits.ts'
import {
  iteratorOf,
  recordsEventOf,
  recordsOf,
  shardListOf,
  summaryOf,
  type RecordsAnswer,
  type RecordsEvent,
  type ShardDescription,
  type StreamSummary,
} from './answers.ts'
import { Connection } from './connection.ts'
import type { KinesisEndpoint } from './endpoint.ts'
import { Refusal, refusalOf, type Answer } from './refusal.ts'
import { Signer } from './signer.ts'

/** Where reading begins, as the API has it. */
export type ReadFrom =
  | { readonly type: 'TRIM_HORIZON' | 'LATEST' }
  | { readonly type: 'AFTER_SEQUENCE_NUMBER'; readonly sequenceNumber: string }
  | { readonly type: 'AT_TIMESTAMP'; readonly timestampMs: number }

export type StreamChange =
  | 'CreateStream'
  | 'UpdateShardCount'
  | 'IncreaseStreamRetentionPeriod'
  | 'DecreaseStreamRetentionPeriod'

export interface KinesisClientOptions {
  readonly endpoint: KinesisEndpoint
  readonly region: string
  readonly clock: Clock
}

/** Refusals are values; methods reject with AppError KINESIS_UNREACHABLE or KINESIS_REFUSED alone. */
export class KinesisClient {
  readonly #options: KinesisClientOptions
  readonly #connection: Connection

  constructor(options: KinesisClientOptions) {
    const { endpoint, region, clock } = options
    const { credentials } = endpoint
    const signer = credentials === undefined ? undefined : new Signer(credentials, region)
    this.#options = options
    this.#connection = new Connection({ endpoint, signer, clock })
  }

  get endpoint(): KinesisEndpoint {
    return this.#options.endpoint
  }

  describeStream(streamArn: string, signal?: AbortSignal): Promise<Answer<StreamSummary>> {
    return this.#call('DescribeStreamSummary', { StreamARN: streamArn }, summaryOf, signal)
  }

  /** Makes or changes a stream; `input` as the API has it. */
  change(operation: StreamChange, input: object): Promise<Answer<true>> {
    return this.#call(operation, input, () => true, undefined)
  }

  /** Whether there is such a consumer. */
  describeConsumer(consumerArn: string, signal?: AbortSignal): Promise<Answer<true>> {
    return this.#call('DescribeStreamConsumer', { ConsumerARN: consumerArn }, () => true, signal)
  }

  /** All that have records yet, open and closed. */
  async listShards(
    streamArn: string,
    signal?: AbortSignal,
  ): Promise<Answer<readonly ShardDescription[]>> {
    const shards: ShardDescription[] = []
    let token: string | undefined
    do {
      const input = token === undefined ? { StreamARN: streamArn } : { NextToken: token }
      const all = { ...input, MaxResults: listShardsMax }
      const page = await this.#call('ListShards', all, shardListOf, signal)
      if (page instanceof Refusal) return page
      shards.push(...page.shards)
      token = page.nextToken
      if (shards.length > streamShardsMax) throw this.#refused('ListShards', 'it does not end')
    } while (token !== undefined)
    return shards
  }

  getIterator(
    place: { readonly streamArn: string; readonly shardId: string },
    from: ReadFrom,
    signal?: AbortSignal,
  ): Promise<Answer<string>> {
    const input = {
      StreamARN: place.streamArn,
      ShardId: place.shardId,
      ShardIteratorType: from.type,
    }
    return this.#call('GetShardIterator', { ...input, ...positionOf(from) }, iteratorOf, signal)
  }

  getRecords(
    place: { readonly streamArn: string },
    iterator: string,
    signal?: AbortSignal,
  ): Promise<Answer<RecordsAnswer>> {
    const input = { StreamARN: place.streamArn, ShardIterator: iterator, Limit: getRecordsMax }
    return this.#call('GetRecords', input, recordsOf, signal)
  }

  /**
   * What a shard's records are pushed in, until the five minutes of the subscription are over; a refusal is the last. Whoever
   * stops listening ends the subscription.
   */
  async *subscribe(
    place: { readonly consumerArn: string; readonly shardId: string },
    from: ReadFrom,
    signal?: AbortSignal,
  ): AsyncGenerator<RecordsEvent | Refusal, void, void> {
    const operation = 'SubscribeToShard'
    const input = {
      ConsumerARN: place.consumerArn,
      ShardId: place.shardId,
      StartingPosition: startingPositionOf(from),
    }
    const body = Buffer.from(JSON.stringify(input))
    const stream = await this.#connection.open(operation, { contentType, body, signal })
    if (stream.status !== 200) {
      yield refusalOf(stream.status, this.#parse(operation, await stream.whole(), stream.status))
      return
    }
    for await (const frame of stream.frames()) {
      const isException = frame.headers.get(':message-type') !== 'event'
      const value = this.#parse(operation, frame.payload, isException ? 500 : 200)
      if (isException) {
        const { message = '' } = value as { readonly message?: string }
        yield new Refusal(frame.headers.get(':exception-type') ?? 'InternalFailure', message)
        return
      }
      if (frame.headers.get(':event-type') !== 'SubscribeToShardEvent') continue
      yield this.#readable(operation, () => recordsEventOf(value))
    }
  }

  close(): void {
    this.#connection.close()
  }

  async #call<T>(
    operation: string,
    input: object,
    read: (answer: unknown) => T,
    signal: AbortSignal | undefined,
  ): Promise<Answer<T>> {
    const body = Buffer.from(JSON.stringify(input))
    const reply = await this.#connection.call(operation, { contentType, body, signal })
    const answer = this.#parse(operation, reply.body, reply.status)
    if (reply.status !== 200) return refusalOf(reply.status, answer)
    return this.#readable(operation, () => read(answer))
  }

  #readable<T>(operation: string, read: () => T): T {
    try {
      return read()
    } catch (error) {
      if (!(error instanceof Error)) throw error
      throw this.#refused(operation, `an answer that cannot be read: ${error.message}`)
    }
  }

  /** Of an error even no JSON says something: its status. */
  #parse(operation: string, body: Buffer, status: number): unknown {
    try {
      return body.length === 0 ? {} : JSON.parse(body.toString('utf8'))
    } catch (error) {
      if (status !== 200) return {}
      throw this.#refused(operation, `an answer that cannot be read: ${reasonOf(error)}`)
    }
  }

  #refused(request: string, reason: string): AppError {
    return new AppError('KINESIS_REFUSED', { endpoint: this.endpoint.url, request, reason })
  }
}

const contentType = 'application/x-amz-json-1.1'

function startingPositionOf(from: ReadFrom): object {
  if (from.type === 'AFTER_SEQUENCE_NUMBER') {
    return { Type: from.type, SequenceNumber: from.sequenceNumber }
  }
  return from.type === 'AT_TIMESTAMP'
    ? { Type: from.type, Timestamp: from.timestampMs / 1000 }
    : { Type: from.type }
}

/** Times are seconds in JSON. */
function positionOf(from: ReadFrom): object {
  if (from.type === 'AFTER_SEQUENCE_NUMBER') return { StartingSequenceNumber: from.sequenceNumber }
  return from.type === 'AT_TIMESTAMP' ? { Timestamp: from.timestampMs / 1000 } : {}
}
