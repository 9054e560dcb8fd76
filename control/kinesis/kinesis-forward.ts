// Hands calls of the Kinesis API on to the broker's door for it, whichever HTTP they came by, byte for byte as they come.
import { Agent, request as httpRequest, type IncomingMessage, type Server } from 'node:http'
import {
  createServer as createHttp2,
  Http2ServerResponse,
  type Http2Server,
  type Http2ServerRequest,
  type ServerHttp2Session,
} from 'node:http2'
import type { ServerResponse } from 'node:http'
import { pipeline } from 'node:stream'
import type { Express } from 'express'
import type { Clock } from '../../common/clock.ts'
import { connectionIdleMaxMs } from '../../common/door-limits.ts'
import { reasonOf } from '../../common/errors.ts'
import { dropRest } from '../../common/http-body.ts'
import { handOnHttp2 } from '../../common/http-version.ts'
import {
  kinesisForwardedMax,
  kinesisHeadMaxMs,
  kinesisRefusedBodyMaxMs,
  kinesisStreamsPerConnectionMax,
  kinesisStreamWindowBytes,
} from '../../common/kinesis-limits.ts'
import type { Logger } from '../../common/logger.ts'
import type { RequestCounter } from '../lambda/request-counter.ts'

export interface KinesisForwardOptions {
  /** Undefined where there is no such door. */
  readonly url: string | undefined
  readonly counter: RequestCounter
  readonly clock: Clock
  readonly logger: Logger
}

type AnyRequest = IncomingMessage | Http2ServerRequest
type AnyResponse = ServerResponse | Http2ServerResponse

const targetPrefix = 'Kinesis_20131202.'
/** They are of one connection, and each side has its own (RFC 9110 7.6.1). */
const ofConnection = new Set([
  'connection',
  'host',
  'keep-alive',
  'proxy-connection',
  'te',
  'transfer-encoding',
  'upgrade',
])

export class KinesisForward {
  readonly #options: KinesisForwardOptions
  readonly #agent = new Agent({ keepAlive: true, maxTotalSockets: kinesisForwardedMax })
  readonly #http2: Http2Server
  readonly #sessions = new Set<ServerHttp2Session>()
  #endSilent = (): void => {}
  #isDraining = false

  constructor(options: KinesisForwardOptions) {
    this.#options = options
    this.#http2 = this.#createHttp2()
  }

  /** Before what reads bodies. */
  serve(app: Express): void {
    app.post('/', (request, response, next) => {
      if (isKinesis(request)) this.#forward(request, response)
      else next()
    })
  }

  /** The SDKs that speak HTTP/2 to a server like ours do so for Kinesis alone. */
  takeHttp2(server: Server): void {
    const { clock } = this.#options
    this.#endSilent = handOnHttp2(server, {
      clock,
      maxMs: kinesisHeadMaxMs,
      serveHttp2: (socket) => {
        socket.on('error', () => {})
        this.#http2.emit('connection', socket)
      },
    })
  }

  /** Connections end once their calls are answered. */
  drain(): void {
    this.#isDraining = true
    this.#endSilent()
    for (const session of this.#sessions) session.close()
  }

  close(): void {
    for (const session of this.#sessions) session.destroy()
    this.#agent.destroy()
  }

  #createHttp2(): Http2Server {
    const server = createHttp2(
      {
        settings: {
          maxConcurrentStreams: kinesisStreamsPerConnectionMax,
          initialWindowSize: kinesisStreamWindowBytes,
          enablePush: false,
        },
      },
      (request, response) => {
        if (isKinesis(request)) this.#forward(request, response)
        else this.#refuse(response, 'UnknownOperationException', onlyKinesis)
      },
    )
    server.on('session', (session) => {
      this.#sessions.add(session)
      session.setTimeout(connectionIdleMaxMs, () => session.close())
      session.on('error', () => {}).on('close', () => this.#sessions.delete(session))
      if (this.#isDraining) session.close()
    })
    return server
  }

  #forward(request: AnyRequest, response: AnyResponse): void {
    const { url, logger } = this.#options
    if (url === undefined)
      return this.#refuse(response, 'ServiceUnavailable', 'The Kinesis door is shut.')
    const onward = httpRequest(url, {
      agent: this.#agent,
      method: 'POST',
      headers: kept(request.headers),
    })
    onward.on('response', (answer) => void this.#answer(answer, request, response))
    let isAnswered = false
    onward.once('response', () => (isAnswered = true))
    onward.on('error', (error) => {
      // A door that has refused a body takes no more of it.
      if (isAnswered && !response.headersSent) return
      // What the client itself broke off, nobody waits for.
      if (response.headersSent || response.destroyed) {
        response.destroy()
        return
      }
      logger.warn('the Kinesis door cannot be reached', { url, reason: reasonOf(error) })
      const text = `The Kinesis door at ${url} cannot be reached: ${reasonOf(error)}`
      this.#refuse(response, 'ServiceUnavailable', text)
    })
    response.on('error', () => {})
    response.on('close', () => {
      if (!response.writableFinished) onward.destroy()
    })
    // A door that refuses a body stops reading it: that is no failure of the call.
    request.on('error', () => onward.destroy())
    // One that breaks off is not to look like a whole one.
    request.on('aborted', () => onward.destroy())
    request.on('end', () => {
      if ('stream' in request && request.stream.closed) onward.destroy()
      else onward.end()
    })
    request.pipe(onward, { end: false })
  }

  async #answer(
    answer: IncomingMessage,
    request: AnyRequest,
    response: AnyResponse,
  ): Promise<void> {
    const { counter, clock } = this.#options
    const status = answer.statusCode ?? 502
    counter.add('Kinesis', status)
    const headers = kept(answer.headers)
    if (response instanceof Http2ServerResponse) {
      if (status === 413) {
        request.unpipe()
        await dropRest(request, { clock, maxMs: kinesisRefusedBodyMaxMs })
        if (response.destroyed) return
      }
      response.writeHead(status, headers)
    } else {
      response.writeHead(status, headers)
    }
    // An answer that breaks off breaks the client's off as well.
    pipeline(answer, response, () => {})
  }

  #refuse(response: AnyResponse, type: keyof typeof statuses, message: string): void {
    const status = statuses[type]
    this.#options.counter.add('Kinesis', status)
    const body = Buffer.from(JSON.stringify({ __type: type, message }))
    const headers = {
      'content-type': 'application/x-amz-json-1.1',
      'content-length': body.length,
    }
    if (response instanceof Http2ServerResponse) {
      response.writeHead(status, headers)
      response.end(body)
      return
    }
    // Its body may still be coming, and nobody reads it.
    response.writeHead(status, { ...headers, connection: 'close' })
    response.end(body)
  }
}

const statuses = { ServiceUnavailable: 503, UnknownOperationException: 404 } as const
const onlyKinesis = 'Over HTTP/2 this port has the Kinesis API alone.'

function isKinesis({ headers }: AnyRequest): boolean {
  const target = headers['x-amz-target']
  return typeof target === 'string' && target.startsWith(targetPrefix)
}

/** Those that are of the call, not of the connection that it came by. */
function kept(headers: AnyRequest['headers']): Record<string, string | string[]> {
  const result: Record<string, string | string[]> = {}
  for (const [name, value] of Object.entries(headers)) {
    if (value !== undefined && !name.startsWith(':') && !ofConnection.has(name))
      result[name] = value
  }
  return result
}
