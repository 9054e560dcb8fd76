// One request and its answer, the same for HTTP/1.1 and HTTP/2: refused, written as a whole, or streamed.
import { randomBytes, randomUUID } from 'node:crypto'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { constants, Http2ServerResponse, type Http2ServerRequest } from 'node:http2'
import { letGo } from '../../../common/buffer-pool.ts'
import type { Clock } from '../../../common/clock.ts'
import { dropRest } from '../../../common/http-body.ts'
import { kinesisRefusedBodyMaxMs } from '../../../common/kinesis-limits.ts'
import type { AnswerStream } from '../api/kinesis-context.ts'
import type { Room } from '../../../common/request-body.ts'

export type HttpRequest = IncomingMessage | Http2ServerRequest
export type HttpResponse = ServerResponse | Http2ServerResponse

export interface ExchangeSettings {
  readonly clock: Clock
  /** What clients have not taken yet. */
  readonly answers: Room
  /** What was sent. */
  readonly sent: (bytes: number) => void
}

export interface WholeAnswer {
  readonly status: number
  readonly contentType: string
  /** They are let go of once they are sent. */
  readonly chunks: readonly Uint8Array[]
  /** Whether the request's body may still be coming: it is dropped, and the connection does not go on. */
  readonly isBodyLeft?: boolean
}

export class Exchange {
  readonly request: HttpRequest
  readonly #response: HttpResponse
  readonly #settings: ExchangeSettings
  #leaving: AbortController | undefined
  #isOver = false

  constructor(request: HttpRequest, response: HttpResponse, settings: ExchangeSettings) {
    this.request = request
    this.#response = response
    this.#settings = settings
    // What goes wrong on the way ends in a close.
    response.on('error', () => {})
    response.on('close', () => {
      this.#isOver = true
      this.#leaving?.abort()
    })
  }

  header(name: string): string | undefined {
    const value = this.request.headers[name]
    return Array.isArray(value) ? value.join(',') : value
  }

  /** Whether nobody takes an answer any more. */
  get isOver(): boolean {
    return this.#isOver
  }

  /** Aborted when that is so, or by `leave`. Made when it is first asked for: most calls are over at once. */
  get signal(): AbortSignal {
    if (this.#leaving === undefined) {
      this.#leaving = new AbortController()
      if (this.#isOver) this.#leaving.abort()
    }
    return this.#leaving.signal
  }

  /** The door closes: whatever goes on is to come to an end. */
  leave(): void {
    ;(this.#leaving ??= new AbortController()).abort()
  }

  answer({ status, contentType, chunks, isBodyLeft = false }: WholeAnswer): void {
    if (this.#isOver) return
    const response = this.#response
    const { answers, sent } = this.#settings
    const bytes = chunks.reduce((sum, { length }) => sum + length, 0)
    answers.bytes += bytes
    sent(bytes)
    response.once('close', () => (answers.bytes -= bytes))
    // Of one that was cut off the collector takes what it lies in.
    response.once('finish', () => chunks.forEach(letGo))
    if (isBodyLeft) {
      void this.#refuse({ status, contentType, chunks }, bytes)
      return
    }
    this.#head(status, contentType, { bytes })
    if (bytes <= oneWriteMaxBytes && !(response instanceof Http2ServerResponse)) {
      // Node sends a text together with the head; bytes would be a second piece.
      response.end(Buffer.concat(chunks).toString('latin1'), 'latin1')
      return
    }
    for (const chunk of chunks.slice(0, -1)) write(response, chunk)
    end(response, chunks.at(-1))
  }

  /** A client that is still sending is to read the answer all the same. */
  async #refuse({ status, contentType, chunks }: WholeAnswer, bytes: number): Promise<void> {
    const response = this.#response
    const bounds = { clock: this.#settings.clock, maxMs: kinesisRefusedBodyMaxMs }
    if (response instanceof Http2ServerResponse) {
      await dropRest(this.request, bounds)
      if (this.#isOver) return
      this.#head(status, contentType, { bytes })
      response.end(Buffer.concat(chunks), () => {
        if (!this.request.readableEnded) response.stream.close(constants.NGHTTP2_NO_ERROR)
      })
      return
    }
    this.#head(status, contentType, { bytes, isLast: true })
    for (const chunk of chunks) response.write(chunk)
    await dropRest(this.request, bounds)
    response.end()
  }

  /** Sends the head; what `run` sends follows it. Rejects as `run` does, with the answer cut off. */
  async stream(contentType: string, run: (stream: AnswerStream) => Promise<void>): Promise<void> {
    if (this.#isOver) return
    const response = this.#response
    this.#head(200, contentType, {})
    if (!(response instanceof Http2ServerResponse)) response.flushHeaders()
    try {
      await run({ signal: this.signal, send: (bytes) => this.#send(bytes) })
      if (!this.#isOver) end(response)
    } catch (error) {
      response.destroy()
      throw error
    }
  }

  async #send(bytes: Uint8Array): Promise<void> {
    if (this.#isOver) return
    this.#settings.sent(bytes.length)
    const sent = (error?: Error | null): void => {
      if (!error) letGo(bytes)
    }
    if (write(this.#response, bytes, sent)) return
    await new Promise<void>((resolve) => {
      const done = (): void => {
        this.#response.off('drain', done).off('close', done)
        resolve()
      }
      this.#response.on('drain', done).on('close', done)
    })
  }

  #head(
    status: number,
    contentType: string,
    { bytes, isLast = false }: { readonly bytes?: number; readonly isLast?: boolean },
  ): void {
    const response = this.#response
    const headers: Record<string, string | number> = {
      'x-amzn-requestid': randomUUID(),
      'x-amz-id-2': extendedId(),
      'content-type': contentType,
    }
    if (bytes !== undefined) headers['content-length'] = bytes
    const isHttp1 = !(response instanceof Http2ServerResponse)
    if (isHttp1 && isLast) headers['connection'] = 'close'
    if (response instanceof Http2ServerResponse) response.writeHead(status, headers)
    else response.writeHead(status, headers)
  }
}

const oneWriteMaxBytes = 4096

/** AWS: `x-amz-id-2` is 96 characters of Base64. */
const extendedIdBytes = 72
let randomness = Buffer.alloc(0)
let randomnessUsed = 0

/** Random bytes are made for many answers at once. */
function extendedId(): string {
  if (randomnessUsed >= randomness.length) {
    randomness = randomBytes(64 * extendedIdBytes)
    randomnessUsed = 0
  }
  randomnessUsed += extendedIdBytes
  return randomness.toString('base64', randomnessUsed - extendedIdBytes, randomnessUsed)
}

type Sent = (error?: Error | null) => void

function write(response: HttpResponse, bytes: Uint8Array, sent: Sent = () => {}): boolean {
  return response instanceof Http2ServerResponse
    ? response.write(bytes, 'latin1', sent)
    : response.write(bytes, sent)
}

function end(response: HttpResponse, bytes?: Uint8Array): void {
  if (bytes === undefined) response.end()
  else if (response instanceof Http2ServerResponse) response.end(bytes)
  else response.end(bytes)
}
