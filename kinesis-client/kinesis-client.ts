// A client of a Kinesis API: what a reader of one stream asks, each answer typed, and no tries again.
import type { Clock } from '../common/clock.ts'
import { AppError, reasonOf } from '../common/errors.ts'
import { getRecordsMax, listShardsMax, streamShardsMax } from '../common/kinesis-client-limits.ts'
import {
  consumerOf,
  iteratorOf,
  recordsAnswer,
  recordsEvent,
  recordsEventOf,
  recordsOf,
  shardListOf,
  summaryOf,
  type ConsumerSummary,
  type RecordsAnswer,
  type RecordsEvent,
  type ShardDescription,
  type StreamSummary,
} from './answers.ts'
import { walkAnswer } from './cbor-walk.ts'
import { Connection, type CallOptions, type Reply } from './connection.ts'
import type { KinesisEndpoint } from './endpoint.ts'
import { Refusal, refusalOf, type Answer } from './refusal.ts'
import { Signer } from './signer.ts'
import type { StreamedReply } from './streamed-reply.ts'
import {
  contentTypes,
  decodeAnswer,
  encodeInput,
  FormatChoice,
  formatOf,
  type WireFormat,
} from './wire-format.ts'

/** Where reading begins, as the API has it. */
export type ReadFrom =
  | { readonly type: 'TRIM_HORIZON' | 'LATEST' }
  | { readonly type: 'AFTER_SEQUENCE_NUMBER'; readonly sequenceNumber: string }
  | { readonly type: 'AT_TIMESTAMP'; readonly timestampMs: number }

export type StreamChange =
  | 'CreateStream'
  | 'RegisterStreamConsumer'
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
  /** For what answers with records; everything else is asked in JSON. */
  readonly #choice = new FormatChoice()

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

  findConsumer(streamArn: string, name: string): Promise<Answer<ConsumerSummary>> {
    const input = { StreamARN: streamArn, ConsumerName: name }
    return this.#call('DescribeStreamConsumer', input, consumerOf, undefined)
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

  async getRecords(
    place: { readonly streamArn: string },
    iterator: string,
    signal?: AbortSignal,
  ): Promise<Answer<RecordsAnswer>> {
    const operation = 'GetRecords'
    const input = { StreamARN: place.streamArn, ShardIterator: iterator, Limit: getRecordsMax }
    const ask = async (format: WireFormat): Promise<Answer<RecordsAnswer>> => {
      const reply = await this.#connection.call(operation, callOf(format, input, signal))
      const found = this.#formatOf(reply.contentType, format)
      if (reply.status !== 200) return this.#refusal(operation, reply, found)
      return this.#readable(operation, () => {
        const walked = found === 'cbor' ? walkAnswer(reply.body) : undefined
        return walked === undefined
          ? recordsOf(decodeAnswer(found, reply.body))
          : recordsAnswer(walked.records, walked.rest)
      })
    }
    return this.#asked(ask)
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
    const ask = async (format: WireFormat): Promise<Answer<StreamedReply>> => {
      const stream = await this.#connection.open(operation, callOf(format, input, signal))
      const { status, contentType } = stream
      if (status === 200) return stream
      const body = await stream.whole()
      return this.#refusal(operation, { status, body }, this.#formatOf(contentType, format))
    }
    const stream = await this.#asked(ask)
    if (stream instanceof Refusal) {
      yield stream
      return
    }
    for await (const { headers, payload } of stream.frames()) {
      const format = formatOf(headers.get(':content-type'), this.#choice.format)
      if (headers.get(':message-type') !== 'event') {
        const { message = '' } = this.#parse(operation, { status: 500, body: payload }, format) as {
          readonly message?: string
        }
        yield new Refusal(headers.get(':exception-type') ?? 'InternalFailure', message)
        return
      }
      if (headers.get(':event-type') !== 'SubscribeToShardEvent') continue
      yield this.#readable(operation, () => {
        const walked = format === 'cbor' ? walkAnswer(payload) : undefined
        return walked === undefined
          ? recordsEventOf(decodeAnswer(format, payload))
          : recordsEvent(walked.records, walked.rest)
      })
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
    const reply = await this.#connection.call(operation, callOf('json', input, signal))
    if (reply.status !== 200) return this.#refusal(operation, reply, 'json')
    const answer = this.#parse(operation, reply, 'json')
    return this.#readable(operation, () => read(answer))
  }

  /** In the format that the endpoint takes, which is found out. */
  async #asked<T>(ask: (format: WireFormat) => Promise<Answer<T>>): Promise<Answer<T>> {
    const choice = this.#choice
    const { format } = choice
    const answer = await ask(format)
    if (!(answer instanceof Refusal && choice.isDoubtful(answer))) {
      choice.understood(format)
      return answer
    }
    const second = await ask('json')
    if (!(second instanceof Refusal && choice.isDoubtful(second))) choice.understood('json')
    return second
  }

  /** Whoever answers in CBOR, if only to refuse, knows it. */
  #formatOf(contentType: string | undefined, asked: WireFormat): WireFormat {
    if (formatOf(contentType, 'json') === 'cbor') this.#choice.understood('cbor')
    return formatOf(contentType, asked)
  }

  #refusal(operation: string, reply: Pick<Reply, 'status' | 'body'>, format: WireFormat): Refusal {
    return refusalOf(reply.status, this.#parse(operation, reply, format))
  }

  #readable<T>(operation: string, read: () => T): T {
    try {
      return read()
    } catch (error) {
      if (!(error instanceof Error)) throw error
      throw this.#refused(operation, `an answer that cannot be read: ${error.message}`)
    }
  }

  /** Of an error even what cannot be read says something: its status. */
  #parse(
    operation: string,
    { status, body }: Pick<Reply, 'status' | 'body'>,
    format: WireFormat,
  ): unknown {
    try {
      return decodeAnswer(format, body)
    } catch (error) {
      if (status !== 200) return {}
      throw this.#refused(operation, `an answer that cannot be read: ${reasonOf(error)}`)
    }
  }

  #refused(request: string, reason: string): AppError {
    return new AppError('KINESIS_REFUSED', { endpoint: this.endpoint.url, request, reason })
  }
}

function callOf(format: WireFormat, input: object, signal: AbortSignal | undefined): CallOptions {
  return { contentType: contentTypes[format], body: encodeInput(format, input), signal }
}

function startingPositionOf(from: ReadFrom): object {
  if (from.type === 'AFTER_SEQUENCE_NUMBER') {
    return { Type: from.type, SequenceNumber: from.sequenceNumber }
  }
  return from.type === 'AT_TIMESTAMP'
    ? { Type: from.type, Timestamp: new Date(from.timestampMs) }
    : { Type: from.type }
}

function positionOf(from: ReadFrom): object {
  if (from.type === 'AFTER_SEQUENCE_NUMBER') return { StartingSequenceNumber: from.sequenceNumber }
  return from.type === 'AT_TIMESTAMP' ? { Timestamp: new Date(from.timestampMs) } : {}
}
