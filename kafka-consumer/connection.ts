// One connection to a broker: requests go out as they come, answers find theirs by correlation id.
import { connect, isIP, type Socket } from 'node:net'
import { connect as connectTls } from 'node:tls'
import { tlsOptions, type BrokerAccess } from '../common/broker-access.ts'
import type { Clock, Timer } from '../common/clock.ts'
import { connectMaxMs, requestMaxMs } from '../common/consumer-limits.ts'
import { AppError } from '../common/errors.ts'
import type { ApiName, ReceivedResponse, RequestToSend } from '../protocol/apis.ts'
import { encodeRequest, parseResponse } from '../protocol/request.ts'
import { HangUp } from './answer-errors.ts'
import { AnswerFrames, type AnswerFramesOptions } from './answer-frames.ts'

export interface ConnectionOptions {
  /** `host:port`. */
  readonly address: string
  readonly access?: BrokerAccess | undefined
  readonly clientId: string
  readonly clock: Clock
  readonly frames?: AnswerFramesOptions
  /** Requests of one turn of the event loop leave in one write. */
  readonly gathersWrites?: boolean
}

interface Pending {
  readonly api: ApiName
  readonly version: number
  readonly resolve: (frame: Buffer) => void
  readonly reject: (error: AppError) => void
  readonly timer: Timer
}

/** An answer, and the frame that its byte fields are views of. */
export interface Answer<Name extends ApiName> {
  readonly body: ReceivedResponse<Name>
  readonly frame: Buffer
}

/**
 * Rejects with AppError BROKER_UNREACHABLE what the connection's end leaves unanswered, and with
 * BROKER_ANSWER_INVALID an answer that cannot be read, which ends the connection too. A request that
 * takes too long ends it as well: what follows on it would answer something else.
 */
export class Connection {
  readonly address: string
  readonly #options: ConnectionOptions
  readonly #frames: AnswerFrames
  readonly #pending = new Map<number, Pending>()
  readonly #opened = Promise.withResolvers<void>()
  readonly #socket: Socket
  #correlationId = 0
  #failure: AppError | undefined

  private constructor(options: ConnectionOptions) {
    this.address = options.address
    this.#options = options
    this.#frames = new AnswerFrames(options.frames)
    this.#socket = this.#connect()
    this.#socket.on('error', (error) => this.#failBy(error))
    this.#socket.on('close', () => this.#failBy(new HangUp()))
    this.#socket.on('end', () => this.#failBy(new HangUp()))
  }

  /** Connected, and with TLS shaken hands. */
  static async open(options: ConnectionOptions): Promise<Connection> {
    const connection = new Connection(options)
    const timer = options.clock.after(connectMaxMs, () =>
      connection.#fail(`no connection within ${connectMaxMs} ms`),
    )
    try {
      await connection.#opened.promise
    } finally {
      timer.cancel()
    }
    return connection
  }

  get isOpen(): boolean {
    return this.#failure === undefined
  }

  /** Whether an answer is awaited. */
  get isBusy(): boolean {
    return this.#pending.size > 0
  }

  /** `maxMs` is how long the answer may take. */
  async ask<Name extends ApiName>(
    api: Name,
    version: number,
    body: RequestToSend<Name>,
    maxMs = requestMaxMs,
  ): Promise<Answer<Name>> {
    const frame = await this.#send(api, version, body, maxMs)
    const response = parseResponse(api, version, frame)
    if (response.ok) return { body: response.body, frame }
    throw this.#invalid(api, response.reason)
  }

  /** The bytes of the answer, for the one API whose answer may be of another version. */
  askForFrame<Name extends ApiName>(
    api: Name,
    version: number,
    body: RequestToSend<Name>,
  ): Promise<Buffer> {
    return this.#send(api, version, body, requestMaxMs)
  }

  /** An answer that makes no sense: ends the connection, and is what it ended with. */
  #invalid(request: string, reason: string): AppError {
    const error = new AppError('BROKER_ANSWER_INVALID', { brokers: this.address, request, reason })
    this.#end(error)
    return error
  }

  close(): void {
    this.#fail('the connection was closed here')
  }

  #send<Name extends ApiName>(
    api: Name,
    version: number,
    body: RequestToSend<Name>,
    maxMs: number,
  ): Promise<Buffer> {
    if (this.#failure !== undefined) return Promise.reject(this.#failure)
    const correlationId = this.#correlationId
    this.#correlationId = (correlationId + 1) & 0x7fff_ffff
    const { clientId, clock } = this.#options
    const pieces = encodeRequest({ api, version, correlationId, clientId }, body)
    return new Promise((resolve, reject) => {
      const timer = clock.after(maxMs, () => this.#fail(`no answer to ${api} within ${maxMs} ms`))
      this.#pending.set(correlationId, { api, version, resolve, reject, timer })
      if (this.#options.gathersWrites === true) this.#gather()
      if (pieces.length > 1) this.#socket.cork()
      for (const piece of pieces) this.#socket.write(piece)
      if (pieces.length > 1) this.#socket.uncork()
    })
  }

  #gather(): void {
    if (this.#socket.writableCorked > 0) return
    this.#socket.cork()
    setImmediate(() => this.#socket.uncork())
  }

  #connect(): Socket {
    const { address, access } = this.#options
    const colon = address.lastIndexOf(':')
    const host = address.slice(0, colon).replace(/^\[(.*)\]$/, '$1')
    const where = {
      host,
      port: Number(address.slice(colon + 1)),
      noDelay: true,
      keepAlive: true,
      // The kernel writes into the frame itself, where the socket is plain.
      onread: {
        buffer: () => this.#frames.room,
        callback: (bytes: number) => this.#read(bytes),
      },
    }
    if (access?.tls === undefined) return connect(where, () => this.#opened.resolve())
    const name = isIP(host) === 0 ? { servername: host } : {}
    const options = { ...where, ...name, ...tlsOptions(access.tls) }
    return connectTls(options, () => this.#opened.resolve())
  }

  #read(bytes: number): boolean {
    for (const frame of this.#frames.fill(bytes)) this.#answer(frame)
    const { error } = this.#frames
    if (error !== undefined) this.#fail(error.message)
    return this.isOpen
  }

  #answer(frame: Buffer): void {
    const correlationId = frame.length < 4 ? -1 : frame.readInt32BE(0)
    const pending = this.#pending.get(correlationId)
    if (pending === undefined) {
      this.#invalid('a request', `none of number ${correlationId} was sent`)
      return
    }
    this.#pending.delete(correlationId)
    pending.timer.cancel()
    pending.resolve(frame)
  }

  #failBy(cause: Error): void {
    const details = { brokers: this.address, reason: cause.message }
    this.#end(new AppError('BROKER_UNREACHABLE', details, cause))
  }

  #fail(reason: string): void {
    this.#end(new AppError('BROKER_UNREACHABLE', { brokers: this.address, reason }))
  }

  #end(error: AppError): void {
    if (this.#failure !== undefined) return
    this.#failure = error
    this.#opened.reject(error)
    for (const { reject, timer } of this.#pending.values()) {
      timer.cancel()
      reject(error)
    }
    this.#pending.clear()
    this.#socket.destroy()
  }
}
