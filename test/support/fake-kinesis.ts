// A Kinesis API in memory behind a real HTTP door, which a test scripts: shards, records, refusals.
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { onTestFinished } from 'vitest'
import { closeServer, listen } from '../../common/listen.ts'
import { decodeCbor, encodeCbor } from '../../kinesis-wire/cbor.ts'

export interface FakeShard {
  readonly parents: readonly string[]
  readonly records: {
    readonly number: number
    readonly data: Buffer
    readonly key: string
    readonly arrivalMs: number
  }[]
  isClosed: boolean
}

export interface FakeCall {
  readonly operation: string
  readonly input: Readonly<Record<string, unknown>>
  readonly headers: IncomingMessage['headers']
}

type Refuse = (call: FakeCall) => { readonly code: string; readonly message?: string } | undefined

export const fakeStreamArn = 'arn:aws:kinesis:us-east-1:000000000000:stream/telemetry'

export function shardIdOf(index: number): string {
  return `shardId-${String(index).padStart(12, '0')}`
}

/** Sequence numbers are texts too long for a number, in the order of their records. */
export function sequenceOf(number: number): string {
  return `4959${String(number).padStart(52, '0')}`
}

export class FakeKinesis {
  readonly url: string
  readonly calls: FakeCall[] = []
  readonly shards = new Map<string, FakeShard>()
  createdMs = 1_700_000_000_000
  /** Names of those that were registered. */
  readonly consumers = new Set<string>()
  /** Whether there is the stream. */
  isThere = true
  /** What its summary says beside that. */
  summary: { RetentionPeriodHours?: number; StreamModeDetails?: { StreamMode: string } } = {}
  /** Called before each answer; what it returns is answered instead. */
  refuse: Refuse = () => undefined
  /** Called with calls in CBOR; a status is what some say instead that read JSON alone. */
  refuseCbor: () => number | undefined = () => undefined
  /** Records of one answer at most. */
  most = 10_000
  #iterators = 0
  #records = 0

  static async start(): Promise<FakeKinesis> {
    const server = createServer()
    const fake = new FakeKinesis(
      `http://${await listen(server, { door: 'kinesis', host: '127.0.0.1', port: 0 })}`,
    )
    server.on('request', (request: IncomingMessage, response: ServerResponse) => {
      void fake.#serve(request, response)
    })
    onTestFinished(async () => {
      server.closeAllConnections()
      await closeServer(server)
    })
    return fake
  }

  private constructor(url: string) {
    this.url = url
  }

  shard(index: number, parents: readonly number[] = []): FakeShard {
    const shard: FakeShard = { parents: parents.map(shardIdOf), records: [], isClosed: false }
    this.shards.set(shardIdOf(index), shard)
    return shard
  }

  put(
    index: number,
    text: string | Buffer,
    { key = 'k', arrivalMs = 1_700_000_001_000 } = {},
  ): string {
    const number = this.#records++
    this.shards
      .get(shardIdOf(index))
      ?.records.push({ number, data: Buffer.from(text), key, arrivalMs })
    return sequenceOf(number)
  }

  /** Calls of an operation so far, by what `of` takes of their input. */
  inputs(operation: string): readonly FakeCall['input'][] {
    return this.calls.filter((call) => call.operation === operation).map(({ input }) => input)
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = []
    for await (const chunk of request as AsyncIterable<Buffer>) chunks.push(chunk)
    const target = String(request.headers['x-amz-target'])
    const operation = target.replace('Kinesis_20131202.', '')
    const isCbor = request.headers['content-type'] === 'application/x-amz-cbor-1.1'
    const status = isCbor ? this.refuseCbor() : undefined
    if (status !== undefined) {
      response.writeHead(status, { 'content-type': 'text/xml' }).end('<UnknownOperation/>')
      return
    }
    const bytes = Buffer.concat(chunks)
    const input = (isCbor ? decodeCbor(bytes) : JSON.parse(bytes.toString())) as FakeCall['input']
    const call = { operation, input, headers: request.headers }
    this.calls.push(call)
    const refusal = this.refuse(call) ?? this.#refusal(call)
    const body =
      refusal === undefined
        ? this.#answer(call)
        : { __type: refusal.code, message: refusal.message ?? '' }
    response.writeHead(refusal === undefined ? 200 : 400, {
      'content-type': `application/x-amz-${isCbor ? 'cbor' : 'json'}-1.1`,
    })
    response.end(isCbor ? Buffer.concat(encodeCbor(body)) : JSON.stringify(body, jsonMember))
  }

