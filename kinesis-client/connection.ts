// Sends one request of AWS's protocol to a Kinesis API and reads the answer, whole or as it goes on.
import { Agent as HttpAgent, request as httpRequest, type IncomingMessage } from 'node:http'
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https'
import type { Clock } from '../common/clock.ts'
import { AppError, reasonOf } from '../common/errors.ts'
import { kinesisConnectionsMax, kinesisRequestMaxMs } from '../common/kinesis-client-limits.ts'
import type { KinesisEndpoint } from './endpoint.ts'
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
  readonly #agent: HttpAgent | HttpsAgent

  constructor(options: ConnectionOptions) {
    this.#options = options
    this.#url = new URL(options.endpoint.url)
    const agent = { keepAlive: true, maxSockets: kinesisConnectionsMax }
    this.#agent = this.#url.protocol === 'https:' ? new HttpsAgent(agent) : new HttpAgent(agent)
  }

  /** Rejects with AppError KINESIS_UNREACHABLE, also when the signal says to stop. */
  async call(operation: string, options: CallOptions): Promise<Reply> {
    const patience = this.#patience(options.signal)
    try {
      const response = await this.#send(operation, { ...options, ...patience }, this.#agent)
      const { statusCode: status = 0, headers } = response
      return { status, contentType: headers['content-type'], body: await readAll(response) }
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
      const response = await this.#send(operation, { ...options, ...patience }, false)
      const failed = (error: unknown): AppError => this.#unreachable(error)
      return new StreamedReply(response, this.#options.clock, failed)
    } catch (error) {
      throw this.#unreachable(patience.overdue() ?? error)
    } finally {
      patience.cancel()
    }
  }

  /** Drops the connections, also those of calls under way. */
  close(): void {
    this.#agent.destroy()
  }

  async #send(
    operation: string,
    { contentType, body, signal }: CallOptions & Pick<Patience, 'signal'>,
    agent: HttpAgent | HttpsAgent | false,
  ): Promise<IncomingMessage> {
    const { signer, clock } = this.#options
    const plain = {
      'content-type': contentType,
      'content-length': String(body.length),
      'x-amz-target': `Kinesis_20131202.${operation}`,
    }
    const url = this.#url
    const now = new Date(clock.now())
    const headers =
      signer === undefined ? plain : await signer.sign({ url, headers: plain, body }, now)
    const send = url.protocol === 'https:' ? httpsRequest : httpRequest
    return new Promise((resolve, reject) => {
      const call = send(url, { method: 'POST', headers, agent, signal }, resolve)
      call.once('error', reject)
      call.end(body)
    })
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
