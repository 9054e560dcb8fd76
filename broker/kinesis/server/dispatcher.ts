// Leads a request to its operation by X-Amz-Target and its body's format, and the outcome back to the client.
import { ApiError } from '../../../common/aws/api-error.ts'
import type { BufferPool } from '../../../common/buffer-pool.ts'
import { AppError, reasonOf } from '../../../common/errors.ts'
import { kinesisBodyMaxBytes, kinesisBodyMaxMs } from '../../../common/kinesis-limits.ts'
import { CallRates } from '../api/call-rates.ts'
import {
  StreamedAnswer,
  WrittenAnswer,
  type Answer,
  type Call,
  type KinesisContext,
  type WireFormat,
} from '../api/kinesis-context.ts'
import {
  KinesisError,
  kinesisErrorTable,
  type KinesisErrorCode,
  type Outcome,
} from '../api/kinesis-errors.ts'
import type { Operation, OperationTable } from '../api/operations.ts'
import type { Exchange, WholeAnswer } from './exchange.ts'
import { readBody, type Body, type Room } from '../../../common/request-body.ts'
import { contentTypes, decodeBody, encodeBody, formatOf } from './wire-format.ts'

const targetPrefix = 'Kinesis_20131202.'

export interface DispatcherOptions {
  readonly context: KinesisContext
  /** Asked for with the first request: a broker that only Kafka's clients use starts without them. */
  readonly operations: () => Promise<OperationTable>
  readonly bodies: Room
  readonly buffers: BufferPool
  readonly answers: Room
}

/** What a request asks for; `name` is as it is counted: what clients make up is one name. */
interface Wanted {
  readonly name: string
  readonly operation: Operation | undefined
  readonly format: WireFormat | undefined
}

interface Received extends Pick<Call, 'elapsedSeconds'> {
  readonly body: Body & { readonly ok: true }
  readonly exchange: Exchange
}

export class Dispatcher {
  readonly #options: DispatcherOptions
  readonly #rates = new CallRates()
  #operations: OperationTable | undefined

  constructor(options: DispatcherOptions) {
    this.#options = options
  }

  /** Resolves when the answer is on its way, or when nobody waits for one any more. */
  async serve(exchange: Exchange): Promise<void> {
    const startedMs = performance.now()
    this.#operations ??= await this.#options.operations()
    const wanted = this.#wanted(exchange, this.#operations)
    const elapsedSeconds = (): number => (performance.now() - startedMs) / 1000
    const count = (code?: KinesisErrorCode): void =>
      this.#options.context.counters.answered(wanted.name, elapsedSeconds(), code)
    const { bodies, buffers, answers, context } = this.#options
    const body = answers.isFull
      ? ({ ok: false, flaw: 'noRoom' } as const)
      : await readBody(exchange.request, exchange.header('content-length'), {
          maxBytes: wanted.operation?.bodyMaxBytes ?? kinesisBodyMaxBytes,
          room: bodies,
          buffers,
          maxMs: kinesisBodyMaxMs,
          clock: context.clock,
        })
    if (!body.ok) {
      if (body.flaw === 'gone') return
      const refusal = refusalOf(body.flaw, wanted)
      count(refusal.code)
      exchange.answer({ ...refused(refusal, wanted.format), isBodyLeft: true })
      return
    }
    const outcome = await this.#run(wanted, { body, exchange, elapsedSeconds })
    count(outcome instanceof ApiError ? outcome.code : undefined)
    if (outcome instanceof StreamedAnswer) {
      await this.#stream(wanted, outcome, exchange)
      return
    }
    exchange.answer(wholeAnswer(outcome, wanted.format))
  }

  #wanted(exchange: Exchange, operations: OperationTable): Wanted {
    const format = formatOf(exchange.header('content-type'))
    const target = exchange.header('x-amz-target') ?? ''
    const name = target.startsWith(targetPrefix) ? target.slice(targetPrefix.length) : ''
    const isKnown = exchange.request.method === 'POST' && Object.hasOwn(operations, name)
    return isKnown
      ? { name, operation: operations[name], format }
      : { name: 'Unknown', operation: undefined, format }
  }

  async #run(
    { name, operation, format }: Wanted,
    { body, exchange, elapsedSeconds }: Received,
  ): Promise<Outcome<Answer>> {
    try {
      if (operation === undefined || format === undefined) return unknownOperation
      const input = decodeBody(format, body.bytes, name.startsWith('PutRecord'))
      if (input instanceof ApiError) return input
      const refusal = this.#rates.refusal(this.#options.context, name, input)
      if (refusal !== undefined) return refusal
      const call = {
        format,
        elapsedSeconds,
        get signal() {
          return exchange.signal
        },
      }
      return await operation.run(this.#options.context, input, call)
    } catch (error) {
      return this.#failed(name, error)
    } finally {
      body.release()
    }
  }

  async #stream(wanted: Wanted, answer: StreamedAnswer, exchange: Exchange): Promise<void> {
    try {
      await exchange.stream(answer.contentType, answer.run)
    } catch (error) {
      this.#failed(wanted.name, error)
    }
  }

  #failed(operation: string, error: unknown): KinesisError {
    this.#options.context.logger.error('request failed', {
      operation,
      reason: reasonOf(error),
      ...(error instanceof AppError || !(error instanceof Error) ? {} : { stack: error.stack }),
    })
    const text = error instanceof AppError ? reasonOf(error) : 'The service failed; see its log.'
    return new KinesisError('InternalFailure', text)
  }
}

/** AWS says no more of it. */
const unknownOperation = new KinesisError('UnknownOperationException', '')

function refusalOf(
  flaw: 'tooLarge' | 'noRoom' | 'late',
  { name, operation }: Wanted,
): KinesisError {
  if (flaw === 'late') return new KinesisError('RequestTimeout', 'The body was not there in time')
  if (flaw === 'noRoom') {
    return new KinesisError('ServiceUnavailable', 'Too much is under way; try again.')
  }
  const most = operation?.bodyMaxBytes ?? kinesisBodyMaxBytes
  const text = `A request of ${name} has ${most} bytes at most`
  return new KinesisError('RequestEntityTooLargeException', text)
}

function wholeAnswer(
  outcome: Exclude<Outcome<Answer>, StreamedAnswer>,
  format: WireFormat | undefined,
): WholeAnswer {
  if (outcome instanceof ApiError) return refused(outcome, format)
  const contentType = contentTypes[format ?? 'json']
  if (outcome === undefined) return { status: 200, contentType, chunks: [] }
  const isWritten = outcome instanceof WrittenAnswer
  const chunks = isWritten ? outcome.chunks : encodeBody(format ?? 'json', outcome)
  return { status: 200, contentType, chunks }
}

function refused({ code, message }: KinesisError, format: WireFormat = 'json'): WholeAnswer {
  const chunks = encodeBody(format, { __type: code, ...(message === '' ? {} : { message }) })
  return { status: kinesisErrorTable[code], contentType: contentTypes[format], chunks }
}
