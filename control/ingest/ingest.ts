// HTTP ingestion, as API Gateway before Kinesis: POST /ingest/{stream} puts the body's records into a stream.
//
// The partition key is the header x-partition-key, or each record's member that x-partition-key-field names (dots go deeper), or
// random. 200 where any record was taken, with each record's place or error; otherwise the status that fits the first error.
import { createHash, randomUUID, timingSafeEqual } from 'node:crypto'
import type { Express, Request, Response } from 'express'
import type { Clock } from '../../common/clock.ts'
import { reasonOf } from '../../common/errors.ts'
import { dropRest } from '../../common/http-body.ts'
import * as limits from '../../common/kinesis-call-limits.ts'
import { kinesisRefusedBodyMaxMs } from '../../common/kinesis-limits.ts'
import type { Logger } from '../../common/logger.ts'
import { readBody, Room } from '../../common/request-body.ts'
import { CborCalls } from '../../kinesis-client/cbor-call.ts'
import type { RequestCounter } from '../lambda/request-counter.ts'
import { ingestRecords, type IngestRecord } from './ingest-records.ts'

export interface IngestOptions {
  /** Of the Kinesis door; undefined where there is none. */
  readonly url: string | undefined
  /** What `x-api-key` has to be; empty where nobody is asked for it. */
  readonly apiKey: string
  readonly counter: RequestCounter
  readonly clock: Clock
  readonly logger: Logger
}

interface Outcome {
  readonly status: number
  readonly body: object
}

/** As PutRecords has them. */
interface Placed {
  readonly SequenceNumber?: string
  readonly ShardId?: string
  readonly ErrorCode?: string
  readonly ErrorMessage?: string
}

export class Ingest {
  readonly #options: IngestOptions
  readonly #calls: CborCalls | undefined
  readonly #bodies = new Room(limits.ingestBodiesMaxBytes)

  constructor(options: IngestOptions) {
    this.#options = options
    this.#calls = options.url === undefined ? undefined : new CborCalls(options.url)
  }

  /** Before what reads bodies. */
  serve(app: Express): void {
    app.post('/ingest/:stream', (request, response) => void this.#answer(request, response))
  }

  close(): void {
    this.#calls?.close()
  }

  async #answer(request: Request<{ stream: string }>, response: Response): Promise<void> {
    const { counter, clock, logger } = this.#options
    let outcome: Outcome | undefined
    try {
      outcome = await this.#outcome(request)
    } catch (error) {
      const reason = reasonOf(error)
      logger.error('ingestion failed', { stream: request.params.stream, reason })
      outcome = failed(502, `The Kinesis door did not answer: ${reason}`)
    }
    // The client left.
    if (outcome === undefined) return
    counter.add('Ingest', outcome.status)
    if (!request.readableEnded) response.set('connection', 'close')
    await dropRest(request, { clock, maxMs: kinesisRefusedBodyMaxMs })
    response.status(outcome.status).json(outcome.body)
  }

  async #outcome(request: Request<{ stream: string }>): Promise<Outcome | undefined> {
    const { apiKey, clock } = this.#options
    if (apiKey !== '' && !isSame(request.get('x-api-key') ?? '', apiKey)) {
      return failed(403, 'Forbidden')
    }
    const calls = this.#calls
    if (calls === undefined) return failed(503, 'The Kinesis door is shut.')
    const body = await readBody(request, request.get('content-length'), {
      maxBytes: limits.ingestBodyMaxBytes,
      room: this.#bodies,
      maxMs: limits.ingestBodyMaxMs,
      clock,
    })
    if (!body.ok) return flaws[body.flaw]
    try {
      const isLines = /ndjson|jsonl/i.test(request.get('content-type') ?? '')
      const keys = { ...keyOf(request), random: randomUUID }
      const found = ingestRecords(body.bytes, isLines, keys)
      if (typeof found === 'string') return failed(400, found)
      return await put(calls, request.params.stream, found)
    } finally {
      body.release()
    }
  }
}