  #refusal({ input, operation }: FakeCall): ReturnType<Refuse> {
    if (operation === 'CreateStream') return undefined
    const { ShardId: shardId } = input
    const knowsShard = typeof shardId !== 'string' || this.shards.has(shardId)
    const name = input['ConsumerName']
    const isNew = operation === 'RegisterStreamConsumer' || name === undefined
    const knowsConsumer = isNew || (typeof name === 'string' && this.consumers.has(name))
    if (this.isThere && knowsShard && knowsConsumer) return undefined
    return { code: 'ResourceNotFoundException', message: 'not there' }
  }

  #answer({ operation, input }: FakeCall): object {
    switch (operation) {
      case 'DescribeStreamSummary':
        return {
          StreamDescriptionSummary: {
            StreamStatus: 'ACTIVE',
            StreamCreationTimestamp: this.createdMs / 1000,
            OpenShardCount: [...this.shards.values()].filter(({ isClosed }) => !isClosed).length,
            ...this.summary,
          },
        }
      case 'CreateStream':
        this.isThere = true
        for (let i = 0; i < Number(input['ShardCount'] ?? 4); i++) this.shard(i)
        this.summary = {
          RetentionPeriodHours: 24,
          StreamModeDetails: input['StreamModeDetails'] as { StreamMode: string },
        }
        return {}
      case 'IncreaseStreamRetentionPeriod':
      case 'DecreaseStreamRetentionPeriod':
        this.summary.RetentionPeriodHours = Number(input['RetentionPeriodHours'])
        return {}
      case 'UpdateShardCount':
        return {}
      case 'DescribeStreamConsumer':
        return {
          ConsumerDescription: {
            ConsumerARN: `${fakeStreamArn}/consumer/${String(input['ConsumerName'])}:1700000000`,
            ConsumerStatus: 'ACTIVE',
          },
        }
      case 'RegisterStreamConsumer':
        this.consumers.add(String(input['ConsumerName']))
        return {}
      case 'ListShards':
        return { Shards: [...this.shards].map(([shardId, shard]) => described(shardId, shard)) }
      case 'GetShardIterator':
        return { ShardIterator: this.#iterator(input) }
      default:
        return this.#page(String(input['ShardIterator']))
    }
  }

  /** Shard, where it is in it, and a number that makes each one different. */
  #iterator(input: FakeCall['input']): string {
    const { ShardId, ShardIteratorType, StartingSequenceNumber, Timestamp } = input
    const records = this.shards.get(String(ShardId))?.records ?? []
    const places: Readonly<Record<string, () => number>> = {
      TRIM_HORIZON: () => 0,
      LATEST: () => records.length,
      AFTER_SEQUENCE_NUMBER: () =>
        records.findLastIndex(
          ({ number }) => sequenceOf(number) <= String(StartingSequenceNumber),
        ) + 1,
      AT_TIMESTAMP: () => {
        const index = records.findIndex(({ arrivalMs }) => arrivalMs >= Number(Timestamp) * 1000)
        return index < 0 ? records.length : index
      },
    }
    const place = places[String(ShardIteratorType)]?.() ?? 0
    return `${String(ShardId)} ${place} ${this.#iterators++}`
  }

  #page(iterator: string): object {
    const [shardId = '', place = '0'] = iterator.split(' ')
    const shard = this.shards.get(shardId)
    const from = Number(place)
    const found = shard?.records.slice(from, from + this.most) ?? []
    const next = from + found.length
    const left = (shard?.records.length ?? 0) - next
    const isOver = shard?.isClosed === true && left === 0
    return {
      Records: found.map(({ number, data, key, arrivalMs }) => ({
        Data: new Uint8Array(data),
        PartitionKey: key,
        SequenceNumber: sequenceOf(number),
        ApproximateArrivalTimestamp: new Date(arrivalMs),
      })),
      ...(isOver ? {} : { NextShardIterator: `${shardId} ${next} ${this.#iterators++}` }),
      MillisBehindLatest: left > 0 ? 1000 : 0,
    }
  }
}

/** Bytes are Base64 in JSON, times seconds. */
function jsonMember(
  this: Readonly<Record<string, unknown>>,
  name: string,
  value: unknown,
): unknown {
  const given = this[name]
  if (given instanceof Date) return given.getTime() / 1000
  return given instanceof Uint8Array ? Buffer.from(given).toString('base64') : value
}

function described(shardId: string, { parents, isClosed }: FakeShard): object {
  const [ParentShardId, AdjacentParentShardId] = parents
  return {
    ShardId: shardId,
    ...(ParentShardId === undefined ? {} : { ParentShardId }),
    ...(AdjacentParentShardId === undefined ? {} : { AdjacentParentShardId }),
    HashKeyRange: { StartingHashKey: '0', EndingHashKey: String(2n ** 128n - 1n) },
    SequenceNumberRange: {
      StartingSequenceNumber: sequenceOf(0),
      ...(isClosed ? { EndingSequenceNumber: sequenceOf(1_000_000) } : {}),
    },
  }
}
