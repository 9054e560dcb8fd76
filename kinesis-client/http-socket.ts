// One connection to an HTTP/1.1 server: a request at a time, and its answer's body as it comes.
import { connect, isIP, type Socket } from 'node:net'
import { connect as connectTls } from 'node:tls'
import { AnswerBytes, type AnswerHead, type AnswerPart } from './answer-bytes.ts'

export interface HttpAnswer {
  readonly head: AnswerHead
  /** Nothing is read ahead of who takes them but one read of the socket. Whoever stops before the end ends the connection. */
  readonly pieces: AsyncGenerator<Buffer, void, void>
}

/** What waits for the next part of an answer. */
interface Waiting {
  readonly resolve: (part: AnswerPart) => void
  readonly reject: (error: Error) => void
}

/**
 * node:http would copy a body three times on its way: out of the socket, out of its parser, and together. Here the kernel
 * writes into the memory of which records are slices, where the socket is plain and the answer says how long it is.
 */
export class HttpSocket {
  readonly #socket: Socket
  readonly #answer: AnswerBytes
  readonly #parts: AnswerPart[] = []
  readonly #closed = Promise.withResolvers<void>()
  #waiting: Waiting | undefined
  #failure: Error | undefined
  #isBusy = false

  constructor(url: URL, allocate: (bytes: number) => Buffer) {
    this.#answer = new AnswerBytes(allocate)
    this.#socket = this.#connect(url)
    this.#socket.on('error', (error) => this.destroy(error))
    this.#socket.on('end', () => this.#ended())
    this.#socket.on('close', () => {
      this.destroy(new Error('the connection was closed'))
      this.#closed.resolve()
    })
  }

  /** Whether another request may be sent. */
  get isFree(): boolean {
    return this.#failure === undefined && !this.#isBusy
  }

  get closed(): Promise<void> {
    return this.#closed.promise
  }

  /** Rejects with what the connection failed by, or the signal's reason, which ends it. */
  async call(request: Buffer, signal: AbortSignal): Promise<HttpAnswer> {
    this.#isBusy = true
    const abort = (): void => this.destroy(asError(signal.reason))
    if (signal.aborted) abort()
    signal.addEventListener('abort', abort, { once: true })
    const done = (): void => signal.removeEventListener('abort', abort)
    try {
      this.#socket.write(request)
      const part = await this.#next()
      if (part.kind !== 'head') throw new Error('an answer begins with its head')
      return { head: part.head, pieces: this.#pieces(done) }
    } catch (error) {
      done()
      throw error
    }
  }

  /** What is under way fails with the error. */
  destroy(error: Error): void {
    if (this.#failure !== undefined) return
    this.#failure = error
    this.#waiting?.reject(error)
    this.#waiting = undefined
    this.#socket.destroy()
  }

  async *#pieces(done: () => void): AsyncGenerator<Buffer, void, void> {
    try {
      for (;;) {
        const part = await this.#next()
        if (part.kind === 'piece') yield part.bytes
        else if (part.kind === 'end') {
          this.#isBusy = false
          const isMore = this.#parts.length > 0
          if (part.isLast || isMore) this.destroy(new Error('the connection does not go on'))
          // Its end is to be seen while it waits.
          else this.#socket.resume()
          return
        }
      }
    } finally {
      done()
      if (this.#isBusy) this.destroy(new Error('the answer was left'))
    }
  }

  #connect(url: URL): Socket {
    const isTls = url.protocol === 'https:'
    const host = url.hostname.replace(/^\[(.*)\]$/, '$1')
    const where = {
      host,
      port: Number(url.port === '' ? (isTls ? 443 : 80) : url.port),
      noDelay: true,
      keepAlive: true,
      onread: {
        buffer: () => this.#answer.room,
        callback: (bytes: number) => this.#read(() => this.#answer.fill(bytes)),
      },
    }
    if (!isTls) return connect(where)
    return connectTls({ ...where, ...(isIP(host) === 0 ? { servername: host } : {}) })
  }

  #ended(): void {
    this.#read(() => this.#answer.ended())
    this.destroy(new Error('the server ended the connection'))
  }

  /** Whether the socket is to read on. */
  #read(take: () => readonly AnswerPart[]): boolean {
    if (this.#failure !== undefined) return false
    try {
      this.#parts.push(...take())
    } catch (error) {
      this.destroy(asError(error))
      return false
    }
    if (!this.#isBusy && this.#parts.length > 0) this.destroy(new Error('an answer to nothing'))
    this.#hand()
    return this.#parts.length === 0
  }

  #hand(): void {
    const [part] = this.#parts
    if (part === undefined || this.#waiting === undefined) return
    this.#parts.shift()
    this.#waiting.resolve(part)
    this.#waiting = undefined
  }

  /** What has come is told before what it failed by. */
  #next(): Promise<AnswerPart> {
    return new Promise((resolve, reject) => {
      this.#waiting = { resolve, reject }
      this.#hand()
      if (this.#waiting === undefined) return
      if (this.#failure === undefined) this.#socket.resume()
      else reject(this.#failure)
    })
  }
}

function asError(reason: unknown): Error {
  return reason instanceof Error ? reason : new Error(String(reason))
}