const flaws: Readonly<Record<'tooLarge' | 'noRoom' | 'late' | 'gone', Outcome | undefined>> = {
  tooLarge: failed(413, `A body has at most ${limits.ingestBodyMaxBytes} bytes.`),
  noRoom: failed(503, 'Too much is under way; try again.'),
  late: failed(408, 'The body was not there in time.'),
  gone: undefined,
}

function failed(status: number, message: string): Outcome {
  return { status, body: { message } }
}

function keyOf(request: Request<{ stream: string }>): { key?: string; path?: readonly string[] } {
  const key = request.get('x-partition-key')
  if (key !== undefined) return { key }
  const field = request.get('x-partition-key-field')
  return field === undefined ? {} : { path: field.split('.') }
}

/** Takes as long for a key of any length and likeness. */
function isSame(given: string, wanted: string): boolean {
  const digest = (text: string): Buffer => createHash('sha256').update(text).digest()
  return timingSafeEqual(digest(given), digest(wanted))
}

async function put(
  calls: CborCalls,
  stream: string,
  { records, isSingle }: { records: readonly IngestRecord[]; isSingle: boolean },
): Promise<Outcome> {
  const placed: Placed[] = records.map((record) =>
    record.ok ? {} : { ErrorCode: 'SerializationException', ErrorMessage: record.reason },
  )
  const indexes = records.flatMap(({ ok }, index) => (ok ? [index] : []))
  for (const chunk of chunksOf(records, indexes)) {
    const refusal = await putChunk(calls, { stream, records, chunk, placed })
    // What comes behind a refused call would be refused as well.
    if (refusal !== undefined) {
      for (const index of indexes.slice(indexes.indexOf(chunk[0] ?? 0))) placed[index] = refusal
      break
    }
  }
  const errors = placed.filter(({ ErrorCode }) => ErrorCode !== undefined)
  const status = errors.length < placed.length ? 200 : statusOf(errors[0]?.ErrorCode ?? '')
  if (isSingle) {
    const [{ ErrorMessage: message = '', ...place } = {}] = placed
    return status === 200 ? { status, body: place } : { status, body: { message, ...place } }
  }
  return { status, body: { FailedRecordCount: errors.length, Records: placed } }
}

interface Putting {
  readonly stream: string
  readonly records: readonly IngestRecord[]
  readonly chunk: readonly number[]
  readonly placed: Placed[]
}

/** Why the call was refused, if it was. */
async function putChunk(
  calls: CborCalls,
  { stream, records, chunk, placed }: Putting,
): Promise<Placed | undefined> {
  const entries = chunk.flatMap((index) => {
    const record = records[index]
    return record?.ok === true ? [{ Data: record.data, PartitionKey: record.partitionKey }] : []
  })
  const { status, body } = await calls.call('PutRecords', { StreamName: stream, Records: entries })
  const { Records: results, __type: type, message } = body
  if (status !== 200 || !Array.isArray(results)) {
    const code = typeof type === 'string' ? type : 'InternalFailure'
    return { ErrorCode: code, ErrorMessage: typeof message === 'string' ? message : '' }
  }
  for (const [at, index] of chunk.entries()) placed[index] = results[at] as Placed
  return undefined
}

function* chunksOf(
  records: readonly IngestRecord[],
  indexes: readonly number[],
): Generator<readonly number[]> {
  let chunk: number[] = []
  let bytes = 0
  for (const index of indexes) {
    const record = records[index]
    const size = record?.ok === true ? record.data.length + 3 * record.partitionKey.length : 0
    const isFull =
      chunk.length === limits.kinesisPutMaxEntries || bytes + size > limits.kinesisPutMaxBytes
    if (isFull && chunk.length > 0) {
      yield chunk
      chunk = []
      bytes = 0
    }
    chunk.push(index)
    bytes += size
  }
  if (chunk.length > 0) yield chunk
}

const statuses: Readonly<Record<string, number>> = {
  ResourceNotFoundException: 404,
  ProvisionedThroughputExceededException: 429,
  LimitExceededException: 429,
  RequestEntityTooLargeException: 413,
  ServiceUnavailable: 503,
  InternalFailure: 500,
}

function statusOf(code: string): number {
  return statuses[code] ?? 400
}
