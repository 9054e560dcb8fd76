// Sends one request of AWS's protocol to a Kinesis API and reads the answer, whole or as it goes on.
import assert from 'node:assert/strict'
import type { Clock } from '../common/clock.ts'
import { AppError, reasonOf } from '../common/errors.ts'
import { kinesisRequestMaxMs } from '../common/kinesis-client-limits.ts'
import type { KinesisEndpoint } from './endpoint.ts'
import { HttpSocket, type HttpAnswer } from './http-socket.ts'
import { SocketPool } from './socket-pool.ts'
import { readAll, StreamedReply } from './streamed-reply.ts'
import type { Signer } from './signer.ts'

export interface ConnectionOptions {
  readonly endpoint: KinesisEndpoint
  readonly signer: Signer | undefined
  readonly clock: Clock
}

export interface Reply {
  readonly status: number
  /** Undefined where it says none. */
  readonly contentType: string | undefined
  readonly body: Buffer
}

export interface CallOptions {
  readonly contentType: string
  readonly body: Buffer
  readonly signal?: AbortSignal | undefined
}

interface Patience {
  readonly signal: AbortSignal
  /** Why it was ended, if it was. */
  overdue(): unknown
  cancel(): void
}

/** Connections are kept and used again; HTTP/1.1, which AWS takes and every proxy does. */
export class Connection {
  readonly #options: ConnectionOptions
  readonly #url: URL
  readonly #pool: SocketPool
  /** Of answers that go on. */
  readonly #streams = new Set<HttpSocket>()

  constructor(options: ConnectionOptions) {
    this.#options = options
    this.#url = new URL(options.endpoint.url)
    this.#pool = new SocketPool(() => this.#open())
  }

  /** Rejects with AppError KINESIS_UNREACHABLE, also when the signal says to stop. */
  async call(operation: string, options: CallOptions): Promise<Reply> {
    const patience = this.#patience(options.signal)
    try {
      const request = await this.#request(operation, options)
      const socket = await this.#pool.take()
      try {
        const { head, pieces } = await socket.call(request, patience.signal)
        return {
          status: head.status,
          contentType: head.headers.get('content-type'),
          body: await readAll(pieces),
        }
      } finally {
        this.#pool.giveBack(socket)
      }
    } catch (error) {
      throw this.#unreachable(patience.overdue() ?? error)
    } finally {
      patience.cancel()
    }
  }

  /** An answer that goes on, on a connection of its own. All that is of it rejects with AppError KINESIS_UNREACHABLE. */
  async open(operation: string, options: CallOptions): Promise<StreamedReply> {
    const patience = this.#patience(options.signal)
    try {
      const socket = this.#open()
      this.#streams.add(socket)
      void socket.closed.then(() => this.#streams.delete(socket))
      const request = await this.#request(operation, options)
      const answer: HttpAnswer = await socket.call(request, patience.signal)
      const failed = (error: unknown): AppError => this.#unreachable(error)
      return new StreamedReply(answer, socket, { clock: this.#options.clock, failed })
    } catch (error) {
      throw this.#unreachable(patience.overdue() ?? error)
    } finally {
      patience.cancel()
    }
  }

  /** Drops the connections, also those of calls under way. */
  close(): void {
    this.#pool.close()
    for (const socket of this.#streams) socket.destroy(new Error('the connection was closed here'))
  }

  #open(): HttpSocket {
    return new HttpSocket(this.#url, Buffer.allocUnsafe)
  }

  async #request(operation: string, { contentType, body }: CallOptions): Promise<Buffer> {
    const { signer, clock } = this.#options
    const url = this.#url
    const plain = {
      host: url.host,
      'content-type': contentType,
      'content-length': String(body.length),
      'x-amz-target': `Kinesis_20131202.${operation}`,
    }
    const now = new Date(clock.now())
    const headers =
      signer === undefined ? plain : await signer.sign({ url, headers: plain, body }, now)
    return Buffer.concat([requestHead(url, headers), body])
  }

  /** Ends what takes too long, until it is cancelled. */
  #patience(signal: AbortSignal | undefined): Patience {
    const limit = new AbortController()
    const timer = this.#options.clock.after(kinesisRequestMaxMs, () => {
      limit.abort(new Error(`no answer within ${kinesisRequestMaxMs} ms`))
    })
    return {
      signal: signal === undefined ? limit.signal : AbortSignal.any([signal, limit.signal]),
      overdue: () => (limit.signal.aborted ? limit.signal.reason : undefined),
      cancel: () => timer.cancel(),
    }
  }

  #unreachable(error: unknown): AppError {
    const details = { endpoint: this.#options.endpoint.url, reason: reasonOf(error) }
    return new AppError('KINESIS_UNREACHABLE', details, error)
  }
}

function requestHead(url: URL, headers: Readonly<Record<string, string>>): Buffer {
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`)
  assert(
    lines.every((line) => /^[\x21-\x7e]+: [\t\x20-\x7e]*\r\n$/.test(line)),
    'headers are lines of ASCII',
  )
  return Buffer.from(
    `POST ${url.pathname}${url.search} HTTP/1.1\r\n${lines.join('')}\r\n`,
    'latin1',
  )
}
