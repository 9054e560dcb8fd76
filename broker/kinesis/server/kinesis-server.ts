// The Kinesis door: takes HTTP/1.1 and HTTP/2 on one port, and lets what is under way finish when it closes.
import { createServer as createHttp1, type Server as Http1Server } from 'node:http'
import { createServer as createHttp2, type Http2Server, type ServerHttp2Session } from 'node:http2'
import type { Socket } from 'node:net'
import { TLSSocket, type SecureContextOptions } from 'node:tls'
import { handOnHttp2 } from '../../../common/http-version.ts'
import { BufferPool } from '../../../common/buffer-pool.ts'
import { connectionIdleMaxMs, connectionStalledMaxMs } from '../../../common/door-limits.ts'
import {
  kinesisAnswersMaxBytes,
  kinesisBodiesMaxBytes,
  kinesisBodySpareMaxBytes,
  kinesisConnectionsMax,
  kinesisConnectionsPerAddressMax,
  kinesisConnectionWindowBytes,
  kinesisHeadMaxMs,
  kinesisPutBodyMaxBytes,
  kinesisSessionMemoryMaxMb,
  kinesisStreamsPerConnectionMax,
  kinesisStreamWindowBytes,
} from '../../../common/kinesis-limits.ts'
import { spareIdleMaxMs, stopGraceMs } from '../../../common/limits.ts'
import { closeServer, listen } from '../../../common/listen.ts'
import { Admission, type AdmissionLimits } from '../../server/admission.ts'
import type { KinesisContext } from '../api/kinesis-context.ts'
import type { OperationTable } from '../api/operations.ts'
import { Dispatcher } from './dispatcher.ts'
import { Exchange, type HttpRequest, type HttpResponse } from './exchange.ts'
import { Room } from '../../../common/request-body.ts'
import { KinesisServerCounters } from './server-counters.ts'
import { TlsDoor } from './tls-door.ts'

export interface KinesisLimits extends AdmissionLimits {
  readonly bodiesMaxBytes: number
  readonly answersMaxBytes: number
}

export interface KinesisServerOptions {
  readonly host: string
  /** 0 means any free one. */
  readonly port: number
  readonly context: KinesisContext
  /** With a certificate the port takes connections with TLS, too. */
  readonly tls?: SecureContextOptions | undefined
  /** For tests: those of the API unless given. */
  readonly operations?: OperationTable
  /** For tests: those of `common/kinesis-limits.ts` hold otherwise. */
  readonly limits?: Partial<KinesisLimits>
}

const defaultLimits: KinesisLimits = {
  connectionsMax: kinesisConnectionsMax,
  connectionsPerAddressMax: kinesisConnectionsPerAddressMax,
  bodiesMaxBytes: kinesisBodiesMaxBytes,
  answersMaxBytes: kinesisAnswersMaxBytes,
}

export class KinesisServer {
  readonly counters = new KinesisServerCounters()
  readonly #options: KinesisServerOptions
  readonly #dispatcher: Dispatcher
  readonly #answers: Room
  readonly #buffers: BufferPool
  readonly #admission: Admission
  /** Listens for both; its own connections are those of HTTP/1.1. */
  readonly #http1: Http1Server
  readonly #http2: Http2Server
  readonly #tls: TlsDoor | undefined
  readonly #sockets = new Set<Socket>()
  readonly #sessions = new Set<ServerHttp2Session>()
  readonly #exchanges = new Set<Exchange>()
  #endSilent = (): void => {}
  #closed: Promise<void> | undefined

  private constructor(options: KinesisServerOptions) {
    this.#options = options
    const limits = { ...defaultLimits, ...options.limits }
    this.#admission = new Admission(limits)
    this.#answers = new Room(limits.answersMaxBytes)
    this.#buffers = new BufferPool({
      spareMaxBytes: kinesisBodySpareMaxBytes,
      bufferMaxBytes: kinesisPutBodyMaxBytes,
      idle: { clock: options.context.clock, maxMs: spareIdleMaxMs },
    })
    this.#dispatcher = new Dispatcher({
      context: { ...options.context, memory: this.#buffers },
      operations: async () =>
        options.operations ?? (await import('../api/operations.ts')).operations,
      bodies: new Room(limits.bodiesMaxBytes),
      buffers: this.#buffers,
      answers: this.#answers,
    })
    this.#http2 = this.#createHttp2()
    this.#tls = options.tls === undefined ? undefined : this.#createTls(options.tls)
    this.#http1 = this.#createHttp1()
  }

  /** Resolves with the server and its `host:port`. Rejects with AppError PORT_TAKEN or DOOR_NOT_OPENED. */
  static async start(
    options: KinesisServerOptions,
  ): Promise<{ server: KinesisServer; address: string }> {
    const server = new KinesisServer(options)
    const { host, port } = options
    return { server, address: await listen(server.#http1, { door: 'kinesis', host, port }) }
  }

  /** Of connections from now on, where there is one already. */
  useCertificate(tls: SecureContextOptions): void {
    this.#tls?.useCertificate(tls)
  }

  /** Accepts nobody any more; streams are told to end, and connections close once their calls are answered. */
  drain(): void {
    this.#closed ??= closeServer(this.#http1)
    this.#endSilent()
    this.#tls?.drain()
    for (const exchange of this.#exchanges) exchange.leave()
    for (const session of this.#sessions) session.close()
  }

  /** After `drain`: resolves when all connections are closed, those that linger by force. */
  async closed(): Promise<void> {
    const timer = this.#options.context.clock.after(stopGraceMs / 2, () => {
      for (const socket of this.#sockets) socket.destroy()
    })
    await this.#closed
    timer.cancel()
    this.#buffers.close()
  }

  #createHttp1(): Http1Server {
    const server = createHttp1(
      { noDelay: true, keepAlive: true, headersTimeout: kinesisHeadMaxMs },
      (request, response) => this.#serve(request, response),
    )
    // A body's time is bounded where it is read; a whole request may wait for its answer.
    server.requestTimeout = 0
    server.timeout = connectionStalledMaxMs
    server.keepAliveTimeout = connectionIdleMaxMs
    this.#endSilent = handOnHttp2(server, {
      clock: this.#options.context.clock,
      maxMs: kinesisHeadMaxMs,
      admits: (socket) => this.#admits(socket),
      serveHttp2: (socket) => this.#http2.emit('connection', socket),
      serveTls: this.#tls === undefined ? undefined : (socket) => this.#tls?.accept(socket),
    })
    return server
  }

  #createTls(tls: SecureContextOptions): TlsDoor {
    const { clock, logger } = this.#options.context
    return new TlsDoor(tls, {
      clock,
      // As one that has just come: what it speaks inside is found out in the same way.
      opened: (socket) => this.#http1.emit('connection', socket),
      failed: (client, reason) => {
        this.counters.tlsFailed += 1
        logger.debug('TLS failed', { client, reason })
      },
    })
  }

  #createHttp2(): Http2Server {
    const server = createHttp2(
      {
        maxSessionMemory: kinesisSessionMemoryMaxMb,
        settings: {
          maxConcurrentStreams: kinesisStreamsPerConnectionMax,
          initialWindowSize: kinesisStreamWindowBytes,
          enablePush: false,
        },
      },
      (request, response) => {
        request.setTimeout(connectionStalledMaxMs, () => request.stream.close())
        this.#serve(request, response)
      },
    )
    server.on('session', (session) => {
      this.#sessions.add(session)
      session.setLocalWindowSize(kinesisConnectionWindowBytes)
      session.setTimeout(connectionIdleMaxMs, () => session.close())
      session.on('error', () => {}).on('close', () => this.#sessions.delete(session))
      if (this.#closed !== undefined) session.close()
    })
    return server
  }

  /** Whether the connection may stay; one too many is closed at once. */
  #admits(socket: Socket): boolean {
    // Inside of a connection that has been let in.
    if (socket instanceof TLSSocket) return true
    const address = socket.remoteAddress ?? ''
    const limit = this.#admission.refusal(address)
    if (limit !== undefined) {
      this.counters.connectionsRefused += 1
      this.#options.context.logger.warn('connection refused', { client: address, limit })
      socket.destroy()
      return false
    }
    this.#sockets.add(socket)
    this.counters.connections = this.#sockets.size
    // A connection that breaks is a close to whoever waits for it.
    socket.on('error', () => {})
    socket.on('close', () => {
      this.#admission.release(address)
      this.#sockets.delete(socket)
      this.counters.connections = this.#sockets.size
    })
    return true
  }

  #serve(request: HttpRequest, response: HttpResponse): void {
    const exchange = new Exchange(request, response, {
      clock: this.#options.context.clock,
      answers: this.#answers,
      sent: (bytes) => (this.counters.bytesOut += bytes),
    })
    this.#exchanges.add(exchange)
    response.on('close', () => this.#exchanges.delete(exchange))
    if (this.#closed !== undefined) exchange.leave()
    void this.#dispatcher.serve(exchange)
  }
}
